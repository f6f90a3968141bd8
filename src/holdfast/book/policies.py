"""Revisions of the policy of a release: what may follow the labels between two releases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from holdfast.book.audit import record
from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import POLICY_REVISIONS
from holdfast.decoding import ready
from holdfast.errors import SettingError


class PolicyRevision(msgspec.Struct, frozen=True, kw_only=True):
    """What replaces a part of the sealed policy of a release.

    Attributes
    ----------
    model, version
        The release.
    revision
        Its number, from 1; the sealed policy is revision 0.
    content
        What is revised: JSON.
    at, author, reason
        When, in UTC, by whom, and why.
    """

    model: str
    version: int
    revision: int
    content: dict[str, Any]
    at: datetime
    author: str
    reason: str


def revise_policy(
    book: Book, model: str, version: int, content: Mapping[str, Any], *, author: str, reason: str = ""
) -> PolicyRevision:
    """Add the next revision of the policy of a release.

    Raises
    ------
    SettingError
        The content is not JSON: a number is not finite, or a value is neither text, number, list nor mapping.
    """
    try:
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError):
        raise SettingError("Expected a policy revision of finite numbers, texts, lists and mappings.") from None
    of_release = (POLICY_REVISIONS.c.model == model) & (POLICY_REVISIONS.c.version == version)
    with writing(book) as connection:
        last = connection.execute(select(func.max(POLICY_REVISIONS.c.revision)).where(of_release)).scalar() or 0
        at = datetime.now(UTC)
        revision = POLICY_REVISIONS.insert().values(
            model=model, version=version, revision=last + 1, content=content, at=at, author=author, reason=reason
        )
        row = record(connection, revision, action="revise policy", at=at, author=author)
        return msgspec.convert(row, ready(PolicyRevision), from_attributes=True)


def newest_policy_revisions(book: Book) -> dict[tuple[str, int], PolicyRevision]:
    """The newest revision of each release that has one, by model and version."""
    table = POLICY_REVISIONS.c
    newest = select(func.max(table.id)).group_by(table.model, table.version)
    query = select(POLICY_REVISIONS).where(table.id.in_(newest))
    with reading(book) as connection:
        found = [msgspec.convert(row, ready(PolicyRevision), from_attributes=True) for row in connection.execute(query)]
    return {(revision.model, revision.version): revision for revision in found}
