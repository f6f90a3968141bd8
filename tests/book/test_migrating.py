"""The steps of the migrations end in the tables that the code has."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from holdfast.book.migrating import STEPS
from holdfast.book.opening import Book, open_book, reading
from holdfast.book.tables import METADATA, SCHEMA, VERSION


def test_the_steps_make_the_tables_of_the_code(book: Book) -> None:
    with reading(book) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION, "compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_code_knows_the_newest_step() -> None:
    assert ScriptDirectory(str(STEPS)).get_current_head() == SCHEMA


def test_a_book_without_its_tables_gets_them(location: str) -> None:
    """As after a first step that was cut off by a full disk: nothing of it is left."""
    book = open_book(location)
    with book.engine.begin() as connection:
        METADATA.drop_all(connection)
        connection.exec_driver_sql(f"DELETE FROM {VERSION}")
    book.close()
    again = open_book(location)
    with reading(again) as connection:
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, VERSION}
    again.close()
