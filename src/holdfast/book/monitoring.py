"""What the monitor has done, in the book: its runs, what it keeps between them, windows, incidents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, select, update

from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import DERIVED, INCIDENTS, RUNS, WATCHED, WATCHES
from holdfast.decoding import ready

MOST_AT_ONCE = 500
"""Rows that are replaced by one statement: databases take no more than some thousand values in each."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the monitor over one model.

    Attributes
    ----------
    number
        When it began, in microseconds since 1970.
    model, release
        What it watched, and the release that was in force.
    at
        The moment as of which it judged.
    received_until, labelled_until
        It has read all predictions and labels that arrived before, in microseconds since 1970.
    evidence
        What it took from them that is kept nowhere else: with it and the counts, the run can be replayed.
    """

    number: int
    model: str
    release: int
    at: datetime
    received_until: int
    labelled_until: int
    evidence: bytes = b""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a run leaves behind, written in one transaction.

    Attributes
    ----------
    watch
        What the alarms remember.
    windows
        Beginning of each window in microseconds since 1970 -> what was found of it, JSON-ready; earlier ones are replaced.
    incidents
        Id -> incident, JSON-ready; earlier ones are replaced.
    """

    watch: bytes
    windows: Mapping[int, Mapping[str, Any]] = {}
    incidents: Mapping[str, Mapping[str, Any]] = {}


class Derived(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from all runs over a model, each with the number of the run that wrote it last.

    Attributes
    ----------
    watch
        What the alarms remember.
    windows, incidents
        By the beginning of the window in microseconds since 1970, and by id.
    """

    watch: tuple[int, bytes] | None = None
    windows: Mapping[int, tuple[int, Mapping[str, Any]]] = {}
    incidents: Mapping[str, tuple[int, Mapping[str, Any]]] = {}


def derived(book: Book, model: str) -> Derived:
    """What follows from all runs over a model."""
    with reading(book) as connection:
        watch = connection.execute(select(WATCHES.c.run, WATCHES.c.content).where(WATCHES.c.model == model)).first()
        windows = connection.execute(select(WATCHED).where(WATCHED.c.model == model).order_by(WATCHED.c.start))
        incidents = connection.execute(select(INCIDENTS).where(INCIDENTS.c.model == model).order_by(INCIDENTS.c.id))
        return Derived(
            watch=None if watch is None else (watch.run, bytes(watch.content)),
            windows={row.start: (row.run, row.content) for row in windows},
            incidents={row.id: (row.run, row.content) for row in incidents},
        )


def runs(book: Book, model: str) -> tuple[Run, ...]:
    """All runs over a model, in their order."""
    with reading(book) as connection:
        found = connection.execute(select(RUNS).where(RUNS.c.model == model).order_by(RUNS.c.number))
        return tuple(msgspec.convert(row, ready(Run), from_attributes=True) for row in found)


def models(book: Book) -> tuple[str, ...]:
    """Models over which there was a run."""
    with reading(book) as connection:
        return tuple(connection.execute(select(RUNS.c.model).distinct().order_by(RUNS.c.model)).scalars())


def watch_of(book: Book, model: str) -> tuple[int, bytes] | None:
    """The run that wrote last what the alarms remember, and that; None before the first."""
    with reading(book) as connection:
        row = connection.execute(select(WATCHES.c.run, WATCHES.c.content).where(WATCHES.c.model == model)).first()
        return None if row is None else (int(row.run), bytes(row.content))


def windows(book: Book, model: str) -> dict[int, dict[str, Any]]:
    """What was found of each window, in the order of time."""
    with reading(book) as connection:
        query = select(WATCHED.c.start, WATCHED.c.content).where(WATCHED.c.model == model).order_by(WATCHED.c.start)
        return {int(row.start): row.content for row in connection.execute(query)}


def incidents(book: Book, model: str | None = None) -> dict[str, dict[str, Any]]:
    """All incidents, of one model or of all, by their ids."""
    with reading(book) as connection:
        query = select(INCIDENTS.c.id, INCIDENTS.c.content)
        if model is not None:
            query = query.where(INCIDENTS.c.model == model)
        return {row.id: row.content for row in connection.execute(query.order_by(INCIDENTS.c.id))}


def record_run(
    book: Book, run: Run, kept: Kept, *, after: int = 0, then: Callable[[Connection], None] | None = None
) -> bool:
    """Write down a run with all that it leaves behind; False, and nothing, if another one came in between.

    Parameters
    ----------
    run
        What it was.
    kept
        What it leaves behind.
    after
        Number of the newest run when it began, which it goes on from; 0 for the first.
    then
        Called with the connection, for what belongs into the same transaction.
    """
    with writing(book) as connection:
        if _newest(connection, run.model) != after:
            return False
        connection.execute(RUNS.insert().values(**msgspec.to_builtins(run, builtin_types=(datetime, bytes))))
        connection.execute(delete(WATCHES).where(WATCHES.c.model == run.model))
        connection.execute(WATCHES.insert().values(model=run.model, run=run.number, content=kept.watch))
        _replace(connection, WATCHED, "start", run.model, {k: (run.number, one) for k, one in kept.windows.items()})
        _replace(connection, INCIDENTS, "id", run.model, {k: (run.number, one) for k, one in kept.incidents.items()})
        if then is not None:
            then(connection)
        return True


def record_again(book: Book, model: str, derived: Derived, *, after: int) -> bool:
    """Write anew what follows from the runs of a model; False, and nothing, if another run came in between."""
    with writing(book) as connection:
        if _newest(connection, model) != after:
            return False
        for table in DERIVED:
            connection.execute(delete(table).where(table.c.model == model))
        if derived.watch is not None:
            number, content = derived.watch
            connection.execute(WATCHES.insert().values(model=model, run=number, content=content))
        _replace(connection, WATCHED, "start", model, derived.windows)
        _replace(connection, INCIDENTS, "id", model, derived.incidents)
        return True


def forget_rows(book: Book, model: str, ids: Collection[str]) -> int:
    """Take ids of rows out of all incidents of a model; returns how many had one. Done again, it finds none."""
    gone, concerned = set(ids), 0
    with writing(book) as connection:
        found = connection.execute(select(INCIDENTS.c.id, INCIDENTS.c.content).where(INCIDENTS.c.model == model))
        for name, content in found.all():
            rows = content.get("rows", [])
            left = [row for row in rows if row not in gone]
            if left != rows:
                own = (INCIDENTS.c.model == model) & (INCIDENTS.c.id == name)
                connection.execute(update(INCIDENTS).where(own).values(content={**content, "rows": left}))
                concerned += 1
    return concerned


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def _newest(connection: Connection, model: str) -> int:
    return connection.execute(select(func.max(RUNS.c.number)).where(RUNS.c.model == model)).scalar() or 0


def _replace(
    connection: Connection, table: Table, key: str, model: str, contents: Mapping[Any, tuple[int, Mapping[str, Any]]]
) -> None:
    rows = [{"model": model, key: name, "run": run, "content": one} for name, (run, one) in contents.items()]
    for first in range(0, len(rows), MOST_AT_ONCE):
        some = rows[first : first + MOST_AT_ONCE]
        connection.execute(delete(table).where((table.c.model == model) & table.c[key].in_([row[key] for row in some])))
        connection.execute(table.insert(), some)
