r"""Profiles as bytes: a name, a version and the digest of the edges in front, then everything, compressed.

HOLDFAST-PROFILE\n | version, 2 bytes | digest of the edges, sha256:..., 71 bytes | length of the MessagePack, 8 bytes |
zstd(MessagePack) | SHA-256 of all before, 32 bytes. Integers are little-endian.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError, ProfileError
from holdfast.profile.calendar import TimeEdges
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnEdges, ColumnProfile
from holdfast.profile.distinct import DistinctSample
from holdfast.profile.fresh import FreshValues
from holdfast.profile.history import Grid, History
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.numeric import NumberEdges
from holdfast.profile.sample import RowSample
from holdfast.profile.table import Edges, Profile
from holdfast.profile.text import TextEdges
from holdfast.schema import Schema

MAGIC = b"HOLDFAST-PROFILE\n"
VERSION = 1
DIGEST_BYTES = 71
CHECKSUM_BYTES = 32

_ZSTD = pa.Codec("zstd", compression_level=9)


def to_bytes(profile: Profile, *, rows: bool = True) -> bytes:
    """The profile as bytes; with `rows=False` without what stands for single rows: the row sample and the row hashes."""
    body = {
        "edges": _edges_out(profile.edges),
        "rows": profile.rows,
        "columns": {name: _column_out(column) for name, column in profile.columns.items()},
        "types": profile.types,
        "mixed": profile.mixed,
        "distinct": _distinct_out(profile.distinct) if rows else None,
        "keys": {name: _distinct_out(sample) for name, sample in profile.keys.items()} if rows else {},
        "labelled": _distinct_out(profile.labelled) if rows else None,
        "sample": _sample_out(profile.sample) if rows and profile.sample else None,
        "history": {str(number): _array_out(counts) for number, counts in profile.history.windows.items()},
    }
    packed = msgspec.msgpack.encode(body)
    head = MAGIC + VERSION.to_bytes(2, "little") + profile.edges.digest.encode() + len(packed).to_bytes(8, "little")
    stored: bytes = head + _ZSTD.compress(packed, asbytes=True)
    return stored + hashlib.sha256(stored).digest()


def from_bytes(data: bytes, where: str = "these bytes") -> Profile:
    """The profile that `to_bytes` wrote.

    Raises
    ------
    ProfileError
        If the bytes are no profile, of a newer version, cut short, or changed.
    """
    start = len(MAGIC) + 2
    if not data.startswith(MAGIC):
        raise ProfileError(f"Expected a stored profile in {where}; these bytes do not begin like one.")
    version = int.from_bytes(data[len(MAGIC) : start], "little")
    if version > VERSION:
        raise ProfileError(
            f"The profile in {where} has version {version}, and this Holdfast reads up to {VERSION}: update Holdfast."
        )
    if hashlib.sha256(data[:-CHECKSUM_BYTES]).digest() != data[-CHECKSUM_BYTES:]:
        raise ProfileError(f"The profile in {where} is damaged or cut short. Make it again from the data.")
    start += DIGEST_BYTES
    size = int.from_bytes(data[start : start + 8], "little")
    packed = _ZSTD.decompress(data[start + 8 : -CHECKSUM_BYTES], size, asbytes=True)
    return _profile_in(msgspec.msgpack.decode(packed))


def save_profile(profile: Profile, path: str | Path, *, rows: bool = True) -> int:
    """Write a profile to a file; returns the number of bytes."""
    data = to_bytes(profile, rows=rows)
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise InputError(f"Cannot write the profile to {path}: {error.strerror}.") from error
    return len(data)


def load_profile(path: str | Path) -> Profile:
    """Read a profile from a file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read the profile {path}: {error.strerror}.") from error
    return from_bytes(data, str(path))


def looks_like_profile(path: str | Path) -> bool:
    """Whether a file begins like a stored profile."""
    file = Path(path)
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def _profile_in(body: dict[str, Any]) -> Profile:
    edges = _edges_in(body["edges"])
    return Profile(
        edges=edges,
        rows=body["rows"],
        columns={name: _column_in(edges.columns[name], column) for name, column in body["columns"].items()},
        types=body["types"],
        mixed=body["mixed"],
        distinct=_distinct_in(body["distinct"]),
        keys={name: _distinct_in(sample) for name, sample in body["keys"].items()},
        labelled=_distinct_in(body["labelled"]),
        sample=_sample_in(body["sample"]) if body["sample"] else None,
        history=History({int(number): _array_in(counts) for number, counts in body["history"].items()}),
    )


