"""API keys. The book holds digests: a key itself is shown once, when it is made."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import get_args

import msgspec
from sqlalchemy import select

from holdfast.book.audit import record
from holdfast.book.key import ANONYMOUS, ROLES, Key, Role, digest_of
from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import KEYS
from holdfast.decoding import ready
from holdfast.errors import SettingError

# Names stand in logs, in columns and as labels of metrics.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")


def add_key(
    book: Book, name: str, roles: Collection[str], *, rate: float | None = None, author: str
) -> tuple[Key, str]:
    """Make a key.

    Returns
    -------
    tuple[Key, str]
        What the book knows of it, and the key itself, which nobody can tell again.

    Raises
    ------
    SettingError
        The name, a role or the rate makes no sense.
    """
    if not _NAME.fullmatch(name) or name == ANONYMOUS:
        raise SettingError(
            f"Expected a key to be named by letters, digits, `_`, `.`, `@` and `-`, at most 100 of them, and not "
            f"{ANONYMOUS!r}; got {name!r}. Name it otherwise."
        )
    if not roles or not ROLES.issuperset(roles):
        unknown = ", ".join(sorted(map(repr, set(roles) - ROLES))) or "none"
        raise SettingError(f"Expected at least one role of {', '.join(get_args(Role))}; got {unknown}.")
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise SettingError(f"Expected a rate of requests a second above 0; got {rate}.")
    public = secrets.token_hex(5)
    token = f"holdfast_{public}_{secrets.token_hex(32)}"
    at = datetime.now(UTC)
    ordered = [role for role in get_args(Role) if role in roles]
    key = KEYS.insert().values(id=public, name=name, digest=digest_of(token), roles=ordered, rate=rate, created=at)
    with writing(book) as connection:
        row = record(connection, key, action="add key", at=at, author=author)
        return msgspec.convert(row, ready(Key), from_attributes=True), token


def revoke_key(book: Book, name: str, *, author: str) -> Key:
    """Let a key, by its id or by a name that is of one key only, not be accepted any more.

    Raises
    ------
    SettingError
        No key in use has this id or name, or several have this name.
    """
    with writing(book) as connection:
        named = ((KEYS.c.id == name) | (KEYS.c.name == name)) & KEYS.c.revoked.is_(None)
        found = connection.execute(select(KEYS.c.id).where(named)).scalars().all()
        if len(found) != 1:
            which = f"is of several: give the id of one, {' or '.join(sorted(found))}" if found else "is of none"
            raise SettingError(f"Expected the id or the name of one key in use; {name!r} {which}.")
        at = datetime.now(UTC)
        change = KEYS.update().where(KEYS.c.id == found[0]).values(revoked=at)
        row = record(connection, change, action="revoke key", at=at, author=author)
        return msgspec.convert(row, ready(Key), from_attributes=True)


def keys(book: Book) -> tuple[Key, ...]:
    """All keys, revoked ones too, oldest first."""
    with reading(book) as connection:
        rows = connection.execute(select(KEYS).order_by(KEYS.c.created, KEYS.c.id))
        return tuple(msgspec.convert(row, ready(Key), from_attributes=True) for row in rows)
