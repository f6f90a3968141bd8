"""Which ids clients have given in the last 24 hours: by them a retry is told from a second prediction.

An index over the lake, never ahead of it: what it says is in the table, and it can be made again from there. So nothing
depends on when it is written. It lies in a few sorted arrays, on the disk but for the newest rows, and is asked for many
rows at once: a tree of single entries would be written all over for each commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise, takewhile
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.log.disk import make_folder, whole
from holdfast.log.table import Table

FOLDER = "seen"
WINDOW_SECONDS = 86_400
COLUMNS = ["hf_id", "hf_given", "hf_time", "hf_release", "hf_route", "hf_inputs"]

MEMORY_ROWS = 200_000
MEMORY_COMMITS = 200
"""What is kept in memory until it is written: this many rows, or those of this many commits."""

LARGEST_ROWS = 8_000_000
"""Rows of an array that is not merged with others any more, which bounds the memory that merging takes."""

Integers: TypeAlias = NDArray[np.int64]


class Uses(NamedTuple):
    """Rows whose ids the clients gave: hash of (id, release, route), hash of the inputs, microseconds since 1970."""

    keys: Integers
    inputs: Integers
    times: Integers

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.keys)


class _Part(NamedTuple):
    """Uses in the order of their keys, from the commits `first` to `last`."""

    first: int
    last: int
    uses: Uses
    path: Path | None = None


class Seen:
    """The uses of ids in one table.

    Parameters
    ----------
    folder
        Where its arrays lie.
    keep
        Whether what it learns is kept there: by the committer, not by those who only read.
    """

    def __init__(self, folder: Path, *, keep: bool = True) -> None:
        self._folder = folder
        self._keep = keep
        self._parts = _stored(folder, keep=keep)

    @property
    def version(self) -> int:
        """The last commit of the table that it covers; -1 if none."""
        return self._parts[-1].last if self._parts else -1

    def follow(self, table: Table) -> None:
        """Take in what was committed to the table by others, or before a crash."""
        if self.version == table.version:
            return
        added = table.added_since(self.version) if 0 <= self.version < table.version else None
        if added is None:
            self._forget()
            files = table.files
            newest = max((np.datetime64(file.date, "us") for file in files), default=np.datetime64(0, "us"))
            day = str(np.datetime64(_since(int(newest.astype(np.int64))), "us"))[:10]
            paths = [file.path for file in files if file.date >= day]
            added = [(table.version, paths)]
        for version, paths in added:
            self.add(version, uses_in(table.path, paths))

    def add(self, version: int, uses: Uses) -> None:
        """Take in the rows of a commit."""
        first = self.version + 1
        self._parts.append(_Part(first, version, _ordered(uses)))
        young = [part for part in self._parts if part.path is None]
        if len(young) >= MEMORY_COMMITS or sum(part.uses.rows for part in young) >= MEMORY_ROWS:
            self.store()

    def judge(self, uses: Uses) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of these rows, in their order, are retries, and which use an id again for other inputs.

        Rows are compared with those in the table and with the earlier ones among themselves. A retry has the key and the
        inputs of a row at most 24 hours away.
        """
        retry, conflict = np.zeros(uses.rows, dtype=bool), np.zeros(uses.rows, dtype=bool)
        earlier = self._found(uses)
        _, inverse, counts = np.unique(uses.keys, return_inverse=True, return_counts=True)
        repeated = counts[inverse] > 1
        window = WINDOW_SECONDS * 1_000_000
        among: dict[int, list[tuple[int, int]]] = {}
        for i in sorted({*earlier, *np.flatnonzero(repeated).tolist()}):
            key, inputs, moment = int(uses.keys[i]), int(uses.inputs[i]), int(uses.times[i])
            known = [*earlier.get(i, ()), *among.get(key, ())]
            near = [before for before, when in known if abs(moment - when) <= window]
            retry[i] = inputs in near
            conflict[i] = bool(near) and not retry[i]
            if repeated[i] and not retry[i]:
                among.setdefault(key, []).append((inputs, moment))
        return retry, conflict

    def store(self) -> None:
        """Write what is only in memory; a full disk changes nothing but the time of the next start."""
        if not self._keep or not self._parts or self._parts[-1].path is not None:
            return
        since = _since(max((int(part.uses.times.max()) for part in self._parts if part.uses.rows), default=0))
        merging = [part for part in self._parts if part.path is None]
        kept = [part for part in self._parts if part.path is not None]
        rows = sum(part.uses.rows for part in merging)
        while kept and kept[-1].uses.rows <= 2 * rows and kept[-1].uses.rows + rows <= LARGEST_ROWS:
            merging.insert(0, kept.pop())
            rows += merging[0].uses.rows
        old = list(takewhile(lambda part: not (part.uses.times >= since).any(), kept))
        uses = _joined([part.uses for part in merging])
        recent = uses.times >= since
        uses = _ordered(Uses(*(column[recent] for column in uses)))
        part = _Part(merging[0].first, merging[-1].last, uses)
        path = self._folder / f"{part.first:020d}-{part.last:020d}.npy"
        try:
            make_folder(self._folder)
            with whole(path) as unfinished, unfinished.open("wb") as file:
                np.save(file, np.stack(uses))
        except OSError:
            return
        self._parts = [*kept[len(old) :], part._replace(path=path)]
        for gone in [*old, *merging]:
            if gone.path is not None and gone.path != path:
                gone.path.unlink(missing_ok=True)

    def _found(self, uses: Uses) -> dict[int, list[tuple[int, int]]]:
        """Inputs and times of the rows in the table that have the keys of these rows, by the position of the row."""
        found: dict[int, list[tuple[int, int]]] = {}
        for part in self._parts:
            low = np.searchsorted(part.uses.keys, uses.keys, side="left")
            high = np.searchsorted(part.uses.keys, uses.keys, side="right")
            for i in np.flatnonzero(high > low).tolist():
                hits = slice(low[i], high[i])
                pairs = zip(part.uses.inputs[hits].tolist(), part.uses.times[hits].tolist(), strict=True)
                found.setdefault(i, []).extend(pairs)
        return found

    def _forget(self) -> None:
        for part in self._parts:
            if part.path is not None and self._keep:
                part.path.unlink(missing_ok=True)
        self._parts = []


