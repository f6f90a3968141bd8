"""One run of the monitor over one model: read what is new, count it, judge the windows that are due, write it all down.

A run is recorded in one transaction with everything that it found. What it has counted is written before; if the run ends
midway, nobody asks for that, and the next run counts again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Kept, Run
from holdfast.book.opening import Book
from holdfast.durations import seconds
from holdfast.estimation.tables import Expected
from holdfast.log.disk import locked, make_folder
from holdfast.monitoring import kept
from holdfast.monitoring.counting import EVERYONE, Tally, by_segment, by_window, count_rows
from holdfast.monitoring.figures import estimates, figures
from holdfast.monitoring.incident import Incident, calmed, plain, taken_in
from holdfast.monitoring.judging import (
    Arrived,
    Judgement,
    Remembered,
    Usual,
    begun,
    continued,
    judge_arrivals,
    judge_window,
    usual,
)
from holdfast.monitoring.reading import answered
from holdfast.monitoring.reading import seconds_of as moments_of
from holdfast.monitoring.reference import Reference, segments_of
from holdfast.monitoring.signals import answer_signals, input_signals, truth_signals, volume_signal
from holdfast.monitoring.source import MARGIN_SECONDS, MICROSECONDS, Source, wanted_of_rows, wanted_of_truth
from holdfast.monitoring.triage import Looking, triaged
from holdfast.profile import window
from holdfast.profile.window import AnsweredRows, Counted, moments

Array: TypeAlias = NDArray[np.float64]
Say: TypeAlias = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Ran:
    """What a run did.

    Attributes
    ----------
    model
        The model.
    judged
        Beginnings of the windows that were judged, in seconds since 1970.
    rows, labels
        Predictions that were read anew, and truths that were consumed.
    opened
        Incidents that were opened.
    """

    model: str
    judged: list[float] = field(default_factory=list)
    rows: int = 0
    labels: int = 0
    opened: list[Incident] = field(default_factory=list)


def run(
    source: Source,
    reference: Reference,
    book: Book,
    root: Path,
    *,
    now: float | None = None,
    since: float | None = None,
    margin: float = MARGIN_SECONDS,
    deliver: Callable[[Any, Sequence[Incident]], None] | None = None,
) -> Ran:
    """Watch a model once; two at a time wait for each other.

    Parameters
    ----------
    source
        Its predictions and labels.
    reference
        Of the release in force.
    book, root
        Where it is written down, and where counts are kept.
    now
        The moment as of which it judges, in seconds since 1970.
    since
        How far back the first run goes; None: to the first prediction.
    margin
        Seconds after which no row is still on its way.
    deliver
        Called with the connection of the transaction and the incidents that were opened.
    """
    make_folder(root)
    with locked(root / f"monitor-{reference.model}.lock"):
        return _run(source, reference, book, root, now or time.time(), since, margin, deliver)


def _run(
    source: Source,
    reference: Reference,
    book: Book,
    root: Path,
    now: float,
    since: float | None,
    margin: float,
    deliver: Callable[[Any, Sequence[Incident]], None] | None,
) -> Ran:
    before = recorded.runs(book, reference.model)
    first = source.begin()
    done = Ran(model=reference.model)
    if first is None:
        return done
    if since is not None and not before:
        first = max(first, int(since * MICROSECONDS))
    until = int((now - margin) * MICROSECONDS)
    received = before[-1].received_until if before else first
    labelled = before[-1].labelled_until if before else 0
    number = max(int(time.time() * MICROSECONDS), before[-1].number + 1 if before else 0)

    segments, there = segments_of(reference), source.columns()
    tally = count_rows(
        reference,
        source.rows(wanted_of_rows(reference, there), reference.version, received, max(until, received)),
        segments,
    )
    kept.keep(root, reference, number, kept.ROWS, tally)
    done.rows = tally.rows
    columns = wanted_of_truth(reference, there, segments)
    truths, arrivals = _truths(source, reference, columns, segments, labelled, until)
    kept.keep(root, reference, number, kept.TRUTHS, truths)
    done.labels = int(sum(one.losses[0] for one in arrivals.values()))

    run = Run(
        number=number,
        model=reference.model,
        release=reference.version,
        at=recorded.now(),
        received_until=max(until, received),
        labelled_until=max(until, labelled),
    )
    numbers = [*(one.number for one in before), number]
    counts = kept.counts(root, reference, numbers)
    expected = kept.expectations(root, reference, numbers)
    looking = Looking(source, reference, root, numbers, counts, now - margin)
    left = _judged(book, looking, expected, arrivals, tally.received, done)

    def then(connection: Any) -> None:
        if deliver is not None and done.opened:
            deliver(connection, done.opened)

    recorded.record_run(book, run, left, then)
    return done


def _truths(
    source: Source, reference: Reference, columns: list[str], segments: Sequence[str], since: int, until: int
) -> tuple[Tally, dict[float, Arrived]]:
    """What is now known of the truth of windows that new labels concern; and the new truths by the window of their evidence.

    That is the window in which they came to be known: when it happened, where a label says so, else when it arrived.
    """
    tally = Tally()
    found: dict[float, Arrived] = {}
    if until <= since:
        return tally, found
    for day in source.days_of_labels(since, until):
        for batch in source.labelled(columns, reference.version, day, until):
            rows = answered(reference, batch)
            places = np.flatnonzero(np.isfinite(rows.loss))
            if not len(places):
                continue
            rows = rows.take(places)
            for start, some in by_window(reference, rows):
                tally.add(start, EVERYONE, window.count(reference.profile.edges, reference.answers, _bare(some)))
                for segment, own in by_segment(some, segments):
                    tally.add(start, segment, window.count(reference.profile.edges, reference.answers, _bare(own)))
            arrival = moments_of(batch.column("hf_label_time"))[places]
            happened = moments_of(batch.column("hf_outcome_time"))[places]
            new = np.flatnonzero(arrival >= since / MICROSECONDS)
            starts = reference.windows.starts(np.where(np.isfinite(happened), happened, arrival)[new])
            for start in np.unique(starts).tolist():
                own = rows.take(new[starts == start])
                residual = own.truth - own.score if own.score.ndim == 1 else np.empty(0)
                more = Arrived(losses=_three(own.loss), residuals=_three(residual))
                found[start] = found.get(start, Arrived()) + more
    return tally, dict(sorted(found.items()))


def _three(values: Array) -> tuple[float, float, float]:
    n, total, squares = moments(values).tolist()
    return n, total, squares


def _bare(rows: AnsweredRows) -> AnsweredRows:
    """Rows without their inputs, which are counted elsewhere."""
    return AnsweredRows(
        inputs=pa.RecordBatch.from_pydict({}),
        time=rows.time,
        score=rows.score,
        decision=rows.decision,
        review=rows.review,
        truth=rows.truth,
        loss=rows.loss,
    )


def _judged(
    book: Book,
    looking: Looking,
    tables: Mapping[float, Expected],
    arrivals: Mapping[float, Arrived],
    newest: float,
    done: Ran,
) -> Kept:
    """Judge the windows that are due, in the order in which they became so."""
    reference, counts, until = looking.reference, looking.counts, looking.until
    known = recorded.windows(book, reference.model)
    found = {name: msgspec.convert(one, Incident) for name, one in recorded.incidents(book, reference.model).items()}
    stored, expected = recorded.watch_of(book, reference.model), usual(reference)
    state = begun(reference, expected) if stored is None else continued(stored[1], reference, expected)
    state = _with_arrivals(state, reference, arrivals)
    state = msgspec.structs.replace(state, received=max(newest, state.received))
    late = 0.0 if reference.settings.lateness is None else seconds(reference.settings.lateness)
    whole = {start: one for (start, segment), one in counts.items() if segment == EVERYONE}
    due = _due(reference, whole, known, state.received, until - late)
    # A window of inputs is due at its end; truths are evidence when the window has ended in which they came to be known.
    events = sorted(
        [(reference.windows.end(start) + late, 0, start) for start in due]
        + [(end, 1, start) for start in state.waiting if (end := reference.windows.end(start)) <= until]
    )
    windows: dict[int, dict[str, Any]] = {}
    for end, kind, start in events:
        if kind == 0:
            counted = whole.get(start) or window.nothing(reference.profile.edges, reference.answers)
            state, judgement = judge_window(state, reference, expected, start, counted)
            windows[round(start * MICROSECONDS)] = {"start": start, "end": end, "rows": counted.size, **judgement.told}
            done.judged.append(start)
        else:
            state, judgement = judge_arrivals(state, expected, start, state.waiting[start])
        found = _incidents(found, judgement, reference, end, done)
    if events:
        found = triaged(found, looking)
        done.opened = [found[one.id] for one in done.opened]
    # What is shown of a window is revised when labels come, or late rows; its alarms are not.
    for start, counted in whole.items():
        place = round(start * MICROSECONDS)
        if place in windows or place in known:
            revised = shown(reference, expected, start, counted, counts)
            if place in windows and start in tables:
                # What was expected before the truth came stays as it was said.
                figures_expected, unknown = estimates(reference, tables[start])
                revised |= {"estimates": figures_expected, "unknown": unknown}
            windows[place] = {**known.get(place, {}), **windows.get(place, {}), **revised, "release": reference.version}
    incidents = {name: plain(one) for name, one in found.items()}
    return Kept(watch=msgspec.msgpack.encode(state), windows=windows, incidents=incidents)


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
    starts = [start for start in whole if windows.end(start) <= until]
    if not starts:
        return []
    judged = {place / MICROSECONDS for place in known}
    newest, last = max(judged, default=-np.inf), max(starts)
    between = windows.between(min(starts), last)
    silent = windows.between(max(windows.end(last), windows.end(float(windows.starts(np.array([received]))[0]))), until)
    return [start for start in [*between, *silent] if newest < start and windows.end(start) <= until]


def _incidents(
    found: dict[str, Incident], judgement: Judgement, reference: Reference, end: float, done: Ran
) -> dict[str, Incident]:
    before = set(found)
    found = calmed(found, judgement.effects, judgement.back, end)
    found = taken_in(
        found,
        judgement.signs,
        model=reference.model,
        release=reference.version,
        end=end,
        width=reference.windows.width,
    )
    done.opened += [one for name, one in found.items() if name not in before]
    return found


def shown(
    reference: Reference,
    expected: Usual,
    start: float,
    counted: Counted,
    counts: Mapping[tuple[float, str], Counted],
) -> dict[str, Any]:
    """What is shown of a window: how far its signals are away, and its figures as far as the truth is known."""
    signals = {**volume_signal(counted), **input_signals(reference, counted), **answer_signals(reference, counted)}
    signals |= truth_signals(counted)
    segments = {
        segment: {"rows": one.size, "labelled": one.labelled, "figures": figures(reference, one)}
        for (place, segment), one in counts.items()
        if place == start and segment != EVERYONE
    }
    return {
        "rows": counted.size,
        "labelled": counted.labelled,
        "figures": figures(reference, counted),
        "effects": {
            key: one.value - expected.means[key]
            for key, one in signals.items()
            if key in expected.means and np.isfinite(one.value)
        },
        "segments": segments,
    }
