"""Performance period by period: a model that was good on the whole may have been getting worse all the while."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.evidence import Estimate, Period

Array: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]

MOST = 16
"""Periods that are easy to take in."""
FEWEST_ROWS = 30
"""Rows below which a period's figures say nothing."""
LENGTHS = [
    3600.0,
    3 * 3600.0,
    6 * 3600.0,
    12 * 3600.0,
    86_400.0,
    7 * 86_400.0,
    28 * 86_400.0,
    91 * 86_400.0,
    364 * 86_400.0,
]
"""Seconds of periods that people count in."""


def period_length(start: float, end: float) -> float:
    """Seconds of the shortest natural period of which at most `MOST` cover a span.

    >>> period_length(0.0, 10 * 86_400.0) / 86_400
    1.0
    >>> period_length(0.0, 30 * 86_400.0) / 86_400
    7.0
    """
    span = end - start
    return next((length for length in LENGTHS if span / length <= MOST), max(LENGTHS[-1], span / MOST))


def by_period(
    time: Array, figures: Callable[[Rows], dict[str, Estimate]], positive: NDArray[np.bool_] | None = None
) -> tuple[Period, ...]:
    """Figures of each period of some rows.

    Periods are counted back from the last row, so that the last one is whole.

    Parameters
    ----------
    time
        (n,) seconds since 1970, ascending.
    figures
        Given the places of a period's rows, its figures by key.
    positive
        (n,) rows of the positive class, where there is one.

    Examples
    --------
    >>> when = np.arange(100) * 3600.0
    >>> found = by_period(when, lambda rows: {"rows": Estimate(value=float(len(rows)))})
    >>> [period.rows for period in found]
    [4, 12, 12, 12, 12, 12, 12, 12, 12]
    """
    if not len(time) or time[-1] == time[0]:
        return ()
    length = period_length(float(time[0]), float(time[-1]))
    place = np.floor((time[-1] - time) / length).astype(np.int64)
    found = []
    for back in range(int(place[0]), -1, -1):
        rows = np.flatnonzero(place == back)
        end = float(time[-1]) - back * length
        found.append(
            Period(
                start=max(end - length, float(time[0])),
                end=end,
                rows=len(rows),
                positives=None if positive is None else int(np.count_nonzero(positive[rows])),
                figures=figures(rows) if len(rows) >= FEWEST_ROWS else {},
            )
        )
    return tuple(found)


def trend(periods: Sequence[Period], key: str) -> Estimate | None:
    """Change of a figure from one period to the next, with its 95% interval; None for fewer than four periods.

    Weighted least squares through the periods, each weighing by the inverse of its squared standard error; the error
    of the slope is that of the residuals, if they scatter more than the periods' own errors say, since periods differ
    by more than their sampling (Birge, *The calculation of errors by the method of least squares*, 1932). With K
    periods the interval is Student's with K - 2 degrees of freedom.

    Examples
    --------
    >>> rising = [
    ...     Period(start=i, end=i + 1, rows=100, figures={"cost": Estimate(value=1.0 + i, low=0.9 + i, high=1.1 + i)})
    ...     for i in range(6)
    ... ]
    >>> slope = trend(rising, "cost")
    >>> round(slope.value, 6), slope.low > 0.9
    (1.0, True)
    """
    from scipy.special import stdtrit

    known = [
        (place, figure.value, (figure.high - figure.low) / 3.92)
        for place, period in enumerate(periods)
        if (figure := period.figures.get(key)) is not None
        and figure.value is not None
        and figure.low is not None
        and figure.high is not None
        and figure.high > figure.low
    ]
    if len(known) < 4:
        return None
    x, y, error = np.array(known).T
    weight = error**-2
    centre = np.average(x, weights=weight)
    spread = float(np.sum(weight * (x - centre) ** 2))
    slope = float(np.sum(weight * (x - centre) * y) / spread)
    residual = y - np.average(y, weights=weight) - slope * (x - centre)
    ratio = float(np.sum(weight * residual**2) / (len(x) - 2))
    reach = float(stdtrit(len(x) - 2, 0.975)) * math.sqrt(max(ratio, 1.0) / spread)
    unit = periods[int(x[0])].figures[key].unit
    return Estimate(value=slope, low=slope - reach, high=slope + reach, unit=unit, rows=sum(p.rows for p in periods))
