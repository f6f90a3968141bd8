"""Shapley values of any model that can be asked: how much of a row's score each feature brings, adding up exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.explain.mixing import Array, Predict, mixed_scores, scores, typed_like

Mixed = Callable[[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]], Array]
"""Scores of mixed rows; see `effects_of`."""

Scale = Literal["score", "margin"]
"""What contributions add up to: the score itself, or the model's raw sum before its link (log-odds, log)."""

BLOCK_CELLS = 20_000_000
"""Flags that say which feature of which mixed row is its own, held at once: 20 MB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contributions:
    """What each feature brings to each row.

    Attributes
    ----------
    features
        Names of the P features.
    values
        Contributions, shape `(n, P)`, or `(n, P, K)` for K classes, in the unit of `scale`.
    base
        Mean score of the background (or of the training rows, for `"path-dependent"`), shape `()` or `(K,)`.
    errors
        Standard errors of the values from sampling; None where they are exact.
    scale
        What they add up to; see `Scale`.
    method
        `"sampling"`, `"interventional"` (exact, missing features come from the background) or `"path-dependent"` (exact,
        missing features follow the training rows through the trees).
    """

    features: tuple[str, ...]
    values: Array
    base: Array
    errors: Array | None = None
    scale: Scale = "score"
    method: Literal["sampling", "interventional", "path-dependent"] = "sampling"

    @property
    def totals(self) -> Array:
        """Base plus all contributions of each row: its score on the `scale`, shape `(n,)` or `(n, K)`."""
        return np.asarray(self.base + self.values.sum(axis=1))


def contributions(
    predict: Predict, rows: pa.Table, background: pa.Table, *, pairs: int = 10, seed: int = 0
) -> Contributions:
    """Contributions of the features to the scores of rows, by sampling.

    A feature's Shapley value is its mean effect on the score when it is switched from a background row's value to the
    row's own, over all orders of switching and all background rows. Each row draws `pairs` orders and background rows;
    every order is also walked backwards (antithetic), which cancels much of the noise. The background rows of a row come
    from equal strata of their (first) score. What sampling leaves between the sum and `score - base` is shared out by
    the variances of the estimates, so that the sum is exact and an unused feature keeps exactly 0.

    The draws depend on the seed and on the row itself: a row has the same contributions whatever stands beside it.

    Parameters
    ----------
    predict
        The model; it is asked about `2 * pairs * (P - 1)` mixed rows for each row, in batches.
    rows
        Features to explain, n rows.
    background
        Rows that stand for "not known", such as 100 to 500 of the training data; every column of it takes part.
    pairs
        Orders drawn for each row, at least 2; the standard errors fall with its square root.
    seed
        Seed of the draws.

    Returns
    -------
    Contributions
        On the scale of the score, with standard errors before the sum was made exact, which lowers them.

    Raises
    ------
    InputError
        If the background has no rows, or the rows lack its columns or do not fit their types.
    SettingError
        If there are fewer than 2 pairs.
    ModelError
        If a score is not finite.

    Notes
    -----
    Sources: Castro, Gómez & Tejada, *Polynomial calculation of the Shapley value based on sampling*, Computers &
    Operations Research 36 (2009); Štrumbelj & Kononenko, *Explaining prediction models and individual predictions with
    feature contributions*, Knowledge and Information Systems 41 (2014); Mitchell, Cooper, Frank & Holmes, *Sampling
    permutations for Shapley value estimation*, JMLR 23 (2022), for antithetic orders.

    Examples
    --------
    >>> rows = pa.table({"a": [1.0, 2.0], "kind": ["x", "y"]})
    >>> background = pa.table({"a": [0.0, 0.0], "kind": ["x", "x"]})
    >>> bonus = lambda table: np.array([5.0 if kind == "y" else 0.0 for kind in table["kind"].to_pylist()])
    >>> found = contributions(lambda table: 3 * table["a"].to_numpy() + bonus(table), rows, background)
    >>> found.values.tolist(), float(found.base), found.totals.tolist()
    ([[3.0, 0.0], [6.0, 5.0]], 0.0, [3.0, 11.0])
    """
    if pairs < 2:
        raise SettingError(f"expected at least 2 pairs of orders, which the standard errors need, got {pairs}")
    rows = typed_like(rows, background)
    known = scores(predict, background)
    base = known.mean(axis=0)
    features = tuple(rows.column_names)
    n, width = rows.num_rows, len(features)
    if not n:
        empty = np.zeros((0, width, *known.shape[1:]))
        return Contributions(features=features, values=empty, base=base, errors=empty)
    answers = scores(predict, rows)
    block = max(1, BLOCK_CELLS // (2 * pairs * width**2))
    parts = []
    for start in range(0, n, block):
        part = rows.slice(start, block)
        parts.append(_sampled(predict, part, background, answers[start : start + block], known, pairs, seed))
    values, errors = (np.concatenate(found) for found in zip(*parts, strict=True))
    values += shared_out(answers - base - values.sum(axis=1), values, errors)
    return Contributions(features=features, values=values, base=base, errors=errors)


def _sampled(
    predict: Predict, rows: pa.Table, background: pa.Table, answers: Array, known: Array, pairs: int, seed: int
) -> tuple[Array, Array]:
    """Means and standard errors over the pairs, shape `(n, P, ...)`."""
    place, other = _draws(rows, known, pairs, seed)

    def mixed(own: NDArray[np.bool_], row: NDArray[np.intp], pair: NDArray[np.intp]) -> Array:
        return mixed_scores(predict, rows, background, own=own, row=row, other=other[row, pair])

    effects = effects_of(mixed, place, known[other], answers)
    return effects.mean(axis=1), effects.std(axis=1, ddof=1) / np.sqrt(pairs)


def effects_of(mixed: Mixed, place: NDArray[np.intp], first: Array, last: Array) -> Array:
    """The effect of switching each feature from a background row's value to the row's own, in orders and their reverses.

    Parameters
    ----------
    mixed
        Scores of mixed rows: which features row m keeps, shape `(m, P)`, and places of the row and of its pair, `(m,)`.
    place
        Place of every feature in the order, shape `(n, pairs, P)`.
    first
        Scores of the background rows, shape `(n, pairs, ...)`.
    last
        Scores of the rows, shape `(n, ...)`.

    Returns
    -------
    array, shape `(n, pairs, P, ...)`
        Means of an order and its reverse.
    """
    n, pairs, width = place.shape
    places = np.stack([place, width - 1 - place], axis=2)  # (n, pairs, 2, P): when each feature is switched
    shape = (n, pairs, 2, width - 1)
    inner = np.zeros((*shape, *last.shape[1:]))
    if width > 1:
        own = places[:, :, :, None, :] < np.arange(1, width)[:, None]
        row, pair = (np.broadcast_to(at, shape).ravel() for at in np.ogrid[:n, :pairs, :1, :1][:2])
        inner = mixed(own.reshape(-1, width), row, pair).reshape(inner.shape)
    ends = (*shape[:3], 1, *last.shape[1:])
    firsts = np.broadcast_to(first[:, :, None, None], ends)
    lasts = np.broadcast_to(last[:, None, None, None], ends)
    steps = np.diff(np.concatenate([firsts, inner, lasts], axis=3), axis=3)
    along = places.reshape(*places.shape, *(1 for _ in last.shape[1:]))
    return np.asarray(np.take_along_axis(steps, along, axis=3).mean(axis=2))


def _draws(rows: pa.Table, known: Array, pairs: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of each row and pair: the place of every feature in the order, `(n, pairs, P)`, and a background row, `(n, pairs)`."""
    ranked = np.argsort(known if known.ndim == 1 else known[:, 0], kind="stable")
    unshuffled = np.tile(np.arange(rows.num_columns), (pairs, 1))
    places, strata = [], []
    for values in rows.to_pylist():
        digest = hashlib.blake2b(repr(list(values.values())).encode(), digest_size=8).digest()
        rng = np.random.default_rng([seed, int.from_bytes(digest)])
        places.append(rng.permuted(unshuffled, axis=1))
        strata.append((np.arange(pairs) + rng.random(pairs)) / pairs)
    other = np.minimum((np.array(strata) * len(ranked)).astype(np.intp), len(ranked) - 1)
    return np.array(places), ranked[other]


def shared_out(left: Array, values: Array, errors: Array) -> Array:
    """What is left of each row's sum, shape `(n, ...)`, shared among the features: by variance, else by size, else evenly."""
    shares = errors**2
    for instead in (np.abs(values), np.ones_like(values)):
        shares = np.where(shares.sum(axis=1, keepdims=True) > 0, shares, instead)
    return np.asarray(left[:, None] * shares / shares.sum(axis=1, keepdims=True))
