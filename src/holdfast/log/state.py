"""`committer.db`: what the committers of a host remember beside the lake."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from holdfast.errors import LogError

FILE = "committer.db"

_TABLES = """
CREATE TABLE IF NOT EXISTS denied(model TEXT, id TEXT, PRIMARY KEY (model, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writers(spool TEXT PRIMARY KEY, writer TEXT NOT NULL) WITHOUT ROWID;
"""


@contextmanager
def opened(root: Path) -> Iterator[sqlite3.Connection]:
    """A connection; what is written is on the disk when this ends without an error."""
    path = root / FILE
    try:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_TABLES)
            with connection:
                yield connection
    except sqlite3.Error as error:
        raise LogError(f"{path} cannot be used: {error}.") from None


def writer_known(root: Path, spool: str) -> str | None:
    """The writer that a spool of this name had when it was last seen."""
    with opened(root) as connection:
        row = connection.execute("SELECT writer FROM writers WHERE spool = ?", (spool,)).fetchone()
    return None if row is None else str(row[0])


def remember_writer(root: Path, spool: str, writer: str) -> None:
    """Remember whose a spool is."""
    with opened(root) as connection:
        connection.execute("INSERT OR REPLACE INTO writers VALUES (?, ?)", (spool, writer))


def deny(root: Path, model: str, ids: Iterable[str]) -> None:
    """Have the rows of these ids refused from now on.

    Rows that are about to be committed are not stopped: hold `lake.changing` while you deny and erase.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as root:
    ...     deny(Path(root), "fraud", ["order-17"])
    ...     denied(Path(root), "fraud"), denied(Path(root), "churn")
    (frozenset({'order-17'}), frozenset())
    """
    with opened(root) as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO denied VALUES (?, ?)", [(model, identifier) for identifier in ids]
        )


def denied(root: Path, model: str) -> frozenset[str]:
    """The ids whose rows are refused, because the persons behind them asked to be forgotten."""
    with opened(root) as connection:
        return frozenset(row[0] for row in connection.execute("SELECT id FROM denied WHERE model = ?", (model,)))
