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

Array = NDArray[np.float64]
Statistic = Literal["chi2", "g"]


class Contingency(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a two-sample contingency test: statistic, degrees of freedom, p-value and number of merged cells."""

    statistic: float
    degrees: int
    p_value: float
    cells: int


def merged_cells(totals: ArrayLike, share: float, least: float = LEAST_EXPECTED) -> NDArray[np.intp]:
    """Cell number of each bin, after merging the rare ones.

    Bins whose expected count in the smaller sample reaches `least` stay alone; the others are joined, commonest first,
    into cells that about reach it. The grouping depends on the totals of both samples only, which keeps a test that
    conditions on the margins valid.

    Parameters
    ----------
    totals
        Counts of both samples together, shape `(bins,)`.
    share
        Rows of the smaller sample as a share of all rows, in (0, 1).
    least
        Smallest expected count of a cell.

    Examples
    --------
    >>> merged_cells([50, 3, 40, 4, 3], share=0.5).tolist()
    [0, 2, 1, 2, 2]
    """
    total = np.asarray(totals, dtype=np.float64)
    expected = total * share
    order = np.argsort(-expected, kind="stable")
    alone = int(np.count_nonzero(expected >= least))
    cells = np.empty(len(total), dtype=np.intp)
    cells[order[:alone]] = np.arange(alone)
    rest = order[alone:]
    if len(rest):
        before = np.cumsum(expected[rest]) - expected[rest]
        full = int(expected[rest].sum() // least)
        # What is left over joins the last full cell, or the rarest one that stands alone.
        last = max(alone + full - 1, 0)
        cells[rest] = np.minimum(alone + (before // least).astype(np.intp), last)
    return cells


def merged(
    current: ArrayLike, reference: ArrayLike, least: float = LEAST_EXPECTED
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Two vectors of counts over the same bins with the rare ones joined, and the cell of each bin (see `merged_cells`).

    Examples
    --------
    >>> current, reference, cells = merged([25, 2, 20, 1, 2], [25, 1, 20, 3, 1])
    >>> current.tolist(), reference.tolist()
    ([25.0, 20.0, 5.0], [25.0, 20.0, 5.0])
    """
    cur, ref = np.asarray(current, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    rows, reference_rows = cur.sum(), ref.sum()
    cells = merged_cells(cur + ref, min(rows, reference_rows) / (rows + reference_rows), least)
    return np.bincount(cells, cur).astype(np.float64), np.bincount(cells, ref).astype(np.float64), cells


def contingency(
    current: ArrayLike, reference: ArrayLike, *, statistic: Statistic = "chi2", least: float = LEAST_EXPECTED
) -> Contingency:
    """Test that two vectors of counts come from the same shares.

    Pearson's chi-square or the likelihood ratio G of the 2 x cells table, after merging rare cells. Two cells of small
    counts are judged by Fisher's exact test, more cells of small counts by Monte Carlo over the margins,
    `p = (1 + b) / (1 + B)` (Davison & Hinkley 1997, eq. 4.11), seeded by the counts.

    Parameters
    ----------
    current, reference
        Counts over the same bins, shape `(bins,)`, not negative.
    statistic
        `"chi2"` (Pearson 1900) or `"g"` (Wilks 1938).
    least
        Smallest expected count of a merged cell.

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
    merged_cur, merged_ref, _ = merged(cur, ref, least)
    small = min(rows, reference_rows) < least
    if small:  # nothing to merge into: judge the table as it is
        merged_cur, merged_ref = cur, ref
    degrees = len(merged_cur) - 1
    measure = _STATISTICS[statistic]
    value = float(measure(merged_cur, merged_ref))
    if degrees == 0:
        p_value = 1.0
    elif small or (degrees == 1 and min(merged_cur.min(), merged_ref.min()) < least):
        p_value = _exact(merged_cur, merged_ref, value, measure)
    else:
        from scipy.special import chdtrc

        p_value = float(chdtrc(degrees, value))
    return Contingency(statistic=value, degrees=degrees, p_value=p_value, cells=degrees + 1)


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
    reach = 12 * np.sqrt(mean + 1) + abs(successes - mean) + 1
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


def _exact(
    current: Array,
    reference: Array,
    value: float,
    measure: Callable[[Array, Array], Array],
) -> float:
    """P-value over tables with the same margins: enumerated for two cells, drawn for more."""
    rows, reference_rows = int(current.sum()), int(reference.sum())
    if len(current) == 2:
        return fisher(int(current[0]), rows, int(reference[0]), reference_rows)
    totals = (current + reference).astype(np.int64)
    rng = np.random.default_rng([rows, reference_rows, *totals[:8].tolist()])
    draws = rng.multivariate_hypergeometric(totals, rows, size=DRAWS, method="marginals").astype(np.float64)
    beyond = np.count_nonzero(measure(draws, totals - draws) >= value * (1 - 1e-9))
    return float((1 + beyond) / (1 + DRAWS))
