"""A spool from the committer's side: what waits in it, in order, and its removal once the lake has it."""

from __future__ import annotations

import fcntl
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import cast, get_args

import msgspec

from holdfast.decoding import ready
from holdfast.errors import LogError
from holdfast.log import volumes
from holdfast.log.disk import sync
from holdfast.log.frames import Kind, Layout
from holdfast.log.lake import Key
from holdfast.log.spool import Frame, frame_of, opened, writer_in
from holdfast.log.volumes import Reader

REMOVED_AT_ONCE = 100
"""Frames that one transaction removes: the server waits for no more than that."""

LARGE_BYTES = 1 << 20
"""Size of a spool whose place is given back when it is empty and no process has it."""

NO_COUNTERS = ("salvaged", "no counters")
"""What a spool says of itself that was saved from a damaged file whose counters could not be read."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class DamagedSpoolError(LogError):
    """The file of a spool cannot be read as a database."""


class SpoolFile:
    """One spool, opened for the committer.

    Raises
    ------
    DamagedSpoolError
        It is no sound database.
    LogError
        It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._layouts: dict[int, Layout] = {}
        self._reader = Reader(path)
        with _told(path), ExitStack() as on_failure:
            self._connection = on_failure.enter_context(closing(opened(path)))
            self.writer = writer_in(self._connection)
            # Who writes the spool decides when its log is folded into the file.
            self._connection.execute("PRAGMA wal_autocheckpoint = 0")
            # A removal that a power cut takes back is made again.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            # Some builds of SQLite write zeros over all that is removed. Who asks for that gets it by `log erase`.
            self._connection.execute("PRAGMA secure_delete = OFF")
            self._inode = path.stat().st_ino
            on_failure.pop_all()

    @property
    def replaced(self) -> bool:
        """Whether another file has its name now."""
        return not self.path.exists() or self.path.stat().st_ino != self._inode

    @property
    def tables(self) -> set[Key]:
        """Models and kinds that it has had rows of."""
        with _told(self.path):
            return {(layout.model, layout.kind) for layout in self._known_layouts().values()}

    def frames(self, without: Collection[Key] = ()) -> Iterator[Frame]:
        """What is in the spool, in order, but for some tables; as it was when the reading began."""
        with _told(self.path):
            layouts = self._known_layouts()
            left = [number for number, layout in layouts.items() if (layout.model, layout.kind) in without]
            cursor = self._connection.execute(
                "SELECT * FROM frames WHERE layout NOT IN (SELECT value FROM json_each(?)) ORDER BY seq",
                (str(left),),
            )
        try:
            while True:
                with _told(self.path):
                    row = cursor.fetchone()
                    if row is None:
                        return
                    if row[1] not in self._layouts:  # new since
                        self._known_layouts()
                if row[1] not in self._layouts or None in row:  # read from pages that are not there
                    raise DamagedSpoolError(f"The spool {self.path} is damaged: frame {row[0]} is not whole.")
                yield frame_of(row, self._layouts, self._reader)
        finally:
            cursor.close()

    def counted(self, ends: Mapping[Key, int]) -> dict[Key, tuple[int | None, int]]:
        """Rows that were accepted and rows that wait, of each table, at one moment.

        Parameters
        ----------
        ends
            Number of the last frame that a table has; what is not above it does not wait.

        Returns
        -------
        None for what was accepted where a damaged file could not say.
        """
        with _told(self.path):
            self._connection.execute("BEGIN")
            try:
                counters = dict(self._connection.execute("SELECT name, value FROM counters"))
                known = self._connection.execute(
                    "SELECT 1 FROM meta WHERE key = ? AND value = ?", NO_COUNTERS
                ).fetchone()
                pending: Counter[Key] = Counter()
                for number, layout in self._known_layouts().items():
                    key = (layout.model, layout.kind)
                    query = "SELECT TOTAL(rows) FROM frames WHERE layout = ? AND seq > ?"
                    (rows,) = self._connection.execute(query, (number, ends.get(key, 0))).fetchone()
                    pending[key] += int(rows)
            finally:
                self._connection.execute("COMMIT")
        found: dict[Key, tuple[int | None, int]] = {}
        for name, value in counters.items():
            what, _, rest = name.partition(".")
            model, _, kind = rest.rpartition(".")
            if what == "accepted" and kind in get_args(Kind):
                found[model, cast("Kind", kind)] = value, 0
        for key, waiting in pending.items():
            found[key] = (None if known else found.get(key, (0, 0))[0]), waiting
        return found

    def sync(self) -> None:
        """Have the disk know what was read: a number that a power cut takes back would be given again, to other rows."""
        log = Path(f"{self.path}-wal")
        if log.exists():
            sync(log)

    def remove(self, seqs: Collection[int]) -> None:
        """Remove frames that the lake has, or that are refused."""
        ordered = sorted(seqs)
        with _told(self.path):
            for start in range(0, len(ordered), REMOVED_AT_ONCE):
                some = [(seq,) for seq in ordered[start : start + REMOVED_AT_ONCE]]
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    self._connection.executemany("DELETE FROM frames WHERE seq = ?", some)
                    self._connection.execute("COMMIT")
                except sqlite3.Error:
                    with suppress(sqlite3.Error):  # on a full disk it is rolled back already
                        self._connection.execute("ROLLBACK")
                    raise
            if ordered:
                self._remove_volumes()
            if ordered and not in_use(self.path):
                self._give_back()

    def _remove_volumes(self) -> None:
        """Remove volumes that all frames have left. The order counts: a process may begin one at any moment."""
        there = volumes.numbers(self.path)
        if in_use(self.path):
            there = there[:-1]  # to the newest one more may be added
        if there:
            # Later frames lie in later volumes.
            needed = self._connection.execute(
                "SELECT volume FROM frames WHERE volume > 0 ORDER BY seq LIMIT 1"
            ).fetchone()
            volumes.remove(self.path, [number for number in there if needed is None or number < needed[0]])

    def _give_back(self) -> None:
        """What a process has left takes no more place than what is still in it."""
        with suppress(sqlite3.Error):  # another process has taken it up, or the disk is full: at the next time
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            (empty,) = self._connection.execute("SELECT NOT EXISTS (SELECT 1 FROM frames)").fetchone()
            if empty and self.path.stat().st_size > LARGE_BYTES:
                self._connection.execute("VACUUM")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let the file go."""
        self._reader.close()
        self._connection.close()

    def _known_layouts(self) -> dict[int, Layout]:
        for number, content in self._connection.execute("SELECT id, content FROM layouts"):
            if number not in self._layouts:
                self._layouts[number] = msgspec.json.decode(content, type=ready(Layout))
        return self._layouts


def check(path: Path) -> None:
    """Look at all of a spool's file: where frames can be read, it may still be that none can be added.

    Raises
    ------
    DamagedSpoolError
        It is not as SQLite left it.
    LogError
        It cannot be opened.
    """
    with _told(path), closing(opened(path)) as connection:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DamagedSpoolError(f"The spool {path} is damaged: {found}.")


def in_use(path: Path) -> bool:
    """Whether a process has the spool."""
    lock = path.with_suffix(".lock")
    if not lock.exists():
        return False
    with lock.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise DamagedSpoolError(f"The spool {path} is damaged: {error}.") from None
        raise LogError(f"The spool {path} cannot be used: {error}.") from None
    except (msgspec.MsgspecError, TypeError):  # of what is not there, too
        raise DamagedSpoolError(f"The spool {path} is damaged: a layout in it cannot be read.") from None
    except KeyError:
        raise DamagedSpoolError(f"The spool {path} is damaged: it does not say what it is.") from None
