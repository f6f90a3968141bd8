"""How long truths take to arrive: counted over fixed steps, so that windows add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 60.0 * 2.0 ** (np.arange(81) / 4)
"""Seconds that divide the counts: from a minute to two years, each a fifth longer than the one before. What took longer than
the last counts beyond it; what arrived before its row was answered counts as at once."""


def delays_in(delay: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows by the time until their truth arrived: in each step, and beyond the last one; those without a time not at all.

    >>> np.flatnonzero(delays_in(np.array([0.0, 60.0, 61.0, np.nan, 1e12]))).tolist()
    [0, 1, 81]
    """
    known = delay[np.isfinite(delay)]
    return np.bincount(np.searchsorted(STEPS, known), minlength=len(STEPS) + 1)


def delay_of(counts: NDArray[np.int64], share: float) -> float:
    """Seconds by which so large a share of the truths had arrived, right within a tenth; NaN where none has.

    >>> round(delay_of(delays_in(np.full(10, 3600.0)), 0.5) / 3600, 1)
    1.0
    """
    total = counts.sum()
    if not total:
        return float("nan")
    step = int(np.searchsorted(np.cumsum(counts), share * total))
    # The middle of the step, on the scale of ratios.
    return float(STEPS[min(step, len(STEPS) - 1)] / 2 ** (1 / 8)) if step else 0.0
