"""The spool: what was acknowledged and is not yet in the lake. One SQLite file and one writer for each process.

*Natural group commit*: the next commit starts when the last one ends, and takes all that waits; there is no timer. A reply
that waits for its commit is safe from the death of the process. With `sync` the disk has it, too; with `group` the disk has
it within a second, so that a power cut loses at most the groups since then.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TypeAlias

import msgspec

from holdfast.decoding import ready
from holdfast.errors import LogError
from holdfast.log import volumes
from holdfast.log.frames import Layout
from holdfast.log.ids import Ulids
from holdfast.log.tally import Tally
from holdfast.log.volumes import IN_DATABASE, LARGE_BYTES, Place, Reader

Durability = Literal["sync", "group"]
Done: TypeAlias = Callable[[Exception | None], None]
"""Called in the writer's thread when a group is in the spool, or with the reason why it is not."""

FORMAT = 1
SYNC_SECONDS = 1.0
CHECKPOINT_BYTES = 16 << 20
"""Size of the write-ahead log beyond which it is folded into the file."""

BUSY_SECONDS = 30.0
"""How long to wait for a committer that is removing what it has committed, which takes milliseconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS layouts(id INTEGER PRIMARY KEY, content TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS frames(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, layout INTEGER NOT NULL, rows INTEGER NOT NULL, received INTEGER NOT NULL,
    crc INTEGER NOT NULL, volume INTEGER NOT NULL, first INTEGER NOT NULL, size INTEGER NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class Group(NamedTuple):
    """Rows of one layout that are written together."""

    layout: Layout
    rows: int
    content: bytes


class Frame(NamedTuple):
    """A group as it lies in the spool; `received` in milliseconds since 1970."""

    seq: int
    layout: Layout
    rows: int
    received: int
    crc: int
    content: bytes

    @property
    def sound(self) -> bool:
        """Whether the bytes are those that were written."""
        return zlib.crc32(self.content) == self.crc


def frame_of(row: Sequence[Any], layouts: Mapping[int, Layout], reader: Reader) -> Frame:
    """A frame from its columns, in the order of the table.

    Raises
    ------
    KeyError
        Its layout is not known.
    """
    seq, layout, rows, received, crc, volume, first, size, content = row
    if volume:
        content = reader.read(Place(volume, first, size))
    return Frame(seq, layouts[layout], rows, received, crc, content)


@dataclass(slots=True)
class _Waiting:
    groups: list[tuple[Group, Done]] = field(default_factory=list)
    stopping: bool = False


class Spool:
    """Writes groups into one file, from a thread of its own.

    Parameters
    ----------
    folder
        Where spools lie; the first free one is taken.
    durability
        `group`: a group is done when it is committed; `sync`: when the disk has it.
    late
        Whether a file that cannot be opened now, on a disk that is full, may be opened when a group is written.

    Raises
    ------
    LogError
        The folder cannot be written, or the file is none of ours.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from holdfast.log.frames import encode
    >>> layout = Layout(model="fraud", kind="labels", columns=(("hf_id", "string"),))
    >>> with TemporaryDirectory() as folder:
    ...     spool = Spool(Path(folder))
    ...     spool.write([Group(layout, 2, encode([["a", "b"]]))])
    ...     spool.close()
    ...     [(frame.seq, frame.rows, frame.sound) for frame in frames(spool.path)]
    [(1, 2, True)]
    """

    def __init__(self, folder: Path, durability: Durability = "group", *, late: bool = False) -> None:
        self.durability = durability
        self.writer = ""
        self._connection: sqlite3.Connection | None = None
        with ExitStack() as on_failure:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self.path, self._lock_file = _free(folder)
                on_failure.callback(self._lock_file.close)
                self.unlogged = Tally(self.path.with_suffix(".unlogged"))
                on_failure.callback(self.unlogged.close)
            except OSError as error:
                raise LogError(f"The spool cannot be written in {folder}: {error.strerror}.") from None
            try:
                self._open()
            except sqlite3.Error as error:
                # What is damaged is saved by others when this process lets go of it.
                if not late or not isinstance(error, sqlite3.OperationalError):
                    raise _unusable(self.path, error) from None
            on_failure.pop_all()
        self._layouts: dict[Layout, int] = {}
        self._volumes = volumes.Writer(self.path)
        self._waiting = _Waiting()
        self._wake = threading.Condition()
        self._fold = False
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name="holdfast-spool", daemon=True),
            threading.Thread(target=self._sync, name="holdfast-sync", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def append(self, group: Group, done: Done) -> None:
        """Hand over a group; `done` is called when it is safe."""
        with self._wake:
            if self._waiting.stopping:
                raise LogError("the spool is closed")
            self._waiting.groups.append((group, done))
            self._wake.notify()

    def write(self, groups: Sequence[Group]) -> None:
        """Write groups, and wait until they are safe."""
        failed: list[Exception] = []
        left = threading.Semaphore(0)

        def done(error: Exception | None) -> None:
            if error:
                failed.append(error)
            left.release()

        for group in groups:
            self.append(group, done)
        for _ in groups:
            left.acquire()
        if failed:
            raise failed[0]

    @property
    def waiting(self) -> int:
        """Groups that wait for a commit."""
        return len(self._waiting.groups)

    def close(self) -> None:
        """Write what waits, and let the file go."""
        with self._wake:
            if self._waiting.stopping:
                return
            self._waiting.stopping = True
            self._wake.notify()
        self._closed.set()
        for thread in self._threads:
            thread.join()
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
        self._volumes.close()
        self.unlogged.close()
        self._lock_file.close()

    def _open(self) -> sqlite3.Connection:
        """The connection, which all of a process' groups go through."""
        if self._connection is not None:
            return self._connection
        again = self.path.exists()
        with ExitStack() as on_failure:
            connection = on_failure.enter_context(closing(opened(self.path)))
            connection.execute(f"PRAGMA synchronous = {'FULL' if self.durability == 'sync' else 'NORMAL'}")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            self.writer = writer_in(connection)
            if again:
                _begin_after(connection, time.time_ns() // 1000)
            on_failure.pop_all()
        self._connection = connection
        return connection

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting.groups and not self._waiting.stopping:
                    self._wake.wait()
                groups = self._waiting.groups
                if not groups:
                    return
                self._waiting.groups = []
            error = self._commit([group for group, _ in groups])
            for _, done in groups:
                done(error)

    def _commit(self, groups: list[Group]) -> Exception | None:
        """All groups, or none of them and the reason."""
        try:
            connection = self._open()
        except (LogError, sqlite3.Error) as error:
            return _unusable(self.path, error)
        now = int(time.time() * 1000)
        accepted: dict[str, int] = {}
        try:
            connection.execute("BEGIN IMMEDIATE")
            for group, place in zip(groups, self._places(groups), strict=True):
                crc, content = zlib.crc32(group.content), b"" if place.volume else group.content
                connection.execute(
                    "INSERT INTO frames(layout, rows, received, crc, volume, first, size, content) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (self._layout(connection, group.layout), group.rows, now, crc, *place, content),
                )
                name = f"accepted.{group.layout.model}.{group.layout.kind}"
                accepted[name] = accepted.get(name, 0) + group.rows
            for name, rows in accepted.items():
                connection.execute(
                    "INSERT INTO counters VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = value + ?2",
                    (name, rows),
                )
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and the next group is written
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._layouts.clear()  # what was written of them is rolled back
            reason = error.strerror if isinstance(error, OSError) else error
            return LogError(f"The spool {self.path} cannot be written: {reason}.")
        if self._fold:
            self._fold = False
            with suppress(sqlite3.Error):  # busy: at the next time
                connection.execute("PRAGMA wal_checkpoint(RESTART)")
        return None

    def _places(self, groups: Sequence[Group]) -> list[Place]:
        """Where the content of each group lies, which is there now if that is a volume."""
        large = [group.content for group in groups if len(group.content) >= LARGE_BYTES]
        if not large:
            return [IN_DATABASE] * len(groups)
        added = iter(self._volumes.add(large))
        if self.durability == "sync":
            self._volumes.sync()
        return [next(added) if len(group.content) >= LARGE_BYTES else IN_DATABASE for group in groups]

    def _layout(self, connection: sqlite3.Connection, layout: Layout) -> int:
        if (known := self._layouts.get(layout)) is not None:
            return known
        content = msgspec.json.encode(layout).decode()
        connection.execute("INSERT OR IGNORE INTO layouts(content) VALUES (?)", (content,))
        (number,) = connection.execute("SELECT id FROM layouts WHERE content = ?", (content,)).fetchone()
        self._layouts[layout] = number
        return int(number)

    def _sync(self) -> None:
        """Bring the write-ahead log to the disk each second, and most of it into the file, while the writer goes on."""
        log = Path(f"{self.path}-wal")
        while not self._closed.wait(SYNC_SECONDS):
            with suppress(OSError, sqlite3.Error):
                if self.durability == "group":
                    self._volumes.sync()  # first: what the database speaks of is there
                with log.open("rb") as file:
                    os.fsync(file.fileno())
                if log.stat().st_size > CHECKPOINT_BYTES:
                    with closing(opened(self.path)) as connection:
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                    self._fold = True


def spools(folder: Path) -> list[Path]:
    """The spools in a folder, in use or not."""
    return sorted(folder.glob("*.db"), key=lambda path: (len(path.name), path.name))


def frames(path: Path, after: int = 0, most: int | None = None) -> Iterator[Frame]:
    """Frames of a spool in their order, those with a number above `after`; the writer may go on meanwhile."""
    with _told(path), closing(opened(path)) as connection, closing(Reader(path)) as reader:
        layouts = {
            number: msgspec.json.decode(content, type=ready(Layout))
            for number, content in connection.execute("SELECT id, content FROM layouts")
        }
        query = "SELECT * FROM frames WHERE seq > ? ORDER BY seq LIMIT ?"
        for row in connection.execute(query, (after, -1 if most is None else most)):
            layout = row[1]
            if layout not in layouts:  # a new one, since
                (content,) = connection.execute("SELECT content FROM layouts WHERE id = ?", (layout,)).fetchone()
                layouts[layout] = msgspec.json.decode(content, type=ready(Layout))
            yield frame_of(row, layouts, reader)


def pending(path: Path) -> tuple[dict[tuple[str, str], int], int | None]:
    """Rows of a spool that are not yet in the lake, by model and kind, and when the oldest came (milliseconds since 1970)."""
    rows: dict[tuple[str, str], int] = {}
    oldest: list[int] = []
    query = "SELECT layouts.content, SUM(rows), MIN(received) FROM frames JOIN layouts ON layouts.id = layout GROUP BY layout"
    with _told(path), closing(opened(path)) as connection:
        for content, count, received in connection.execute(query):
            layout = msgspec.json.decode(content, type=ready(Layout))
            key = (layout.model, layout.kind)
            rows[key] = rows.get(key, 0) + count
            oldest.append(received)
    return rows, min(oldest, default=None)


def counters(path: Path) -> dict[str, int]:
    """Rows that a spool has accepted since it was made, by `accepted.<model>.<kind>`."""
    with _told(path), closing(opened(path)) as connection:
        return dict(connection.execute("SELECT name, value FROM counters"))


def writer_of(path: Path) -> str:
    """The writer that a spool belongs to."""
    with _told(path), closing(opened(path)) as connection:
        return writer_in(connection)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: LogError | sqlite3.Error) -> LogError:
    return error if isinstance(error, LogError) else LogError(f"The spool {path} cannot be used: {error}.")


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a spool's file."""
    # Each connection is used by one thread at a time.
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def writer_in(connection: sqlite3.Connection) -> str:
    """The writer, born in the file: a copy of the file is the same writer, another file another one."""
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('writer', ?), ('format', ?)", (Ulids().next(), str(FORMAT)))
    stored = dict(connection.execute("SELECT key, value FROM meta"))
    if stored["format"] != str(FORMAT):
        raise LogError(f"A spool has the format {stored['format']}, this Holdfast writes {FORMAT}: update Holdfast.")
    return str(stored["writer"])


def _begin_after(connection: sqlite3.Connection, seq: int) -> None:
    """Go on with numbers above `seq`, the microseconds since 1970: should the file have lost its end, none is given twice."""
    connection.execute("BEGIN IMMEDIATE")
    (last,) = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'frames'").fetchone()
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'frames'")
    connection.execute("INSERT INTO sqlite_sequence VALUES ('frames', ?)", (max(last or 0, seq),))
    connection.execute("COMMIT")


def _free(folder: Path) -> tuple[Path, IO[bytes]]:
    """The first spool that no living process has, and the lock that keeps it."""
    number = 0
    while True:
        lock = (folder / f"{number}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
            continue
        return folder / f"{number}.db", lock
