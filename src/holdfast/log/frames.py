"""Rows on their way into the lake: one frame of bytes for each group, small and quick to write.

A server that answers single rows writes groups of 1 to 30 of them. To build 40 Arrow arrays for such a group takes 150 µs,
to encode its rows 1 to 20 µs; so they are encoded, and become Arrow where many are read. Numbers that lie side by side in
memory already may go as they lie there: who reads them has a third of the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from holdfast.errors import LogError

Kind = Literal["predictions", "labels"]
Type = Literal["int64", "float64", "string", "bool", "timestamp"]
Columns: TypeAlias = Sequence[Sequence[Any]]
"""Values of each column of a layout, None where there is none; a timestamp is microseconds since 1970, UTC. A column of a
single value holds it for all rows. A packed one is bytes: of each value its double, little-endian, NaN where there is none."""

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
        Names of columns of the type float64 whose values are packed.
    """

    model: str
    kind: Kind
    columns: tuple[tuple[str, Type], ...]
    packed: tuple[str, ...] = ()

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
    columns: list[Any] = [bytearray() if name in layout.packed else [] for name, _ in layout.columns]
    takers = [(column.extend, 1 if isinstance(column, list) else _DOUBLE.itemsize) for column in columns]
    decode = _decoder(layout).decode
    try:
        # One frame after the other: to keep them all until the end takes four times as long.
        for rows, content in frames:
            for (take, size), values in zip(takers, decode(content), strict=True):
                take(values if len(values) == size * rows else _repeated(values, size, rows))
        arrays = [_array(values, kind) for values, (_, kind) in zip(columns, layout.columns, strict=True)]
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
    >>> to_rows(layout, 2, encode([np.array([1.5, np.nan]).tobytes()]))
    [(1.5,), (None,)]
    """
    try:
        columns: list[Any] = msgspec.msgpack.decode(content)
        for place, (name, _) in enumerate(layout.columns):
            if name in layout.packed:
                columns[place] = _array(bytearray(columns[place]), "float64").to_pylist()
            if len(columns[place]) != rows:
                columns[place] = _repeated(columns[place], 1, rows)
        found = list(zip(*columns, strict=True))
    except (msgspec.MsgspecError, LookupError, ValueError, TypeError) as error:
        raise LogError(f"a frame of {layout.model} cannot be read ({type(error).__name__})") from None
    if len(columns) != len(layout.columns):
        raise LogError(f"a frame of {layout.model} has other columns than its layout")
    return found


def _repeated(values: Any, size: int, rows: int) -> Any:
    if len(values) != size:
        raise ValueError("a column is shorter or longer than its frame")
    return values * rows


def _array(values: list[Any] | bytearray, kind: Type) -> pa.Array:
    if isinstance(values, list):
        return pa.array(values, type=ARROW[kind])
    numbers = np.frombuffer(values, _DOUBLE)
    missing = np.isnan(numbers)
    return pa.array(numbers, mask=missing) if missing.any() else pa.array(numbers)


@lru_cache(maxsize=64)
def _decoder(layout: Layout) -> msgspec.msgpack.Decoder[Any]:
    """Checks the types while it reads: Arrow would take 1.5 for the integer 1, and true for the number 1.0."""
    types = tuple(bytes if name in layout.packed else _PYTHON[kind] for name, kind in layout.columns)
    return msgspec.msgpack.Decoder(tuple[types])  # type: ignore[valid-type]


def microseconds(time: datetime) -> int:
    """An aware time as a frame holds it.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
