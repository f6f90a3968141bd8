"""What is known of an API key, and what the key itself tells; who checks one needs no database for that."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Literal, get_args

import msgspec

Role = Literal["predict", "label", "read", "operate"]
ROLES: frozenset[Role] = frozenset(get_args(Role))

ANONYMOUS = "anonymous"
"""Who asks where no keys are in use."""

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
