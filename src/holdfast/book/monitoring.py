"""What the monitor has done, in the book: its runs, what it keeps between them, windows, incidents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, select

from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import DERIVED, INCIDENTS, RUNS, WATCHED, WATCHES


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
    """

    number: int
    model: str
    release: int
    at: datetime
    received_until: int
    labelled_until: int


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


def runs(book: Book, model: str) -> tuple[Run, ...]:
    """All runs over a model, in their order."""
    with reading(book) as connection:
        found = connection.execute(select(RUNS).where(RUNS.c.model == model).order_by(RUNS.c.number))
        return tuple(msgspec.convert(row, Run, from_attributes=True) for row in found)


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


def record_run(book: Book, run: Run, kept: Kept, then: Any = None) -> bool:
    """Write down a run with all that it leaves behind; False, and nothing, if another one came in between.

    Parameters
    ----------
    run
        It must continue the newest run that it knew: see `number` of `expected`.
    kept
        What it leaves behind.
    then
        Called with the connection, for what belongs into the same transaction.
    """
    with writing(book) as connection:
        newest = connection.execute(select(func.max(RUNS.c.number)).where(RUNS.c.model == run.model)).scalar() or 0
        if newest >= run.number:
            return False
        connection.execute(RUNS.insert().values(**msgspec.to_builtins(run, builtin_types=(datetime,))))
        _keep(connection, run, kept)
        if then is not None:
            then(connection)
        return True


def record_again(book: Book, run: Run, kept: Kept) -> None:
    """Write again what a run that is recorded leaves behind."""
    with writing(book) as connection:
        _keep(connection, run, kept)


def forget_derived(book: Book, model: str) -> None:
    """Remove what follows from the log and the recorded runs."""
    with writing(book) as connection:
        for table in DERIVED:
            connection.execute(delete(table).where(table.c.model == model))


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def _keep(connection: Connection, run: Run, kept: Kept) -> None:
    connection.execute(delete(WATCHES).where(WATCHES.c.model == run.model))
    connection.execute(WATCHES.insert().values(model=run.model, run=run.number, content=kept.watch))
    _replace(
        connection,
        WATCHED,
        "start",
        (
            {"model": run.model, "start": start, "run": run.number, "content": one}
            for start, one in kept.windows.items()
        ),
        run.model,
    )
    _replace(
        connection,
        INCIDENTS,
        "id",
        ({"id": name, "model": run.model, "run": run.number, "content": one} for name, one in kept.incidents.items()),
        run.model,
    )


def _replace(connection: Connection, table: Table, key: str, rows: Iterable[dict[str, Any]], model: str) -> None:
    values = list(rows)
    if values:
        keys = [row[key] for row in values]
        connection.execute(delete(table).where((table.c.model == model) & table.c[key].in_(keys)))
        connection.execute(table.insert(), values)
