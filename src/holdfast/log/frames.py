"""Rows on their way into the lake: one frame of bytes for each group, small and quick to write.

A server that answers single rows writes groups of 1 to 30 of them. To build 40 Arrow arrays for such a group takes 150 µs,
to encode its rows 1 to 20 µs; so they are encoded, and become Arrow where many are read. Numbers that lie side by side in
memory already may go as they lie there, as one matrix: who reads them has a tenth of the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import LogError

Kind = Literal["predictions", "labels"]
Type = Literal["int64", "float64", "string", "bool", "timestamp"]
Columns: TypeAlias = Sequence[Sequence[Any]]
"""Values of each column of a layout, None where there is none; a timestamp is microseconds since 1970, UTC. A column of a
single value holds it for all rows. Those that are packed come last, together: as bytes of a matrix, shape (rows, columns), of
little-endian doubles, NaN where there is none."""

ARROW: dict[Type, pa.DataType] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}
"""All types at rest: those that Delta, Spark and Arrow read alike."""


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, cache_hash=True):
    """Names and types of the values in a frame's rows, in order.

    Attributes
    ----------
    model, kind
        Whose rows they are, and of which table.
    columns
        Name and type of each value.
    packed
        Names of columns of the type float64 whose values are packed, in the order of the matrix.
    """

    model: str
    kind: Kind
    columns: tuple[tuple[str, Type], ...]
    packed: tuple[str, ...] = ()

    @property
    def single(self) -> tuple[tuple[str, Type], ...]:
        """Names and types of the columns that are not packed, in order."""
        packed = frozenset(self.packed)
        return tuple(column for column in self.columns if column[0] not in packed)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(name for name, _ in self.columns)

    @property
    def arrow(self) -> pa.Schema:
        """The columns as Arrow has them."""
        return pa.schema([pa.field(name, ARROW[kind]) for name, kind in self.columns])


_DOUBLE = np.dtype("<f8")
_encoder = msgspec.msgpack.Encoder()
_PYTHON: dict[Type, Any] = {
    "int64": list[int | None],
    "float64": list[float | None],
    "string": list[str | None],
    "bool": list[bool | None],
    "timestamp": list[int | None],
}


def encode(columns: Columns) -> bytes:
    """A group of rows as bytes.

    Examples
    --------
    >>> layout = Layout(model="fraud", kind="labels", columns=(("hf_id", "string"), ("hf_label", "bool")))
    >>> to_arrow(layout, 2, encode([["a", "b"], [True]])).to_pylist()
    [{'hf_id': 'a', 'hf_label': True}, {'hf_id': 'b', 'hf_label': True}]
    """
    return _encoder.encode(columns)


def to_arrow(layout: Layout, rows: int, content: bytes) -> pa.RecordBatch:
    """The rows of a frame, typed as the layout says.

    Raises
    ------
    LogError
        If the bytes are no frame of this layout.
    """
    return to_arrow_many(layout, [(rows, content)])


def to_arrow_many(layout: Layout, frames: Iterable[tuple[int, bytes]]) -> pa.RecordBatch:
    """The rows of many frames of one layout, each given by the number of its rows and its bytes.

    Raises
    ------
    LogError
        If any of them is no frame of this layout.

    Examples
    --------
    >>> layout = Layout(model="fraud", kind="labels", columns=(("hf_id", "string"), ("hf_label", "bool")))
    >>> frames = [(2, encode([["a", "b"], [True]])), (1, encode([["c"], [None]]))]
    >>> to_arrow_many(layout, frames).to_pylist()[1:]
    [{'hf_id': 'b', 'hf_label': True}, {'hf_id': 'c', 'hf_label': None}]
    """
    single = layout.single
    columns: list[list[Any]] = [[] for _ in single]
    takers = [column.extend for column in columns]
    matrices = []
    decode = _decoder(layout).decode
    try:
        # One frame after the other: to keep them all until the end takes four times as long.
        for rows, content in frames:
            values = decode(content)
            if layout.packed:
                matrices.append(_checked(layout, rows, values[-1]))
            for take, own in zip(takers, values, strict=False):
                take(own if len(own) == rows else _repeated(own, rows))
        found = {name: pa.array(own, ARROW[kind]) for own, (name, kind) in zip(columns, single, strict=True)}
        if layout.packed:
            found |= zip(layout.packed, _unpacked(layout, b"".join(matrices)), strict=True)
        arrays = [found[name] for name in layout.names]
    except (msgspec.MsgspecError, pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        # The text of the error may quote a value.
        raise LogError(f"a frame of {layout.model} cannot be read ({type(error).__name__})") from None
    return pa.RecordBatch.from_arrays(arrays, schema=layout.arrow)


def to_rows(layout: Layout, rows: int, content: bytes) -> list[tuple[Any, ...]]:
    """The values of each row of a frame, of whatever type they are.

    Raises
    ------
    LogError
        If the bytes are not as many rows of as many columns.

    Examples
    --------
    >>> layout = Layout(model="fraud", kind="predictions", columns=(("amount", "float64"),), packed=("amount",))
    >>> to_rows(layout, 2, encode([pack([[1.5], [None]])]))
    [(1.5,), (None,)]
    """
    try:
        values: list[Any] = msgspec.msgpack.decode(content)
        named: dict[str, Any] = {}
        if layout.packed:
            *values, matrix = values
            numbers = _unpacked(layout, _checked(layout, rows, matrix))
            named |= zip(layout.packed, (column.to_pylist() for column in numbers), strict=True)
        for (name, _), own in zip(layout.single, values, strict=True):
            named[name] = own if len(own) == rows else _repeated(own, rows)
        found = list(zip(*(named[name] for name in layout.names), strict=True))
    except (msgspec.MsgspecError, LookupError, ValueError, TypeError) as error:
        raise LogError(f"a frame of {layout.model} cannot be read ({type(error).__name__})") from None
    return found


def pack(rows: Iterable[Sequence[float | None]]) -> bytes:
    """Rows of numbers as the bytes of a matrix."""
    return np.array([[np.nan if value is None else value for value in row] for row in rows], _DOUBLE).tobytes()


def _repeated(values: list[Any], rows: int) -> list[Any]:
    if len(values) != 1:
        raise ValueError("a column is shorter or longer than its frame")
    return values * rows


def _checked(layout: Layout, rows: int, matrix: bytes) -> bytes:
    if len(matrix) != rows * len(layout.packed) * _DOUBLE.itemsize:
        raise ValueError("a matrix is smaller or larger than its frame")
    return matrix


def _unpacked(layout: Layout, matrix: bytes) -> list[pa.Array]:
    """The columns of a matrix."""
    columns = np.frombuffer(matrix, _DOUBLE).reshape(-1, len(layout.packed)).T
    return [_numbers(column) for column in np.ascontiguousarray(columns)]


def _numbers(numbers: NDArray[np.float64]) -> pa.Array:
    missing = np.isnan(numbers)
    return pa.array(numbers, mask=missing) if missing.any() else pa.array(numbers)


@lru_cache(maxsize=64)
def _decoder(layout: Layout) -> msgspec.msgpack.Decoder[Any]:
    """Checks the types while it reads: Arrow would take 1.5 for the integer 1, and true for the number 1.0."""
    types = (*(_PYTHON[kind] for _, kind in layout.single), *([bytes] if layout.packed else []))
    return msgspec.msgpack.Decoder(tuple[types])  # type: ignore[valid-type]


def microseconds(time: datetime) -> int:
    """An aware time as a frame holds it.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
