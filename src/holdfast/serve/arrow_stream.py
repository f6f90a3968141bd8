"""Arrow IPC streams from anybody: a few bytes can claim any number of rows, and point outside of themselves."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.serve.columnar import check_rows
from holdfast.serve.errors import ServeError

MOST_BATCHES = 100
"""Record batches of a stream. Each is checked with its dictionaries, however large they are and few its rows."""

MOST_TEXT = 2**26
"""Bytes of a column's texts: of views, many may share the same ones."""


def read_stream(body: bytes) -> pa.Table:
    """The rows of an Arrow IPC stream, checked to lie within its bytes.

    Raises
    ------
    ServeError
        400 it is none, is compressed, or changes a dictionary by a difference; 413 too many rows.
    """
    batches, rows = [], 0
    try:
        for message in pa.ipc.MessageReader.open_stream(body):
            if _grows(message):
                raise ServeError(400, "Expected an Arrow stream without compression, and dictionaries in one piece.")
        with pa.ipc.open_stream(body) as reader:
            for batch in reader:
                batches.append(batch)
                rows += batch.num_rows
                if len(batches) > MOST_BATCHES:
                    raise ServeError(400, f"Expected at most {MOST_BATCHES} record batches: combine them.")
                if rows:
                    check_rows(rows)
                batch.validate(full=True)
            table = pa.Table.from_batches(batches, reader.schema)
            _ = table.column_names  # names become texts only when they are asked for
    except (pa.ArrowException, OSError, UnicodeDecodeError, struct.error):
        # These errors may hold values.
        raise ServeError(400, "Expected an Arrow IPC stream: it cannot be read.") from None
    return table


def _grows(message: Any) -> bool:
    """Whether a message becomes larger than itself when it is read: it is compressed, or adds to a dictionary.

    Its metadata are a table of FlatBuffers, of which pyarrow shows nothing of this. Places of members: `Message.fbs` and
    `Schema.fbs` of the Arrow format.
    """
    if message.type not in ("record batch", "dictionary"):
        return False
    content = message.metadata.to_pybytes()
    batch = _follow(content, _member(content, _follow(content, 0), 2))
    adds = False
    if message.type == "dictionary":
        delta = _member(content, batch, 2)
        adds = bool(delta and content[delta])
        batch = _follow(content, _member(content, batch, 1))
    return adds or _member(content, batch, 3) != 0


def _member(content: bytes, table: int, place: int) -> int:
    """Where a member of a table lies; 0 where it is left out."""
    places = table - struct.unpack_from("<i", content, table)[0]
    (size,) = struct.unpack_from("<H", content, places)
    at = 4 + 2 * place
    (offset,) = struct.unpack_from("<H", content, places + at) if at < size else (0,)
    return table + offset if offset else 0


def _follow(content: bytes, at: int) -> int:
    return int(at + struct.unpack_from("<I", content, at)[0])


def values_in(column: pa.ChunkedArray, name: str) -> Sequence[Any]:
    """The values of a column as Python has them; None where there is none.

    Raises
    ------
    ServeError
        400 they are of a type that no field has; 413 they are too long.

    Examples
    --------
    >>> values_in(pa.chunked_array([pa.array(["a", "b", None, "a"]).dictionary_encode()]), "kind")
    ['a', 'b', None, 'a']
    """
    types, kind = pa.types, column.type
    if types.is_dictionary(kind):
        # Each entry becomes one object, however many rows have it.
        unified = column.unify_dictionaries()
        if not unified.num_chunks:
            return []
        entries = values_in(pa.chunked_array([unified.chunk(0).dictionary]), name)
        return [None if i is None else entries[i] for chunk in unified.chunks for i in chunk.indices.to_pylist()]
    if types.is_string_view(kind):
        if sum(map(_shown, column.chunks)) > MOST_TEXT:
            raise ServeError(413, f"Expected at most {MOST_TEXT} bytes of text in a column: {name!r} has more.")
    elif types.is_timestamp(kind):
        return _times(column, name)
    elif types.is_decimal(kind) or types.is_floating(kind):
        return [None if value != value else value for value in column.cast(pa.float64()).to_pylist()]  # NaN is none
    elif not any(test(kind) for test in _PLAIN):
        raise ServeError(400, f"Expected numbers, booleans, strings or timestamps: {name!r} has another Arrow type.")
    values: list[Any] = column.to_pylist()
    return values


_PLAIN = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_string,
    pa.types.is_large_string,
)


def _shown(views: pa.Array) -> int:
    """Bytes of the texts that views show, one by one: the first of the four numbers of a view is its length."""
    lengths = np.frombuffer(views.buffers()[1], "<i4")[::4][views.offset : views.offset + len(views)]
    return int(np.maximum(lengths, 0).sum(dtype=np.int64))


_UNITS = {"s": (10**6, 1), "ms": (10**3, 1), "us": (1, 1), "ns": (1, 10**3)}
"""Microseconds of a unit, as a fraction."""


def _times(column: pa.ChunkedArray, name: str) -> list[datetime | None]:
    """Times by arithmetic: ten times as fast as by Arrow's scalars, and nothing overflows unseen."""
    many, few = _UNITS[column.type.unit]
    counts = column.cast(pa.int64()).to_pylist()
    try:
        start = datetime(1970, 1, 1, tzinfo=None if column.type.tz is None else UTC)
        return [None if n is None else start + timedelta(microseconds=n * many // few) for n in counts]
    except (OverflowError, UnicodeDecodeError):
        raise ServeError(400, f"Expected times of the years 1 to 9999 in a known zone: {name!r} has others.") from None
