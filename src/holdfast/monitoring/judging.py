"""Judge a window: its signals against what was predicted, within the budget of false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.alarms.alarms import adjusted, begin, rebase, step
from holdfast.alarms.budget import AlarmSettings
from holdfast.alarms.changes import Alarm
from holdfast.alarms.state import Watch
from holdfast.decoding import ready
from holdfast.durations import seconds
from holdfast.estimation.reliability import Reliability
from holdfast.incident import Sign
from holdfast.monitoring.counts.arrived import Arrived
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.signals import (
    Signals,
    answer_signals,
    error_signals,
    group_signals,
    history,
    input_signals,
    loss_signals,
    smallest_effects,
    volume_signal,
)
from holdfast.profile.window import Counted
from holdfast.windows import Windows

Array: TypeAlias = NDArray[np.float64]

DAY = 86_400.0

NATURAL_DEVIATIONS = 2.0
"""Standard deviations between the reference's windows within which a window is a usual one."""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a model between two runs.

    Attributes
    ----------
    watch
        Of the alarms.
    release
        Whose reference the watch was begun with.
    waiting
        Truths whose window has not ended, by its beginning.
    consumed
        Beginning of the newest window whose truths were evidence.
    received
        When the newest row was received, in seconds since 1970.
    reliability
        Whether what was expected of each figure has come true so far.
    """

    watch: Watch
    release: int
    waiting: dict[float, Arrived] = {}
    consumed: float = -np.inf
    received: float = -np.inf
    reliability: dict[str, Reliability] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found of a window.

    Attributes
    ----------
    signs
        Changes that matter.
    effects
        By how much each signal is away from its mean in the reference.
    back
        How near to that mean each signal counts as back.
    told
        What is written down: alarms, whether they matter or not. JSON-ready.
    """

    signs: Sequence[Sign] = ()
    effects: Mapping[str, float] = field(default_factory=dict)
    back: Mapping[str, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What is usual of each signal.

    Attributes
    ----------
    windows
        The signals of the reference's windows.
    means
        Over them.
    minimum
        The smallest change that matters.
    back
        How near to the mean a signal counts as back after a change: within that, or within what is natural of windows.
    """

    windows: Sequence[tuple[float, Signals]]
    means: Mapping[str, float]
    minimum: Mapping[str, float]
    back: Mapping[str, float]


@lru_cache(maxsize=2)  # a run asks, and who tells of it; and labels may come of what a release before has answered
def usual(reference: Reference) -> Usual:
    """From the reference's windows."""
    found: dict[str, list[float]] = {}
    windows = history(reference)
    for _, signals in windows:
        for key, one in signals.items():
            if np.isfinite(one.value):
                found.setdefault(key, []).append(one.value)
    minimum = smallest_effects(reference, found)
    return Usual(
        windows=windows,
        means={key: float(np.mean(values)) for key, values in found.items()},
        minimum=minimum,
        back={
            key: max(minimum.get(key, 0.0), NATURAL_DEVIATIONS * float(np.std(values))) for key, values in found.items()
        },
    )


def begun(reference: Reference, known: Usual) -> Remembered:
    """At the beginning: what the reference's own windows say."""
    watch = begin(known.windows, _settings(reference), known.minimum)
    return Remembered(watch=watch, release=reference.version)


def _settings(reference: Reference) -> AlarmSettings:
    asked = reference.settings
    # Of signals that the reference's windows do not have: groups, and widths of intervals.
    rates = ("true_positive_rate", "false_positive_rate", "accuracy")
    shares = dict.fromkeys(("missing", "new", "no", "yes", *rates, *reference.answers.classes), asked.share)
    return AlarmSettings(
        false_alarms=asked.false_alarms,
        days=seconds(asked.per) / DAY,
        minimum={"location": asked.location, "spread": asked.location, **shares},
        zone=reference.windows.zone,
        seasons=isinstance(reference.windows, Windows),
    )


def continued(content: bytes, reference: Reference, known: Usual) -> Remembered:
    """What an earlier run has left, with the settings of today; after a new release with its reference, on the same budget."""
    found = msgspec.msgpack.decode(content, type=ready(Remembered))
    settings = _settings(reference)
    if found.release == reference.version:
        return msgspec.structs.replace(found, watch=adjusted(found.watch, settings, known.minimum))
    watch = rebase(found.watch, known.windows, settings, known.minimum)
    # Truths of what the release before has answered say nothing of this one.
    return msgspec.structs.replace(found, watch=watch, release=reference.version, waiting={})


def judge_window(
    state: Remembered,
    reference: Reference,
    known: Usual,
    start: float,
    counted: Counted,
    segments: Mapping[str, Counted],
) -> tuple[Remembered, Judgement]:
    """Inputs, answers, protected groups and volume of a window that has ended."""
    signals = volume_signal(reference, counted, reference.windows.end(start) - start)
    if counted.size >= reference.settings.smallest:
        signals |= input_signals(reference, counted) | answer_signals(reference, counted)
        signals |= group_signals(reference, counted, segments)
    return _judged(state, known, start, signals)


def judge_arrivals(
    state: Remembered, reference: Reference, known: Usual, start: float, arrived: Arrived
) -> tuple[Remembered, Judgement]:
    """Truths that arrived in a window that has ended."""
    signals = loss_signals(reference, arrived)
    signals |= error_signals(reference, arrived)
    state = msgspec.structs.replace(
        state, consumed=start, waiting={place: one for place, one in state.waiting.items() if place != start}
    )
    return _judged(state, known, start, signals)


def _judged(state: Remembered, known: Usual, start: float, signals: Signals) -> tuple[Remembered, Judgement]:
    watch, alarms = step(state.watch, start, signals)
    effects = {key: one.value - known.means.get(key, np.nan) for key, one in signals.items()}
    return msgspec.structs.replace(state, watch=watch), Judgement(
        signs=[sign for alarm in alarms for sign in _signs(alarm)],
        effects={key: value for key, value in effects.items() if np.isfinite(value)},
        back=known.back,
        told={"alarms": [msgspec.to_builtins(alarm) for alarm in alarms]} if alarms else {},
    )


def _signs(alarm: Alarm) -> list[Sign]:
    return [
        Sign(
            key=one.signal,
            effect=one.effect,
            low=one.low,
            high=one.high,
            e_value=one.evidence,
            since=one.since,
            earliest=one.earliest,
            latest=one.latest,
            minimum=one.minimum,
        )
        for one in alarm.changes
        if one.material and not one.recovered
    ]
