"""One run of the monitor over one model: read what is new, count it, judge the windows that are due, write it all down.

A run is recorded in one transaction with everything that it found. What it has counted is written before; if the run ends
midway, nobody asks for that, and the next run counts again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Run
from holdfast.book.opening import Book
from holdfast.durations import seconds
from holdfast.incident import Incident
from holdfast.log.disk import locked, make_folder
from holdfast.monitoring.counts import kept
from holdfast.monitoring.counts.compacting import compact
from holdfast.monitoring.counts.counting import Tally, count_rows
from holdfast.monitoring.counts.cutting import begun_again, cut, cuts_of, recut
from holdfast.monitoring.counts.kept import Held
from holdfast.monitoring.counts.reading import wanted_of_rows
from holdfast.monitoring.counts.truths import Truths, count_truths
from holdfast.monitoring.former import count_former
from holdfast.monitoring.incidents.looking import Looking, most_windows
from holdfast.monitoring.judging import usual
from holdfast.monitoring.labelled.ranges import rolled_since
from holdfast.monitoring.outcome import Before, Evidence, outcome
from holdfast.monitoring.reference import Reference, References, segments_of
from holdfast.monitoring.sources.source import MARGIN_SECONDS, MICROSECONDS, Source

Array: TypeAlias = NDArray[np.float64]
Then: TypeAlias = Callable[[Connection, Mapping[str, Incident]], None]


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
    waiting
        Of a run that read nothing anew: predictions that are too new to be read, which the next one reads.
    opened
        Incidents that were opened.
    """

    model: str
    judged: list[float] = field(default_factory=list)
    rows: int = 0
    labels: int = 0
    waiting: int = 0
    opened: list[Incident] = field(default_factory=list)


def run(
    source: Source,
    reference: Reference,
    book: Book,
    root: Path,
    *,
    references: References | None = None,
    now: float | None = None,
    since: float | None = None,
    margin: float = MARGIN_SECONDS,
    then: Then | None = None,
    skew: Mapping[str, str] | None = None,
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
    references
        Of releases before, by their versions; None: what is shown of their windows is not revised when labels come.
    now
        The moment as of which it judges, in seconds since 1970.
    since
        How far back the first run goes; None: to the first prediction.
    margin
        Seconds after which no row is still on its way.
    then
        Called with the connection of the transaction and all incidents of the model.
    skew
        What is told of columns that were not served with what is made again.
    """
    make_folder(root)
    with locked(root / f"monitor-{reference.model}.lock"):
        while True:
            # On another machine another one may have been quicker: what it has done is then gone on from.
            done = _run(source, reference, book, root, references, now or time.time(), since, margin, then, skew or {})
            if done is not None:
                return done


def _run(
    source: Source,
    reference: Reference,
    book: Book,
    root: Path,
    references: References | None,
    now: float,
    since: float | None,
    margin: float,
    then: Then | None,
    skew: Mapping[str, str],
) -> Ran | None:
    before = recorded.runs(book, reference.model)
    first = source.begin()
    done = Ran(model=reference.model)
    if first is None:
        return done
    if since is not None and not before:
        first = max(first, _begun(reference, int(since * MICROSECONDS)))
    until = int((now - margin) * MICROSECONDS)
    received = before[-1].received_until if before else first
    labelled = before[-1].labelled_until if before else 0
    newest = before[-1].number if before else 0
    number = max(int(time.time() * MICROSECONDS), newest + 1)
    numbers, left = [*(one.number for one in before), number], left_before(book, reference.model)

    segments, there = segments_of(reference), source.columns()
    there_until = max(source.received(until), received)
    cuts, again = cuts_of(before), None
    if before and before[-1].release != reference.version:
        again = begun_again(cuts, (one["end"] for one in left.windows.values()))
        received = max(first, _begun(recut(reference, [*cuts, again]), received))
    reference, newly_cut = cut(source, reference, cuts, again, since=received, there_until=there_until, until=until)
    columns = wanted_of_rows(reference, there)
    read: list[tuple[list[int], Truths]] = []

    def rows() -> Iterator[pa.RecordBatch]:
        yield from source.rows(columns, reference.version, received, there_until)
        # Threads still count the last of them.
        days = source.days_of_labels(labelled, until) if until > labelled else []
        read.append((days, count_truths(source, reference, days, labelled, until)))

    with ThreadPoolExecutor(1) as beside:
        beside.submit(usual, reference)  # what judging begins with is ready when the rows are counted
        tally = count_rows(reference, rows(), segments)
    done.rows = tally.rows
    if margin and not done.rows:
        end = int(now * MICROSECONDS) + 1
        done.waiting = sum(map(len, source.moments(reference.version, there_until, end)))
    ((days, (truths, arrivals)),) = read
    kept.keep(root, reference, number, tally, truths)
    done.labels = int(sum(one.losses[0] for one in arrivals.values()))

    former: list[tuple[Reference, Held]] = []
    if references is not None:
        counting = count_former(
            source,
            references,
            root,
            before,
            left.windows,
            cuts if again is None else [*cuts, again],
            release=reference.version,
            number=number,
            days=days,
            until=until,
        )
        former = list(counting)
    evidence = Evidence(until=now - margin, received=tally.received, arrivals=arrivals, cuts=newly_cut, skew=dict(skew))
    held = kept.held(root, reference, numbers, since=_asked_for(reference, left, tally, truths))
    looking = Looking(source, reference, root, numbers, held.counts, evidence.until, left.windows)
    found = outcome(left, looking, held, evidence, former)

    run = Run(
        number=number,
        model=reference.model,
        release=reference.version,
        at=datetime.fromtimestamp(now, UTC),
        received_until=there_until,
        labelled_until=max(until, labelled),
        evidence=msgspec.msgpack.encode(msgspec.structs.replace(evidence, quiet=found.quiet)),
    )

    def also(connection: Connection) -> None:
        if then is not None:
            then(connection, found.incidents)

    if not recorded.record_run(book, run, found.left, after=newest, then=also):
        return None
    compact(root, reference, [*before, run])
    done.judged = found.judged
    done.opened = [found.incidents[name] for name in found.opened]
    return done


def _asked_for(reference: Reference, left: Before, tally: Tally, truths: Mapping[int, Tally]) -> float:
    """Since when counts of windows are asked for: those that are looked at again, and those that were not judged.

    Besides, where figures roll, those that are added to what the run has counted.
    """
    filled = [place / MICROSECONDS for place, one in sorted(left.windows.items()) if one["rows"]]
    most = most_windows(reference)
    since = filled[-most] if len(filled) >= most else -np.inf
    if reference.settings.rolling is None:
        return since
    touched = [start for one in (tally, *truths.values()) for start, _ in one.counts]
    return rolled_since(reference, min([since, *touched]))


def left_before(book: Book, model: str) -> Before:
    """What the runs so far have left."""
    watch = recorded.watch_of(book, model)
    return Before(
        watch=None if watch is None else watch[1],
        windows=recorded.windows(book, model),
        incidents=recorded.incidents(book, model),
    )


def _begun(reference: Reference, received: int) -> int:
    """When the oldest window began that was not judged by then: its rows are counted from the first on."""
    late = 0.0 if reference.settings.lateness is None else seconds(reference.settings.lateness)
    moment = max(received / MICROSECONDS - late, reference.windows.first)
    (start,) = reference.windows.starts(np.array([moment])).tolist()
    return round(start * MICROSECONDS) if np.isfinite(start) else received
