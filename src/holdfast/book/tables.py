"""The tables of the book. What changes here needs a step in `migrations/versions`."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

SCHEMA = "0003"
"""Newest step of the migrations, which a book of this Holdfast has taken."""

VERSION = "book_version"
"""Table with the step that a book has taken: a name of its own, so that another program's Alembic may live beside it."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond; SQLite keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From UTC, or from the zone of the session."""
        if value is None or value.tzinfo is not None:
            return None if value is None else value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


METADATA = MetaData()

AUDIT = Table(
    "audit",
    METADATA,
    Column("entry", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("author", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)

STAGES = Table(
    "stages",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("identity", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

KEYS = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("rate", Float),
    Column("created", Moment, nullable=False),
    Column("revoked", Moment),
)

POLICY_REVISIONS = Table(
    "policy_revisions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("model", "version", "revision"),
)

ERASURES = Table(
    "erasures",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("ids", Integer, nullable=False),
    Column("predictions", Integer, nullable=False),
    Column("labels", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

INCIDENT_ACTS = Table(
    "incident_acts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("incident", Text, nullable=False, index=True),
    Column("act", Text, nullable=False),
    Column("until", Moment),
    Column("at", Moment, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

ANNOTATIONS = Table(
    "annotations",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False, index=True),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    Column("columns", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

FACTS = (STAGES, KEYS, POLICY_REVISIONS, ERASURES, INCIDENT_ACTS, ANNOTATIONS)
"""Tables whose every change has an entry in the audit."""

RUNS = Table(
    "monitor_runs",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("release", Integer, nullable=False),
    Column("received_until", BigInteger, nullable=False),
    Column("labelled_until", BigInteger, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
)
"""What each run of the monitor has read: up to which moments of receipt, in microseconds since 1970, and what of it is not
kept elsewhere. Its number is the moment at which it began, so that two attempts never have the same one."""

WATCHES = Table(
    "watches",
    METADATA,
    Column("model", Text, primary_key=True),
    Column("run", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

WATCHED = Table(
    "watched_windows",
    METADATA,
    Column("model", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("run", BigInteger, nullable=False),
    Column("content", JSON, nullable=False),
)

INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("model", Text, nullable=False, index=True),
    Column("run", BigInteger, nullable=False),
    Column("content", JSON, nullable=False),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("sink", Text, primary_key=True),
    Column("model", Text, nullable=False, index=True),
    Column("incident", Text, nullable=False, index=True),
    Column("content", JSON, nullable=False),
    Column("created", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next", Moment),
    Column("delivered", Moment),
    Column("error", Text, nullable=False),
)
"""The outbox: what is to be told to whom. Its rows come with the transaction that opens the incident."""

DERIVED = (WATCHES, WATCHED, INCIDENTS)
"""Tables that follow from the log and the recorded runs, and are made again by `rebuild`."""
