"""Rows in frames are blanked: of a person who asked for it the id stays, until the committer refuses the row, and nothing else.

So the count of what was accepted stays true. SQLite leaves what it removes on free pages, in the file and in its
write-ahead log: both are written anew. In volumes all is overwritten that no frame speaks of.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from holdfast.decoding import ready
from holdfast.errors import LogError
from holdfast.log import volumes
from holdfast.log.batch import Refused
from holdfast.log.disk import write_whole
from holdfast.log.frames import Layout, encode, pack, to_rows
from holdfast.log.spool import opened
from holdfast.log.spooled import SpoolFile
from holdfast.log.volumes import Place


def blank_spool(path: Path, model: str, ids: Collection[str]) -> int:
    """Blank rows in a spool, which may be in use; returns how many.

    Raises
    ------
    LogError
        The spool cannot be used, or somebody reads it all the time.
    """
    spool = SpoolFile(path)
    try:
        frames = [frame for frame in spool.frames() if frame.layout.model == model]
    finally:
        spool.close()
    found = [(frame, *blanked(frame.layout, frame.rows, frame.content, ids)) for frame in frames]
    query = "UPDATE frames SET volume = 0, first = 0, size = 0, content = ?, crc = ? WHERE seq = ?"
    try:
        with closing(opened(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for frame, content, count in found:
                if count:
                    crc = zlib.crc32(content) if frame.sound else frame.crc
                    connection.execute(query, (content, crc, frame.seq))
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")  # nobody adds to a volume meanwhile
            needed = connection.execute("SELECT volume, first, size FROM frames WHERE volume > 0")
            volumes.wipe(path, [Place(*place) for place in needed])
            connection.execute("COMMIT")
            connection.execute("VACUUM")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise LogError(f"The spool {path} cannot be used: {error}.") from None
    if busy:
        raise LogError(f"The spool {path} is read all the time: erase again, or what was in it stays on the disk.")
    return sum(count for _, _, count in found)


def blank_refused(folder: Path, model: str, ids: Collection[str]) -> int:
    """Blank rows among those that are kept beside the spools because they could not be written; returns how many."""
    total = 0
    for path in sorted(folder.glob("*-*.msgpack")):
        before = msgspec.msgpack.decode(path.read_bytes(), type=ready(list[Refused]))
        after, count = [], 0
        for one in before:
            content, of_them = one.content, 0
            if content and one.layout.model == model:
                content, of_them = blanked(one.layout, one.count, content, ids, keep_id=False)
            after.append(msgspec.structs.replace(one, content=content))
            count += of_them
        if count:
            write_whole(path, msgspec.msgpack.encode(after))
            total += count
    return total


def blanked(
    layout: Layout, rows: int, content: bytes, ids: Collection[str], *, keep_id: bool = True
) -> tuple[bytes, int]:
    """A frame's bytes without what rows of these ids have, besides their id, and how many these are.

    Of bytes that are no frame of the layout nothing is left, if one of the ids is among them.

    Examples
    --------
    >>> layout = Layout(model="fraud", kind="labels", columns=(("hf_id", "string"), ("hf_label", "bool")))
    >>> content, count = blanked(layout, 2, encode([["a", "b"], [True]]), {"a"})
    >>> to_rows(layout, 2, content), count
    ([('a', None), ('b', True)], 1)
    """
    if not any(one.encode() in content for one in ids):
        return content, 0
    try:
        values = to_rows(layout, rows, content)
    except LogError:
        return b"", rows
    place = layout.names.index("hf_id")
    mine = [row[place] in ids for row in values]
    left: dict[str, list[Any]] = {}
    for number, (name, column) in enumerate(zip(layout.names, zip(*values, strict=True), strict=True)):
        left[name] = [
            None if own and not (keep_id and number == place) else v for v, own in zip(column, mine, strict=True)
        ]
    columns: list[Any] = [left[name] for name, _ in layout.single]
    if layout.packed:
        columns.append(pack(list(zip(*(left[name] for name in layout.packed), strict=True))))
    return encode(columns), sum(mine)
