"""One table as the committer writes it: frames become rows, retries are dropped, and a commit says what became of them.

What a commit says is the truth: with which frame of each writer it ends, and what became of their rows. It is all or
nothing, and everything else follows from it. A crash before it leaves files that no entry names, which are written again
under the same names; a crash after it leaves frames that the table already has, which are only removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import LogError
from holdfast.log import batch
from holdfast.log.batch import Item, Refused
from holdfast.log.columns import CONFLICT, DATE
from holdfast.log.frames import Layout
from holdfast.log.lake import Key, folder
from holdfast.log.parquet import write
from holdfast.log.physical import Place, placed
from holdfast.log.seen import FOLDER as SEEN
from holdfast.log.seen import Seen, Uses, uses_of
from holdfast.log.state import denied
from holdfast.log.table import ConflictError, Table, create
from holdfast.log.tail import has_log, mend

REFUSED = Path("spool", "refused")

ATTEMPTS = 5
"""To commit, when other hosts commit to the same table."""


class Done(msgspec.Struct, kw_only=True):
    """What was done.

    Attributes
    ----------
    commits, frames
        Commits, and frames that they took.
    rows, duplicates, conflicts, refused
        Rows that are now in the lake, retries that were dropped, rows whose id had been used with other inputs (they are
        in the lake), and rows that could not be written.
    problems
        What stands in the way, or was found damaged.
    """

    commits: int = 0
    frames: int = 0
    rows: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0
    problems: list[str] = []

    def add(self, other: Done) -> None:
        """Count in what was done besides."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Destination:
    """A table that frames are committed to; opened, and made if it is not there, at the first commit.

    Hold `lake.changing` around all of it.

    Parameters
    ----------
    root
        The folder of spools and lake.
    key
        The table.
    """

    def __init__(self, root: Path, key: Key) -> None:
        self._root, self._key = root, key
        self._table: Table | None = None
        self._seen = Seen(root / SEEN / key[0]) if key[1] == "predictions" else None

    def commit(self, items: Sequence[Item]) -> Done:
        """Commit what the table does not have of these frames; when this returns they may be removed.

        Raises
        ------
        LogError
            It cannot be written, or is not known to be: try again, with a new `Destination`.
        """
        for _ in range(ATTEMPTS):
            table, mended = self._ready(items[0].frame.layout)
            ends = {writer: table.transaction(writer) for writer in {item.writer for item in items}}
            fresh = [item for item in items if item.frame.seq > ends[item.writer]]
            if not fresh:
                return Done(problems=mended)
            try:
                done = self._commit(table, fresh)
            except ConflictError:
                continue
            done.problems += mended
            return done
        raise LogError(f"The table of {self._key[0]} is being written by others all the time; it is tried again.")

    def close(self) -> None:
        """Keep the index of ids for the next start."""
        if self._seen is not None:
            self._seen.store()

    def _ready(self, layout: Layout) -> tuple[Table, list[str]]:
        """The table as it is now, and what had to be mended."""
        if self._table is not None:
            self._table.refresh()
            return self._table, []
        path = folder(self._root, *self._key)
        mended = mend(path)
        self._table = Table(path) if has_log(path) else create(path, self._key[1], layout.columns)
        return self._table, mended

    def _commit(self, table: Table, items: Sequence[Item]) -> Done:
        parts, refused = batch.read(items)
        mapping = columns_for(table, [layout for layout, _ in parts])
        rows = batch.aligned(parts, mapping, table.arrow)
        rows, forgotten = without_denied(rows, denied(self._root, self._key[0]), items)
        refused += forgotten
        rows, retries, conflicts, uses = self._judged(table, rows)
        batch.keep(self._root / REFUSED, refused)
        name = file_name(items)
        added = [write(table.path, day, name, [part], table.arrow) for day, part in by_day(rows)]
        counts: dict[str, Counter[str]] = {
            "committed": _by_writer(rows),
            "duplicates": _by_writer(retries),
            "conflicts": _by_writer(conflicts),
            "refused": Counter(),
        }
        for one in refused:
            counts["refused"][one.writer] += one.count
        table.commit(add=added, transactions=recorded(table, items, counts))
        if self._seen is not None:
            self._seen.add(table.version, uses)
        return Done(
            commits=1,
            frames=len(items),
            rows=rows.num_rows,
            duplicates=retries.num_rows,
            conflicts=conflicts.num_rows,
            refused=counts["refused"].total(),
        )

    def _judged(self, table: Table, rows: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table, Uses]:
        """The rows without retries, the retries, the rows in conflict, and the uses of ids that are new."""
        uses, positions = uses_of(rows)
        if self._seen is None:
            return rows, rows.slice(0, 0), rows.slice(0, 0), uses
        self._seen.follow(table)
        retry, conflict = self._seen.judge(uses)
        retries, conflicts = np.zeros((2, rows.num_rows), dtype=bool)
        retries[positions[retry]] = True
        conflicts[positions[conflict]] = True
        rows = rows.set_column(rows.column_names.index(CONFLICT), CONFLICT, pa.array(conflicts))
        kept = rows.filter(pa.array(~retries)) if retries.any() else rows
        return kept, rows.filter(pa.array(retries)), rows.filter(pa.array(conflicts)), Uses(*(c[~retry] for c in uses))


