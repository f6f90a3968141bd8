"""Which version of a model is in force: facts that are added, never changed; the newest counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, func, select

from holdfast.book.audit import record
from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import STAGES
from holdfast.decoding import ready

CHAMPION = "champion"
"""The stage of the version that answers where none is asked for."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model came into a stage.

    Attributes
    ----------
    model, version, identity
        The release, and the digest of its manifest: a folder of the same name with another one is not meant.
    stage
        What it became: `champion`.
    at, author, reason
        When, in UTC, by whom, and why.
    """

    model: str
    version: int
    identity: str
    stage: str
    at: datetime
    author: str
    reason: str


class Promotion(NamedTuple):
    """The fact about a model that was in force before, and the one that is now: the same where nothing was changed."""

    before: Stage | None
    now: Stage


def promote(book: Book, model: str, version: int, identity: str, *, author: str, reason: str = "") -> Promotion:
    """Let a version answer for its model from now on.

    Whoever calls this has verified the release. If it is the champion already, nothing is added.
    """
    with writing(book) as connection:
        before = _in_force(connection).get(model)
        if before is not None and (before.version, before.identity) == (version, identity):
            return Promotion(before, before)
        at = datetime.now(UTC)
        fact = STAGES.insert().values(
            model=model, version=version, identity=identity, stage=CHAMPION, at=at, author=author, reason=reason
        )
        row = record(connection, fact, action="promote", at=at, author=author)
        return Promotion(before, msgspec.convert(row, ready(Stage), from_attributes=True))


def champions(book: Book) -> dict[str, int]:
    """The version of each model that answers where none is asked for."""
    return {model: stage.version for model, stage in in_force(book).items()}


def in_force(book: Book) -> dict[str, Stage]:
    """The fact that made the champion of each model."""
    with reading(book) as connection:
        return _in_force(connection)


def stages(book: Book, model: str | None = None) -> tuple[Stage, ...]:
    """All facts, or those of one model, oldest first."""
    query = select(STAGES).order_by(STAGES.c.id)
    with reading(book) as connection:
        return _found(connection, query if model is None else query.where(STAGES.c.model == model))


def _in_force(connection: Connection) -> dict[str, Stage]:
    newest = select(func.max(STAGES.c.id)).where(STAGES.c.stage == CHAMPION).group_by(STAGES.c.model)
    query = select(STAGES).where(STAGES.c.id.in_(newest)).order_by(STAGES.c.model)
    return {stage.model: stage for stage in _found(connection, query)}


def _found(connection: Connection, query: Select[Any]) -> tuple[Stage, ...]:
    return tuple(msgspec.convert(row, ready(Stage), from_attributes=True) for row in connection.execute(query))
