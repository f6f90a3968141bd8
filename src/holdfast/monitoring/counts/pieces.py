"""The Delta table in which counts are kept, beside the log: a file for each run, changed by one entry of its log at a time."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from holdfast.log.columns import DATE
from holdfast.log.disk import make_folder, sync, whole
from holdfast.log.lake import FOLDER
from holdfast.log.table import PROPERTIES, Added, ConflictError, File, Table
from holdfast.log.tail import LOG, entry, has_log, mend

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
        (DATE, pa.string()),
    ]
)

GROUP_ROWS = 16
"""Pieces that are read at once: about those of one window."""

MICROSECONDS = 1_000_000


def place_of(root: Path, model: str) -> Path:
    """Where the pieces of a model lie."""
    return root / FOLDER / model / "profiles"


def write(folder: Path, run: int, lines: Iterable[Mapping[str, Any]], *, instead_of: Sequence[File] = ()) -> bool:
    """Add pieces, or put them in the place of files, all or nothing; the disk has it when this returns.

    Parameters
    ----------
    folder
        Of the table.
    run
        That writes them.
    lines
        The pieces, at least one; those of a window are best found where they follow each other.
    instead_of
        Files of the table that have these pieces, too.

    Returns
    -------
    bool
        False if somebody else has changed the table in between, and nothing was put in the place of the files.
    """
    make_folder(folder)
    if has_log(folder):
        mend(folder)
    else:
        _create(folder)
    table, added = Table(folder), _written(folder, run, lines)
    while True:
        try:
            table.commit(add=[added], remove=instead_of, same_rows=bool(instead_of))
        except ConflictError:
            if instead_of:
                return False
        else:
            return True


def read(folder: Path, columns: Collection[str], wanted: Any) -> Iterator[Mapping[str, Any]]:
    """Pieces in the order of their runs; `wanted` is a condition as Arrow has it."""
    if not has_log(folder):
        return
    from deltalake import DeltaTable

    data = DeltaTable(folder).to_pyarrow_dataset()
    # Few threads: a file of pieces is small, and what they take of memory is more than it has.
    found = data.to_table(columns=list(dict.fromkeys(["run", *columns])), filter=wanted, use_threads=False)
    for batch in found.sort_by("run").to_batches(max_chunksize=64):
        yield from batch.to_pylist()


def files_of(folder: Path, runs: Collection[int]) -> list[File]:
    """Files with pieces of some runs that follow each other, and of no others."""
    if not has_log(folder):
        return []
    table = Table(folder)
    statistics = table.statistics
    if not {"min.run", "max.run"} <= set(statistics.column_names):
        return []
    own = pa.array(runs, pa.int64())
    inside = pc.and_(pc.is_in(statistics["min.run"], own), pc.is_in(statistics["max.run"], own))
    paths = set(statistics.filter(inside)["path"].to_pylist())
    return [file for file in table.files if file.path in paths]


def forget(folder: Path, hours: int) -> None:
    """Delete the files that the table had, and no reader is likely to read any more."""
    table = Table(folder)
    for path in table.removed(hours):
        (folder / path).unlink(missing_ok=True)
    table.shorten_log()


def _create(folder: Path) -> None:
    from deltalake import DeltaTable, Schema

    schema = Schema.from_arrow(SCHEMA)
    DeltaTable.create(folder, schema, mode="ignore", partition_by=[DATE], configuration=PROPERTIES)
    sync(entry(folder, 0), folder / LOG)


def _written(folder: Path, run: int, lines: Iterable[Mapping[str, Any]]) -> Added:
    """A file of pieces, of which no more are held at once than lie together in it."""
    date = datetime.fromtimestamp(run / MICROSECONDS, UTC).date().isoformat()
    path = f"{DATE}={date}/{run}-{secrets.token_hex(4)}.parquet"
    schema = SCHEMA.remove(SCHEMA.get_field_index(DATE))
    asked_by = [field.name for field in schema if field.type != pa.binary()]
    known, waiting = [], iter(lines)
    make_folder((folder / path).parent)
    with whole(folder / path) as unfinished, pq.ParquetWriter(unfinished, schema) as writer:
        while some := list(itertools.islice(waiting, GROUP_ROWS)):
            rows = pa.Table.from_pylist(some, schema=schema)
            writer.write_table(rows)
            known.append(rows.select(asked_by))
        writer.close()
    rows = pa.concat_tables(known)
    # Of each column that is asked by: one without a range is taken for one without values.
    ranges = {name: pc.min_max(rows[name]).as_py() for name in asked_by}
    told = {
        "numRecords": rows.num_rows,
        "minValues": {name: found["min"] for name, found in ranges.items()},
        "maxValues": {name: found["max"] for name, found in ranges.items()},
        "nullCount": {name: rows[name].null_count for name in asked_by},
    }
    return Added(path, (folder / path).stat().st_size, date, json.dumps(told))
