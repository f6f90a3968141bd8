"""Rows that were erased from the log are no longer named by incidents."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from holdfast.book import monitoring as recorded
from holdfast.book.opening import Book, purge
from holdfast.incident import BESIDE
from holdfast.log.disk import locked


def forget(book: Book, root: Path, model: str, ids: Collection[str]) -> int:
    """Take the ids of erased rows out of the incidents of a model, and of its releases that are watched by themselves.

    Returns
    -------
    int
        Incidents that named one of them.
    """
    found = 0
    for name in recorded.models(book):
        if name.partition(BESIDE)[0] == model:
            # A run that began before would write down again what it has read: it is waited for.
            with locked(root / f"monitor-{name}.lock"):
                found += recorded.forget_rows(book, name, ids)
    purge(book)
    return found
