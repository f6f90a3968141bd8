"""A spool that is damaged: what can be read of it goes into a spool of its own, and the file is moved aside.

The frames keep their writer and their numbers, so those that the lake has already are known. Nothing is removed.
"""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from holdfast.decoding import ready
from holdfast.log import volumes
from holdfast.log.disk import make_folder, sync
from holdfast.log.frames import Layout
from holdfast.log.ids import Ulids
from holdfast.log.spool import Frame, frame_of, opened, writer_in
from holdfast.log.spooled import NO_COUNTERS
from holdfast.log.state import remember_writer, writer_known
from holdfast.log.volumes import IN_DATABASE, Reader

ASIDE = "damaged"
STEPS = 1_000
"""Numbers that are tried one by one behind a damaged place; after that the steps double."""

LAST = 2**63 - 1


def salvage(root: Path, path: Path) -> str | None:
    """Move a damaged spool aside, and what can be read of it into a new one.

    Parameters
    ----------
    root, path
        The folder of spools and lake, and the damaged spool in it.

    Returns
    -------
    What was done, in words; None if a process still has the spool.
    """
    with path.with_suffix(".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        folder = path.parent / ASIDE
        make_folder(folder)
        with TemporaryDirectory(dir=folder, prefix=".reading-") as place:
            copy = Path(place, path.name)
            for suffix in ("", "-wal"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
            writer, saved, rows = _save(root, path, copy)
        taken = len(list(folder.glob(f"{path.stem}-*.db")))
        aside = folder / f"{path.stem}-{taken}.db"
        volumes.move(path, aside)
        for suffix in ("-wal", "-shm", ""):  # the file itself last: as long as it is there this is done again
            with suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
        sync(folder, path.parent)
    return (
        f"The spool {path} was damaged. {rows:,} rows of writer {writer} could be read and are in {saved.name}; "
        f"the file is now {aside}."
    )


def _save(root: Path, path: Path, copy: Path) -> tuple[str, Path, int]:
    """Write what can be read into a new spool: its writer, its path, and how many rows."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as damaged:
        # Or SQLite refuses a file that has fewer pages than it says.
        damaged.execute("PRAGMA writable_schema = ON")
        writer = _writer(root, path, damaged)
        saved = path.parent / f"salvaged-{writer}.db"
        if saved.exists() and saved != path:  # done before, but for moving the file
            return writer, saved, 0
        if saved == path:
            saved = path.with_name(f"{path.stem}-again.db")
        unfinished = copy.with_name("new.db")
        with closing(Reader(path)) as reader:
            rows = _write(unfinished, writer, damaged, reader)
    sync(unfinished)
    unfinished.rename(saved)
    sync(saved.parent)
    return writer, saved, rows


def _write(place: Path, writer: str, damaged: sqlite3.Connection, reader: Reader) -> int:
    layouts, counters = _layouts(damaged), _counters(damaged)
    rows = 0
    with closing(opened(place)) as new:
        writer_in(new)
        new.execute("BEGIN")
        new.execute("UPDATE meta SET value = ? WHERE key = 'writer'", (writer,))
        if counters is None:
            new.execute("INSERT INTO meta VALUES (?, ?)", NO_COUNTERS)
        for number, layout in layouts.items():
            new.execute("INSERT INTO layouts VALUES (?, ?)", (number, msgspec.json.encode(layout).decode()))
        for name, value in (counters or {}).items():
            new.execute("INSERT INTO counters VALUES (?, ?)", (name, value))
        numbers = {layout: number for number, layout in layouts.items()}
        for frame in _frames(damaged, layouts, reader):
            head = (frame.seq, numbers[frame.layout], frame.rows, frame.received, frame.crc)
            new.execute("INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*head, *IN_DATABASE, frame.content))
            rows += frame.rows
        new.execute("COMMIT")
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return rows


def _writer(root: Path, path: Path, damaged: sqlite3.Connection) -> str:
    """As the file says, or as it was known; a new one, which is then remembered, if it was never seen before."""
    with suppress(sqlite3.Error):
        row = damaged.execute("SELECT value FROM meta WHERE key = 'writer'").fetchone()
        if row and isinstance(row[0], str) and len(row[0]) == len(Ulids().next()):
            return row[0]
    writer = writer_known(root, path.name)
    if writer is None:
        writer = Ulids().next()
        remember_writer(root, path.name, writer)
    return writer


def _layouts(damaged: sqlite3.Connection) -> dict[int, Layout]:
    found = {}
    with suppress(sqlite3.Error):
        for number, content in damaged.execute("SELECT id, content FROM layouts"):
            with suppress(msgspec.MsgspecError, TypeError):
                found[number] = msgspec.json.decode(content, type=ready(Layout))
    return found


def _counters(damaged: sqlite3.Connection) -> dict[str, int] | None:
    try:
        found = dict(damaged.execute("SELECT name, value FROM counters"))
    except (sqlite3.Error, ValueError):
        return None
    return found if found and all(isinstance(value, int) for value in found.values()) else None


def _frames(damaged: sqlite3.Connection, layouts: dict[int, Layout], reader: Reader) -> Iterator[Frame]:
    """The frames that can be read and are what was written."""
    after, failures = 0, 0
    while after < LAST:
        try:
            row = damaged.execute(
                "SELECT * FROM frames WHERE seq > ? ORDER BY seq LIMIT 1",
                (after,),
            ).fetchone()
        except sqlite3.Error:
            failures += 1
            after = min(after + 2 ** max(0, failures - STEPS), LAST)
            continue
        if row is None:
            return
        after, failures = max(after + 1, row[0]), 0
        if row[1] in layouts and None not in row:
            frame = frame_of(row, layouts, reader)
            if frame.sound:
                yield frame
