"""What is kept of a model and its signals between two runs, and its way into arrays and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from math import isnan
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.alarms.budget import AlarmSettings
from holdfast.alarms.changes import Change, Past
from holdfast.alarms.follow import Followed
from holdfast.alarms.scale import Scale
from holdfast.alarms.season import Season
from holdfast.stats.one_step import Regression

Number = float | None
"""None stands for NaN, which JSON does not have, and which is not equal to itself."""

Array = NDArray[np.float64]


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One signal: what `follow.Followed` says of it, by the same names, and what its alarms need.

    Attributes
    ----------
    scale, late, minimum
        The scale on which it is judged, whether it comes late, and its smallest effect that opens an incident.
    latest
        Start of the window that it was last observed in, seconds since 1970 UTC.
    past
        Windows since it was last learned anew, at most `MOST_PAST`.
    baseline
        By how much the level had moved, on the scale, when a change last mattered.
    noted
        The last change, while it is too small to matter.
    """

    scale: Scale
    late: bool
    minimum: float
    seen: list[float]
    weight: list[float]
    level: list[float]
    lag: list[Number]
    squares: list[float]
    noise: Number
    natural_low: float
    natural_high: float
    prior_variance: float
    prior_degrees: float
    prior_memory: Number
    kurtosis: float
    before: Number
    fading: float
    vague: float
    centre: list[float]
    offset: float
    offset_variance: float
    age: float
    evidence: list[float]
    latest: float | None = None
    past: tuple[Past, ...] = ()
    baseline: float = 0.0
    noted: Change | None = None


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is kept of one model's alarms; to JSON or msgpack and back, exactly.

    Attributes
    ----------
    settings
        The budget.
    season
        Which windows are alike by the calendar.
    spacing
        Usual time between the starts of two windows, seconds.
    reference_windows
        How many windows the reference had. With few of them, little alarms at first, since what is natural has yet to be
        learned; with none, everything is.
    signals
        By key.
    latest, latest_late
        Start of the window that was stepped last with signals that come at once, and late.
    days, alarms
        What was spent of the budget since the model is watched, over all releases: days watched, and alarms.
    """

    settings: AlarmSettings
    season: Season
    spacing: float
    reference_windows: int
    signals: dict[str, Signal]
    latest: float | None = None
    latest_late: float | None = None
    days: float = 0.0
    alarms: int = 0


_OF_REGRESSION = tuple(field.name for field in fields(Regression))
_OF_FOLLOWED = tuple(field.name for field in fields(Followed) if field.name != "regression")


def pack(signals: Sequence[Signal]) -> Followed:
    """Signals as arrays with a leading shape (signals,)."""

    def array(name: str) -> Array:
        # As floats, None becomes NaN.
        return np.array([getattr(signal, name) for signal in signals], dtype=np.float64)

    regression = Regression(**{name: array(name) for name in _OF_REGRESSION})
    return Followed(regression=regression, **{name: array(name) for name in _OF_FOLLOWED})


def numbers(followed: Followed, place: int) -> dict[str, Any]:
    """The fields of one signal that come from the arrays."""
    found = {name: getattr(followed.regression, name)[place].tolist() for name in _OF_REGRESSION}
    found |= {name: getattr(followed, name)[place].tolist() for name in _OF_FOLLOWED}
    return {name: _without_nan(value) for name, value in found.items()}


def _without_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [None if isnan(item) else item for item in value]
    return None if isnan(value) else value
