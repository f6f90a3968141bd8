"""What was counted, kept beside the log in pieces, which merge.

A piece belongs to a run. Pieces of a run that the book does not know were written before something went wrong: they are
passed over, and the next run writes them again.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from holdfast.estimation import tables
from holdfast.estimation.tables import Expected
from holdfast.monitoring.counts import pieces
from holdfast.monitoring.counts.counting import EVERYONE, Place, Tally
from holdfast.monitoring.reference import Reference
from holdfast.profile import codec, window
from holdfast.profile.table import Profile
from holdfast.profile.window import Counted

ROWS, TRUTHS = "rows", "truths"
"""Kinds of pieces: of rows, which add up; and of what is known of the truth of rows that were received on one day, of which
the last run's counts."""

COLUMNS = ("kind", "start", "segment", "day", "counts", "expected")
"""What is read of pieces where their profiles are not asked for."""

MICROSECONDS = 1e6


def keep(root: Path, reference: Reference, run: int, tally: Tally, truths: Mapping[int, Tally]) -> None:
    """Write what a run has counted: rows, and truths by the day of their rows. The disk has it when this returns."""
    lines = itertools.chain(
        _lines_of(reference, run, ROWS, tally, 0),
        *(_lines_of(reference, run, TRUTHS, one, day) for day, one in truths.items()),
    )
    if any(one.counts for one in (tally, *truths.values())):
        pieces.write(pieces.place_of(root, reference.model), run, lines)


def _lines_of(reference: Reference, run: int, kind: str, tally: Tally, day: int) -> Iterator[dict[str, Any]]:
    edges, answers = reference.profile.edges, reference.answers
    for (start, segment), counted in sorted(tally.counts.items()):
        yield {
            "run": run,
            "release": reference.version,
            "kind": kind,
            "start": round(start * MICROSECONDS),
            "segment": segment,
            "day": day,
            "rows": counted.size,
            "counts": window.to_bytes(edges, answers, [(start, counted)]),
            "profile": codec.to_bytes(tally.profiles[start]) if not segment and start in tally.profiles else None,
            "expected": tally.expected[start].to_bytes() if not segment and start in tally.expected else None,
        }


@dataclass(slots=True)
class Held:
    """What was counted of a release, up to some run.

    Attributes
    ----------
    counts
        By window and segment: rows as they came, and what is known of their truth.
    expected
        What is expected of the truth of each window.
    touched
        Beginnings of the windows to which the last run has added.
    days
        Of each window, the days of receipt of its rows with labels, as they are asked for.
    """

    counts: dict[Place, Counted] = field(default_factory=dict)
    expected: dict[float, Expected] = field(default_factory=dict)
    touched: set[float] = field(default_factory=set)
    days: dict[float, set[int]] = field(default_factory=dict)


def held(root: Path, reference: Reference, runs: Sequence[int], *, since: float = -np.inf) -> Held:
    """What runs have counted of a release.

    Parameters
    ----------
    since
        Of windows that began before only those are told to which the last run has added.
    """
    folder, counted = pieces.place_of(root, reference.model), pc.field("release") == reference.version
    counted &= pc.field("run").isin(list(runs))
    found = Held()
    if np.isfinite(since):
        newest = pieces.read(folder, ["start"], counted & (pc.field("run") == runs[-1]))
        touched = sorted({int(line["start"]) for line in newest})
        counted &= (pc.field("start") >= round(since * MICROSECONDS)) | pc.field("start").isin(touched)
    for found in _after_each(reference, runs, pieces.read(folder, COLUMNS, counted)):  # noqa: B007
        pass
    return found


def of_windows(root: Path, reference: Reference, runs: Collection[int], starts: Collection[float]) -> Held:
    """What runs have counted of some windows."""
    wanted = (pc.field("release") == reference.version) & pc.field("run").isin(list(runs))
    wanted &= pc.field("start").isin([round(start * MICROSECONDS) for start in starts])
    found = Held()
    lines = pieces.read(pieces.place_of(root, reference.model), COLUMNS, wanted)
    for found in _after_each(reference, list(runs), lines):  # noqa: B007
        pass
    return found


def by_run(root: Path, reference: Reference, runs: Sequence[int]) -> Iterator[Held]:
    """What had been counted of a release after each run: always the same object, which grows."""
    wanted = (pc.field("release") == reference.version) & pc.field("run").isin(list(runs))
    lines = pieces.read(pieces.place_of(root, reference.model), COLUMNS, wanted)
    yield from _after_each(reference, runs, lines)


def _after_each(reference: Reference, runs: Sequence[int], lines: Iterator[Mapping[str, Any]]) -> Iterator[Held]:
    by_number = itertools.groupby(lines, key=lambda line: int(line["run"]))
    due = next(by_number, None)
    rows: dict[Place, Counted] = {}
    truths: dict[Place, dict[int, Counted]] = {}
    found = Held()
    for run in sorted(runs):
        found.touched = set()
        if due is not None and due[0] == run:
            for line in due[1]:
                _add(reference, found, rows, truths, line)
            due = next(by_number, None)
        yield found


def _add(
    reference: Reference,
    found: Held,
    rows: dict[Place, Counted],
    truths: dict[Place, dict[int, Counted]],
    line: Mapping[str, Any],
) -> None:
    _, ((start, counted),) = window.from_bytes(reference.profile.edges, line["counts"], "the monitor's windows")
    place = (start, line["segment"])
    if line["kind"] == TRUTHS:
        truths.setdefault(place, {})[line["day"]] = counted
        found.days.setdefault(start, set()).add(line["day"])
    else:
        rows[place] = rows[place] + counted if place in rows else counted
    if place in rows:
        known = list(truths.get(place, {}).values())
        found.counts[place] = rows[place].with_truth_of(reduce(add, known)) if known else rows[place]
    if line["expected"] is not None:
        more = tables.from_bytes(line["expected"], "the monitor's windows")
        found.expected[start] = tables.added(found.expected[start], more) if start in found.expected else more
    found.touched.add(start)


def profiles(
    root: Path, reference: Reference, starts: Collection[float], runs: Collection[int]
) -> dict[float, Profile]:
    """The fine profiles of windows, of those that have one."""
    places = {round(start * MICROSECONDS): start for start in starts}
    wanted = (pc.field("release") == reference.version) & pc.field("run").isin(list(runs))
    wanted &= pc.field("start").isin(list(places)) & (pc.field("segment") == EVERYONE)
    found: dict[float, Profile] = {}
    for line in pieces.read(pieces.place_of(root, reference.model), ["start", "profile"], wanted):
        if line["profile"] is not None:
            start, part = places[line["start"]], codec.from_bytes(line["profile"], "the monitor's windows")
            found[start] = found[start] + part if start in found else part
    return found
