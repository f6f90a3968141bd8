"""The digest that identifies the rows of a table, whatever file they came from and in whatever order.

A test period that is used again is found by it, also when it was exported again, sorted otherwise, or as CSV. It is no
defence against somebody who changes a row on purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.profile.hashing import Hashes, cell_hashes, mixed, seed_of

_MISSING = cell_hashes(pa.nulls(1))[0]
_EMPTY = cell_hashes(pa.array([""]))[0]
_SECOND = np.uint64(0xD6E8FEB86659FD93)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsDigest:
    """Sums of row hashes modulo 2^64: they do not depend on the order of the rows, and those of parts add up.

    A sum of hashes identifies a multiset (Bellare & Micciancio 1997, AdHash). There are two, over differently mixed
    hashes, because one of 64 bits is short.

    Attributes
    ----------
    columns
        Names of the columns, sorted.
    rows
        Number of rows.
    sums
        The two sums.

    Examples
    --------
    >>> monday, tuesday = pa.record_batch({"x": [1, 2]}), pa.record_batch({"x": [3]})
    >>> both = RowsDigest.of(monday) + RowsDigest.of(tuesday)
    >>> both == RowsDigest.of(pa.record_batch({"x": [3.0, 1.0, 2.0]}))
    True
    """

    columns: tuple[str, ...]
    rows: int
    sums: tuple[int, int]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> Self:
        """The digest of one batch."""
        names = sorted(batch.schema.names)
        total = np.zeros(batch.num_rows, dtype=np.uint64)
        with np.errstate(over="ignore"):
            for name in names:
                cells = _value_hashes(batch.column(name))
                cells *= seed_of(name)
                total += cells
            rows = mixed(total)
            sums = int(rows.sum()), int(mixed(rows ^ _SECOND).sum())
        return cls(columns=tuple(names), rows=batch.num_rows, sums=sums)

    def __add__(self, other: RowsDigest) -> RowsDigest:
        """The digest of the rows of both."""
        if self.columns != other.columns:
            raise InputError("Expected parts with the same columns to be one table; their columns differ.")
        first, second = ((a + b) % 2**64 for a, b in zip(self.sums, other.sums, strict=True))
        return RowsDigest(columns=self.columns, rows=self.rows + other.rows, sums=(first, second))

    def __str__(self) -> str:
        """`rows1:` and 64 hexadecimal digits; the number is that of the way it is computed."""
        return f"rows1:{hashlib.sha256(msgspec.json.encode((self.columns, self.rows, self.sums))).hexdigest()}"


def rows_digest(batches: Iterable[pa.RecordBatch]) -> str:
    """Identify the rows of a table by names and values of their columns.

    Numbers are equal by value whatever their type (1, 1.0, true, decimal 1.00), times by their moment (times without a
    zone as UTC), texts by their UTF-8 bytes. Missing are alike null, NaN and the empty text, which CSV cannot tell apart.
    The order of rows and columns does not count, nor how the rows are cut into batches.

    Parameters
    ----------
    batches
        Batches with the same columns; at least one, which may have no rows. 1,000,000 rows of 30 columns take about
        0.2 s.

    Returns
    -------
    str
        `rows1:` and 64 hexadecimal digits.

    Raises
    ------
    InputError
        No batch, or batches of different columns.

    Notes
    -----
    A float32 written as text and read as float64 is another number, so it has another digest.

    Examples
    --------
    >>> table = pa.table({"amount": [1.5, 2.0, None], "shop": ["a", "b", "a"]})
    >>> digest = rows_digest(table.to_batches())
    >>> digest == rows_digest(table.take([2, 0, 1]).select(["shop", "amount"]).to_batches(max_chunksize=2))
    True
    >>> digest == rows_digest(table.slice(1).to_batches())
    False
    """
    total: RowsDigest | None = None
    for batch in batches:
        part = RowsDigest.of(batch)
        total = part if total is None else total + part
    if total is None:
        raise InputError("Expected at least one batch of rows to identify, got none.")
    return str(total)


def _value_hashes(array: pa.Array) -> Hashes:
    """Hashes of the cells by value: those of one value are equal in every type that can hold it."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        if len(array.dictionary) == 0:
            return np.full(len(array), _MISSING)
        words = _value_hashes(array.dictionary)
        hashes: Hashes = words[pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False)]
    elif pa.types.is_null(kind):
        return np.full(len(array), _MISSING)
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        hashes = _float_hashes(_filled(array.cast(pa.float64(), safe=False)))
    elif pa.types.is_boolean(kind):
        hashes = _float_hashes(_filled(array.cast(pa.int8())).astype(np.float64))
    elif pa.types.is_integer(kind):
        hashes = _integer_hashes(_filled(array))
    elif pa.types.is_temporal(kind):
        hashes = _moment_hashes(array)
    else:
        hashes = cell_hashes(array)
        hashes[hashes == _EMPTY] = _MISSING
    if array.null_count:
        hashes[np.asarray(array.is_null())] = _MISSING
    return hashes


def _filled(array: pa.Array) -> NDArray[Any]:
    """The values, 0 where there is none."""
    values: NDArray[Any] = (array.fill_null(0) if array.null_count else array).to_numpy(zero_copy_only=False)
    return values


def _float_hashes(values: NDArray[np.float64]) -> Hashes:
    hashes = cell_hashes(pa.array(values))
    unordered = np.isnan(values)
    if unordered.any():
        hashes[unordered] = _MISSING
    return hashes


def _integer_hashes(values: NDArray[Any]) -> Hashes:
    """That of the nearest float64; what a float64 cannot hold of an integer beyond 2^53 is mixed in."""
    floats = values.astype(np.float64)
    if values.dtype.itemsize < 8:
        return _float_hashes(floats)
    # The nearest float64 to the largest integers is beyond them, and its cast back differs by machine.
    held = np.minimum(floats, np.nextafter(2.0 ** (64 if values.dtype.kind == "u" else 63), 0.0))
    with np.errstate(over="ignore"):
        rest = values - held.astype(values.dtype)
        return _float_hashes(held) + mixed(rest.view(np.uint64))


def _moment_hashes(array: pa.Array) -> Hashes:
    """Times by whole seconds and nanoseconds, whatever their unit."""
    kind = array.type
    if pa.types.is_date32(kind):
        array, per_second = array.cast(pa.timestamp("s")), 1
    else:
        per_second = 1000 if pa.types.is_date64(kind) else _PER_SECOND[kind.unit]
    ticks = _filled(array.view(f"int{array.type.bit_width}")).astype(np.int64)
    if per_second == 1:
        return _float_hashes(ticks.astype(np.float64))
    seconds, rest = np.divmod(ticks, per_second)
    with np.errstate(over="ignore"):
        return _float_hashes(seconds.astype(np.float64)) + mixed((rest * (10**9 // per_second)).view(np.uint64))
