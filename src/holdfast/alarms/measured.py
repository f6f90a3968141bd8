"""A change measured: since when, by how much in the unit of its signal, and whether that matters."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import msgspec
import numpy as np

from holdfast.alarms.changes import Change, Past
from holdfast.alarms.scale import back
from holdfast.alarms.state import Signal
from holdfast.stats.change_point import change_point

WITHIN = 1.959963984540054
"""Standard errors to either side of an estimate, for 95%."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A change on the scale on which its signal is judged.

    Attributes
    ----------
    effect, error
        Size and its standard error.
    windows
        Observed windows since the change.
    since, earliest, latest
        As in `Change`.
    """

    effect: float
    error: float
    windows: int
    since: float
    earliest: float
    latest: float


def estimated(past: Sequence[Past], fading: float, weight: float) -> Estimate:
    """Since when, and by how much.

    Parameters
    ----------
    past
        The windows in which the change may have come, in order of arrival; at least one.
    fading
        See `follow.Followed`.
    weight
        How many typical windows the level from which it changed was learned from.
    """
    memory = np.array([window.memory for window in past])
    deviations = np.array([window.deviation for window in past])
    found = change_point(np.array([window.error for window in past]), deviations, memory, fading)
    # The level before is not known exactly either.
    before = deviations[-1] ** 2 / max(weight, 1.0) / max(1 - memory[-1], 0.1) ** 2
    return Estimate(
        effect=found.effect,
        error=sqrt(found.error**2 + before),
        windows=len(past) - found.first,
        since=past[found.first].start,
        earliest=past[found.earliest].start,
        latest=past[found.latest].start,
    )


def change_of(key: str, signal: Signal, estimate: Estimate, *, offset: float, evidence: float) -> Change:
    """Tell a change in the unit of its signal; `offset` is by how much the level had moved before, on the scale."""
    level = signal.past[-1].level

    def told(moved: float) -> float:
        return back(signal.scale, level + moved)

    came, after = told(offset), offset + estimate.effect
    margin = WITHIN * estimate.error
    distance = told(after) - told(0.0)
    recovered = signal.baseline != 0 and abs(distance) <= signal.minimum
    return Change(
        signal=key,
        direction="up" if estimate.effect > 0 else "down",
        effect=told(after) - came,
        low=told(after - margin) - came,
        high=told(after + margin) - came,
        level=told(after),
        distance=distance,
        since=estimate.since,
        earliest=estimate.earliest,
        latest=estimate.latest,
        windows=estimate.windows,
        evidence=evidence,
        minimum=signal.minimum,
        material=abs(told(after) - told(signal.baseline)) > signal.minimum and not recovered,
        recovered=recovered,
    )


def grown(noted: Change, signal: Signal, *, offset: float, variance: float) -> Change | None:
    """A change that was too small to matter, if the windows since then show beyond doubt that it does; else None.

    Parameters
    ----------
    offset, variance
        By how much the level has moved since the reference, on the scale, and how well that is known.
    """
    level = signal.past[-1].level
    came, margin = back(signal.scale, level + signal.baseline), WITHIN * sqrt(variance)
    low, effect, high = (back(signal.scale, level + offset + side) - came for side in (-margin, 0.0, margin))
    if low * high <= 0 or min(abs(low), abs(high)) <= noted.minimum:
        return None
    return msgspec.structs.replace(
        noted,
        direction="up" if effect > 0 else "down",
        effect=effect,
        low=low,
        high=high,
        level=came + effect,
        distance=came + effect - back(signal.scale, level),
        material=True,
    )
