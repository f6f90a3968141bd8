"""What a body is and how it is packed, by the headers of a request."""

from __future__ import annotations

import zlib
from typing import Literal, TypeAlias

from holdfast.serve.errors import ServeError

Format: TypeAlias = Literal["json", "csv", "arrow"]

MEDIA_TYPES: dict[str, Format] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
}
"""What bodies are called in `Content-Type` and `Accept`."""


def format_of(content_type: str) -> Format:
    """The format of a body, by its `Content-Type`; JSON where that says nothing else.

    Examples
    --------
    >>> format_of("text/csv; charset=utf-8"), format_of("application/x-www-form-urlencoded")
    ('csv', 'json')
    """
    return MEDIA_TYPES.get(content_type.partition(";")[0].strip().lower(), "json")


def format_asked(accept: str) -> Format:
    """The format that an `Accept` prefers, of those that there are; JSON where it names none of them.

    Examples
    --------
    >>> format_asked("application/json;q=0.5, text/csv"), format_asked("*/*"), format_asked("")
    ('csv', 'json', 'json')
    """
    best: Format = "json"
    highest = 0.0
    for one in accept.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        quality = next((_quality(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
        if name in MEDIA_TYPES and quality > highest:
            best, highest = MEDIA_TYPES[name], quality
    return best


def _quality(text: str) -> float:
    return float(text) if text.replace(".", "", 1).isdecimal() else 0.0


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """A body without its `Content-Encoding`.

    Parameters
    ----------
    encoding
        Value of the header: `gzip`, `deflate` (in a zlib wrapper), `identity` or empty.
    most_bytes
        What the body may become; no more than that is unpacked.

    Raises
    ------
    ServeError
        400 the body is not packed so; 413 it is too large; 415 the encoding is another one.

    Examples
    --------
    >>> unpacked(zlib.compress(b"x" * 100), "deflate", 1_000) == b"x" * 100
    True
    """
    window = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}.get(encoding.strip().lower())
    if window is None:
        if encoding.strip().lower() in ("", "identity"):
            return body
        raise ServeError(415, "Expected a Content-Encoding of gzip or deflate, or none.")
    unpacker = zlib.decompressobj(window)
    try:
        content = unpacker.decompress(body, most_bytes + 1)
    except zlib.error:
        raise ServeError(400, "The body is not packed as its Content-Encoding says.") from None
    if len(content) > most_bytes:
        raise ServeError(413, f"Expected a body of at most {most_bytes} bytes, unpacked.")
    if not unpacker.eof or unpacker.unused_data:
        raise ServeError(400, "The body is not packed as its Content-Encoding says: it is cut, or has a tail.")
    return content