def columns_for(table: Table, layouts: Iterable[Layout]) -> dict[Layout, list[Place]]:
    """Where the columns of the layouts lie in the table, which gets those that it does not have."""
    mapping, known, new = {}, table.places, []
    for layout in layouts:
        mapping[layout], missing = placed(known, layout.columns)
        known = [*known, *missing]
        new += missing
    if new:
        table.add_columns(new)
    return mapping


def without_denied(rows: pa.Table, ids: frozenset[str], items: Sequence[Item]) -> tuple[pa.Table, list[Refused]]:
    """The rows without those of persons who asked to be forgotten; of these nothing is kept but that there were some."""
    if not ids:
        return rows, []
    of_them = pc.is_in(rows.column("hf_id"), value_set=pa.array(sorted(ids), type=pa.string()))
    gone = rows.filter(of_them).select(["hf_writer", "hf_seq", "hf_row"]).to_pylist()
    frames = {(item.writer, item.frame.seq): item.frame for item in items}
    refused = [
        Refused(
            writer=row["hf_writer"],
            seq=row["hf_seq"],
            layout=frames[row["hf_writer"], row["hf_seq"]].layout,
            received=frames[row["hf_writer"], row["hf_seq"]].received,
            reason="its id was erased",
            rows=(row["hf_row"],),
            count=1,
        )
        for row in gone
    ]
    return rows.filter(pc.invert(of_them)), refused


def by_day(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each UTC day of receipt."""
    days = sorted(pc.unique(rows.column(DATE)).to_pylist())
    for day in days:
        yield day, rows if len(days) == 1 else rows.filter(pc.equal(rows.column(DATE), day))


def file_name(items: Sequence[Item]) -> str:
    """What the file of these frames is called: the same when they are committed again after a crash."""
    ranges: dict[str, tuple[int, int]] = {}
    for item in items:
        first, last = ranges.get(item.writer, (item.frame.seq, item.frame.seq))
        ranges[item.writer] = min(first, item.frame.seq), max(last, item.frame.seq)
    told = ";".join(f"{writer}:{first}-{last}" for writer, (first, last) in sorted(ranges.items()))
    return f"rows-{sha256(told.encode()).hexdigest()[:32]}"


def recorded(table: Table, items: Sequence[Item], counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """What a commit records: the last frame of each writer, and what has become of its rows so far."""
    versions: dict[str, int] = {}
    for item in items:
        versions[item.writer] = max(item.frame.seq, versions.get(item.writer, 0))
    for name, by_writer in counts.items():
        for writer, count in by_writer.items():
            application = f"{writer}/{name}"
            versions[application] = table.transaction(application) + count
    return versions


def _by_writer(rows: pa.Table) -> Counter[str]:
    counted = pc.value_counts(rows.column("hf_writer")).to_pylist()
    return Counter({count["values"]: count["counts"] for count in counted})
