"""Are the newest labels all there?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.ask import Said, not_applicable
from holdfast.checks.limits import ReleaseLimits
from holdfast.records import Status

Array: TypeAlias = NDArray[np.float64]

LENGTHS = (86_400.0, 604_800.0)
"""Seconds of the windows: days, so that a short delay is seen, and weeks, so that a long one is."""
FEWEST_WINDOWS, MOST_WINDOWS = 6, 30
ERROR = 0.04
"""Chance of a warning although nothing has changed, over all lengths."""


def label_delay(
    time: Array, positive: NDArray[np.bool_], limits: ReleaseLimits, lengths: Sequence[float] = LENGTHS
) -> list[Said]:
    """Is the share of positive rows in the newest window lower than windows before it let expect?

    A label that has not arrived often looks like a negative one. The newest window of each length is compared with
    those before it by the one-sided prediction limit of Student's law with their own variation, `mean - t s sqrt(1 + 1/K)`
    (Whitmore, *Prediction limits for a univariate normal observation*, American Statistician 40 (1986)); s is at least
    what sampling alone gives to as many rows. Several lengths share the error (Bonferroni).

    Parameters
    ----------
    time, positive
        Of all labelled rows, seconds since 1970, (n,), in any order.
    limits
        `delay`: the smallest fall that matters, as a share of the usual one.
    lengths
        Seconds of the windows that are tried; those that the rows do not cover six times are left out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> time = np.sort(rng.uniform(0, 20 * 86_400, 20_000))
    >>> known = rng.random(20_000) < np.where(time < 19 * 86_400, 0.10, 0.02)
    >>> [found] = label_delay(time, known, ReleaseLimits())
    >>> print(found.status, found.message)
    warn Of the rows of the newest day 0.9% are positive, of those before 10.3%: labels may not have arrived yet.
    """
    span = float(time.max() - time.min()) if len(time) else 0.0
    fit = [length for length in lengths if span >= FEWEST_WINDOWS * length]
    judged = [one for length in fit if (one := _newest(time, positive, length, limits, ERROR / len(fit))) is not None]
    if not judged:
        return [not_applicable("The rows cover too little time, or have too few positive ones, to say.")]
    return [min(judged, key=lambda said: (said.status is not Status.WARN, -(said.value or 0.0)))]


def _newest(
    time: Array, positive: NDArray[np.bool_], length: float, limits: ReleaseLimits, error: float
) -> Said | None:
    from scipy.special import stdtrit

    back = np.floor((time.max() - time) / length).astype(np.intp)
    # The first window may be cut short.
    windows = min(int(back.max()), MOST_WINDOWS + 1)
    rows = np.bincount(back, minlength=windows)[:windows]
    hits = np.bincount(back, positive, minlength=windows)[:windows]
    earlier = np.flatnonzero(rows[1:] > 0) + 1
    usual = float(hits[earlier].sum() / max(rows[earlier].sum(), 1))
    if len(earlier) < FEWEST_WINDOWS - 1 or not rows[0] or usual * rows[0] < 5:
        return None
    shares = hits[earlier] / rows[earlier]
    deviation = max(float(shares.std(ddof=1)), math.sqrt(usual * (1 - usual) / float(rows[0])))
    k = len(earlier)
    lowest = usual - float(stdtrit(k - 1, 1 - error)) * deviation * math.sqrt(1 + 1 / k)
    share = float(hits[0] / rows[0])
    fall = 1 - share / usual
    late = share < lowest and fall > limits.delay
    named = {86_400.0: "day", 604_800.0: "week"}.get(length, f"{length:g} seconds")
    return Said(
        status=Status.WARN if late else Status.PASS,
        message=f"Of the rows of the newest {named} {share:.1%} are positive, of those before {usual:.1%}"
        + (": labels may not have arrived yet." if late else "."),
        value=fall,
        limit=limits.delay,
        unit="share",
        evidence={"newest": share, "usual": usual, "lowest": lowest, "rows": int(rows[0])},
    )
