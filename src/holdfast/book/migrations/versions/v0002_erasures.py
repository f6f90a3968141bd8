"""What was erased from the log."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    from alembic import op

    op.create_table(
        "erasures",
        Column("id", Integer, primary_key=True),
        Column("model", Text, nullable=False),
        Column("ids", Integer, nullable=False),
        Column("predictions", Integer, nullable=False),
        Column("labels", Integer, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("author", Text, nullable=False),
        Column("reason", Text, nullable=False),
    )
