"""Where a book is, and how SQLite and PostgreSQL are connected to."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from holdfast.book.documents import text_of
from holdfast.errors import MissingExtraError, SettingError

BUSY_SECONDS = 30
"""How long a writer waits for another one."""

WRITES = "writes"
"""Option of a connection that is going to write."""

# Of libpq: a server that does not answer is away, and is tried again later rather than waited for.
_PATIENCE = {"connect_timeout": "5", "tcp_user_timeout": "10000", "application_name": "holdfast"}


def address_of(location: str) -> URL:
    """The address of a book: of the file at a path, or of a database of PostgreSQL; else `SettingError`."""
    if "://" not in location:
        return URL.create("sqlite", database=str(Path(location).absolute()))
    # Nothing of the location stands in a message: a mistyped one may have its password anywhere.
    expected = "Expected the book as the path of a file, or as postgresql://user:password@host/database"
    try:
        url = make_url(location)
    except (exc.ArgumentError, ValueError):
        raise SettingError(f"{expected}; got an address that cannot be read. Write it so.") from None
    if "@" in (url.host or ""):
        raise SettingError(f"{expected}; got one with a second @. In a password write it as %40.")
    if url.get_backend_name() == "sqlite" and url.database:
        return URL.create("sqlite", database=str(Path(url.database).absolute()))
    if url.get_backend_name() in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg").set(query={**_PATIENCE, **url.query})
    raise SettingError(f"{expected}; got another kind of address. Write it so.")


def place_of(url: URL) -> str:
    """Where that is, for messages: never with a password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or url.query.get("host") or "this machine"
    return f"{url.database or 'the database'} in PostgreSQL on {host}{f':{url.port}' if url.port else ''}"


def engine_of(url: URL) -> Engine:
    """What connects to it; no connection is made yet."""
    if url.get_backend_name() == "postgresql":
        try:
            # A connection that has died since it was last used is replaced in silence.
            return create_engine(
                url,
                isolation_level="REPEATABLE READ",
                pool_pre_ping=True,
                hide_parameters=True,
                json_serializer=text_of,
            )
        except ModuleNotFoundError:
            raise MissingExtraError("psycopg", "postgres", "A book in PostgreSQL") from None
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True, json_serializer=text_of)
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # else Python begins transactions by itself, and too late
    connection.execute("PRAGMA foreign_keys = ON")


def _begun(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail, without waiting, if another one wrote in between.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
