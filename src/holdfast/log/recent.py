"""What is still in the spools, for readers: without it, the last seconds would be missing.

Readers look here first, then at the lake, and leave out what the lake has by then. So no row is read twice, and none is
missed because it was on its way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import msgspec

from holdfast.decoding import ready
from holdfast.errors import LogError
from holdfast.log.batch import Item
from holdfast.log.frames import Layout
from holdfast.log.lake import Key
from holdfast.log.pending import FOLDER
from holdfast.log.spool import BUSY_SECONDS, frame_of, spools
from holdfast.log.volumes import Reader


def waiting(root: Path, wanted: Collection[Key] | None = None) -> dict[Key, list[Item]]:
    """Frames in the spools by table, in the order in which they are going to be committed.

    Parameters
    ----------
    root
        The folder of spools and lake.
    wanted
        The tables that are asked for; None: all.

    Raises
    ------
    LogError
        A spool cannot be read: what it holds would be missing.
    """
    found: dict[tuple[str, int], tuple[int, Item]] = {}
    for path in spools(root / FOLDER):
        latest = 0
        for item in _items(path, wanted):
            latest = max(latest, item.frame.received)  # where the clock was set back, the numbers decide
            found.setdefault((item.writer, item.frame.seq), (latest, item))
    groups: dict[Key, list[Item]] = {}
    for _, item in sorted(found.values(), key=lambda one: (one[0], one[1].writer, one[1].frame.seq)):
        groups.setdefault((item.frame.layout.model, item.frame.layout.kind), []).append(item)
    return groups


def _items(path: Path, wanted: Collection[Key] | None) -> list[Item]:
    try:
        with closing(_opened(path)) as connection, closing(Reader(path)) as reader:
            connection.execute("BEGIN")  # one moment for all that is read
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'frames'").fetchone():
                return []  # it is just being made
            layouts = {
                number: msgspec.json.decode(content, type=ready(Layout))
                for number, content in connection.execute("SELECT id, content FROM layouts")
            }
            asked = [n for n, layout in layouts.items() if wanted is None or (layout.model, layout.kind) in wanted]
            (writer,) = connection.execute("SELECT value FROM meta WHERE key = 'writer'").fetchone()
            rows = connection.execute(
                "SELECT * FROM frames WHERE layout IN (SELECT value FROM json_each(?)) ORDER BY seq",
                (str(asked),),
            )
            # Where there are no bytes its volume is gone: the lake has them.
            return [Item(writer, frame) for row in rows if (frame := frame_of(row, layouts, reader)).content]
    except (sqlite3.Error, msgspec.MsgspecError, TypeError) as error:
        raise LogError(
            f"The spool {path} cannot be read: {error}. The committer saves what can be read of it."
        ) from None


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS)
