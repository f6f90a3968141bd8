"""Which files of a table are read: those that may have the rows that are asked for, or that came after a version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.log.frames import ARROW
from holdfast.log.table import Table


class Piece(NamedTuple):
    """A file of the lake: its path in the table's folder, its rows, their UTC day of receipt, whether all are asked for."""

    path: str
    rows: int
    date: str
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """Which rows are asked for.

    Attributes
    ----------
    since, until
        Received from this moment on, and before that one; microseconds since 1970.
    release
        Answers of this version.
    also
        A condition besides, as Arrow has it.
    """

    since: int | None = None
    until: int | None = None
    release: int | None = None
    also: Any = None

    def expression(self) -> Any:
        """As Arrow takes it; None for all rows."""
        terms = []
        if self.since is not None:
            terms.append(pc.field("hf_time") >= _time(self.since))
        if self.until is not None:
            terms.append(pc.field("hf_time") < _time(self.until))
        if self.release is not None:
            terms.append(pc.field("hf_release") == self.release)
        if self.also is not None:
            terms.append(self.also)
        found = None
        for term in terms:
            found = term if found is None else found & term
        return found

    def outside(self, statistics: pa.Table) -> pa.Array | None:
        """Which files have none of these rows, for certain; None if nothing is known."""
        ends = (
            ("max.hf_time", pc.less, self.since and _time(self.since)),
            ("min.hf_time", pc.greater_equal, self.until and _time(self.until)),
            ("max.hf_release", pc.less, self.release),
            ("min.hf_release", pc.greater, self.release),
        )
        without = None
        for name, beyond, end in ends:
            if end is not None and name in statistics.column_names:
                column = statistics.column(name)
                these = pc.fill_null(beyond(column, pa.scalar(end, type=column.type)), False)
                without = these if without is None else pc.or_(without, these)
        return without

    def inside(self, statistics: pa.Table) -> pa.Array:
        """Which files have none but these rows, for certain: they need not be held against the condition."""
        ends = (
            ("min.hf_time", pc.greater_equal, None if self.since is None else _time(self.since)),
            ("max.hf_time", pc.less, None if self.until is None else _time(self.until)),
            ("min.hf_release", pc.equal, self.release),
            ("max.hf_release", pc.equal, self.release),
        )
        known = pa.array(np.full(statistics.num_rows, self.also is None))
        for name, within, end in ends:
            if end is not None:
                nulls = f"null_count.{name.partition('.')[2]}"
                if not {name, nulls} <= set(statistics.column_names):
                    return pa.array(np.zeros(statistics.num_rows, bool))
                column = statistics.column(name)
                these = pc.and_(within(column, pa.scalar(end, type=column.type)), pc.equal(statistics.column(nulls), 0))
                known = pc.and_(known, pc.fill_null(these, False))
        return known


def pieces_since(table: Table | None, version: int) -> list[Piece] | None:
    """Files with rows that came after a version of a table (-1: all); None if that cannot be told any more."""
    if table is None:
        return [] if version < 0 else None
    if version < 0:
        return [Piece(file.path, file.rows, file.date) for file in table.files]
    added = table.added_since(version) if version <= table.version else None
    if added is None:
        return None
    # One that was put together with others since is still there, and has what it had.
    pieces = [Piece(path, 0, path.partition("/")[0].partition("=")[2]) for _, paths in added for path in paths]
    return pieces if all((table.path / piece.path).exists() for piece in pieces) else None


def _time(microseconds: int) -> Any:
    return pa.scalar(microseconds, type=ARROW["timestamp"])
