"""API keys. The book holds digests: a key itself is shown once, when it is made."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec
from sqlalchemy import select

from holdfast.book.audit import record
from holdfast.book.opening import Book, reading, writing
from holdfast.book.tables import KEYS
from holdfast.errors import SettingError

Role = Literal["predict", "label", "read", "operate"]
ROLES: frozenset[Role] = frozenset(get_args(Role))

ANONYMOUS = "anonymous"
"""Who asks where no keys are in use."""

# Names stand in logs, in columns and as labels of metrics.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")
_TOKEN = re.compile(r"holdfast_([0-9a-f]{10})_[0-9a-f]{64}")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an API key.

    Attributes
    ----------
    id
        The public part, which the key itself begins with: `holdfast_<id>_...`.
    name
        Whose it is; several keys may have one name, so that one can replace the other without a gap.
    digest
        SHA-256 of the key, in hexadecimal. It has 256 random bits: no salt and no slow hash make it safer.
    roles
        What it may do.
    rate
        Requests a second; None: without limit.
    created, revoked
        Since when, and until when, in UTC.
    """

    id: str
    name: str
    digest: str
    roles: tuple[Role, ...]
    rate: float | None
    created: datetime
    revoked: datetime | None = None


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
        return msgspec.convert(row, Key, from_attributes=True), token


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
        return msgspec.convert(row, Key, from_attributes=True)


def keys(book: Book) -> tuple[Key, ...]:
    """All keys, revoked ones too, oldest first."""
    with reading(book) as connection:
        rows = connection.execute(select(KEYS).order_by(KEYS.c.created, KEYS.c.id))
        return tuple(msgspec.convert(row, Key, from_attributes=True) for row in rows)


def digest_of(token: str) -> str:
    """What the book knows of a key."""
    return hashlib.sha256(token.encode()).hexdigest()


def public_part(token: str) -> str | None:
    """The id in a key; None where this is no key.

    >>> public_part(f"holdfast_0123456789_{64 * 'a'}"), public_part("secret")
    ('0123456789', None)
    """
    found = _TOKEN.fullmatch(token)
    return found[1] if found else None
