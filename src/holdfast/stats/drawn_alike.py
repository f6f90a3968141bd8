"""Are some rows drawn like all of them? Tests of counts in which every row was drawn or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.stats.contingency import LEAST_EXPECTED

Array = NDArray[np.float64]


def rank_sum(drawn: ArrayLike, rows: ArrayLike) -> float:
    """P-value of the hypothesis that rows are drawn alike from high and from low cells, two-sided.

    Wilcoxon's rank sum with ties, by its normal law (Lehmann, *Nonparametrics* (1975), section 1.4). It finds a slope that
    a test of any difference between many cells would miss.

    Parameters
    ----------
    drawn, rows
        Drawn rows, and all rows, of each cell, in order, (cells,). NaN where all are drawn, or none.

    Examples
    --------
    >>> round(rank_sum([10, 20, 30], [100, 100, 100]), 5)
    0.00042
    """
    from scipy.special import ndtr

    some, all_of = np.asarray(drawn, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    n, total = some.sum(), all_of.sum()
    if not 0 < n < total:
        return np.nan
    rank = np.cumsum(all_of) - all_of / 2
    mean = rank @ all_of / total
    spread = float((rank - mean) ** 2 @ all_of)
    if spread == 0:
        return 1.0
    z = float((rank - mean) @ some) / np.sqrt(spread * n * (total - n) / (total * (total - 1)))
    return float(2 * ndtr(-abs(z)))


def drawn_alike_within(drawn: ArrayLike, rows: ArrayLike) -> float:
    """P-value of the hypothesis that within each stratum rows are drawn alike from all groups.

    The generalised Mantel-Haenszel test (Landis, Heyman & Koch, *Average partial association in three-way contingency
    tables*, International Statistical Review 46 (1978)): what the strata explain is no difference between groups. Groups in
    which few rows are expected count as one.

    Parameters
    ----------
    drawn, rows
        Drawn rows, and all rows, of each group in each stratum, (groups, strata). NaN where nothing can be told.

    Examples
    --------
    >>> alike, rows = [[10, 80], [10, 160]], [[100, 100], [100, 200]]
    >>> round(drawn_alike_within(alike, rows), 3)
    1.0
    >>> round(drawn_alike_within([[20, 80], [10, 160]], rows), 3)
    0.227
    """
    from scipy.special import chdtrc

    some, all_of = np.asarray(drawn, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    n, total = some.sum(0), all_of.sum(0)
    used = (n > 0) & (n < total)
    some, all_of, n, total = some[:, used], all_of[:, used], n[used], total[used]
    expected = all_of * (n / total)
    few = np.minimum(expected.sum(1), (all_of - expected).sum(1)) < LEAST_EXPECTED
    if few.any():
        some, all_of, expected = (np.vstack([x[~few], x[few].sum(0)]) for x in (some, all_of, expected))
    if len(some) < 2 or not total.size:
        return np.nan
    away = (some - expected).sum(1)[:-1]
    spread = n * (total - n) / (total**2 * (total - 1))
    covariance = np.diag((spread * total * all_of).sum(1)) - (spread * all_of) @ all_of.T
    covariance = covariance[:-1, :-1]
    degrees = int(np.linalg.matrix_rank(covariance))
    if degrees == 0:
        return np.nan
    return float(chdtrc(degrees, away @ np.linalg.pinv(covariance) @ away))
