"""Which release of a model is watched where none is named."""

from __future__ import annotations

from typing import Any

from holdfast.book.opening import Book
from holdfast.book.stages import in_force
from holdfast.releases.folder import SealedFolder
from holdfast.releases.store import Store


def in_service(model: str, book: Book, store: Store) -> SealedFolder:
    """The champion, or the newest release where none was promoted."""
    stage: Any = in_force(book).get(model)
    return store.get(model, None if stage is None else stage.version)
