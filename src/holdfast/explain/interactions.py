"""What two features do together: the Shapley interaction index of pairs, by sampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from holdfast.errors import SettingError
from holdfast.evidence import Interaction
from holdfast.explain.mixing import Array, Predict, mixed_scores, scores, typed_like
from holdfast.explain.permutation import shares
from holdfast.names import no_such_column


def interactions(
    predict: Predict,
    rows: pa.Table,
    background: pa.Table,
    pairs: Sequence[tuple[str, str]],
    *,
    weight: Array | None = None,
    draws: int = 4,
    seed: int = 0,
) -> list[Interaction]:
    """Strength of the interaction of pairs of features, strongest first.

    A pair's Shapley interaction index of a row is the mean of `v(S with both) - v(S with one) - v(S with the other) + v(S)`
    over background rows and sets S of other features: 0 in every row where the score is a sum of a part without the one
    and a part without the other. Its root mean square over rows is given as a share of that of `score - base`. The mean
    square is estimated by products of two independent draws, so that noise does not look like an interaction.

    The scale is that of the score: a probability bends near 0 and 1, and what is a sum of log-odds interacts there.

    Parameters
    ----------
    predict
        The model; it is asked about `4 * draws` mixed rows for each row and pair.
    rows
        Features of n rows.
    background
        Rows that stand for "not known".
    pairs
        Names of two features each.
    weight
        What each row stands for, shape `(n,)`, at least 0.
    draws
        Sets and background rows for each row and pair, at least 2.
    seed
        Seed of the draws.

    Returns
    -------
    list of Interaction
        0 where nothing interacts; 1 is as much as everything together.

    Raises
    ------
    InputError
        If there are no rows, or they lack columns of the background or do not fit their types.
    SettingError
        If a pair names no feature or one twice, or there are fewer than 2 draws.
    ModelError
        If a score is not finite.

    Notes
    -----
    Source: Grabisch & Roubens, *An axiomatic approach to the concept of interaction among players in cooperative games*,
    International Journal of Game Theory 28 (1999).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = pa.table({name: rng.choice([-1.0, 1.0], 2_000) for name in "abc"})
    >>> predict = lambda table: table["a"].to_numpy() * table["b"].to_numpy() + table["c"].to_numpy()
    >>> found = interactions(predict, rows, rows, [("a", "c"), ("a", "b")])
    >>> [(pair.features, round(pair.strength, 1)) for pair in found]
    [(('a', 'b'), 0.7), (('a', 'c'), 0.0)]
    """
    if draws < 2:
        raise SettingError(f"expected at least 2 draws, got {draws}")
    rows = typed_like(rows, background)
    weights = shares(weight, rows.num_rows)
    distance = scores(predict, rows) - scores(predict, background).mean(axis=0)
    whole = _mean_square(weights, distance**2)
    found = []
    for number, pair in enumerate(pairs):
        places = _places(pair, rows.column_names)
        index = _index(predict, rows, background, places, draws, np.random.default_rng([seed, number]))
        # The square of a mean of independent draws, without the squares of the draws themselves.
        products = (index.sum(axis=1) ** 2 - (index**2).sum(axis=1)) / (draws * (draws - 1))
        square = max(_mean_square(weights, products), 0.0)
        strength = float(np.sqrt(square / whole)) if whole > 0 else 0.0
        found.append(Interaction(features=pair, strength=strength))
    return sorted(found, key=lambda interaction: -interaction.strength)


def _mean_square(weights: Array, squares: Array) -> float:
    """Weighted mean over rows of the sum over classes."""
    return float(weights @ squares.reshape(len(squares), -1).sum(axis=1))


def _places(pair: tuple[str, str], names: list[str]) -> list[int]:
    for name in pair:
        if name not in names:
            raise no_such_column(name, names, "pairs: the table of features")
    if pair[0] == pair[1]:
        raise SettingError(f"pairs: expected two features, got {pair[0]!r} twice")
    return [names.index(name) for name in pair]


def _index(
    predict: Predict, rows: pa.Table, background: pa.Table, places: list[int], draws: int, rng: np.random.Generator
) -> Array:
    """The interaction of one pair in each row and draw, shape `(n, draws, ...)`."""
    n, width = rows.num_rows, rows.num_columns
    # Independent features, switched with a chance that is uniform itself: every size of a set is as likely as another.
    others = rng.random((n, draws, width)) < rng.random((n, draws, 1))
    own = np.repeat(others[:, :, None], 4, axis=2)
    own[:, :, :, places] = [[True, True], [True, False], [False, True], [False, False]]
    row = np.repeat(np.arange(n), draws * 4)
    other = np.repeat(rng.integers(background.num_rows, size=n * draws), 4)
    found = mixed_scores(predict, rows, background, own=own.reshape(-1, width), row=row, other=other)
    four = found.reshape(n, draws, 4, *found.shape[1:])
    return np.asarray(four[:, :, 0] - four[:, :, 1] - four[:, :, 2] + four[:, :, 3])
