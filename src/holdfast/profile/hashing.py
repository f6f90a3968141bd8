"""64-bit hashes of cells and rows, the same on every machine and in every run.

Not cryptographic: they find equal rows and choose samples, they hide nothing.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.profile.arrays import floats

Hashes = NDArray[np.uint64]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0x100000001B3)
_NULL = np.uint64(0xA5A5A5A55A5A5A5B)
_SHIFT = np.uint64(32)


def mixed(values: Hashes) -> Hashes:
    """Spread every input bit over all output bits (the finaliser of SplitMix64; Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        x = values ^ (values >> np.uint64(30))
        x *= np.uint64(0xBF58476D1CE4E5B9)
        x ^= x >> np.uint64(27)
        x *= np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return x


def priorities(first: int, rows: int, seed: int) -> Hashes:
    """Sampling priority of `rows` rows that start at position `first`: uniform, and the same for the same position and seed."""
    start = np.uint64(first % 2**63)
    with np.errstate(over="ignore"):
        return mixed((np.arange(rows, dtype=np.uint64) + start + np.uint64(seed + 1)) * _ODD)


def seed_of(name: str) -> np.uint64:
    """An odd multiplier made from a column's name: equal values in different columns then hash differently."""
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") | 1)


def cell_hashes(array: pa.Array) -> Hashes:
    """One hash per cell, nulls included; equal values of one type have equal hashes, also across batches."""
    if pa.types.is_dictionary(array.type):
        if len(array.dictionary) == 0:
            return np.full(len(array), _NULL)
        words = cell_hashes(array.dictionary)
        codes = pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False)
        hashes: Hashes = words[codes]
        if array.null_count:
            hashes[np.asarray(array.is_null())] = _NULL
        return hashes
    hashes = _byte_hashes(array) if _is_bytes(array.type) else _bit_hashes(array)
    if array.null_count:
        hashes[np.asarray(array.is_null())] = _NULL
    return hashes


def row_hashes(batch: pa.RecordBatch, names: list[str] | None = None) -> Hashes:
    """One hash per row over the named columns (all without `names`), whatever their order."""
    total = np.zeros(batch.num_rows, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for name in batch.schema.names if names is None else names:
            cells = cell_hashes(batch.column(name))
            cells *= seed_of(name)
            total += cells
    return mixed(total)


def text_hash(text: str) -> int:
    """64-bit hash of one string."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _is_bytes(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(
        t.is_string(kind) or t.is_large_string(kind) or t.is_binary(kind) or t.is_large_binary(kind)
        or t.is_string_view(kind) or t.is_binary_view(kind) or t.is_fixed_size_binary(kind) or t.is_decimal(kind)
    )  # fmt: skip


def _bit_hashes(array: pa.Array) -> Hashes:
    """Numbers, booleans and times by their bits; the high half is folded in, since round numbers differ only there."""
    kind = array.type
    if pa.types.is_floating(kind):
        values = floats(array) + 0.0  # -0.0 becomes 0.0
        unordered = np.isnan(values)
        if unordered.any():
            values[unordered] = np.nan
        bits = values.view(np.uint64)
    elif pa.types.is_null(kind):
        return np.full(len(array), _NULL)
    else:
        bits = _as_int64(array).view(np.uint64)
    bits = bits ^ (bits >> _SHIFT)
    with np.errstate(over="ignore"):
        bits *= _ODD
    return bits


def _as_int64(array: pa.Array) -> NDArray[np.int64]:
    kind = array.type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8())
    elif kind in {pa.date32(), pa.time32("s"), pa.time32("ms")}:
        array = array.cast(pa.int32())
    elif not pa.types.is_integer(kind):
        array = array.cast(pa.int64())
    if array.null_count:
        array = array.fill_null(0)
    values = array.to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values.astype(np.int64, copy=False))


def _byte_hashes(array: pa.Array) -> Hashes:
    """Polynomial hash of each string's bytes, `sum (byte + 1) B^position`, by differences of one running sum."""
    cells = array.cast(pa.large_string(), safe=False) if pa.types.is_decimal(array.type) else array
    cells = cells.cast(pa.large_binary(), safe=False)
    if cells.null_count:
        cells = cells.fill_null(b"")
    _, offset_buffer, data_buffer = cells.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[cells.offset : cells.offset + len(cells) + 1]
    lengths = np.diff(offsets)
    hashes = lengths.astype(np.uint64)
    if len(cells) == 0 or offsets[0] == offsets[-1]:
        return mixed(hashes)
    data = np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
    position = np.arange(len(data)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    with np.errstate(over="ignore"):
        powers = np.cumprod(np.full(int(lengths.max()), _BASE))
        terms = (data.astype(np.uint64) + np.uint64(1)) * powers[position]
        running = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(terms, dtype=np.uint64)])
        hashes = hashes + running[offsets[1:] - offsets[0]] - running[offsets[:-1] - offsets[0]]
    return mixed(hashes)
