"""The outbox: alerts are written with what they tell of, and leave when they can; none is lost, none goes twice as delivered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, func, select

from holdfast.alerts.alert import Alert
from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import ALERTS
from holdfast.decoding import ready

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 3600.0
"""Until the next attempt; each pause is twice the one before."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that has not left.

    Attributes
    ----------
    alert, route
        What, and which way.
    created, attempts, next
        Since when, how often it was tried, and when it is tried again.
    error
        What the last attempt came to.
    """

    alert: Alert
    route: str
    created: datetime
    attempts: int
    next: datetime
    error: str


def enqueue(connection: Connection, alert: Alert, route: str, now: datetime) -> None:
    """Put an alert into the outbox, within the transaction of what it tells of."""
    connection.execute(
        ALERTS.insert().values(
            key=alert.key,
            sink=route,
            model=alert.model,
            incident=alert.incident,
            content=msgspec.to_builtins(alert),
            created=now,
            attempts=0,
            next=now,
            delivered=None,
            error="",
        )
    )


def told(connection: Connection, model: str) -> dict[tuple[str, str], list[tuple[datetime, Alert]]]:
    """What was put into the outbox about a model: by route and incident, each with its moment, in order."""
    found: dict[tuple[str, str], list[tuple[datetime, Alert]]] = {}
    for row in connection.execute(select(ALERTS).where(ALERTS.c.model == model).order_by(ALERTS.c.created)):
        alert = msgspec.convert(row.content, ready(Alert))
        found.setdefault((row.sink, alert.incident), []).append((row.created, alert))
    for alerts in found.values():
        alerts.sort(key=lambda one: one[1].number)
    return found


def waiting(book: Book, *, due: datetime | None = None, routes: Iterable[str] | None = None) -> tuple[Waiting, ...]:
    """Alerts that have not left, the oldest first: all, those that are due at a moment, those of some routes."""
    query = select(ALERTS).where(ALERTS.c.delivered.is_(None)).order_by(ALERTS.c.created, ALERTS.c.key)
    if due is not None:
        query = query.where(ALERTS.c.next <= due)
    if routes is not None:
        query = query.where(ALERTS.c.sink.in_(list(routes)))
    with reading(book) as connection:
        return tuple(
            Waiting(
                alert=msgspec.convert(row.content, ready(Alert)),
                route=row.sink,
                created=row.created,
                attempts=row.attempts,
                next=row.next,
                error=row.error,
            )
            for row in connection.execute(query)
        )


def waiting_by_route(book: Book) -> dict[str, int]:
    """How many alerts have not left, by route."""
    query = select(ALERTS.c.sink, func.count()).where(ALERTS.c.delivered.is_(None)).group_by(ALERTS.c.sink)
    with reading(book) as connection:
        return {name: int(count) for name, count in connection.execute(query)}


def claim(book: Book, one: Waiting, now: datetime) -> bool:
    """Take an alert, so that nobody else sends it until its next attempt; False if somebody was quicker."""
    pause = min(FIRST_PAUSE_SECONDS * 2.0**one.attempts, LONGEST_PAUSE_SECONDS)
    with writing(book) as connection:
        done = connection.execute(
            ALERTS.update()
            .where((ALERTS.c.key == one.alert.key) & (ALERTS.c.sink == one.route))
            .where(ALERTS.c.delivered.is_(None) & (ALERTS.c.attempts == one.attempts))
            .values(attempts=one.attempts + 1, next=now + timedelta(seconds=pause))
        )
        return done.rowcount == 1


def conclude(book: Book, one: Waiting, now: datetime, error: str) -> None:
    """Write down what an attempt came to: delivered where there is no error."""
    with writing(book) as connection:
        connection.execute(
            ALERTS.update()
            .where((ALERTS.c.key == one.alert.key) & (ALERTS.c.sink == one.route) & ALERTS.c.delivered.is_(None))
            .values(error=error, **({} if error else {"delivered": now}))
        )
