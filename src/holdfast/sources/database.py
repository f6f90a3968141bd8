"""Results of SQL queries, over ADBC."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa

from holdfast.errors import InputError, MissingExtraError
from holdfast.sources.batch_size import MAX_ROWS
from holdfast.sources.copies import copied, temporary_file
from holdfast.sources.failures import READ_ERRORS
from holdfast.sources.part import Part


def open_query(address: str, query: str, temporary: ExitStack) -> Part:
    """A copy of what the query gives."""
    scheme, _, rest = address.partition("://")
    if scheme == "sqlite":
        dbapi = _driver("sqlite", "sqlite", "SQLite")
        path = _sqlite_path(rest)
        # Read-only: no query writes, and a mistyped path makes no new database.
        address, where = f"file:{quote(path)}?mode=ro", f"the query on {path}"
        options = {"adbc.sqlite.query.batch_rows": str(MAX_ROWS)}  # the types are told from the first batch
    elif scheme in ("postgresql", "postgres"):
        dbapi = _driver("postgresql", "postgres", "PostgreSQL")
        where, options = "the query on PostgreSQL", {}  # not the address: it may hold a password
    else:
        raise InputError("expected sqlite:///path or postgresql://user@host/database as the source of the query")
    schema = None
    try:
        with dbapi.connect(address) as connection, connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**options)
            cursor.execute(query)
            with cursor.fetch_record_batch() as reader:
                schema = reader.schema
                return copied(where, schema, reader, temporary_file(temporary))
    except (dbapi.Error, *READ_ERRORS) as error:
        if getattr(error, "errno", None):
            raise
        raise InputError(_query_failure(where, error, schema)) from None


def _driver(driver: str, extra: str, database: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"adbc_driver_{driver}.dbapi")
    except ModuleNotFoundError:
        raise MissingExtraError(f"adbc-driver-{driver}", extra, f"Reading {database}") from None


def _sqlite_path(rest: str) -> str:
    """The file that `sqlite://{rest}` means: relative, as SQLAlchemy reads it, or absolute, as in other URIs."""
    path = unquote(rest.removeprefix("/"))
    for candidate in (Path(path), Path(f"/{path}")):
        if candidate.is_file():
            return str(candidate.absolute())
    raise InputError(f"the SQLite file {path!r} does not exist; expected sqlite:/// and the path of a database")


def _query_failure(where: str, error: Exception, schema: pa.Schema | None) -> str:
    """The message for a failed query. Of the driver's texts, those on names, syntax and connecting hold no values."""
    text = str(error)
    _, refused, rest = text.partition("Failed to prepare query: ")
    if refused and (getattr(error, "sqlstate", None) or "42").startswith("42"):
        reason = rest.partition("\n")[0]
        return f"{where} is refused: {reason}; mend the query"
    _, unconnected, rest = text.partition("connection to server ")
    if unconnected:
        reason = rest.partition("\n")[0]
        return f"no connection to server {reason}; check the address and the server"
    if "readonly database" in text:
        return f"{where} would write; expected one that only reads"
    mismatch = re.search(r"Type mismatch in column (\d+)", text)
    if mismatch and schema is not None:
        column = schema.names[int(mismatch[1])]
        return (
            f"column {column!r} of {where} holds values of several types; give it one type in the query, "
            f'such as CAST("{column}" AS TEXT), and order the rows so that its nulls come last'
        )
    return f"{where} was stopped by the database; run it in the database's own client to see why"
