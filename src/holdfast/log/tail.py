"""The end of a Delta table's log after a power cut: entries that the disk has only a part of, or zeros of.

delta-rs takes an entry of zeros for one that changes nothing, which loses rows without a word, and cannot read a table with
a torn one. Neither can be one whose rows were removed from a spool, since that waits until the disk has the entry: so it is
moved aside, and the rows are committed again.
"""

from __future__ import annotations

import json
from pathlib import Path

from holdfast.errors import LogError
from holdfast.log.disk import make_folder, sync

LOG = "_delta_log"
ASIDE = "_damaged"
"""Folder of a table that takes what was moved aside; Delta passes over names that begin so."""

ACTIONS = "holdfast.actions"
"""In the first line of our entries: how many lines they have, so that one that was cut off at a line's end shows."""

LOOKED_AT = 20
"""Entries from the end. Of ours only the last can be damaged, since the disk has each before the next is written."""


def entry(table: Path, version: int) -> Path:
    """The file of a log entry."""
    return table / LOG / f"{version:020d}.json"


def has_log(table: Path) -> bool:
    """Whether there is a table."""
    log = table / LOG
    return log.is_dir() and any(path.suffix in {".json", ".parquet"} for path in log.glob("[0-9]*"))


def mend(table: Path) -> list[str]:
    """Move damaged last entries and checkpoints aside.

    Returns
    -------
    What was moved, in words.

    Raises
    ------
    LogError
        An entry is damaged that others follow: it cannot be left out.
    """
    moved = _mend_checkpoint(table)
    versions = sorted(int(path.stem) for path in (table / LOG).glob("[0-9]*.json") if path.stem.isdigit())
    last = True
    for version in reversed(versions[-LOOKED_AT:]):
        if sound(entry(table, version)):
            last = False
        elif last:
            moved.append(_aside(table, entry(table, version)))
        else:
            raise LogError(
                f"The log of {table} is damaged: entry {version} cannot be read, and later ones follow. "
                "Restore it from a backup, or from a copy of the table."
            )
    return moved


def sound(path: Path) -> bool:
    """Whether a log entry is whole."""
    actions = read(path)
    if not actions:
        return False
    told = actions[0].get("commitInfo", {}).get(ACTIONS)
    return told is None or told == len(actions)


def read(path: Path) -> list[dict[str, dict[str, object]]]:
    """The lines of a log entry; none if one of them cannot be read."""
    try:
        lines = [json.loads(line) for line in path.read_bytes().splitlines() if line]
    except ValueError:
        return []
    return lines if all(isinstance(line, dict) and line for line in lines) else []


def _mend_checkpoint(table: Path) -> list[str]:
    """A checkpoint only repeats what the entries say: one that cannot be read goes, as long as they are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    moved = []
    for path in sorted((table / LOG).glob("[0-9]*.checkpoint.parquet"))[-2:]:
        try:
            pq.read_table(path)
        except (pa.ArrowException, OSError):
            moved.append(_aside(table, path))
    hint = table / LOG / "_last_checkpoint"
    if hint.exists() and (moved or not read(hint)):
        hint.unlink()
        sync(hint.parent)
    return moved


def _aside(table: Path, path: Path) -> str:
    folder = table / ASIDE
    make_folder(folder)
    taken = len(list(folder.glob(f"{path.name}*")))
    path.rename(folder / f"{path.name}.{taken}")
    sync(folder, path.parent)
    return f"{path} was damaged, and is now in {folder}"
