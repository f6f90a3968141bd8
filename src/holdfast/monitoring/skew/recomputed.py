"""Features as they were served beside the same features made again offline, joined row by row by their ids.

The table that was made again is taken a part at a time, and what was served is read along each part, so that memory holds
one part and one batch, whatever the sizes of the two.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.log.ids import milliseconds
from holdfast.monitoring.counts.reading import seconds_of
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.skew.differing import Differing, Tolerance, differing
from holdfast.monitoring.sources.source import DAY, ULID, Source
from holdfast.profile.hashing import cell_hashes
from holdfast.tables import Table
from holdfast.windows import Windows

Hashes: TypeAlias = NDArray[np.uint64]

TOGETHER_CELLS, FEWEST_ROWS = 10_000_000, 100_000
"""Cells of the table that was made again that are held at once; but so many rows, since the log is read along each part."""

BATCH_ROWS = 50_000

SHOWN_ROWS = 20


@dataclass(slots=True)
class Differences:
    """What differs in one column, added up over rows.

    Attributes
    ----------
    rows
        Rows that were compared.
    values, only_served, only_recomputed
        Those with another value, and those where only one side has one.
    sizes
        Number, sum, sum of the absolute values and largest absolute value of the differences of numbers and times.
    windows
        Rows and differing rows by the beginning of the window in which they were received.
    worst
        The rows that differ most: size, time and id.
    """

    rows: int = 0
    values: int = 0
    only_served: int = 0
    only_recomputed: int = 0
    sizes: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    windows: dict[float, NDArray[np.int64]] = field(default_factory=dict)
    worst: list[tuple[float, float, str]] = field(default_factory=list)

    def add(self, found: Differing, starts: NDArray[np.float64], when: NDArray[np.float64], ids: pa.Array) -> None:
        """More rows, with the beginnings of their windows, their times and ids."""
        differs = found.any
        self.rows += len(differs)
        self.values += int(found.values.sum())
        self.only_served += int(found.only_served.sum())
        self.only_recomputed += int(found.only_recomputed.sum())
        known = found.difference[np.isfinite(found.difference)]
        if len(known):
            size = np.abs(known)
            self.sizes[:3] += len(known), known.sum(), size.sum()
            self.sizes[3] = max(self.sizes[3], size.max())
        for start in np.unique(starts[np.isfinite(starts)]).tolist():
            own = starts == start
            counts = np.array([np.count_nonzero(own), np.count_nonzero(own & differs)])
            self.windows[start] = self.windows[start] + counts if start in self.windows else counts
        places = np.flatnonzero(differs)
        size = np.nan_to_num(np.abs(found.difference[places]), nan=0.0)
        chosen = places[np.argsort(-size, kind="stable")[:SHOWN_ROWS]]
        rows = zip(
            np.nan_to_num(np.abs(found.difference[chosen]), nan=0.0).tolist(),
            when[chosen].tolist(),
            ids.take(pa.array(chosen)).to_pylist(),
            strict=True,
        )
        self.worst = heapq.nlargest(SHOWN_ROWS, [*self.worst, *rows])


@dataclass(slots=True)
class Joined:
    """What a comparison of two tables of features added up.

    Attributes
    ----------
    columns
        By the name of the column.
    ids
        Different ids of the table that was made again.
    served
        Rows that were served, and have a counterpart.
    unmatched, repeated
        Ids that were not served in that time, and rows without an id, or whose id had come before.
    """

    columns: dict[str, Differences]
    ids: int = 0
    served: int = 0
    unmatched: int = 0
    repeated: int = 0


def joined(
    source: Source,
    reference: Reference,
    table: Table,
    keys: tuple[str, str],
    columns: Mapping[str, tuple[str, str]],
    *,
    since: int,
    until: int,
    tolerance: Tolerance,
) -> Joined:
    """Compare what was served with what was made again.

    Parameters
    ----------
    source, reference
        What was served, and the release that answered.
    table
        What was made again.
    keys
        The columns of the ids: of what was served, and of the table.
    columns
        What is compared, by the name of the column: what it is called where it was served, and in the table.
    since, until
        Only what was received in this time, in microseconds since 1970.
    tolerance
        Of numbers.
    """
    found = Joined(columns={name: Differences() for name in columns})
    seen = np.zeros(0, np.uint64)
    wanted = list(dict.fromkeys(["hf_id", "hf_time", keys[0], *(served for served, _ in columns.values())]))
    windows = reference.windows
    cut = windows if isinstance(windows, Windows) else Windows(zone=windows.zone)
    for part in _parts(table, [keys[1], *(again for _, again in columns.values())]):
        ids = _texts(part.column(keys[1]).combine_chunks())
        hashes, first = np.unique(cell_hashes(ids), return_index=True)
        new = np.asarray(ids.is_valid())[first] & ~np.isin(hashes, seen)
        held = _Held(ids=ids.take(pa.array(first[new])), hashes=hashes[new], places=first[new])
        seen = np.concatenate([seen, held.hashes])
        found.ids += len(held.ids)
        found.repeated += len(ids) - len(held.ids)
        found.unmatched += len(held.ids)
        matched = np.zeros(len(held.ids), bool)
        for batch in source.rows(wanted, reference.version, *_when(held.ids, keys[0], since, until)):
            ours, theirs = _pairs(_texts(batch.column(keys[0])), held)
            if len(ours):
                matched[theirs] = True
                served, again = batch.take(pa.array(ours)), part.take(pa.array(held.places[theirs]))
                _add(found, served, again, columns, cut, tolerance, table.name)
        found.unmatched -= int(matched.sum())
    return found


class _Held(NamedTuple):
    """Ids of a part: themselves, their hashes, rising, and the rows that they are of."""

    ids: pa.Array
    hashes: Hashes
    places: NDArray[np.intp]


def _add(
    found: Joined,
    served: pa.RecordBatch,
    again: pa.Table,
    columns: Mapping[str, tuple[str, str]],
    cut: Windows,
    tolerance: Tolerance,
    table: str,
) -> None:
    """Compare rows that belong together."""
    found.served += served.num_rows
    when = seconds_of(served.column("hf_time"))
    starts = cut.starts(when)
    for name, (own, other) in columns.items():
        ours, theirs = served.column(own), again.column(other).combine_chunks()
        try:
            one = differing(ours, theirs, tolerance)
        except (InputError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise InputError(
                f"Column {other!r} of {table} cannot be read as {name!r} was served, as {ours.type}; it is {theirs.type}. "
                "Give it the type of the history."
            ) from None
        found.columns[name].add(one, starts, when, served.column("hf_id"))


def _parts(table: Table, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The table in parts that are held one at a time."""
    columns = list(dict.fromkeys(columns))
    most = max(FEWEST_ROWS, TOGETHER_CELLS // len(columns))
    held: list[pa.RecordBatch] = []
    for batch in table.batches(columns, batch_rows=min(BATCH_ROWS, most)):
        if held and sum(one.num_rows for one in held) + batch.num_rows > most:
            yield _emptied(held)
        held.append(batch)
    if held:
        yield _emptied(held)


def _emptied(held: list[pa.RecordBatch]) -> pa.Table:
    """What was held, which is then held no more."""
    table = pa.Table.from_batches(held)
    held.clear()
    return table.combine_chunks()


def _texts(column: pa.Array) -> pa.Array:
    """Ids as texts."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def _pairs(asked: pa.Array, held: _Held) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of the ids on both sides that are the same."""
    if not len(held.hashes):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    own = cell_hashes(asked)
    theirs = np.minimum(np.searchsorted(held.hashes, own), len(held.hashes) - 1)
    ours = np.flatnonzero(held.hashes[theirs] == own)
    # Two ids of one hash are hardly ever met, and would compare strangers.
    same = pc.equal(asked.take(pa.array(ours)), held.ids.take(pa.array(theirs[ours])))
    ours = ours[np.asarray(pc.fill_null(same, False))]
    return ours, theirs[ours]


def _when(names: pa.Array, key: str, since: int, until: int) -> tuple[int, int]:
    """From when to when rows of these ids were served: ids of ours tell it to the day."""
    if key != "hf_id" or not len(names) or not pc.all(pc.match_substring_regex(names, ULID)).as_py():
        return since, until
    ends = [(milliseconds(one) or 0) * 1_000 for one in pc.min_max(names).as_py().values()]
    return max(since, ends[0] // DAY * DAY), min(until, (ends[1] // DAY + 2) * DAY)