def recent_since() -> int:
    """From when on uses of an id matter to rows that come now, in microseconds since 1970."""
    return int(time.time() - WINDOW_SECONDS) * 1_000_000


def _since(newest: int) -> int:
    """The same where rows wait for long: what was answered days ago may be committed today, and its retry after it."""
    return min(recent_since(), newest - WINDOW_SECONDS * 1_000_000)


def uses_of(rows: pa.Table) -> tuple[Uses, Integers]:
    """The uses of ids in rows of predictions, and the positions of those rows."""
    if not {"hf_id", "hf_given"} <= set(rows.column_names):
        return NONE, np.zeros(0, dtype=np.int64)
    given = np.flatnonzero(pc.fill_null(rows.column("hf_given"), False).to_numpy())
    if not len(given):
        return NONE, given
    some = rows.select(COLUMNS).take(pa.array(given))
    parts = (some.column(name).cast(pa.string()) for name in ("hf_id", "hf_release", "hf_route"))
    told = pc.binary_join_element_wise(*parts, "\0", null_handling="replace").cast(pa.binary()).to_pylist()
    keys = b"".join([blake2b(key, digest_size=8).digest() for key in told])
    inputs, times = (_integers(some.column(name)) for name in ("hf_inputs", "hf_time"))
    return Uses(np.frombuffer(keys, dtype=np.int64), inputs, times), given


def uses_in(folder: Path, paths: Iterable[str]) -> Uses:
    """The uses of ids in files of a table."""
    found: list[Uses] = []
    for path in paths:
        with pq.ParquetFile(folder / path) as file:
            groups = (file.read_row_group(k, columns=COLUMNS) for k in range(file.num_row_groups))
            found.extend(uses_of(group)[0] for group in groups)
    return _joined(found)


NONE = Uses(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


def _integers(column: pa.ChunkedArray) -> Integers:
    numbers: Integers = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    return numbers


def _ordered(uses: Uses) -> Uses:
    order = np.argsort(uses.keys, kind="stable")
    return Uses(*(column[order] for column in uses))


def _joined(uses: Sequence[Uses]) -> Uses:
    return Uses(*map(np.concatenate, zip(NONE, *uses, strict=True)))


def _stored(folder: Path, *, keep: bool) -> list[_Part]:
    """What is on the disk; nothing if it has a gap or cannot be read, since all can be made again."""
    found: list[_Part] = []
    paths = sorted(folder.glob("[0-9]*.npy"), key=lambda path: (path.stem[:20], -int(path.stem[21:])))
    try:
        for path in paths:
            first, last = int(path.stem[:20]), int(path.stem[21:])
            if not found or last > found[-1].last:  # or else it was merged into the one before, and not removed yet
                found.append(_Part(first, last, Uses(*np.load(path, mmap_mode="r")), path))
        whole_sequence = all(part.first == before.last + 1 for before, part in pairwise(found))
    except (OSError, ValueError, TypeError):
        whole_sequence = False
    kept = {part.path for part in found if whole_sequence}
    for path in paths:
        if path not in kept and keep:
            path.unlink(missing_ok=True)
    return found if whole_sequence else []
