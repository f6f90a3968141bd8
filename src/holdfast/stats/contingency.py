"""Have two samples the same shares over the same cells? A contingency test, with the size of both samples.

The reference is a sample too: taking it for the truth makes a nominal 5% test reject far more often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

LEAST_EXPECTED = 5.0
"""Expected count below which a cell is merged (Cochran 1954)."""

DRAWS = 10_000
"""Monte Carlo draws where counts are too small for the chi-square law."""

FAR_TAIL = 0.02
"""P-values below this are drawn, ..."""

FEW_EXPECTED = 20.0
"""... where fewer rows than this are expected in a cell, ..."""

FEWEST_BEYOND = 5
"""... as long as more draws than this lie beyond: the law tells a rarer one better than so few draws."""

MOST_DRAWN = 10**9
"""Rows from which NumPy draws without replacement, at most."""

Array = NDArray[np.float64]
Cells = NDArray[np.intp]
Statistic = Literal["chi2", "g"]


class Contingency(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a two-sample contingency test: statistic, degrees of freedom, p-value and number of merged cells."""

    statistic: float
    degrees: int
    p_value: float
    cells: int


def merged_cells(
    current: ArrayLike, reference: ArrayLike, *, ordered: bool = False, least: float = LEAST_EXPECTED
) -> Cells:
    """Cell of each bin after joining those in which too few rows are expected in the smaller sample.

    Values without an order are joined by the totals of both samples, commonest first: a test that is conditional on the
    margins stays valid, since the totals do not tell which sample a row came from.

    Ordered bins are joined with their neighbours, by the counts of the reference alone. They are quantiles of the
    reference, which has equal counts in them by construction: there, totals *would* tell the window's counts, and joining
    by them would make a change out of noise.

    Parameters
    ----------
    current, reference
        Counts over the same bins, shape `(bins,)`; at least one row each.
    ordered
        Whether the bins are neighbours of each other.
    least
        Smallest expected count of a cell, which the cells about reach.

    Examples
    --------
    >>> merged_cells([25, 2, 20, 1, 2], [25, 1, 20, 3, 1]).tolist()
    [0, 2, 1, 2, 2]
    >>> merged_cells([20, 0, 0, 0, 0, 0], [50, 50, 50, 50, 50, 50], ordered=True).tolist()
    [0, 0, 1, 2, 2, 3]
    """
    cur, ref = np.asarray(current, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    smaller = min(cur.sum(), ref.sum())
    weight = ref if ordered else cur + ref
    expected = weight * (smaller / weight.sum())
    order = np.arange(len(ref)) if ordered else np.argsort(-expected, kind="stable")
    before = np.cumsum(expected[order]) - expected[order]
    # What is left over at the end joins the last full cell. The small term forgives rounding in the running sum.
    full = max(int(np.floor(expected.sum() / least + 1e-9)), 1)
    cells = np.empty(len(ref), dtype=np.intp)
    cells[order] = np.unique(np.minimum(np.floor(before / least + 1e-9), full - 1), return_inverse=True)[1]
    return cells


def merged(
    current: ArrayLike, reference: ArrayLike, *, ordered: bool = False, least: float = LEAST_EXPECTED
) -> tuple[Array, Array, Cells]:
    """Two vectors of counts over the same bins with the rare ones joined, and the cell of each bin (see `merged_cells`).

    Examples
    --------
    >>> current, reference, cells = merged([25, 2, 20, 1, 2], [25, 1, 20, 3, 1])
    >>> current.tolist(), reference.tolist()
    ([25.0, 20.0, 5.0], [25.0, 20.0, 5.0])
    """
    cells = merged_cells(current, reference, ordered=ordered, least=least)
    return np.bincount(cells, current).astype(np.float64), np.bincount(cells, reference).astype(np.float64), cells


def contingency(
    current: ArrayLike,
    reference: ArrayLike,
    *,
    statistic: Statistic = "chi2",
    ordered: bool = False,
    least: float = LEAST_EXPECTED,
) -> Contingency:
    """Test that two vectors of counts come from the same shares.

    Pearson's chi-square or the likelihood ratio G of the 2 x cells table, after merging rare cells. Two cells of small
    counts are judged by Fisher's exact test, more cells of small counts by Monte Carlo over the margins,
    `p = (1 + b) / (1 + B)` (Davison & Hinkley 1997, eq. 4.11), seeded by the counts. So is what the chi-square law finds
    unlikely, where few rows are expected in a cell: its tail is too light there, by half at 0.002.

    Parameters
    ----------
    current, reference
        Counts over the same bins, shape `(bins,)`, not negative.
    statistic
        `"chi2"` (Pearson 1900) or `"g"` (Wilks 1938).
    ordered, least
        How rare bins are joined, see `merged_cells`; `least=0` joins none.

    Returns
    -------
    Contingency
        With `p_value` NaN when a sample is empty, and 1 when there is one cell only.

    Examples
    --------
    >>> result = contingency([30, 20, 50], [330, 320, 350])
    >>> result.degrees, round(result.p_value, 4)
    (2, 0.0064)
    """
    cur = np.asarray(current, dtype=np.float64)
    ref = np.asarray(reference, dtype=np.float64)
    rows, reference_rows = cur.sum(), ref.sum()
    if rows == 0 or reference_rows == 0:
        return Contingency(statistic=np.nan, degrees=0, p_value=np.nan, cells=0)
    seen = cur + ref > 0
    cur, ref = cur[seen], ref[seen]
    small = min(rows, reference_rows) < LEAST_EXPECTED
    if small or least == 0:  # nothing to merge into: judge the table as it is
        merged_cur, merged_ref = cur, ref
    else:
        merged_cur, merged_ref, _ = merged(cur, ref, ordered=ordered, least=least)
    degrees = len(merged_cur) - 1
    measure = _STATISTICS[statistic]
    value = float(measure(merged_cur, merged_ref))
    if degrees == 0:
        p_value = 1.0
    elif small or (degrees == 1 and min(merged_cur.min(), merged_ref.min()) < LEAST_EXPECTED):
        p_value = _exact(merged_cur, merged_ref, measure)
    else:
        from scipy.special import chdtrc

        p_value = float(chdtrc(degrees, value))
        if p_value < FAR_TAIL and _least_expected(merged_cur, merged_ref) < FEW_EXPECTED:
            drawn = _exact(merged_cur, merged_ref, measure)
            p_value = drawn if drawn * DRAWS > FEWEST_BEYOND else p_value
    return Contingency(statistic=value, degrees=degrees, p_value=p_value, cells=degrees + 1)


def _least_expected(current: Array, reference: Array) -> float:
    """Rows that are expected in the emptiest cell of the smaller sample."""
    totals = current + reference
    return float(totals.min() * min(current.sum(), reference.sum()) / totals.sum())


def pearson(current: Array, reference: Array) -> Array:
    """Pearson's statistic of 2 x cells tables; leading axes are tables.

    `X^2 = sum (o - e)^2 / e` over both rows, which is `N / m` times the sum over the first row of `n` rows.
    """
    totals = current + reference
    rows, reference_rows = (x.sum(-1, keepdims=True) for x in (current, reference))
    expected = totals * (rows / (rows + reference_rows))
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = np.where(totals > 0, (current - expected) ** 2 / expected, 0.0)
        return np.asarray(terms.sum(-1) * ((rows + reference_rows) / reference_rows)[..., 0])


def likelihood_ratio(current: Array, reference: Array) -> Array:
    """G of 2 x cells tables, `2 sum o ln(o / e)` over both rows; leading axes are tables."""
    from scipy.special import xlogy

    totals = current + reference
    rows, reference_rows = (x.sum(-1, keepdims=True) for x in (current, reference))
    all_rows = rows + reference_rows
    entropy = xlogy(current, current) + xlogy(reference, reference) - xlogy(totals, totals)
    margins = xlogy(rows, rows) + xlogy(reference_rows, reference_rows) - xlogy(all_rows, all_rows)
    return np.asarray(np.maximum(2.0 * (entropy.sum(-1) - margins[..., 0]), 0.0))


def fisher(successes: int, rows: int, reference_successes: int, reference_rows: int) -> float:
    """Two-sided p-value of Fisher's exact test for two shares (the probabilities not above the observed one are summed).

    Examples
    --------
    >>> round(fisher(8, 10, 1, 6), 4)
    0.035
    """
    from scipy.special import betaln

    def log_choose(n: int, k: Array) -> Array:
        return np.asarray(-betaln(n - k + 1, k + 1) - np.log(n + 1))

    total = successes + reference_successes
    low, high = max(0, total - reference_rows), min(rows, total)
    if low == high:
        return 1.0
    # Only the part of the support that carries probability: 12 standard deviations, and the observed count.
    mean = total * rows / (rows + reference_rows)
    deviation = np.sqrt(mean + 1)
    reach = 12 * deviation + min(abs(successes - mean), 40 * deviation) + 1
    if abs(successes - mean) > reach:
        return 0.0  # Bernstein's bound, which holds for draws without replacement too (Hoeffding 1963), is below 1e-30
    k = np.arange(max(low, int(mean - reach)), min(high, int(mean + reach) + 1) + 1, dtype=np.float64)
    logs = log_choose(rows, k) + log_choose(reference_rows, total - k)
    chance = np.exp(logs - logs.max())
    observed = chance[int(successes - k[0])]
    # The tolerance keeps the mirror image of the observed table on the same side as the table itself.
    return float(min(1.0, chance[chance <= observed * (1 + 1e-7)].sum() / chance.sum()))


_STATISTICS: dict[str, Callable[[Array, Array], Array]] = {
    "chi2": pearson,
    "g": likelihood_ratio,
}


def _exact(current: Array, reference: Array, measure: Callable[[Array, Array], Array]) -> float:
    """P-value over tables with the same margins: enumerated for two cells, drawn for more."""
    if len(current) == 2:
        return fisher(int(current[0]), int(current.sum()), int(reference[0]), int(reference.sum()))
    # The statistics are the same with the samples exchanged; drawing the smaller one keeps them free of cancellation.
    few, many = sorted((current, reference), key=np.sum)
    rows, totals = int(few.sum()), (current + reference).astype(np.int64)
    rng = np.random.default_rng([rows, int(many.sum()), *totals[:8].tolist()])
    if totals.sum() < MOST_DRAWN:
        draws = rng.multivariate_hypergeometric(totals, rows, size=DRAWS, method="marginals").astype(np.float64)
    else:
        # Of so many rows a few are drawn as if each were put back.
        draws = rng.multinomial(rows, totals / totals.sum(), size=DRAWS).astype(np.float64)
    beyond = np.count_nonzero(measure(draws, totals - draws) >= measure(few, many) * (1 - 1e-7))
    return float((1 + beyond) / (1 + DRAWS))
