"""Opens a book, in SQLite or PostgreSQL, and gives connections that read one moment of it, or write alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, String, column, exc, select, table, text

from holdfast.book.connecting import BUSY_SECONDS, WRITES, address_of, engine_of, place_of
from holdfast.book.migrating import migrate
from holdfast.book.tables import SCHEMA, VERSION
from holdfast.errors import BookError


@dataclass(frozen=True, slots=True)
class Book:
    """An opened book. Make one with `open_book`, in the process that uses it: no book survives a fork.

    Attributes
    ----------
    engine
        Where connections come from; threads may share it.
    place
        Where it is, for messages: never with a password.
    """

    engine: Engine
    place: str

    def close(self) -> None:
        """Close all connections that nobody uses."""
        self.engine.dispose()


def open_book(location: str | os.PathLike[str], *, create: bool = True) -> Book:
    """Open a book, and bring its schema up to date.

    Parameters
    ----------
    location
        The path of an SQLite file, or `postgresql://user:password@host/database`.
    create
        Whether to begin a book where there is none.

    Raises
    ------
    SettingError
        The location is neither.
    BookError
        The database is away or damaged, there is no book, or a newer Holdfast has written it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from holdfast.book.stages import champions, promote
    >>> with TemporaryDirectory() as folder:
    ...     book = open_book(f"{folder}/book.db")
    ...     fact = promote(book, "fraud", 3, "sha256:ab", author="ada", reason="cheaper by 0.2 EUR a row")
    ...     champions(book)
    ...     book.close()
    {'fraud': 3}
    """
    url = address_of(os.fspath(location))
    book = Book(engine_of(url), place_of(url))
    try:
        if url.get_backend_name() == "sqlite":
            _make_room(Path(str(url.database)), book, create=create)
        if not _is_up_to_date(book, create=create):
            with _told(book):
                migrate(book.engine)
    except BaseException:
        book.close()
        raise
    return book


@contextmanager
def reading(book: Book) -> Iterator[Connection]:
    """A connection that sees the book as it is at its first query, whatever is written meanwhile."""
    with _told(book), book.engine.connect() as connection:
        yield connection


@contextmanager
def writing(book: Book) -> Iterator[Connection]:
    """A connection that alone may write until its transaction ends: committed at the end, or undone by an error."""
    with _told(book), book.engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"))
            # Before any query: the snapshot is taken after it, and so shows what the last writer did.
            connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
        yield connection


def purge(book: Book) -> None:
    """Have the files of SQLite hold nothing any more of what was replaced. PostgreSQL's own VACUUM sees to its files."""
    if book.engine.dialect.name != "sqlite":
        return
    with _told(book), closing(book.engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM")
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _is_up_to_date(book: Book, *, create: bool) -> bool:
    step = select(column("version_num", String)).select_from(table(VERSION))
    with reading(book) as connection:
        begun = connection.dialect.has_table(connection, VERSION)
        found = connection.execute(step).scalar() if begun else None
    if found is None and not create:
        raise _no_book(book)
    if found is not None and found > SCHEMA:
        raise BookError(f"The book {book.place} was written by a newer Holdfast. Update this one.")
    return bool(found == SCHEMA)


def _make_room(file: Path, book: Book, *, create: bool) -> None:
    if not create and not file.exists():
        raise _no_book(book)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BookError(f"The book cannot be begun: {file.parent}: {error.strerror}.") from None


def _no_book(book: Book) -> BookError:
    return BookError(f"There is no book yet in {book.place}; `holdfast promote` and `holdfast keys add` begin one.")


@contextmanager
def _told(book: Book) -> Iterator[None]:
    """Say in a person's words, and without what a connection was made with, why there is no answer."""
    failed = f"The book cannot be reached or is damaged: {book.place}"
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error) as error:
        # Only the first line of the driver's own words: the others quote statements and values.
        words = str(error.orig if isinstance(error, exc.DBAPIError) else error).splitlines()
        reason = words[0].strip().rstrip(".") if words else type(error).__name__
        raise BookError(f"{failed}: {reason}. Check the database, and your access to it.") from None
    except (ValueError, msgspec.MsgspecError):
        raise BookError(f"{failed}: it holds what no Holdfast has written. Take a copy from before.") from None
