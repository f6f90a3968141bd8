"""The first tables: audit, stages, keys, policy revisions."""

from __future__ import annotations

from sqlalchemy import JSON, Column, DateTime, Float, Integer, String, Text, UniqueConstraint

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    from alembic import op

    moment = DateTime(timezone=True)
    op.create_table(
        "audit",
        Column("entry", Integer, primary_key=True, autoincrement=False),
        Column("at", moment, nullable=False),
        Column("author", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("content", Text, nullable=False),
        Column("hash", String(64), nullable=False),
    )
    op.create_table(
        "stages",
        Column("id", Integer, primary_key=True),
        Column("model", Text, nullable=False, index=True),
        Column("version", Integer, nullable=False),
        Column("identity", Text, nullable=False),
        Column("stage", Text, nullable=False),
        Column("at", moment, nullable=False),
        Column("author", Text, nullable=False),
        Column("reason", Text, nullable=False),
    )
    op.create_table(
        "keys",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("roles", JSON, nullable=False),
        Column("rate", Float),
        Column("created", moment, nullable=False),
        Column("revoked", moment),
    )
    op.create_table(
        "policy_revisions",
        Column("id", Integer, primary_key=True),
        Column("model", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("revision", Integer, nullable=False),
        Column("content", JSON, nullable=False),
        Column("at", moment, nullable=False),
        Column("author", Text, nullable=False),
        Column("reason", Text, nullable=False),
        UniqueConstraint("model", "version", "revision"),
    )
