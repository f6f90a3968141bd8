"""Labels by the day of their prediction: what the committer has matched, and readers of a day do not look for again.

The table of labels has them by the day of their arrival, months after the prediction maybe, among all others. Here each
label stands with the day of the prediction that it belongs to, so that a day is read in the time that a day takes. It is
derived from the lake and never ahead of it: it says up to which versions of the two tables it goes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from holdfast.errors import LogError
from holdfast.log import hashed_ids
from holdfast.log.coverage import FOLDER

FILE = "matching.db"

UNMATCHED = ""
"""The day of labels whose prediction is not known."""

ORDER = ("hf_time", "hf_writer", "hf_seq", "hf_row")
"""Of two labels of an id, the one that is later by these is true."""

NEEDED = ("hf_id", "hf_label", "hf_source", "hf_giver", "hf_outcome_time", *ORDER)
"""What is needed of a label."""

LARGEST_ROWS = 250_000
"""Labels of a part that is not put together with others any more."""

TABLES = f"""
{hashed_ids.TABLES}
CREATE TABLE IF NOT EXISTS versions(kind TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels(
    part INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT NOT NULL, rows INTEGER NOT NULL, content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS labels_of_day ON labels(day);
CREATE TABLE IF NOT EXISTS days(
    day TEXT PRIMARY KEY, predicted INTEGER NOT NULL, labelled INTEGER NOT NULL, again INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delays(day TEXT, bin INTEGER, count INTEGER NOT NULL, PRIMARY KEY (day, bin)) WITHOUT ROWID;
"""


class Versions(NamedTuple):
    """The last entries of the two tables' logs that are covered; -1: none."""

    predictions: int = -1
    labels: int = -1


def folder(root: Path, model: str) -> Path:
    """Where what is known of a model's labels lies."""
    return root / FOLDER / model


class Matched:
    """The labels of a model by the days of their predictions, for readers.

    Parameters
    ----------
    path
        The database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as connection:
            self.versions = versions(connection)

    def labels(self, days: Collection[str], schema: pa.Schema) -> Iterator[pa.Table]:
        """All labels of predictions of some days, and those whose prediction was not known; with these columns.

        Raises
        ------
        LogError
            It was made anew meanwhile, and may not have them yet.
        """
        with self._opened() as connection:
            connection.execute("BEGIN")
            if versions(connection).labels < self.versions.labels:
                raise LogError(f"{self._path} is being made anew: read again.")
            for day in sorted({UNMATCHED, *days}):
                for (content,) in connection.execute("SELECT content FROM labels WHERE day = ?", (day,)):
                    yield conformed(unpacked(content), schema)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            address = f"{self._path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise LogError(f"{self._path} cannot be read: {error}. It can be removed: it is made anew.") from None


def open_matched(root: Path, model: str) -> Matched | None:
    """What is known of a model's labels; None if nothing is."""
    path = folder(root, model) / FILE
    return Matched(path) if path.exists() else None


def versions(connection: sqlite3.Connection) -> Versions:
    """Up to where it goes."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'versions'").fetchone():
        return Versions()
    return Versions(**dict(connection.execute("SELECT kind, version FROM versions")))


def append(connection: sqlite3.Connection, day: str, rows: pa.Table) -> None:
    """Add labels to a day; parts of about one size are put together."""
    if not rows.num_rows:
        return
    tables, count = [rows], rows.num_rows
    parts = connection.execute("SELECT part, rows FROM labels WHERE day = ? ORDER BY rows", (day,)).fetchall()
    for part, held in parts:
        if held > 2 * count or held + count > LARGEST_ROWS:
            break
        (content,) = connection.execute("DELETE FROM labels WHERE part = ? RETURNING content", (part,)).fetchone()
        tables.insert(0, conformed(unpacked(content), rows.schema))
        count += held
    content = packed(pa.concat_tables(tables))
    connection.execute("INSERT INTO labels(day, rows, content) VALUES (?, ?, ?)", (day, count, content))


def of_day(connection: sqlite3.Connection, day: str, schema: pa.Schema) -> pa.Table:
    """All labels of a day."""
    found = connection.execute("SELECT content FROM labels WHERE day = ?", (day,))
    return pa.concat_tables([schema.empty_table(), *(conformed(unpacked(content), schema) for (content,) in found)])


def replace(connection: sqlite3.Connection, day: str, rows: pa.Table) -> None:
    """Put other labels in the place of a day's."""
    connection.execute("DELETE FROM labels WHERE day = ?", (day,))
    append(connection, day, rows)


def packed(rows: pa.Table) -> bytes:
    """Rows as compressed bytes."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_table(rows.select(list(NEEDED)).combine_chunks())
    content: bytes = sink.getvalue().to_pybytes()
    return content


def unpacked(content: bytes) -> pa.Table:
    """Rows from their bytes."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_all()


def conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows with these columns in these types: those of a model whose task has changed may be of another one."""
    return rows.select(schema.names).cast(schema)
