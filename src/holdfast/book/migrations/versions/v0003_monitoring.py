"""What is watched: runs, windows, incidents, what people did about them, known changes, and alerts."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, DateTime, Integer, LargeBinary, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    from alembic import op

    moment = DateTime(timezone=True)
    op.create_table(
        "incident_acts",
        Column("id", Integer, primary_key=True),
        Column("incident", Text, nullable=False, index=True),
        Column("act", Text, nullable=False),
        Column("until", moment),
        Column("at", moment, nullable=False),
        Column("author", Text, nullable=False),
        Column("reason", Text, nullable=False),
    )
    op.create_table(
        "annotations",
        Column("id", Integer, primary_key=True),
        Column("model", Text, nullable=False, index=True),
        Column("since", moment, nullable=False),
        Column("until", moment),
        Column("columns", JSON, nullable=False),
        Column("at", moment, nullable=False),
        Column("author", Text, nullable=False),
        Column("reason", Text, nullable=False),
    )
    op.create_table(
        "monitor_runs",
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("model", Text, primary_key=True),
        Column("at", moment, nullable=False),
        Column("release", Integer, nullable=False),
        Column("received_until", BigInteger, nullable=False),
        Column("labelled_until", BigInteger, nullable=False),
        Column("evidence", LargeBinary, nullable=False),
    )
    op.create_table(
        "watches",
        Column("model", Text, primary_key=True),
        Column("run", BigInteger, nullable=False),
        Column("content", LargeBinary, nullable=False),
    )
    op.create_table(
        "watched_windows",
        Column("model", Text, primary_key=True),
        Column("start", BigInteger, primary_key=True, autoincrement=False),
        Column("run", BigInteger, nullable=False),
        Column("content", JSON, nullable=False),
    )
    op.create_table(
        "incidents",
        Column("id", Text, primary_key=True),
        Column("model", Text, nullable=False, index=True),
        Column("run", BigInteger, nullable=False),
        Column("content", JSON, nullable=False),
    )
    op.create_table(
        "alerts",
        Column("key", Text, primary_key=True),
        Column("sink", Text, primary_key=True),
        Column("model", Text, nullable=False, index=True),
        Column("incident", Text, nullable=False, index=True),
        Column("content", JSON, nullable=False),
        Column("created", moment, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("next", moment),
        Column("delivered", moment),
        Column("error", Text, nullable=False),
    )
