"""Tensors as JSON: the data of the Open Inference Protocol, row-major or as a list for each row."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from holdfast.serve.errors import ServeError


def _whole(bits: int) -> Any:
    return Annotated[int, Meta(ge=-(2 ** (bits - 1)), le=2 ** (bits - 1) - 1)]


ELEMENTS: dict[str, Any] = {
    "BOOL": bool,
    "UINT8": Annotated[int, Meta(ge=0, le=2**8 - 1)],
    "UINT16": Annotated[int, Meta(ge=0, le=2**16 - 1)],
    "UINT32": Annotated[int, Meta(ge=0, le=2**32 - 1)],
    "UINT64": Annotated[int, Meta(ge=0)],
    "INT8": _whole(8),
    "INT16": _whole(16),
    "INT32": _whole(32),
    "INT64": _whole(64),
    "FP16": float,
    "FP32": float,
    "FP64": float,
    "BYTES": str,
}
"""What JSON may hold for a value of each datatype, besides null. Numbers keep the digits that they come with."""


class _Decoders(NamedTuple):
    flat: msgspec.json.Decoder[Any]
    by_row: msgspec.json.Decoder[Any]


_DECODERS = {
    name: _Decoders(
        msgspec.json.Decoder(list[element | None]),  # type: ignore[valid-type]
        msgspec.json.Decoder(list[list[element | None]]),  # type: ignore[valid-type]
    )
    for name, element in ELEMENTS.items()
}
_TEXT = msgspec.json.Decoder(str)


def decode(datatype: str, data: msgspec.Raw, rows: int, width: int, where: str) -> list[Any]:
    """The values of a tensor, row-major; None where there is null.

    Parameters
    ----------
    datatype
        One of `ELEMENTS`.
    data
        JSON.
    rows, width
        The tensor's shape.
    where
        What the tensor is called in an error.

    Raises
    ------
    ServeError
        400: the data are not values of the datatype, or not as many as the shape says.

    Examples
    --------
    >>> decode("FP64", msgspec.Raw(b"[[1, null], [2.5, 3]]"), 2, 2, "inputs[0]")
    [1.0, None, 2.5, 3.0]
    """
    expected = f"{where}.data: expected {rows * width} values, as the shape says, row-major or as a list for each row"
    try:
        values, lists = _decode(datatype, data)
    except msgspec.ValidationError as error:
        raise ServeError(400, f"{where}.data: {error}") from None
    except (ValueError, RecursionError):
        raise ServeError(400, f"{where}.data: no JSON, or no UTF-8.") from None
    if lists is not None and (lists != rows or len(values) != rows * width):
        raise ServeError(400, f"{expected}; got {lists} lists.")
    if len(values) != rows * width:
        raise ServeError(400, f"{expected}; got {len(values)}.")
    return values


def _decode(datatype: str, data: msgspec.Raw) -> tuple[list[Any], int | None]:
    """The values, and in how many lists they came; None if it was one, without lists in it."""
    decoders = _DECODERS[datatype]
    try:
        return decoders.flat.decode(data), None
    except msgspec.ValidationError as error:
        if datatype == "BYTES" and "got `str`" in str(error):
            return [_TEXT.decode(data)], None  # one text needs no list
        if "got `array`" not in str(error):
            raise
    by_row = decoders.by_row.decode(data)
    if len(set(map(len, by_row))) > 1:
        raise msgspec.ValidationError("expected lists of the same length")
    return list(chain.from_iterable(by_row)), len(by_row)


def unpack(codec: object, values: Sequence[str | None], where: str) -> Sequence[Any]:
    """What some codecs of MLServer's clients packed into texts: columns of mixed values (`pd_json`), and `base64`.

    Raises
    ------
    ServeError
        400: the texts are not of the codec.

    Examples
    --------
    >>> unpack("pd_json", ['"a"', "2", None], "inputs[0]")
    ['a', 2, None]
    """
    try:
        match codec:
            case "pd_json":
                return [None if value is None else msgspec.json.decode(value) for value in values]
            case "base64":
                return [None if value is None else base64.b64decode(value, validate=True).decode() for value in values]
            case _:
                return values
    except (ValueError, RecursionError):
        raise ServeError(400, f"{where}: expected texts of the content_type {codec}.") from None
