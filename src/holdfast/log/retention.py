"""Keeping the lake tidy: small files become large ones, old days go, and what no table names any more is deleted.

Each step can be cut off anywhere and done again. A table has the old files or the new ones, never both; files are deleted
when they have been out of the table for a day, so that a reader that began before can end.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from holdfast.errors import LogError
from holdfast.log.columns import DATE
from holdfast.log.frames import Kind
from holdfast.log.lake import changing, folder, tables
from holdfast.log.parquet import write
from holdfast.log.table import ConflictError, File, Table

FILE_ROWS = 1_000_000
"""Rows of a file that is large enough."""

SMALL_ROWS, SMALL_FILES = 10_000, 64
"""In a day that goes on: files that are small, and how many of them are put together."""

READERS_HOURS = 24
ATTEMPTS = 5


class Tidied(msgspec.Struct, kw_only=True):
    """What was done to the tables of a lake.

    Attributes
    ----------
    compacted, into
        Files that were put together, and into how many.
    expired
        Rows that were removed by age.
    deleted
        Files that no table named any more.
    problems
        What could not be done.
    """

    compacted: int = 0
    into: int = 0
    expired: int = 0
    deleted: int = 0
    problems: list[str] = []


def tidy(
    root: Path,
    *,
    keep_days: int | None = None,
    now: datetime | None = None,
    going_on: Callable[[], bool] = lambda: True,
) -> Tidied:
    """Compact, expire and vacuum all tables.

    Parameters
    ----------
    root
        The folder of spools and lake.
    keep_days
        Days of receipt that are kept, besides today; None keeps all.
    now
        The present moment.
    going_on
        Asked between steps: whether to go on.
    """
    done = Tidied()
    for model, kind in tables(root):
        try:
            if keep_days is not None and going_on():
                done.expired += expire(root, model, kind, keep_days, now)
            for files in compact(root, model, kind, now) if going_on() else ():
                done.compacted += files
                done.into += 1
                if not going_on():
                    break
            if going_on():
                done.deleted += vacuum(root, model, kind)
        except (LogError, OSError) as error:
            done.problems.append(str(error))
    return done


def compact(root: Path, model: str, kind: Kind, now: datetime | None = None) -> Iterator[int]:
    """Put the small files of each day together: of a closed day all, of today's where there are many.

    Yields
    ------
    How many files became one.
    """
    table = Table(folder(root, model, kind))
    days: dict[str, list[File]] = {}
    for file in table.files:
        days.setdefault(file.date, []).append(file)
    today = _day(now)
    for day, files in sorted(days.items()):
        if day < today:
            groups = _groups([file for file in files if file.rows < FILE_ROWS // 2])
        else:
            small = [file for file in files if file.rows < SMALL_ROWS]
            groups = _groups(small) if len(small) >= SMALL_FILES else []
        for group in groups:
            if _replace(root, table, day, group):
                yield len(group)


def expire(root: Path, model: str, kind: Kind, keep_days: int, now: datetime | None = None) -> int:
    """Remove the days before the last `keep_days`; returns how many rows they had."""
    oldest = _day(now, days=-keep_days)
    table = Table(folder(root, model, kind))
    for _ in range(ATTEMPTS):
        with changing(root), suppress(ConflictError):
            table.refresh()
            old = [file for file in table.files if file.date < oldest]
            if not old:
                return 0
            rows = Counter[str]()
            for file in old:
                rows += writers_of(table.path / file.path)
            totals = {f"{writer}/expired": table.account(writer).expired + count for writer, count in rows.items()}
            table.commit(remove=old, transactions=totals)
            return rows.total()
    raise _busy(table)


def vacuum(root: Path, model: str, kind: Kind, hours: int = READERS_HOURS) -> int:
    """Delete files that the table has not had for so many hours, and what crashes have left; returns how many."""
    table = Table(folder(root, model, kind))
    deleted = 0
    with changing(root):
        table.refresh()
        in_use = {file.path for file in table.files}
        lately = set(table.removed(0)) - set(table.removed(hours))
        before = time.time() - hours * 3600
        for path in [*table.path.glob(f"{DATE}=*/*"), *table.path.glob("_delta_log/*#*")]:
            name = path.relative_to(table.path).as_posix()
            if name not in in_use and name not in lately and path.stat().st_mtime <= before:
                path.unlink()
                deleted += 1
        for day in table.path.glob(f"{DATE}=*"):
            with suppress(OSError):  # it is not empty
                day.rmdir()
        table.shorten_log()
    return deleted


def writers_of(path: Path) -> Counter[str]:
    """How many rows of each writer a file has."""
    with pq.ParquetFile(path) as file:
        counts = pc.value_counts(file.read(columns=["hf_writer"]).column(0)).to_pylist()
    return Counter({count["values"]: count["counts"] for count in counts})


def parts_of(table: Path, files: Sequence[File], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of files, with all columns of their table but the day; null where a file is older than a column."""
    for name in files:
        with pq.ParquetFile(table / name.path) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                columns = [
                    rows.column(field.name) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
                    for field in schema
                    if field.name != DATE
                ]
                yield pa.table(columns, schema=pa.schema([field for field in schema if field.name != DATE]))


def _groups(files: Sequence[File]) -> list[list[File]]:
    """Neighbours whose rows fill a file."""
    groups: list[list[File]] = [[]]
    rows = 0
    for file in files:
        if rows + file.rows > FILE_ROWS and groups[-1]:
            groups.append([])
            rows = 0
        groups[-1].append(file)
        rows += file.rows
    return [group for group in groups if len(group) > 1]


def _replace(root: Path, table: Table, day: str, files: Sequence[File]) -> bool:
    """Write one file of these, and put it in their place; not if any of them is no longer of the table."""
    schema = table.arrow
    # A name that nobody else gives: were the file of another one's commit replaced, its size would not be what the log says.
    try:
        one = write(table.path, day, f"day-{token_hex(16)}", parts_of(table.path, files, schema), schema)
    except LogError:
        table.refresh()
        if set(files) <= set(table.files):
            raise
        return False  # they were erased or expired, and deleted, while they were read
    for _ in range(ATTEMPTS):
        with changing(root), suppress(ConflictError):
            table.refresh()
            # Meanwhile files may have been erased, or this one deleted as one that no table names.
            if not set(files) <= set(table.files) or not (table.path / one.path).exists():
                (table.path / one.path).unlink(missing_ok=True)
                return False
            table.commit(add=[one], remove=files, same_rows=True)
            return True
    raise _busy(table)


def _busy(table: Table) -> LogError:
    return LogError(f"The table {table.path} is being written by others all the time; it is tried again.")


def _day(now: datetime | None, days: int = 0) -> str:
    return ((now or datetime.now(UTC)) + timedelta(days=days)).astimezone(UTC).date().isoformat()
