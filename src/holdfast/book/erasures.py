"""That rows of persons were erased from the log: how many, when, by whom and why. Never which ones."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from sqlalchemy import select

from holdfast.book.audit import record
from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import ERASURES
from holdfast.decoding import ready


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Rows were erased.

    Attributes
    ----------
    model
        Whose.
    ids
        How many ids were named.
    predictions, labels
        Rows that were erased.
    at, author, reason
        When, in UTC, by whom, and why.
    """

    model: str
    ids: int
    predictions: int
    labels: int
    at: datetime
    author: str
    reason: str


def record_erasure(
    book: Book, model: str, *, ids: int, predictions: int, labels: int, author: str, reason: str = ""
) -> Erasure:
    """Write down that rows were erased."""
    at = datetime.now(UTC)
    with writing(book) as connection:
        fact = ERASURES.insert().values(
            model=model, ids=ids, predictions=predictions, labels=labels, at=at, author=author, reason=reason
        )
        row = record(connection, fact, action="erase", at=at, author=author)
        return msgspec.convert(row, ready(Erasure), from_attributes=True)


def erasures(book: Book) -> tuple[Erasure, ...]:
    """All erasures, oldest first."""
    with reading(book) as connection:
        rows = connection.execute(select(ERASURES).order_by(ERASURES.c.id))
        return tuple(msgspec.convert(row, ready(Erasure), from_attributes=True) for row in rows)
