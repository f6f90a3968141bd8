"""Judge a figure by its interval: PASS, FAIL or INCONCLUSIVE, and how many more rows would decide."""

from __future__ import annotations

import math

import msgspec

from holdfast.evidence import Estimate
from holdfast.records import Status


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A status, the limit that decided, and for `inconclusive` about how many rows would decide (None: nobody knows)."""

    status: Status
    limit: float
    rows_needed: int | None = None


def judge(estimate: Estimate, *, at_least: float | None = None, at_most: float | None = None) -> Judgement:
    """A figure against its limits: it passes when the whole interval keeps to them, and fails when none of it does.

    With a 95% interval, a figure that lies exactly on its limit passes in 2.5% of all cases. The rows needed suppose
    that the interval shrinks with the root of the number of rows, and that the figure stays what it is.

    Parameters
    ----------
    estimate
        The figure and its interval. A figure that could not be had fails, and one without an interval does not pass.
    at_least, at_most
        Limits in the figure's unit; at least one.

    Raises
    ------
    ValueError
        If there is no limit, or a limit is NaN: nothing would ever be caught by it.

    Examples
    --------
    >>> print(judge(Estimate(value=0.85, low=0.82, high=0.88, rows=1_000), at_least=0.8).status)
    pass
    >>> close = judge(Estimate(value=0.82, low=0.78, high=0.86, rows=1_000), at_least=0.8)
    >>> print(close.status, close.rows_needed)
    inconclusive 4000
    """
    limits = [limit for limit in (at_least, at_most) if limit is not None]
    if not limits or any(math.isnan(limit) for limit in limits):
        raise ValueError(f"expected at_least or at_most, or both, as numbers; got {at_least} and {at_most}")
    judged = [
        _one_sided(estimate, limit, sign) for limit, sign in ((at_least, 1.0), (at_most, -1.0)) if limit is not None
    ]
    worst = [Status.FAIL, Status.INCONCLUSIVE, Status.PASS]
    return min(judged, key=lambda j: (worst.index(j.status), -(j.rows_needed or 0)))


def _one_sided(estimate: Estimate, limit: float, sign: float) -> Judgement:
    """With `sign` 1 the figure must be at least the limit; with -1, at most."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return Judgement(status=Status.FAIL, limit=limit)
    if low is None or high is None:
        return Judgement(status=Status.INCONCLUSIVE if sign * (value - limit) >= 0 else Status.FAIL, limit=limit)
    near, far = (low, high) if sign > 0 else (high, low)
    if sign * (near - limit) >= 0:
        return Judgement(status=Status.PASS, limit=limit)
    if sign * (far - limit) < 0:
        return Judgement(status=Status.FAIL, limit=limit)
    distance = sign * (value - limit)
    width = abs(value - (near if distance > 0 else far))
    needed = math.ceil(round(estimate.rows * (width / distance) ** 2, 6)) if distance and estimate.rows else None
    return Judgement(status=Status.INCONCLUSIVE, limit=limit, rows_needed=needed)
