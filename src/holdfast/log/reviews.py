"""`reviews.db`: the rows of this host that a person should decide, and what became of them.

The committer fills it from what it commits, and tells it the outcomes; servers give out what is open and take verdicts. It
holds rows of the log as reviewers need to see them, for as long as the log has them.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from holdfast.errors import LogError

FILE = "reviews.db"

_TABLES = """
CREATE TABLE IF NOT EXISTS reviews(
    model TEXT, id TEXT, release INTEGER NOT NULL, time INTEGER NOT NULL, reason TEXT NOT NULL, expected_loss REAL,
    decision TEXT NOT NULL, lower REAL, upper REAL, content TEXT NOT NULL,
    decided INTEGER, verdict TEXT, reviewer TEXT,
    known INTEGER, outcome TEXT, settled INTEGER NOT NULL DEFAULT 0, saved REAL, PRIMARY KEY (model, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_reviews ON reviews(model, expected_loss DESC, time) WHERE decided IS NULL;
CREATE INDEX IF NOT EXISTS to_settle ON reviews(model) WHERE decided IS NOT NULL AND known IS NOT NULL AND NOT settled;
CREATE TABLE IF NOT EXISTS versions(model TEXT, kind TEXT, version INTEGER NOT NULL, PRIMARY KEY (model, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts(model TEXT, name TEXT, value REAL NOT NULL, PRIMARY KEY (model, name)) WITHOUT ROWID;
"""


class Asked(NamedTuple):
    """A row that a person should decide.

    Attributes
    ----------
    id, release, time
        What it is called, which version answered, and when (microseconds since 1970).
    reason, expected_loss
        Why it is asked for, and what the answer is expected to cost beyond the right one.
    decision, lower, upper
        The answer and its interval.
    content
        The rest that a reviewer is shown: score, confidence, and the row itself.
    """

    id: str
    release: int
    time: int
    reason: str
    expected_loss: float | None
    decision: Any
    lower: float | None
    upper: float | None
    content: dict[str, Any]


class Settled(NamedTuple):
    """A review whose outcome is known: the decision of the model, the reviewer's verdict, and what came to pass."""

    release: int
    decision: Any
    verdict: Any
    outcome: Any
    content: dict[str, Any]


class Counts(msgspec.Struct, kw_only=True):
    """What became of the reviews of a model.

    Attributes
    ----------
    open
        How many wait.
    upheld, overruled
        Verdicts that were the model's decision, and others.
    seconds
        From prediction to verdict, all of them together.
    settled, saved
        Verdicts whose outcome is known, and by how much they were better than the model's decisions, in the unit of
        the objective: its loss at the decision less its loss at the verdict.
    """

    open: int = 0
    upheld: int = 0
    overruled: int = 0
    seconds: float = 0.0
    settled: int = 0
    saved: float = 0.0


class NoReviewError(LogError):
    """There is no such review."""


class DecidedError(LogError):
    """It has a verdict already."""


def waiting(root: Path, model: str, most: int) -> list[Asked]:
    """Reviews that are open, those that may cost most first."""
    query = (
        "SELECT id, release, time, reason, expected_loss, decision, lower, upper, content FROM reviews "
        "WHERE model = ? AND decided IS NULL ORDER BY expected_loss DESC, time LIMIT ?"
    )
    with _reading(root) as connection:
        rows = [] if connection is None else connection.execute(query, (model, most)).fetchall()
    return [
        Asked(identifier, release, time, reason, loss, _value(decision), lower, upper, _value(content))
        for identifier, release, time, reason, loss, decision, lower, upper, content in rows
    ]


def counts(root: Path) -> dict[str, Counts]:
    """What became of the reviews of all models."""
    found: dict[str, Counts] = {}
    with _reading(root) as connection:
        if connection is None:
            return {}
        for model, name, number in connection.execute("SELECT model, name, value FROM counts"):
            kind = type(getattr(Counts(), name))
            setattr(found.setdefault(model, Counts()), name, kind(number))
        query = "SELECT model, count(*) FROM reviews WHERE decided IS NULL GROUP BY model"
        for model, number in connection.execute(query):
            found.setdefault(model, Counts()).open = number
    return found


@contextmanager
def deciding(root: Path, model: str, identifier: str, verdict: Any, reviewer: str, now: int) -> Iterator[bool]:
    """Give a verdict: it counts if the block ends without an error. Yields whether it overrules the model.

    Parameters
    ----------
    root
        The folder of spools and lake.
    model, identifier
        The review.
    verdict, reviewer
        What a person decided, and who.
    now
        Microseconds since 1970.

    Raises
    ------
    NoReviewError
        There is no such review.
    DecidedError
        It has a verdict: of two reviewers the first one counts.
    """
    if not (root / FILE).exists():
        raise NoReviewError(f"{model} has no such review.")
    with opened(root) as connection:
        found = connection.execute(
            "SELECT decision, lower, upper, decided FROM reviews WHERE model = ? AND id = ?", (model, identifier)
        ).fetchone()
        if found is None:
            raise NoReviewError(f"{model} has no such review.")
        if found[3] is not None:
            raise DecidedError("This review has a verdict already; a correction is a label.")
        yield decide(connection, model, identifier, verdict, reviewer, now)


def decide(connection: sqlite3.Connection, model: str, identifier: str, verdict: Any, reviewer: str, now: int) -> bool:
    """Write a verdict down; returns whether it overrules the model."""
    decision, lower, upper, time = connection.execute(
        "UPDATE reviews SET decided = ?, verdict = ?, reviewer = ?, settled = 0 WHERE model = ? AND id = ? "
        "RETURNING decision, lower, upper, time",
        (now, _text(verdict), reviewer, model, identifier),
    ).fetchone()
    overruled = is_overruled(_value(decision), verdict, lower, upper)
    count(connection, model, "overruled" if overruled else "upheld", 1)
    count(connection, model, "seconds", max(0.0, (now - time) / 1e6))
    return overruled


def is_overruled(decision: Any, verdict: Any, lower: float | None = None, upper: float | None = None) -> bool:
    """Whether a verdict is another answer: for numbers, one outside the interval, where there is one.

    >>> is_overruled(True, False), is_overruled(10.0, 11.0), is_overruled(10.0, 11.0, 8.0, 12.0)
    (True, True, False)
    """
    if lower is not None and upper is not None:
        return not lower <= verdict <= upper
    return bool(decision != verdict)


def add(connection: sqlite3.Connection, model: str, rows: Iterable[Asked]) -> None:
    """Take in rows that a person should decide; those that are there stay as they are."""
    connection.executemany(
        "INSERT OR IGNORE INTO reviews(model, id, release, time, reason, expected_loss, decision, lower, upper, content) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (model, *row[:4], _finite(row.expected_loss), _text(row.decision), row.lower, row.upper, _text(row.content))
            for row in rows
        ],
    )


def tell(connection: sqlite3.Connection, model: str, identifier: str, outcome: Any, now: int) -> None:
    """Tell what came to pass, known from `now` on."""
    connection.execute(
        "UPDATE reviews SET known = ?3, outcome = ?4, settled = 0 "
        "WHERE model = ?1 AND id = ?2 AND (known IS NULL OR known <= ?3)",
        (model, identifier, now, _text(outcome)),
    )


def settle(
    connection: sqlite3.Connection, model: str, saved: Callable[[Sequence[Settled]], Sequence[float | None]]
) -> None:
    """Reckon what verdicts saved whose outcome is known: `saved` tells it of each, None where it cannot be told."""
    rows = connection.execute(
        "SELECT id, saved, release, decision, verdict, outcome, content FROM reviews "
        "WHERE model = ? AND decided IS NOT NULL AND known IS NOT NULL AND NOT settled",
        (model,),
    ).fetchall()
    found = saved([Settled(row[2], *map(_value, row[3:])) for row in rows]) if rows else ()
    for (identifier, before, *_), now in zip(rows, found, strict=True):
        connection.execute(
            "UPDATE reviews SET settled = 1, saved = ? WHERE model = ? AND id = ?", (now, model, identifier)
        )
        count(connection, model, "settled", (now is not None) - (before is not None))
        count(connection, model, "saved", (now or 0.0) - (before or 0.0))


def forget(root: Path, model: str, ids: Collection[str]) -> None:
    """Remove reviews of persons who asked for it."""
    if (root / FILE).exists():
        with opened(root) as connection:
            connection.executemany("DELETE FROM reviews WHERE model = ? AND id = ?", [(model, one) for one in ids])
        with closing(sqlite3.connect(root / FILE, timeout=30)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def count(connection: sqlite3.Connection, model: str, name: str, amount: float) -> None:
    """Raise a count."""
    connection.execute(
        "INSERT INTO counts VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = value + ?3", (model, name, amount)
    )


@contextmanager
def opened(root: Path) -> Iterator[sqlite3.Connection]:
    """A connection in a transaction, which ends with the block."""
    path = root / FILE
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executescript(_TABLES)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise LogError(f"{path} cannot be used: {error}.") from None


@contextmanager
def _reading(root: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection that changes nothing; None where there never was a review."""
    path = root / FILE
    if not path.exists():
        yield None
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            # Where it is just being made, there is nothing in it yet.
            made = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'counts'").fetchone()[0]
            yield connection if made else None
    except sqlite3.Error as error:
        raise LogError(f"{path} cannot be read: {error}.") from None


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _value(text: str) -> Any:
    return msgspec.json.decode(text)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
