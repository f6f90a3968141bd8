"""Files of the lake: compressed, in encodings that every reader knows, on the disk before they count."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from holdfast.errors import LogError
from holdfast.log.columns import DATE
from holdfast.log.disk import make_folder, whole
from holdfast.log.table import Added

GROUP_ROWS = 131_072
"""Rows of a row group: what a reader's thread takes at once."""

SKIPPED_BY = ("hf_time", "hf_event_time", "hf_outcome_time", "hf_release", "hf_seq")
"""Columns whose least and greatest values the log gets. Never identifiers: those would outlive the rows of an erased person."""

PLAIN = frozenset({"hf_id"})
"""Strings that hardly repeat."""


def write(table: Path, date: str, name: str, parts: Iterable[pa.Table], schema: pa.Schema) -> Added:
    """Write rows of one day as a file of a table.

    Parameters
    ----------
    table
        The table's folder.
    date, name
        UTC day of the rows, and what the file is called; a file of this name is replaced.
    parts
        The rows.
    schema
        All columns of the table; that of the day is left out, since the folder says it.

    Raises
    ------
    LogError
        It cannot be written.
    """
    if DATE in schema.names:
        schema = schema.remove(schema.get_field_index(DATE))
    path = f"{DATE}={date}/{name}.parquet"
    stats = _Stats(schema)
    try:
        make_folder((table / path).parent)
        with whole(table / path) as unfinished, pq.ParquetWriter(unfinished, schema, **_encoding(schema)) as writer:
            for part in _in_groups(parts):
                aligned = part.select(schema.names)
                stats.add(aligned)
                writer.write_table(aligned, row_group_size=GROUP_ROWS)
            writer.close()
        size = (table / path).stat().st_size
    except OSError as error:
        raise LogError(f"The lake cannot be written in {table}: {error.strerror or error}.") from None
    return Added(path, size, date, stats.json())


def _in_groups(parts: Iterable[pa.Table]) -> Iterable[pa.Table]:
    """The parts, put together to as many rows as a row group has."""
    waiting: list[pa.Table] = []
    for part in parts:
        waiting.append(part)
        if sum(table.num_rows for table in waiting) >= GROUP_ROWS:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _encoding(schema: pa.Schema) -> dict[str, Any]:
    repeating = [field.name for field in schema if pa.types.is_string(field.type) and field.name not in PLAIN]
    # Floats split by byte would be read a third faster; Spark's usual reader does not know them.
    return {
        "compression": "zstd",
        "use_dictionary": repeating,
        "write_page_checksum": True,
    }


class _Stats:
    """What Delta keeps of a file: rows, and of few columns the range and the count of nulls."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [name for name in SKIPPED_BY if name in schema.names]
        self._rows = 0
        self._nulls = dict.fromkeys(self._columns, 0)
        self._ranges: dict[str, tuple[Any, Any]] = {}

    def add(self, table: pa.Table) -> None:
        self._rows += table.num_rows
        for name in self._columns:
            column = table.column(name)
            if pa.types.is_timestamp(column.type):
                column = column.cast(pa.int64())
            self._nulls[name] += column.null_count
            found = pc.min_max(column)
            low, high = found["min"].as_py(), found["max"].as_py()
            if low is not None:
                before = self._ranges.get(name, (low, high))
                self._ranges[name] = min(low, before[0]), max(high, before[1])

    def json(self) -> str:
        written = {
            name: tuple(value if name in {"hf_release", "hf_seq"} else _moment(value) for value in found)
            for name, found in self._ranges.items()
        }
        return json.dumps(
            {
                "numRecords": self._rows,
                "minValues": {name: low for name, (low, _) in written.items()},
                "maxValues": {name: high for name, (_, high) in written.items()},
                "nullCount": self._nulls,
            }
        )


def _moment(microseconds: int) -> str:
    """Microseconds since 1970 as Delta writes a time; years beyond 9999 have no such form, and say nothing.

    >>> _moment(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    import numpy as np

    return f"{np.datetime64(microseconds, 'us')}Z"
