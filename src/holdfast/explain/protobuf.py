"""Messages of Protocol Buffers, without their schema: fields by number.

Long lists of numbers, one tag each, are decoded at once.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Value: TypeAlias = memoryview | NDArray[Any]

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_SIZES = {_EIGHT: 8, _FOUR: 4}
_WINDOW = 4_096
"""Bytes in which the end of a list is looked for at first."""


class Field(NamedTuple):
    """A field of a message.

    Attributes
    ----------
    number
        Which one.
    value
        Bytes (of a text, a message or a packed list), or the numbers of fields that follow each other: as `uint64` where they
        are varints, else as their bytes, shape `(n, 4)` or `(n, 8)`.
    whole
        The bytes of the field, its tag among them.
    """

    number: int
    value: Value
    whole: memoryview


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message, in their order.

    Raises
    ------
    ValueError
        The bytes are no message.

    Examples
    --------
    >>> [(field.number, bytes(field.value)) for field in fields(memoryview(bytes([10, 2, 104, 105, 18, 1, 33])))]
    [(1, b'hi'), (2, b'!')]
    >>> [(field.number, field.value.tolist()) for field in fields(memoryview(bytes([8, 5, 8, 172, 2])))]
    [(1, [5, 300])]
    """
    at = 0
    while at < len(message):
        tag, start = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        value: Value
        if wire == _BYTES:
            size, start = _varint(message, start)
            end = start + size
            value = message[start:end]
        elif wire == _VARINT:
            value, end = _varints_of(message, at, tag)
        elif wire in _SIZES:
            value, end = _fixed_of(message, at, start, _SIZES[wire])
        else:
            raise ValueError("no field of a message")
        if end > len(message):
            raise ValueError("a field ends behind its message")
        yield Field(number, value, message[at:end])
        at = end


def varints(packed: memoryview) -> NDArray[np.uint64]:
    """All numbers of a packed list.

    Examples
    --------
    >>> varints(memoryview(bytes([5, 172, 2]))).tolist()
    [5, 300]
    """
    return _decoded(np.frombuffer(packed, dtype=np.uint8))[0]


def field(number: int, content: bytes) -> bytes:
    """A field that holds bytes.

    Examples
    --------
    >>> list(field(1, b"!"))
    [10, 1, 33]
    """
    return _encoded(number << 3 | _BYTES) + _encoded(len(content)) + content


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number, and where the next one begins."""
    if at < len(message) and (byte := message[at]) < 128:
        return byte, at + 1
    found = shift = 0
    for place in range(at, min(at + 10, len(message))):
        byte = message[place]
        found |= (byte & 127) << shift
        if byte < 128:
            return found, place + 1
        shift += 7
    raise ValueError("a number has no end")


def _encoded(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _varints_of(message: memoryview, at: int, tag: int) -> tuple[NDArray[np.uint64], int]:
    """Numbers of fields with the same tag that follow each other, and where they end."""
    window = _WINDOW
    while True:
        found, ends = _decoded(np.frombuffer(message[at : at + window], dtype=np.uint8))
        tags, values = found[0::2][: len(found) // 2], found[1::2]
        others = np.flatnonzero(tags != tag)
        count = int(others[0]) if len(others) else len(values)
        if len(others) or at + window >= len(message):
            if not count:
                raise ValueError("a number has no end")
            return values[:count], at + int(ends[2 * count - 1]) + 1
        window *= 8


def _decoded(data: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Numbers, and where each ends; what has no end is left out."""
    ends = np.flatnonzero(data < 128)
    if not len(ends):
        return np.zeros(0, np.uint64), ends
    data = data[: ends[-1] + 1]
    starts = np.concatenate([[0], ends[:-1] + 1])
    shifts = np.minimum(7 * (np.arange(len(data)) - np.repeat(starts, ends - starts + 1)), 63)
    parts = (data & 127).astype(np.uint64) << shifts.astype(np.uint64)
    return np.add.reduceat(parts, starts), ends


def _fixed_of(message: memoryview, at: int, start: int, size: int) -> tuple[NDArray[np.uint8], int]:
    """Bytes of numbers of fields with the same tag that follow each other, and where they end."""
    tag, step = np.frombuffer(message[at:start], dtype=np.uint8), start - at + size
    count, window = 1, _WINDOW // step
    while True:
        most = min(window, (len(message) - at) // step)
        table = np.frombuffer(message[at : at + most * step], dtype=np.uint8).reshape(most, step)
        others = np.flatnonzero((table[:, : len(tag)] != tag).any(axis=1))
        count = int(others[0]) if len(others) else most
        if len(others) or most < window:
            if not count:
                raise ValueError("a number has no end")
            return table[:count, len(tag) :], at + count * step
        window *= 8
