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

    Amounts of money are skewed: a normal interval of their mean covers too little. The standard error of a ratio-type
    weighted mean is that of its linearisation (Särndal, Swensson and Wretman, *Model Assisted Survey Sampling*, 1992,
    section 5.7): `sqrt(sum(w² (c - mean)²)) / sum(w)`, times `sqrt(n/(n-1))`; the interval is that of
    `stats.intervals.skewed_mean_interval`.

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
    total = float(w.sum()) if n else 0.0
    if total <= 0:
        return Estimate(value=None, level=level, unit=unit, rows=n)
    mean = float(np.dot(w, contributions) / total)
    counted = int(np.count_nonzero(w))
    if counted < 2:
        return Estimate(value=mean, level=level, unit=unit, rows=n)
    scattered = w * (contributions - mean)
    squares = float(np.sum(scattered**2))
    error = math.sqrt(squares * counted / (counted - 1)) / total
    skewness = float(np.sum(scattered**3)) / squares**1.5 if squares > 0 else 0.0
    low, high = (float(end) for end in skewed_mean_interval(mean, error, skewness, level))
    return Estimate(value=mean, low=low, high=high, level=level, unit=unit, rows=n)


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
