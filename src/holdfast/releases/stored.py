"""What is in the place of a sealed file: its bytes, or the tombstone of erased rows."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Literal

import msgspec

from holdfast.decoding import ready
from holdfast.errors import ReleaseError
from holdfast.releases.manifest import File, Hex, digest
from holdfast.releases.places import Place


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the place of a file whose rows were erased: the digest that it had, when, by whom and why."""

    tombstone: Literal[1] = 1
    file: str
    sha256: Hex
    erased: datetime
    author: str
    reason: str


def stored(where: Place, name: str, file: File) -> bytes | Tombstone:
    """What is in the place of a file: the bytes that were sealed, or a tombstone where one may be; else `ReleaseError`."""
    data = where.read(name)
    if digest(data) == file.sha256:
        return data
    if file.erasable:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            stone = msgspec.json.decode(data, type=ready(Tombstone))
            if (stone.file, stone.sha256) == (name, file.sha256):
                return stone
    raise ReleaseError(
        f"{name} of {where} is not what was sealed: its SHA-256 differs from the manifest's. "
        "Do not use this release; take it again from where it was sealed."
    )