def _array_out(array: NDArray[Any]) -> list[Any]:
    """An array in the narrowest type that holds it: counts are mostly small."""
    if array.dtype == np.int64 and len(array) and array.min() >= 0:
        narrow = (t for t in (np.uint8, np.uint16, np.uint32) if array.max() <= np.iinfo(t).max)
        array = array.astype(next(narrow, np.int64))
    return [array.dtype.str, array.tobytes()]


def _array_in(stored: list[Any]) -> NDArray[Any]:
    array = np.frombuffer(stored[1], dtype=np.dtype(stored[0]))
    if array.dtype.kind in "iu" and array.dtype != np.uint64:
        return array.astype(np.int64)
    return array.copy()


def _edges_out(edges: Edges) -> dict[str, Any]:
    return {
        "schema": edges.schema.to_json(),
        "columns": {name: _column_edges_out(column) for name, column in edges.columns.items()},
        "digest": edges.digest,
        "grid": [edges.grid.width_seconds, edges.grid.stride] if edges.grid else None,
        "sample_rows": edges.sample_rows,
        "seed": edges.seed,
    }


def _edges_in(stored: dict[str, Any]) -> Edges:
    return Edges(
        schema=Schema.from_json(stored["schema"]),
        columns={name: _column_edges_in(column) for name, column in stored["columns"].items()},
        digest=stored["digest"],
        grid=Grid(*stored["grid"]) if stored["grid"] else None,
        sample_rows=stored["sample_rows"],
        seed=stored["seed"],
    )


def _column_edges_out(edges: ColumnEdges) -> list[Any]:
    match edges:
        case NumberEdges():
            return ["number", _array_out(edges.cuts), _array_out(edges.learned)]
        case CategoryEdges():
            return ["category", list(edges.values), edges.complete]
        case TextEdges():
            return ["text", _column_edges_out(edges.lengths), _column_edges_out(edges.words)]
        case TimeEdges():
            return ["time"]
        case IdentifierEdges():
            return ["identifier"]
    raise TypeError(f"No encoding for {type(edges).__name__}.")


def _column_edges_in(stored: list[Any]) -> ColumnEdges:
    match stored:
        case ["number", cuts, learned]:
            return NumberEdges(_array_in(cuts), _array_in(learned))
        case ["category", values, complete]:
            return CategoryEdges(tuple(values), complete)
        case ["text", lengths, words]:
            return TextEdges(_number_in(lengths), _number_in(words))
        case ["time"]:
            return TimeEdges()
        case ["identifier"]:
            return IdentifierEdges()
    raise ValueError("unknown edges")


def _number_in(stored: list[Any]) -> NumberEdges:
    edges = _column_edges_in(stored)
    assert isinstance(edges, NumberEdges)
    return edges


def _column_out(column: ColumnProfile) -> list[Any]:
    fresh = [dict(column.fresh.counts), column.fresh.level]
    return [_array_out(column.counts), _array_out(column.sums), column.low, column.high, fresh]


def _column_in(edges: ColumnEdges, stored: list[Any]) -> ColumnProfile:
    counts, sums, low, high, (fresh, level) = stored
    return ColumnProfile(edges, _array_in(counts), _array_in(sums), low, high, FreshValues(Counter(fresh), level))


def _distinct_out(sample: DistinctSample) -> list[Any]:
    return [_array_out(sample.hashes), _array_out(sample.counts), sample.level]


def _distinct_in(stored: list[Any] | None) -> DistinctSample:
    if stored is None:
        return DistinctSample.empty()
    return DistinctSample(_array_in(stored[0]), _array_in(stored[1]), stored[2])


def _sample_out(sample: RowSample) -> list[Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, sample.rows.schema) as writer:
        writer.write_batch(sample.rows)
    rows = sink.getvalue().to_pybytes()
    return [sample.size, _array_out(sample.priorities), _array_out(sample.positions), rows]


def _sample_in(stored: list[Any]) -> RowSample:
    size, priorities, positions, rows = stored
    with pa.ipc.open_stream(rows) as reader:
        batch = reader.read_next_batch()
    return RowSample(size, _array_in(priorities), _array_in(positions), batch)
