"""What people do about incidents, and the changes that they know of: facts, with who and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, select

from holdfast.book.audit import record
from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import ANNOTATIONS, INCIDENT_ACTS, INCIDENTS
from holdfast.decoding import ready
from holdfast.errors import SettingError

Name: TypeAlias = Literal["acknowledge", "snooze", "resolve", "reopen"]


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody did something about an incident.

    Attributes
    ----------
    incident
        Its id.
    act
        `acknowledge`: somebody sees to it; `snooze`: not before a moment; `resolve`: it is over; `reopen`: it is not.
    until
        Of a snooze: till when, in UTC.
    at, author, reason
        When, in UTC, by whom, and why.
    """

    incident: str
    act: Name
    until: datetime | None = None
    at: datetime
    author: str
    reason: str


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the world that somebody knows of, such as a rise of prices.

    Attributes
    ----------
    id
        Its number.
    model
        Whose data it changes.
    since, until
        When it happened, in UTC: at some moment between the two.
    columns
        What it changes: columns, or `answers`, `performance`, `volume`; empty: anything.
    at, author, reason
        When it was written, in UTC, by whom, and what it is.
    """

    id: int
    model: str
    since: datetime
    until: datetime
    columns: tuple[str, ...]
    at: datetime
    author: str
    reason: str


def do(book: Book, incident: str, act: Name, *, author: str, reason: str = "", until: datetime | None = None) -> Act:
    """Write down what somebody does about an incident.

    Raises
    ------
    SettingError
        There is no such incident; or a snooze ends before now, or at no moment.
    """
    at = datetime.now(UTC)
    if (act == "snooze") != (until is not None):
        raise SettingError("Expected a moment until which an incident is snoozed, and for a snooze only.")
    if until is not None and until <= at:
        raise SettingError(
            "Expected a snooze to end in the future; it would have ended before now. Give a later moment."
        )
    with writing(book) as connection:
        if connection.execute(select(INCIDENTS.c.id).where(INCIDENTS.c.id == incident)).scalar() is None:
            raise SettingError(f"There is no incident {incident!r}. `holdfast incidents` lists them.")
        fact = INCIDENT_ACTS.insert().values(
            incident=incident, act=act, until=until, at=at, author=author, reason=reason
        )
        row = record(connection, fact, action=f"{act} incident", at=at, author=author)
        return msgspec.convert(row, ready(Act), from_attributes=True)


def acts(book: Book) -> dict[str, tuple[Act, ...]]:
    """What was done about each incident, oldest first."""
    with reading(book) as connection:
        return acts_in(connection)


def acts_in(connection: Connection) -> dict[str, tuple[Act, ...]]:
    """The same, within a transaction."""
    found: dict[str, tuple[Act, ...]] = {}
    for row in connection.execute(select(INCIDENT_ACTS).order_by(INCIDENT_ACTS.c.id)):
        act = msgspec.convert(row, ready(Act), from_attributes=True)
        found[act.incident] = (*found.get(act.incident, ()), act)
    return found


def annotate(
    book: Book,
    model: str,
    reason: str,
    *,
    since: datetime,
    until: datetime | None = None,
    columns: tuple[str, ...] = (),
    author: str,
) -> Annotation:
    """Write down a change of the world.

    Parameters
    ----------
    model
        Whose data it changes.
    reason
        What it is, in a few words.
    since, until
        When it happened; `until` is a day later by default.
    columns
        What it changes; empty: anything.

    Raises
    ------
    SettingError
        It has no reason, or ends before it begins.
    """
    until = since + timedelta(days=1) if until is None else until
    if not reason.strip():
        raise SettingError("Expected a few words on what changed, such as 'price rise'; got none.")
    if until < since:
        raise SettingError("Expected a change that ends after it begins; it ends before. Exchange the two moments.")
    at = datetime.now(UTC)
    with writing(book) as connection:
        fact = ANNOTATIONS.insert().values(
            model=model, since=since, until=until, columns=list(columns), at=at, author=author, reason=reason
        )
        row = record(connection, fact, action="annotate", at=at, author=author)
        return msgspec.convert(row, ready(Annotation), from_attributes=True)


def known_changes(book: Book, model: str | None = None) -> tuple[Annotation, ...]:
    """The changes that somebody knows of, of one model or of all, oldest first."""
    with reading(book) as connection:
        return known_changes_in(connection, model)


def known_changes_in(connection: Connection, model: str | None = None) -> tuple[Annotation, ...]:
    """The same, within a transaction."""
    query = select(ANNOTATIONS).order_by(ANNOTATIONS.c.since, ANNOTATIONS.c.id)
    rows = connection.execute(query if model is None else query.where(ANNOTATIONS.c.model == model))
    return tuple(msgspec.convert(row, ready(Annotation), from_attributes=True) for row in rows)
