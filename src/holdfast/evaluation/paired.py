"""Two models on the same rows: the difference of the objective, with an interval that knows they are the same rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from holdfast.evidence import Direction, Estimate
from holdfast.stats.intervals import skewed_mean_interval

Array = NDArray[np.float64]


def mean_of(contributions: Array, weight: Array | None = None, *, unit: str = "", level: float = 0.95) -> Estimate:
    """Weighted mean of per-row contributions, with an interval from their (weighted) scatter and skewness.

    Amounts of money are skewed: a normal interval of their mean covers too little. The interval is that of
    `stats.intervals.skewed_mean_interval`, with the standard error below. Rows that are all alike, or a single one, do
    not say how the next one may differ: then there is no interval.

    Parameters
    ----------
    contributions
        (n,) values whose mean is the figure. No row, or NaN among them: nothing can be said.
    weight
        (n,) at least 0, not all 0; None: all alike.

    Examples
    --------
    >>> found = mean_of(np.array([0.0, 1.0, 1.0, 2.0]), unit="EUR")
    >>> found.value, round(found.low, 3), round(found.high, 3), found.rows
    (1.0, 0.2, 1.8, 4)
    """
    n = len(contributions)
    w = np.ones(n) if weight is None else weight
    if not w.sum() > 0:
        return Estimate(value=None, level=level, unit=unit, rows=n)
    mean = float(np.average(contributions, weights=w))
    error = standard_error(contributions, weight)
    if not error > 0:
        return Estimate(value=mean, level=level, unit=unit, rows=n)
    scattered = w * (contributions - mean)
    skewness = float(np.sum(scattered**3)) / float(np.sum(scattered**2)) ** 1.5
    low, high = (float(end) for end in skewed_mean_interval(mean, error, skewness, level))
    return Estimate(value=mean, low=low, high=high, level=level, unit=unit, rows=n)


def standard_error(contributions: Array, weight: Array | None = None) -> float:
    """Standard error of a weighted mean; 0 where all rows with weight are alike, NaN of fewer than two.

    It is that of its linearisation, as for a ratio: `sqrt(sum(w² (c - mean)²)) / sum(w)`, times `sqrt(n/(n-1))`.

    Source: Särndal, Swensson and Wretman, *Model Assisted Survey Sampling* (1992), section 5.7.

    >>> standard_error(np.array([0.0, 2.0]), np.array([1.0, 1.0])), standard_error(np.full(5, 0.1))
    (1.0, 0.0)
    """
    counted = np.ones(len(contributions), bool) if weight is None else weight > 0
    c = contributions[counted]
    w = np.ones(len(c)) if weight is None else weight[counted]
    if len(c) < 2:
        return math.nan
    # Rounding leaves a little of nothing.
    if np.ptp(c) <= 1e-12 * np.abs(c).max():
        return 0.0
    squares = np.sum((w * (c - np.average(c, weights=w))) ** 2)
    return float(np.sqrt(squares * len(c) / (len(c) - 1)) / w.sum())


def improvement(
    candidate: Array,
    champion: Array,
    direction: Direction,
    weight: Array | None = None,
    *,
    unit: str = "",
    level: float = 0.95,
) -> Estimate:
    """How much better the candidate is than the champion on the same rows; positive is better, whatever the direction.

    Parameters
    ----------
    candidate, champion
        (n,) contributions of the same rows to the objective.
    direction
        Which way the objective is better.

    Raises
    ------
    ValueError
        If they are not of the same rows.

    Examples
    --------
    >>> round(improvement(np.array([1.0, 2.0]), np.array([2.0, 4.0]), "lower").value, 2)
    1.5
    """
    if candidate.shape != champion.shape:
        raise ValueError(f"expected contributions of the same rows, got {candidate.shape} and {champion.shape}")
    difference = champion - candidate if direction == "lower" else candidate - champion
    return mean_of(difference, weight, unit=unit, level=level)
