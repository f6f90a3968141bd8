"""What follows the lake: it takes in what was committed, entry by entry of the tables' logs, and can be made again from them."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeAlias, get_args

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import LogError
from holdfast.log import coverage, matched
from holdfast.log.coverage import Summary
from holdfast.log.disk import locked, make_folder
from holdfast.log.frames import ARROW, Kind
from holdfast.log.hashed_ids import unnamed
from holdfast.log.joining import schema_of
from holdfast.log.lake import tables
from holdfast.log.matched import FILE, NEEDED, TABLES, Versions
from holdfast.log.matching import Matching
from holdfast.log.pieces import Between, Piece, pieces_since
from holdfast.log.snapshot import Snapshot, snapshot

LOCK = "lock"

ROWS_AT_ONCE = 200_000

ROUND_SECONDS = 1.0
PAUSE_SECONDS = 10.0
SHARE = 0.05
"""Of the time, which each step of following the lake may take."""

Step: TypeAlias = Callable[[Path, str], object]
"""Takes in what was committed of a model; `LogError` says what stands in the way."""

log = logging.getLogger("holdfast.log")

KINDS: tuple[Kind, ...] = get_args(Kind)


class Following:
    """Follows the lake of a root, not too often.

    Parameters
    ----------
    root
        The folder of spools and lake.
    steps
        What is done for each model.
    clock
        Seconds that only go forward.
    """

    def __init__(self, root: Path, steps: Sequence[Step], clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._steps, self._clock = root, steps, clock
        self._next = [clock()] * len(steps)

    def follow(self, *, now: bool = False) -> list[str]:
        """Take in what was committed, if it is time to, or `now`; returns what stands in the way."""
        problems = []
        for place, step in enumerate(self._steps):
            began = self._clock()
            if began < self._next[place] and not now:
                continue
            for model in sorted({model for model, _ in tables(self._root)}):
                try:
                    step(self._root, model)
                except LogError as error:
                    problems.append(str(error))
            # Each has a pause of its own, so that one which takes long does not have the others wait as well.
            ended = self._clock()
            self._next[place] = ended + max(PAUSE_SECONDS, (ended - began) / SHARE)
        return problems


def run(root: Path, steps: Sequence[Step], stop: threading.Event) -> None:
    """Follow the lake until told to stop, and then once more."""
    following = Following(root, steps)
    told: set[str] = set()
    last = False
    while not last:
        last = stop.wait(ROUND_SECONDS)
        problems = set(following.follow(now=last))
        for problem in problems - told:
            log.error("%s", problem)
        told = problems


def match(root: Path, model: str) -> Summary:
    """Match the labels of a model as far as they are committed.

    Raises
    ------
    LogError
        The lake cannot be read, or the result cannot be written.
    """
    place = matched.folder(root, model)
    try:
        make_folder(place)
        with locked(place / LOCK):
            try:
                summary = _matched(root, model, place)
            except (sqlite3.DatabaseError, OSError, ValueError):
                # It is damaged, or the lake has lost a file that was not taken in yet. It is made again from what there is.
                for path in place.glob("*.*"):
                    path.unlink()
                summary = _matched(root, model, place)
            coverage.write(root, model, summary)
    except (sqlite3.Error, OSError) as error:
        raise LogError(f"{place} cannot be written: {error}.") from None
    return summary


def forget(root: Path, model: str, ids: Sequence[str]) -> None:
    """Forget what is known of some ids, which the lake has no more."""
    place = matched.folder(root, model)
    if not (place / FILE).exists():
        return
    schema = schema_of(snapshot(root, (model, "labels"), []))
    with locked(place / LOCK):
        try:
            with _opened(place) as connection:
                Matching(place, connection, schema).forget(ids)
            with closing(sqlite3.connect(place / FILE, timeout=30)) as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (sqlite3.Error, OSError, ValueError):  # it is damaged: it is made again
            for path in place.glob("*.*"):
                path.unlink()


def _matched(root: Path, model: str, place: Path) -> Summary:
    taken = {kind: snapshot(root, (model, kind), []) for kind in KINDS}
    schema = schema_of(taken["labels"] if taken["labels"].table else None)
    with _opened(place) as connection:
        matching = Matching(place, connection, schema)
        pieces = _new(taken, matched.versions(connection))
        if pieces is None:
            matching.clear()
            pieces = _new(taken, Versions()) or {}
        matching.keep(_days(taken["predictions"]), _days(taken["labels"]))
        for rows in _rows(taken["predictions"], pieces["predictions"], ("hf_id", "hf_time")):
            matching.take_predictions(rows)
        for rows in _rows(taken["labels"], pieces["labels"], NEEDED):
            matching.take_labels(rows.cast(schema))
        ends = [(kind, of.table.version) for kind, of in taken.items() if of.table]
        connection.executemany("INSERT OR REPLACE INTO versions VALUES (?, ?)", ends)
        return matching.summary()


def _new(taken: dict[Kind, Snapshot], versions: Versions) -> dict[Kind, list[Piece]] | None:
    """Files that came after some versions; None if that cannot be told."""
    found = {}
    for kind, of in taken.items():
        pieces = pieces_since(of.table, getattr(versions, kind))
        if pieces is None:
            return None
        found[kind] = pieces
    return found


def _days(taken: Snapshot) -> set[str]:
    return {file.date for file in taken.table.files} if taken.table else set()


def _rows(taken: Snapshot, pieces: Iterable[Piece], columns: Collection[str]) -> Iterator[pa.Table]:
    """Rows of files, many at once; the time of one that does not tell it is the beginning of its day."""
    held: list[pa.RecordBatch] = []
    for piece in pieces:
        wanted = {name: taken.columns[name][1] for name in columns}
        wanted["hf_time"] = pc.coalesce(wanted["hf_time"], pa.scalar(f"{piece.date}T00:00Z").cast(ARROW["timestamp"]))
        for rows in taken.scan([piece], wanted, Between()):
            held.append(rows)
            if sum(batch.num_rows for batch in held) >= ROWS_AT_ONCE:
                yield pa.Table.from_batches(held)
                held = []
    if held:
        yield pa.Table.from_batches(held)


@contextmanager
def _opened(place: Path) -> Iterator[sqlite3.Connection]:
    """A connection in a transaction, which ends with the block; then what is not used any more is removed."""
    with closing(sqlite3.connect(place / FILE, isolation_level=None, timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(TABLES)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        for path in unnamed(place, connection):
            path.unlink(missing_ok=True)
