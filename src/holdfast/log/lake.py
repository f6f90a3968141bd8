"""The lake: one Delta table for each model and kind of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, get_args

from holdfast.log.disk import locked
from holdfast.log.frames import Kind
from holdfast.log.tail import has_log

FOLDER = "lake"
LOCK = "lake.lock"

Key: TypeAlias = tuple[str, Kind]
"""Model and kind: a table."""


@contextmanager
def changing(root: Path) -> Iterator[None]:
    """Held while a table is looked at and changed: by the committer, compaction, retention and erasing."""
    with locked(root / LOCK):
        yield


def folder(root: Path, model: str, kind: Kind) -> Path:
    """Where a table lies."""
    return root / FOLDER / model / kind


def tables(root: Path) -> list[Key]:
    """Models and kinds that have a table."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    models = sorted(path.name for path in (root / FOLDER).glob("*"))
    return [(model, kind) for model in models for kind in kinds if has_log(folder(root, model, kind))]
