"""Permutation importance: what the objective loses when a feature's values are shuffled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError, SettingError
from holdfast.evidence import Estimate
from holdfast.explain.mixing import Array, Predict, mixed_scores, scores
from holdfast.names import no_such_column
from holdfast.stats.intervals import mean_interval

PerRow = Callable[[Array], Array]
"""From the scores of the rows, each row's value of the objective, shape `(n,)`; their (weighted) mean is the objective."""


def permutation_importance(
    predict: Predict,
    rows: pa.Table,
    per_row: PerRow,
    *,
    better: Literal["lower", "higher"] = "lower",
    weight: Array | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    permutations: int = 5,
    level: float = 0.95,
    seed: int = 0,
    unit: str = "",
) -> dict[str, Estimate]:
    """How much worse the objective becomes when a feature takes its values from other rows.

    Each permutation gives every row the feature's value of a donor, and the difference of the row's value of the
    objective is paired with the row itself. Every difference rests on two rows, and every row takes part in several, as
    receiver and as donor: the interval counts the sampling of rows in both roles, and the permutations. It is a dyadic
    cluster-robust one, never narrower than that of receivers alone. It is an interval for the model as it is, not for
    one that would be trained without the feature.

    Parameters
    ----------
    predict
        The model.
    rows
        Features of n rows, n at least 2.
    per_row
        The objective; see `PerRow`. For a ratio such as F-beta these are its value plus the influence of the row.
    better
        Whether the objective is better when lower or when higher.
    weight
        What each row stands for, shape `(n,)`, at least 0; donors are drawn by it, too.
    groups
        Features that are shuffled together, by the name of the group; by default each feature alone.
    permutations
        Shuffles of each feature, at least 1.
    level
        Confidence of the intervals, 0 to 1.
    seed
        Seed of the shuffles.
    unit
        Unit of the objective, for the estimates.

    Returns
    -------
    dict
        Importance of each feature or group, above 0 where it helps, in the unit of the objective.

    Raises
    ------
    InputError
        If there are fewer than two rows, or the weights are not finite, negative, or all zero.
    SettingError
        If a group names no feature, or there is no permutation.
    ModelError
        If a score is not finite.

    Notes
    -----
    Sources: Breiman, *Random forests*, Machine Learning 45 (2001); Fisher, Rudin & Dominici, *All models are wrong, but
    many are useful*, JMLR 20 (2019), for the objective of a fixed model; Aronow, Samii & Assenova, *Cluster-robust
    variance estimation for dyadic data*, Political Analysis 23 (2015), for the interval.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = pa.table({"used": rng.normal(size=500), "unused": rng.normal(size=500)})
    >>> truth = 2 * rows["used"].to_numpy()
    >>> found = permutation_importance(
    ...     lambda table: 2 * table["used"].to_numpy(), rows, lambda scores: (scores - truth) ** 2
    ... )
    >>> found["used"].low < 8 < found["used"].high, found["unused"].value
    (True, 0.0)
    """
    n = rows.num_rows
    if n < 2:
        raise InputError(f"expected at least 2 rows to shuffle, got {n}")
    if permutations < 1:
        raise SettingError(f"expected at least 1 permutation, got {permutations}")
    weights = shares(weight, n)
    rng = np.random.default_rng(seed)
    usual = _values(per_row, scores(predict, rows))
    receiver = np.tile(np.arange(n), permutations)
    found = {}
    for name, members in (groups or {name: (name,) for name in rows.column_names}).items():
        donor = np.concatenate([_donors(weights, rng) for _ in range(permutations)])
        own = np.broadcast_to(_kept(rows.column_names, name, members), (len(donor), rows.num_columns))
        shuffled = mixed_scores(predict, rows, rows, own=own, row=receiver, other=donor)
        worse = np.stack([_values(per_row, part) - usual for part in np.split(shuffled, permutations)])
        found[name] = _estimate(worse if better == "lower" else -worse, donor, weights, level, unit)
    return found


def shares(weight: Array | None, n: int) -> Array:
    """The weights as shares of their sum, shape `(n,)`; equal ones for None. `InputError` if they cannot be such."""
    if not n:
        raise InputError("expected rows, got none")
    if weight is None:
        return np.full(n, 1 / n)
    weight = np.asarray(weight, dtype=np.float64)
    if weight.shape != (n,) or not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
        raise InputError(
            f"expected a finite weight of at least 0 for each of {n} rows, and one above 0, got shape {weight.shape} "
            f"with {int((~(weight >= 0)).sum())} that are negative or NaN"
        )
    return np.asarray(weight / weight.sum())


def _values(per_row: PerRow, found: Array) -> Array:
    values = np.asarray(per_row(found), dtype=np.float64)
    if values.shape != (len(found),) or not np.isfinite(values).all():
        raise InputError(
            f"expected the objective to give a finite value for each of {len(found)} rows, got shape {values.shape} "
            f"with {int((~np.isfinite(values)).sum())} that are not finite"
        )
    return values


def _kept(columns: Sequence[str], group: str, members: Sequence[str]) -> NDArray[np.bool_]:
    for member in members:
        if member not in columns:
            raise no_such_column(member, columns, f"groups: {group!r}: the table of features")
    return np.array([column not in members for column in columns])


def _donors(weights: Array, rng: np.random.Generator) -> NDArray[np.intp]:
    """A donor for each row, each drawn as often as its weight says (systematic sampling): a shuffle, for equal weights."""
    n = len(weights)
    places = np.searchsorted(np.cumsum(weights), (np.arange(n) + rng.random()) / n, side="right")
    last = int(np.flatnonzero(weights)[-1])  # rounding may leave the sum of all weights below the last place
    return np.asarray(rng.permutation(np.minimum(places, last)))


def _estimate(worse: Array, donor: NDArray[np.intp], weights: Array, level: float, unit: str) -> Estimate:
    """Weighted mean of the differences, shape `(permutations, n)`, and its interval.

    Every difference is an error term that belongs to two rows. The sum of squares of the rows' totals counts the square
    of each term twice, once too often: it is taken off.
    """
    permutations, n = worse.shape
    mean = float(weights @ worse.mean(axis=0))
    errors = weights * (worse - mean) / permutations
    received = errors.sum(axis=0)
    given = np.bincount(donor, errors.ravel(), minlength=n)
    variance = max(((received + given) ** 2).sum() - (errors**2).sum(), (received**2).sum()) * n / (n - 1)
    low, high = mean_interval(mean, np.sqrt(variance * n), n, level)
    return Estimate(value=mean, low=float(low), high=float(high), level=level, unit=unit, rows=n)
