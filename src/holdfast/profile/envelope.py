r"""Stored summaries as bytes: a name, a version and the digest of the edges in front, then everything, compressed.

magic | version, 2 bytes | digest of the edges, sha256:..., 71 bytes | length of the MessagePack, 8 bytes |
zstd(MessagePack) | SHA-256 of all before, 32 bytes. Integers are little-endian.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import ProfileError

DIGEST_BYTES = 71
CHECKSUM_BYTES = 32

_ZSTD = pa.Codec("zstd", compression_level=9)


def digest_of(*parts: bytes) -> str:
    """Identity of what decides the meaning of counts, such as `sha256:9f86...`."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little") + part)
    return "sha256:" + hashed.hexdigest()


def seal(magic: bytes, version: int, digest: str, body: Any) -> bytes:
    """A body of plain values as bytes."""
    packed = msgspec.msgpack.encode(body)
    head = magic + version.to_bytes(2, "little") + digest.encode() + len(packed).to_bytes(8, "little")
    stored: bytes = head + _ZSTD.compress(packed, asbytes=True)
    return stored + hashlib.sha256(stored).digest()


def unseal(magic: bytes, version: int, data: bytes, where: str, what: str = "profile") -> Any:
    """The body that `seal` wrote.

    Raises
    ------
    ProfileError
        If the bytes are something else, of a newer version, cut short, or changed; `where` and `what` name them.
    """
    start = len(magic) + 2
    if not data.startswith(magic):
        raise ProfileError(f"Expected a stored {what} in {where}; these bytes do not begin like one.")
    found = int.from_bytes(data[len(magic) : start], "little")
    if found > version:
        raise ProfileError(
            f"The {what} in {where} has version {found}, and this Holdfast reads up to {version}: update Holdfast."
        )
    if hashlib.sha256(data[:-CHECKSUM_BYTES]).digest() != data[-CHECKSUM_BYTES:]:
        raise ProfileError(f"The {what} in {where} is damaged or cut short. Make it again from the data.")
    start += DIGEST_BYTES
    size = int.from_bytes(data[start : start + 8], "little")
    return msgspec.msgpack.decode(_ZSTD.decompress(data[start + 8 : -CHECKSUM_BYTES], size, asbytes=True))


def array_out(array: NDArray[Any]) -> list[Any]:
    """An array, flattened, in the narrowest type that holds it: counts are mostly small."""
    if array.dtype == np.int64 and array.size and array.min() >= 0:
        narrow = (t for t in (np.uint8, np.uint16, np.uint32) if array.max() <= np.iinfo(t).max)
        array = array.astype(next(narrow, np.int64))
    return [array.dtype.str, array.tobytes()]


def array_in(stored: list[Any]) -> NDArray[Any]:
    """The flat array that `array_out` took apart; counts come back as 64-bit integers."""
    array = np.frombuffer(stored[1], dtype=np.dtype(stored[0]))
    if array.dtype.kind in "iu" and array.dtype != np.uint64:
        return array.astype(np.int64)
    return array.copy()
