"""The audit: one entry for each change of a fact, chained by hashes, so that no entry can be changed or left out unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Insert, Update, func, select

from holdfast.book.opening import Book, reading
from holdfast.book.tables import AUDIT, FACTS, METADATA
from holdfast.decoding import ready

BEGINNING = 64 * "0"
"""What stands for the hash before the first entry."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, when, and by whom.

    Attributes
    ----------
    entry
        Its number, from 1, without gaps.
    at, author
        When, in UTC, and who.
    action
        Such as `promote`.
    subject
        The table that was changed.
    content
        The row after the change, as JSON with sorted keys.
    hash
        SHA-256 of the hash of the entry before, and of this entry's JSON.
    """

    entry: int
    at: datetime
    author: str
    action: str
    subject: str
    content: str
    hash: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found: how many entries there are, the hash of the newest, and what is wrong."""

    entries: int
    head: str
    problems: tuple[str, ...]


def record(connection: Connection, change: Insert | Update, *, action: str, at: datetime, author: str) -> Any:
    """Change one row of a fact, and write the entry that says so.

    Parameters
    ----------
    connection
        Of `opening.writing`: entries are numbered one after the other.
    change
        Inserts or updates one row.
    action, at, author
        What is done, when, and by whom.

    Returns
    -------
    Row
        As it is now in the book.
    """
    table = METADATA.tables[change.entity_description["name"]]
    key = table.c[_key(table.name)]
    # Read again: what SQLite returns from the change itself has not yet the type of its column.
    changed = connection.execute(change.returning(key)).scalar_one()
    row = connection.execute(select(table).where(key == changed)).one()
    newest = connection.execute(select(AUDIT.c.entry, AUDIT.c.hash).order_by(AUDIT.c.entry.desc()).limit(1)).first()
    number, former = newest or (0, BEGINNING)
    entry = {
        "entry": number + 1,
        "at": at,
        "author": author,
        "action": action,
        "subject": str(table.name),
        "content": _canonical(row._mapping).decode(),
    }
    connection.execute(AUDIT.insert().values(**entry, hash=_chained(former, entry)))
    return row


def newest_entry(book: Book) -> int:
    """Number of the newest entry, 0 before the first: as long as it is the same, no fact has changed."""
    with reading(book) as connection:
        return connection.execute(select(func.max(AUDIT.c.entry))).scalar() or 0


def entries(book: Book) -> tuple[Entry, ...]:
    """All entries, oldest first."""
    with reading(book) as connection:
        return tuple(_entries(connection))


def verify(book: Book, head: str | None = None) -> Verified:
    """Derive every hash again, and every fact from the entries.

    Parameters
    ----------
    book
        The book.
    head
        A hash that was noted down earlier, such as the `head` of a former `verify`: it must still be in the chain.
        Without it, somebody who rewrites the whole chain, or cuts off its end together with the facts, is not seen.

    Returns
    -------
    Verified
        With one sentence for each entry or fact that is not as it was written.
    """
    problems: list[str] = []
    told: dict[tuple[str, Any], Entry] = {}
    number, former, noted = 0, BEGINNING, head in (None, BEGINNING)
    with reading(book) as connection:
        for entry in _entries(connection):
            if entry.entry != number + 1:
                problems.append(f"the audit lacks what was between the entries {number} and {entry.entry}")
            elif entry.hash != _chained(former, _hashed(entry)):
                problems.append(f"entry {entry.entry} of the audit is not as it was written")
            else:
                told[entry.subject, msgspec.json.decode(entry.content)[_key(entry.subject)]] = entry
            number, former = entry.entry, entry.hash
            noted = noted or entry.hash == head
        problems += _other_than_told(connection, told)
    if not noted:
        problems.append("the audit does not hold the hash that was noted: entries were removed or rewritten")
    return Verified(entries=number, head=former, problems=tuple(problems))


def _other_than_told(connection: Connection, told: dict[tuple[str, Any], Entry]) -> Iterator[str]:
    """What is wrong with the facts, if the last sound entry about each is right."""
    for table in FACTS:
        for row in connection.execute(select(table)).mappings():
            name = f"{row[_key(table.name)]} of {table.name}"
            entry = told.pop((table.name, row[_key(table.name)]), None)
            if entry is None:
                yield f"{name} is in no sound entry of the audit"
                continue
            # A column that a later step added is not in an entry from before.
            known = {column: row.get(column) for column in msgspec.json.decode(entry.content)}
            if entry.content != _canonical(known).decode():
                yield f"{name} is not as entry {entry.entry} of the audit has it"
    for (table_name, key), entry in told.items():
        yield f"{key} of {table_name} is gone; entry {entry.entry} of the audit has it"


def _key(table: str) -> str:
    """The column that names a row."""
    (column,) = METADATA.tables[table].primary_key
    return str(column.name)


def _entries(connection: Connection) -> Iterator[Entry]:
    for row in connection.execute(select(AUDIT).order_by(AUDIT.c.entry)):
        yield msgspec.convert(row, ready(Entry), from_attributes=True)


def _hashed(entry: Entry) -> dict[str, Any]:
    """All of an entry but its hash."""
    return {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "hash"}


def _chained(former: str, entry: dict[str, Any]) -> str:
    return hashlib.sha256(former.encode() + _canonical(entry)).hexdigest()


def _canonical(row: Mapping[Any, Any]) -> bytes:
    """The one way to write it: JSON with sorted keys and no spaces; times in UTC."""
    return msgspec.json.encode({str(name): value for name, value in row.items()}, order="sorted")
