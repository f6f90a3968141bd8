"""Identifiers that are never logged again, because the person behind them asked to be forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from holdfast.errors import LogError

FILE = "committer.db"


def deny(root: Path, model: str, ids: Iterable[str]) -> None:
    """Have the rows of these ids refused from now on; the disk has it when this returns.

    Rows that are about to be committed are not stopped: hold `lake.changing` while you deny and erase.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as root:
    ...     deny(Path(root), "fraud", ["order-17"])
    ...     denied(Path(root), "fraud"), denied(Path(root), "churn")
    (frozenset({'order-17'}), frozenset())
    """
    with _opened(root) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.executemany(
            "INSERT OR IGNORE INTO denied VALUES (?, ?)", [(model, identifier) for identifier in ids]
        )
        connection.commit()


def denied(root: Path, model: str) -> frozenset[str]:
    """The ids whose rows are refused."""
    with _opened(root) as connection:
        return frozenset(row[0] for row in connection.execute("SELECT id FROM denied WHERE model = ?", (model,)))


@contextmanager
def _opened(root: Path) -> Iterator[sqlite3.Connection]:
    path = root / FILE
    try:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS denied(model TEXT, id TEXT, PRIMARY KEY (model, id)) WITHOUT ROWID"
            )
            yield connection
    except sqlite3.Error as error:
        raise LogError(f"{path} cannot be used: {error}.") from None
