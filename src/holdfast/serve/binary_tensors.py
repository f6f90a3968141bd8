"""Tensors as raw bytes behind the JSON: the binary data extension of the Open Inference Protocol.

Numbers are little-endian and row-major without padding, a boolean is one byte, and a text is its length in four bytes and then
its UTF-8. Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from holdfast.serve.errors import ServeError

HEADER = b"inference-header-content-length"
"""How many bytes of the body are JSON; in requests and in answers that have tensors behind it."""

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("u1"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
"""How the values of a datatype lie in memory; texts (`BYTES`) lie in no such way."""

_PREFIX = 4


def split(body: bytes, json_length: bytes | None) -> tuple[memoryview, memoryview]:
    """The JSON of a body, and the tensors behind it.

    Parameters
    ----------
    body
        Of a request.
    json_length
        Value of the header; None where it was not sent, which means that everything is JSON.

    Raises
    ------
    ServeError
        400: the header is no number of bytes that the body has.

    Examples
    --------
    >>> [bytes(part) for part in split(b"{}abc", b"2")]
    [b'{}', b'abc']
    """
    content = memoryview(body)
    if json_length is None:
        return content, content[len(content) :]
    if not json_length.isdigit() or len(json_length) > 18 or (length := int(json_length)) > len(content):
        raise ServeError(
            400,
            f"Inference-Header-Content-Length: expected the bytes of the JSON, from 0 to the body's {len(content)}.",
        )
    return content[:length], content[length:]


def decode(datatype: str, content: memoryview, count: int, where: str) -> list[Any]:
    """The values of a tensor, row-major; None where there is NaN.

    Parameters
    ----------
    datatype
        `BYTES`, or one of `DTYPES`.
    content
        The tensor's bytes, all of them.
    count
        How many values its shape has.
    where
        What the tensor is called in an error.

    Raises
    ------
    ServeError
        400: the bytes are not `count` values of the datatype. Nothing is allocated for values that are not there.

    Examples
    --------
    >>> decode("INT16", memoryview(bytes([1, 0, 255, 255])), 2, "inputs[0]")
    [1, -1]
    """
    if datatype == "BYTES":
        return _texts(content, count, where)
    dtype = DTYPES[datatype]
    if len(content) != count * dtype.itemsize:
        raise ServeError(
            400,
            f"{where}: expected {count} values of {datatype}, {count * dtype.itemsize} bytes; got {len(content)} bytes.",
        )
    values = np.frombuffer(content, dtype)
    if datatype == "BOOL":
        if (values > 1).any():
            raise ServeError(400, f"{where}: expected a byte of 0 or 1 for each BOOL.")
        values = values.view(np.bool_)
    listed: list[Any] = values.tolist()
    if dtype.kind == "f" and not math.isfinite(sum(listed)):  # one sum tells of every NaN
        return [None if value != value else value for value in listed]
    return listed


def _texts(content: memoryview, count: int, where: str) -> list[str]:
    texts, start, end = [], 0, len(content)
    while start < end:
        length = int.from_bytes(content[start : start + _PREFIX], "little")
        start += _PREFIX
        if length > end - start:
            raise ServeError(
                400, f"{where}: expected texts of BYTES, each after its length in 4 bytes; the last is cut."
            )
        try:
            texts.append(str(content[start : start + length], "utf-8"))
        except UnicodeDecodeError:
            raise ServeError(400, f"{where}: expected texts of BYTES in UTF-8.") from None
        start += length
    if len(texts) != count:
        raise ServeError(400, f"{where}: expected {count} texts of BYTES; got {len(texts)}.")
    return texts


def encode(datatype: str, values: Sequence[Any]) -> bytes:
    r"""Values as a tensor's bytes. What is missing is NaN, false or empty.

    Examples
    --------
    >>> encode("BYTES", ["ab", None])
    b'\x02\x00\x00\x00ab\x00\x00\x00\x00'
    """
    if datatype == "BYTES":
        texts = [b"" if value is None else value.encode() for value in values]
        return b"".join([part for text in texts for part in (len(text).to_bytes(_PREFIX, "little"), text)])
    if datatype == "BOOL":
        return np.array(values, dtype=np.bool_).tobytes()
    return np.array(values, dtype=DTYPES[datatype]).tobytes()
