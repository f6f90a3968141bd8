"""Brings the schema of a book up to date. Alembic takes its time to load, and is loaded only where the schema is behind."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from holdfast.book.connecting import BUSY_SECONDS, WRITES
from holdfast.book.tables import VERSION

STEPS = Path(__file__).parent / "migrations"

# Any number does, if it is always the same: whoever migrates a book of this server holds this lock.
_LOCK = 0x686F6C6466617374

_PAUSE_SECONDS = 0.05


def migrate(engine: Engine) -> None:
    """Take all steps that are due, in one transaction. Of several processes that try at once, one does the work."""
    if engine.dialect.name == "sqlite":
        _keep_a_write_ahead_log(engine)
        connection = engine.connect().execution_options(**{WRITES: True})
    else:
        # A snapshot would not show what the holder of the lock has done while this one waited for it.
        connection = engine.connect().execution_options(isolation_level="READ COMMITTED")
    with connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        _take_steps(connection)


def _take_steps(connection: Connection) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(STEPS))
    context = MigrationContext.configure(connection, opts={"version_table": VERSION})
    due = list(script.iterate_revisions("head", context.get_current_revision() or "base"))
    with Operations.context(context):
        for step in reversed(due):
            step.module.upgrade()
    context.stamp(script, "head")


def _keep_a_write_ahead_log(engine: Engine) -> None:
    """Readers then never wait for writers. It is written into the file, once; whoever is about to do so is waited for."""
    with closing(engine.raw_connection()) as connection:
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                # SQLite lets nobody wait for this lock, whatever its timeout.
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)
