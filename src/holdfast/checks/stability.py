"""Does the model stay as good as it was: over the test part, and in each segment?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.ask import Said, not_applicable, passed
from holdfast.checks.limits import ReleaseLimits
from holdfast.evidence import Direction, Estimate
from holdfast.records import Status
from holdfast.stats.multiplicity import holm

Array: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int64]

ERROR = 0.05
"""Chance of naming any segment although none is unstable."""


def trend(
    slope: Estimate | None, periods: int, objective: float | None, direction: Direction, limits: ReleaseLimits
) -> list[Said]:
    """Does the objective get worse over the test part, certainly and by a size that matters?

    Parameters
    ----------
    slope
        Change of the objective from one period to the next; None for too few periods.
    periods
        Number of periods.
    objective
        Its value over the whole test part.
    limits
        `trend`.

    Examples
    --------
    >>> slope = Estimate(value=0.1, low=0.05, high=0.15)
    >>> [found] = trend(slope, periods=9, objective=2.0, direction="lower", limits=ReleaseLimits())
    >>> print(found.status, found.value)
    warn 0.4
    """
    if slope is None:
        return [not_applicable("There are too few periods for a trend.")]
    if slope.value is None or slope.low is None or slope.high is None or not objective:
        return [Said(status=Status.INCONCLUSIVE, message="The trend, or the objective itself, could not be had.")]
    sign = 1 if direction == "lower" else -1
    factor = sign * (periods - 1) / abs(objective)
    value, (low, high) = slope.value * factor, sorted((slope.low * factor, slope.high * factor))
    material = value > limits.trend
    status = Status.WARN if material and low > 0 else Status.INCONCLUSIVE if material else Status.PASS
    return [
        Said(
            status=status,
            message=f"Over the {periods} periods of the test part the objective becomes {abs(value):.1%} of its value "
            f"{'worse' if value > 0 else 'better'} (95% interval {low:.1%} to {high:.1%} worse).",
            value=value,
            limit=limits.trend,
            interval=(low, high),
            unit="share",
        )
    ]


def unstable_segments(
    contributions: Array,
    period: Codes,
    segments: Mapping[str, tuple[Codes, int]],
    limits: ReleaseLimits,
    *,
    minimum_rows: int,
) -> list[Said]:
    """Which segments lie apart from all rows by other amounts in each period?

    Each row's contribution is taken less the mean of its period: what befalls all segments alike is a trend, not this.
    Per segment the means of its periods are compared by an analysis of variance; the standard deviation between periods
    beyond that of sampling is its method-of-moments estimate. Holm's correction is over all segments.

    Source: Fisher, *Statistical Methods for Research Workers* (1925), chapter 7; Searle, Casella & McCulloch, *Variance
    Components* (1992), section 3.6.

    Parameters
    ----------
    contributions
        Of each row to the objective, (n,).
    period
        Code of each row's period, (n,).
    segments
        By column: a code for each row, -1 where missing, and the number of values.
    limits
        `unstable`.
    minimum_rows
        Of a segment in a period; smaller cells are left out.
    """
    if not segments or len(np.unique(period)) < 3:
        return [not_applicable("There are no segments, or fewer than three periods.")]
    mean = np.bincount(period, contributions) / np.maximum(np.bincount(period), 1)
    apart, scale = contributions - mean[period], abs(float(contributions.mean()))
    judged = [
        (name, found)
        for name, (codes, values) in segments.items()
        for code in range(values)
        if (found := _between(apart[codes == code], period[codes == code], minimum_rows)) is not None
    ]
    if not judged or not scale > 0:
        return [not_applicable("No segment has enough rows in three periods.")]
    certain = holm([p for _, (p, _) in judged], ERROR).rejected
    told = [
        Said(
            status=Status.WARN,
            subject=name,
            message=f"In one of its segments, the distance from all rows varies between periods by {deviation / scale:.0%} "
            "of the objective (standard deviation beyond chance): what holds of it today may not hold tomorrow.",
            value=deviation / scale,
            limit=limits.unstable,
            unit="share",
        )
        for (name, (_, deviation)), sure in zip(judged, certain, strict=True)
        if sure and deviation > limits.unstable * scale
    ]
    return told or [passed(f"None of {len(judged)} segments varies between periods by more than all rows do.")]


def _between(values: Array, period: Codes, minimum_rows: int) -> tuple[float, float] | None:
    """p-value of equal means in all periods, and the standard deviation between them beyond sampling."""
    from scipy.special import fdtrc

    rows = np.bincount(period)
    kept = np.flatnonzero(rows >= minimum_rows)
    inside = np.isin(period, kept)
    values, period, rows = values[inside], period[inside], rows[kept]
    k, n = len(kept), int(rows.sum())
    if k < 3:
        return None
    means = np.bincount(period, values)[kept] / rows
    between = float(rows @ (means - values.mean()) ** 2) / (k - 1)
    within = (float(values @ values) - float(rows @ means**2)) / (n - k)
    if not within > 0:
        return None
    size = (n - float(rows @ rows) / n) / (k - 1)
    return float(fdtrc(k - 1, n - k, between / within)), float(np.sqrt(max(between - within, 0.0) / size))
