"""What follows from a run: the windows that are due are judged, incidents opened and resolved. Replaying it gives the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from holdfast.book.monitoring import Kept
from holdfast.decoding import ready
from holdfast.durations import seconds
from holdfast.estimation.estimates import Estimated
from holdfast.estimation.reliability import Reliability, judged
from holdfast.evidence import Estimate
from holdfast.incident import Incident
from holdfast.monitoring.counts.arrived import Arrived
from holdfast.monitoring.counts.cutting import Cuts
from holdfast.monitoring.counts.kept import Held
from holdfast.monitoring.incidents.failing import Failing
from holdfast.monitoring.incidents.grouping import calmed, plain, taken_in
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.incidents.released import with_release
from holdfast.monitoring.incidents.triage import triaged
from holdfast.monitoring.judging import (
    Judgement,
    Remembered,
    begun,
    continued,
    judge_arrivals,
    judge_window,
    usual,
)
from holdfast.monitoring.labelled.figures import Z, estimates
from holdfast.monitoring.labelled.ranges import rolled
from holdfast.monitoring.labelled.weighted import REAL_SHARE
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.showing import brief, by_segment, revised, revised_former
from holdfast.monitoring.skew.skewed import with_skew
from holdfast.monitoring.sources.source import MICROSECONDS
from holdfast.profile import window
from holdfast.profile.window import Counted
from holdfast.windows import FAR_WINDOWS, CountedWindows

SCORED_SHARE = 0.8
"""Share of a window's rows whose truth must be known before what was expected of it is held against that."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a run took from the log beside counts.

    Attributes
    ----------
    until
        The moment as of which it judged, in seconds since 1970.
    received
        When the newest row that it read was received.
    arrivals
        Truths that it read, by the window in which they came to be known.
    cuts
        The windows by count that it found.
    quiet
        Whether it found nothing to judge; see `compacting`.
    skew
        What is told of each column that was not served with what is made again, where that was given.
    """

    until: float
    received: float
    arrivals: dict[float, Arrived]
    cuts: Cuts = Cuts()
    quiet: bool = False
    skew: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What earlier runs had left.

    Attributes
    ----------
    watch
        What the alarms remember; None before the first run.
    windows, incidents
        By the beginning of the window in microseconds since 1970, and by id.
    """

    watch: bytes | None = None
    windows: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    incidents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What follows from a run.

    Attributes
    ----------
    left
        What it leaves behind.
    judged
        Beginnings of the windows that were judged, in seconds since 1970.
    incidents
        All that there are now, by their ids.
    opened
        Ids of those that it opened.
    quiet
        Whether there was nothing to judge.
    """

    left: Kept
    judged: list[float]
    incidents: dict[str, Incident]
    opened: list[str]
    quiet: bool


def outcome(
    before: Before,
    looking: Looking,
    held: Held,
    evidence: Evidence,
    former: Iterable[tuple[Reference, Held]] = (),
) -> Outcome:
    """Judge the windows that are due, in the order in which they became so.

    Parameters
    ----------
    held
        What was counted of the release in force.
    former
        Releases before it, to whose windows labels were added, and what was counted of those.
    """
    reference, until = looking.reference, evidence.until
    found = {name: msgspec.convert(one, ready(Incident)) for name, one in before.incidents.items()}
    expected = usual(reference)
    state = begun(reference, expected) if before.watch is None else continued(before.watch, reference, expected)
    state = _with_arrivals(state, reference, evidence.arrivals)
    state = msgspec.structs.replace(state, received=max(evidence.received, state.received))
    looking.received = state.received
    late = 0.0 if reference.settings.lateness is None else seconds(reference.settings.lateness)
    whole, parts = by_segment(held)
    due = _due(reference, whole, before.windows, state.received, until - late)
    # A window of inputs is due at its end; truths are evidence when the window has ended in which they came to be known.
    events = sorted(
        [(reference.windows.end(start) + late, 0, start) for start in due]
        + [(end, 1, start) for start in state.waiting if (end := reference.windows.end(start)) <= until]
    )
    windows: dict[int, dict[str, Any]] = {}
    failing = Failing(reference.settings.failing_of, before.windows)
    for end, kind, start in events:
        if kind == 0:
            counted = whole.get(start) or window.nothing(reference.profile.edges, reference.answers)
            state, judgement = judge_window(state, reference, expected, start, counted, parts.get(start, {}))
            told = {"start": start, "end": reference.windows.end(start), "rows": counted.size, **judgement.told}
            if counted.size >= reference.settings.smallest:
                told["findings"] = [brief(one) for one in looking.quality(start)]
                judgement = failing.judged(judgement, start, told["findings"], found)
            windows[_place(start)] = told
        else:
            state, judgement = judge_arrivals(state, reference, expected, start, state.waiting[start])
        found = _incidents(found, judgement, reference, end)
    if events:
        found = with_release(triaged(found, looking), reference, before.windows, due)
        state, caught_up = _caught_up(state, reference, before.windows, held.touched)
        windows |= caught_up
    found = with_skew(found, evidence.skew)
    for start in sorted({*due, *held.touched} & whole.keys()):
        place = _place(start)
        earlier = before.windows.get(place)
        if place not in windows and (earlier is None or earlier.get("release", reference.version) != reference.version):
            continue  # it is not due yet, or is another release's
        told = {**(earlier or {}), **windows.get(place, {})}
        if place in windows and start in held.expected:
            # What was expected before the truth came stays as it was said.
            figures_expected, unknown = estimates(reference, held.expected[start])
            doubtful = [key for key in figures_expected if _is_unreliable(state, key)]
            told |= {"estimates": figures_expected, "unknown": unknown, "unreliable": doubtful}
        # What is shown of a window is revised when labels come, or late rows; its alarms are not.
        windows[place] = revised(told, reference, start, whole[start], parts.get(start, {}))
        if events:
            state = _scored(state, windows[place])
    windows |= rolled(reference, held, {**before.windows, **windows}, due, held.touched)
    for other, of_other in former:
        windows |= revised_former(other, of_other, {**before.windows, **windows})
    left = Kept(
        watch=msgspec.msgpack.encode(state),
        windows=windows,
        incidents={name: plain(one) for name, one in found.items()},
    )
    opened = [name for name in found if name not in before.incidents]
    return Outcome(left=left, judged=due, incidents=found, opened=opened, quiet=not events)


def _is_unreliable(state: Remembered, key: str) -> bool:
    return key in state.reliability and state.reliability[key].status == "unreliable"


def _scored(state: Remembered, told: dict[str, Any]) -> Remembered:
    """Hold what was expected of a window against what came to pass, once, when most of its labels are there."""
    truth = told["truth"]
    if "scored" in told or told["labelled"] < SCORED_SHARE * max(truth["observable"], 1) or not told.get("estimates"):
        return state
    if truth["silent"] > REAL_SHARE * told["rows"]:
        return state  # estimates are of all rows, figures of those whose truth can come
    found = dict(state.reliability)
    for key, (value, low, high) in told["estimates"].items():
        if key in told["figures"]:
            estimated = Estimated(estimate=Estimate(value=value, low=low, high=high), deviation=(high - low) / (2 * Z))
            share = min(truth["effective"] / told["rows"], 1.0)
            found[key] = judged(told["figures"][key][0], estimated, found.get(key, Reliability()), share)
    told["scored"] = {key: found[key].status for key in told["estimates"] if key in found}
    return msgspec.structs.replace(state, reliability=found)


def _caught_up(
    state: Remembered, reference: Reference, windows: Mapping[int, Mapping[str, Any]], touched: Collection[float]
) -> tuple[Remembered, dict[int, dict[str, Any]]]:
    """Score the windows to whose labels only quiet runs have added, which judge nothing."""
    found = {}
    for place, earlier in windows.items():
        own = earlier.get("release") == reference.version and place / MICROSECONDS not in touched
        if own and earlier.get("estimates") and "truth" in earlier:
            state = _scored(state, told := dict(earlier))
            if "scored" in told and "scored" not in earlier:
                found[place] = told
    return state, found


def _place(start: float) -> int:
    return round(start * MICROSECONDS)


def _with_arrivals(state: Remembered, reference: Reference, arrivals: Mapping[float, Arrived]) -> Remembered:
    """New truths wait for the end of their window; what is known of a window that was consumed before counts in the next."""
    waiting = dict(state.waiting)
    for start, one in arrivals.items():
        place = start if start > state.consumed else reference.windows.end(state.consumed)
        waiting[place] = waiting.get(place, Arrived()) + one
    return msgspec.structs.replace(state, waiting=dict(sorted(waiting.items())))


def _due(
    reference: Reference, whole: Mapping[float, Counted], known: Mapping[int, object], received: float, until: float
) -> list[float]:
    """Windows that have ended and were not judged.

    Those without any row are among them where rows might have come: between others, and after the last row was received.
    Rows of the past that are sent now say nothing of the time between.
    """
    windows = reference.windows
    if isinstance(windows, CountedWindows):
        return [start for start in windows.ended(until) if max(known, default=-1) < _place(start)]
    newest = max(known) / MICROSECONDS if known else -np.inf
    sizes: dict[float, float] = {newest: np.inf} if known else {}
    sizes |= {start: one.size for start, one in whole.items() if newest < start and windows.end(start) <= until}
    starts = _of_right_clocks(sizes, reference)
    if not starts:
        return []
    last = max(starts)
    between = windows.between(min(starts), last)
    silent = windows.between(max(windows.end(last), windows.end(float(windows.starts(np.array([received]))[0]))), until)
    return [start for start in [*between, *silent] if newest < start and windows.end(start) <= until]


def _of_right_clocks(sizes: Mapping[float, float], reference: Reference) -> list[float]:
    """Windows without those few rows whose times are far from all others: between lie no windows that nobody filled."""
    few, far, starts = reference.settings.smallest, FAR_WINDOWS * reference.windows.width, sorted(sizes)
    first, last = 0, len(starts)
    while last - first > 1 and sizes[starts[first]] < few and starts[first + 1] - starts[first] > far:
        first += 1
    while last - first > 1 and sizes[starts[last - 1]] < few and starts[last - 1] - starts[last - 2] > far:
        last -= 1
    return starts[first:last]


def _incidents(
    found: dict[str, Incident], judgement: Judgement, reference: Reference, end: float
) -> dict[str, Incident]:
    found = calmed(found, judgement.effects, judgement.back, end)
    return taken_in(
        found,
        judgement.signs,
        model=reference.model,
        release=reference.version,
        end=end,
        width=reference.windows.width,
    )
