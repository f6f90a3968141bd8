"""What was counted, kept beside the log: a Delta table of pieces, which merge.

A piece belongs to a run. Pieces of a run that the book does not know were written before something went wrong: they are
passed over, and the next run writes them again.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.estimation import tables
from holdfast.estimation.tables import Expected
from holdfast.log.disk import make_folder, sync
from holdfast.log.lake import FOLDER
from holdfast.log.tail import has_log
from holdfast.monitoring.counting import Place, Tally
from holdfast.monitoring.reference import Reference
from holdfast.profile import codec, window
from holdfast.profile.table import Profile
from holdfast.profile.window import Counted

ROWS, TRUTHS = "rows", "truths"
"""Kinds of pieces: of rows, which add up; and of what is known of the truth of rows that were received on one day, of which
the last run's counts."""

SCHEMA = pa.schema(
    [
        ("run", pa.int64()),
        ("release", pa.int64()),
        ("kind", pa.string()),
        ("start", pa.int64()),
        ("segment", pa.string()),
        ("day", pa.int64()),
        ("rows", pa.int64()),
        ("counts", pa.binary()),
        ("profile", pa.binary()),
        ("expected", pa.binary()),
        ("hf_date", pa.string()),
    ]
)
MICROSECONDS = 1e6


def place_of(root: Path, model: str) -> Path:
    """Where the pieces of a model lie."""
    return root / FOLDER / model / "profiles"


def keep(root: Path, reference: Reference, run: int, tally: Tally, truths: Mapping[int, Tally]) -> None:
    """Write what a run has counted: rows, and truths by the day of their rows. The disk has it when this returns."""
    lines = _lines_of(reference, run, ROWS, tally, 0)
    for day, one in truths.items():
        lines += _lines_of(reference, run, TRUTHS, one, day)
    if not lines:
        return
    from deltalake import DeltaTable, write_deltalake

    folder = place_of(root, reference.model)
    make_folder(folder)
    before = {path for path in folder.rglob("*") if path.is_file()}
    write_deltalake(folder, pa.Table.from_pylist(lines, schema=SCHEMA), mode="append", partition_by=["hf_date"])
    if (DeltaTable(folder).version() + 1) % 20 == 0:
        DeltaTable(folder).create_checkpoint()
    added = [path for path in folder.rglob("*") if path.is_file() and path not in before]
    sync(*added, *{path.parent for path in added}, folder)


def _lines_of(reference: Reference, run: int, kind: str, tally: Tally, day: int) -> list[dict[str, Any]]:
    edges, answers = reference.profile.edges, reference.answers
    return [
        {
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
            "hf_date": datetime.fromtimestamp(start, UTC).date().isoformat(),
        }
        for (start, segment), counted in sorted(tally.counts.items())
    ]


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
    """

    counts: dict[Place, Counted] = field(default_factory=dict)
    expected: dict[float, Expected] = field(default_factory=dict)
    touched: set[float] = field(default_factory=set)


def held(root: Path, reference: Reference, runs: Sequence[int]) -> Held:
    """What runs have counted of a release."""
    found = Held()
    for found in by_run(root, reference, runs):  # noqa: B007
        pass
    return found


def by_run(root: Path, reference: Reference, runs: Sequence[int]) -> Iterator[Held]:
    """What had been counted of a release after each run: always the same object, which grows."""
    columns = ["kind", "start", "segment", "day", "counts", "expected"]
    lines = _lines(root, reference.model, columns, release=reference.version, runs=runs)
    pieces = itertools.groupby(lines, key=lambda line: int(line["run"]))
    due = next(pieces, None)
    rows: dict[Place, Counted] = {}
    truths: dict[Place, dict[int, Counted]] = {}
    found = Held()
    for run in sorted(runs):
        found.touched = set()
        if due is not None and due[0] == run:
            for line in due[1]:
                _add(reference, found, rows, truths, line)
            due = next(pieces, None)
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
    else:
        rows[place] = rows[place] + counted if place in rows else counted
    if place in rows:
        known = list(truths.get(place, {}).values())
        found.counts[place] = rows[place].with_truth_of(reduce(add, known)) if known else rows[place]
    if line["expected"] is not None:
        more = tables.from_bytes(line["expected"], "the monitor's windows")
        found.expected[start] = tables.added(found.expected[start], more) if start in found.expected else more
    found.touched.add(start)


def profile(root: Path, reference: Reference, start: float, runs: Collection[int]) -> Profile | None:
    """The fine profile of a window."""
    found: Profile | None = None
    lines = _lines(
        root,
        reference.model,
        ["kind", "segment", "profile"],
        release=reference.version,
        runs=runs,
        start=round(start * MICROSECONDS),
    )
    for line in lines:
        if line["kind"] == ROWS and not line["segment"] and line["profile"] is not None:
            part = codec.from_bytes(line["profile"], "the monitor's windows")
            found = part if found is None else found + part
    return found


def _lines(
    root: Path, model: str, columns: Collection[str], *, release: int, runs: Collection[int], start: int | None = None
) -> Iterator[Mapping[str, Any]]:
    """Pieces in the order of their runs."""
    folder = place_of(root, model)
    if not has_log(folder):
        return
    import pyarrow.compute as pc
    from deltalake import DeltaTable

    wanted = (pc.field("release") == release) & pc.field("run").isin(list(runs))
    if start is not None:
        wanted &= pc.field("start") == start
    data = DeltaTable(folder).to_pyarrow_dataset()
    found = data.to_table(columns=["run", *columns], filter=wanted).sort_by("run")
    for batch in found.to_batches(max_chunksize=64):
        yield from batch.to_pylist()
