"""Has the dependence between columns changed? A scan over all pairs, on samples of rows.

Ranks are taken within each sample (and within each window of the reference), so that a change of one column alone, however
large, leaves the scan at rest. Distances over all columns at once do not see one changed pair among hundreds; the scan does,
and it names the pair.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.stats.natural import FEWEST_WINDOWS, predicted, prediction_p, scatter
from holdfast.stats.normal_scores import normal_scores

Array = NDArray[np.float64]

LARGEST = 0.99
"""Correlations are compared as if none were closer to 1: there those of ranks rest on a few rows, and none is normal."""

LEAST_FOLDED = 0.2
"""Standard deviation of the absolute rank scores of a column from which they are compared; 0.6 for distinct values."""

FEWEST_JOINT = 5.0
"""Smallest expected count of two indicators together for which their correlation is near normal."""


class PairScan(msgspec.Struct, frozen=True, kw_only=True):
    """The pair of columns whose dependence changed most.

    `p_value` is adjusted for all pairs and both kinds (Bonferroni); `kind` is `"values"` or `"absolute values"`.
    """

    first: int
    second: int
    kind: str
    current: float
    reference: float
    p_value: float
    tests: int
    windows: int
    deviation: float


def rank_scores(values: Array) -> Array:
    """Normal scores of the ranks of each column, ties averaged, NaN kept; shape `(rows, columns)`.

    Examples
    --------
    >>> import numpy as np
    >>> rank_scores(np.array([[3.0], [1.0], [np.nan], [2.0]])).round(2).T.tolist()
    [[1.09, -1.09, nan, -0.0]]
    """
    scores = np.full(values.shape, np.nan)
    order = np.argsort(values, axis=0)
    tied = (np.diff(np.take_along_axis(values, order, axis=0), axis=0) == 0).any(axis=0)
    np.put_along_axis(scores, order, normal_scores(np.ones(len(values), dtype=np.int64))[:, None], axis=0)
    for j in np.flatnonzero(tied | np.isnan(values).any(axis=0)):
        scores[:, j] = np.nan
        present = ~np.isnan(values[:, j])
        if present.any():
            _, place, counts = np.unique(values[present, j], return_inverse=True, return_counts=True)
            scores[present, j] = normal_scores(counts)[place]
    return scores


def pair_scan(
    current: Array,
    reference: Array,
    *,
    indicators: NDArray[np.bool_],
    owners: NDArray[np.intp],
    windows: NDArray[np.intp],
) -> PairScan | None:
    """Compare the correlations of all pairs of columns in two samples of rows.

    The correlation of normal scores and that of their absolute values (centred) are compared after Fisher's
    transformation, each over its standard error from the fourth moments of the reference (the asymptotic variance of
    Pearson's r without normality; Browne & Shapiro 1986), never less than 1. Correlations of ranks near 1 are the lower the
    fewer rows are ranked together, so both samples are ranked in blocks of equally many rows, and correlations beyond 0.99
    count as 0.99. With at least five windows the correlations of the windows show how much a pair's dependence varies by
    itself (`natural.scatter`). The largest difference is judged with Bonferroni over all pairs by Student's t with the
    degrees of freedom of the smaller sample.

    Parameters
    ----------
    current, reference
        Rows of the two samples in random order, shape `(rows, columns)`; NaN is missing.
    indicators
        Which columns are 0/1 indicators of a category, shape `(columns,)`.
    owners
        Number of the table's column that each column here stands for: pairs of one owner are left out.
    windows
        Window of each reference row, shape `(rows,)`; all the same for none.

    Returns
    -------
    PairScan or None
        None when no pair can be judged.
    """
    rows, reference_rows = len(current), len(reference)
    if rows < 8 or reference_rows < 8:
        return None
    if len(np.unique(windows)) < FEWEST_WINDOWS:
        windows = np.zeros_like(windows)  # too few to learn from, and ranks within them would hide what they share
    _, codes, sizes = np.unique(windows, return_inverse=True, return_counts=True)
    together = min(rows, reference_rows / len(sizes))
    cur = _ranked(current, np.zeros(rows, dtype=np.intp), together)
    ref = _ranked(reference, codes, together)
    upper = np.triu(owners[:, None] != owners[None, :], 1)
    upper &= _dense_enough(current, reference, indicators, min(rows, reference_rows))
    numeric = upper & ~(indicators[:, None] | indicators[None, :])
    folded, folded_ref = _folded(cur), _folded(ref)
    # Columns of a few values have next to no absolute value that varies: what is left is noise.
    steady = np.minimum(_deviation(folded), _deviation(folded_ref)) < LEAST_FOLDED
    numeric &= ~(steady[:, None] | steady[None, :])
    kinds = [("values", upper, cur, ref), ("absolute values", numeric, folded, folded_ref)]
    found: list[PairScan] = []
    tests = int(upper.sum() + numeric.sum())
    for kind, pairs, x, y in kinds:
        if pairs.any():
            found.append(_widest(kind, pairs, x, y, codes, sizes, tests))
    return min(found, key=lambda scan: (scan.p_value, -scan.deviation)) if found else None


def _ranked(values: Array, windows: NDArray[np.intp], together: float) -> Array:
    """Rank scores within each window, and there within blocks of about so many rows."""
    scores = np.empty(values.shape)
    for window in range(int(windows.max()) + 1):
        rows = np.flatnonzero(windows == window)
        for block in np.array_split(rows, max(1, round(len(rows) / together))):
            scores[block] = rank_scores(values[block])
    return scores


def _widest(
    kind: str,
    pairs: NDArray[np.bool_],
    cur: Array,
    ref: Array,
    codes: NDArray[np.intp],
    sizes: NDArray[np.intp],
    tests: int,
) -> PairScan:
    """The pair of one kind that deviates most."""
    first, second = np.nonzero(pairs)
    now, rows = (matrix[pairs] for matrix in _correlations(cur))
    before, reference_rows = (matrix[pairs] for matrix in _correlations(ref))
    factor = np.maximum(_fourth_moments(ref)[pairs], 1.0)
    change = _transformed(now) - _transformed(before)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = change / np.sqrt(factor * (1 / np.maximum(rows - 3, 0) + 1 / np.maximum(reference_rows - 3, 0)))
    statistic = np.nan_to_num(statistic, nan=0.0)
    variances, degrees = np.ones(len(statistic)), np.full(len(statistic), np.inf)
    used = 0
    if len(sizes) >= FEWEST_WINDOWS:
        used = len(sizes)
        between = _between_windows(pairs, ref, codes, sizes, factor)
        learned = scatter(between)
        variances = np.maximum(
            predicted(learned.variances, _effective(len(cur), len(ref)), _effective(len(ref) / used, len(ref))), 1
        )
        degrees = learned.degrees
    degrees = np.minimum(degrees, np.maximum(rows - 2, 1.0))
    p_values = prediction_p(statistic, variances, degrees)
    best = int(np.lexsort((-np.abs(statistic / np.sqrt(variances)), p_values))[0])
    return PairScan(
        first=int(first[best]),
        second=int(second[best]),
        kind=kind,
        current=float(now[best]),
        reference=float(before[best]),
        p_value=float(min(1.0, p_values[best] * tests)),
        tests=tests,
        windows=used,
        deviation=float(abs(statistic[best]) / np.sqrt(variances[best])),
    )


def _between_windows(
    pairs: NDArray[np.bool_], ref: Array, codes: NDArray[np.intp], sizes: NDArray[np.intp], factor: Array
) -> Array:
    """Standardised difference of each window's correlations to those of the other windows, shape `(pairs, windows)`."""
    parts = [_correlations(ref[codes == k]) for k in range(len(sizes))]
    transformed = np.stack([_transformed(r[pairs]) for r, _ in parts], axis=1)
    rows = np.stack([np.maximum(n[pairs] - 3, 0.0) for _, n in parts], axis=1)
    everything = rows.sum(1, keepdims=True)
    rest = everything - rows
    with np.errstate(divide="ignore", invalid="ignore"):
        others = ((rows * transformed).sum(1, keepdims=True) - rows * transformed) / rest
        return np.asarray((transformed - others) / np.sqrt(factor[:, None] * (1 / rows + 1 / rest)))


def _effective(rows: float, others: float) -> float:
    return rows * others / (rows + others)


def _folded(scores: Array) -> Array:
    """Absolute values, centred per column."""
    folded = np.abs(scores)
    with np.errstate(invalid="ignore"):
        means = np.nansum(folded, axis=0) / np.maximum((~np.isnan(folded)).sum(0), 1)
    return np.asarray(folded - means)


def _deviation(scores: Array) -> Array:
    present = np.maximum((~np.isnan(scores)).sum(0), 1)
    return np.asarray(np.sqrt(np.nansum(scores**2, axis=0) / present))


def _correlations(scores: Array) -> tuple[Array, Array]:
    """Correlation of every pair over the rows where both are present, and the number of those rows."""
    present = (~np.isnan(scores)).astype(np.float64)
    filled = np.nan_to_num(scores)
    squares = (filled**2).T @ present
    scale = np.sqrt(squares * squares.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(scale > 0, filled.T @ filled / scale, 0.0)
    return np.clip(r, -1.0, 1.0), present.T @ present


def _transformed(r: Array) -> Array:
    """Fisher's z."""
    return np.asarray(np.arctanh(np.clip(r, -LARGEST, LARGEST)))


def _fourth_moments(scores: Array) -> Array:
    """Rows times the variance of Fisher's z of each pair, from the moments `m_kl = E[x^k y^l]` of standardised scores.

    `n var(r) = m22 - r (m31 + m13) + r^2 (m40 + 2 m22 + m04) / 4`, divided by `(1 - r^2)^2` for the transformation.
    """
    present = (~np.isnan(scores)).astype(np.float64)
    x = np.nan_to_num(scores)
    deviation = np.sqrt((x**2).sum(0) / np.maximum(present.sum(0), 1))
    x = np.divide(x, deviation, out=np.zeros_like(x), where=deviation > 0)
    rows = np.maximum(present.T @ present, 1.0)
    r = np.clip(x.T @ x / rows, -LARGEST, LARGEST)
    m22 = (x**2).T @ (x**2) / rows
    m31 = (x**3).T @ x / rows
    m40 = (x**4).T @ present / rows
    variance = m22 - r * (m31 + m31.T) + r**2 / 4 * (m40 + 2 * m22 + m40.T)
    return np.asarray(variance / (1 - r**2) ** 2)


def _dense_enough(current: Array, reference: Array, indicators: NDArray[np.bool_], rows: int) -> NDArray[np.bool_]:
    """Pairs of indicators that are expected together, and apart, often enough in the smaller sample."""
    with np.errstate(invalid="ignore"):
        both = np.concatenate([current, reference])
        share = np.where(indicators, np.nansum(both, axis=0) / np.maximum((~np.isnan(both)).sum(0), 1), 0.5)
    rare = np.minimum(share, 1 - share)
    enough = rows * rare[:, None] * rare[None, :] >= FEWEST_JOINT
    return np.where(indicators[:, None] | indicators[None, :], enough, True)
