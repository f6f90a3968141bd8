"""Bodies as they come: whole or in pieces, packed or not; how large, how slow, and how many at once they may be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from holdfast.serve.errors import ServeError
from holdfast.serve.formats import unpacked
from holdfast.serve.telemetry import Receive

LARGE_BYTES = 1 << 18
"""Larger bodies are read one at a time, in a thread: others are answered meanwhile."""

MOST_VALUES = 2_500_000
"""Values in a large body. One of three bytes, such as `[]`, takes sixty when it is read."""

HELD_BODIES = 4
"""So many of the largest bodies may be there at once."""

BODY_SECONDS = 60.0
"""How long a body may take to come."""

Read = TypeVar("Read")


class Incoming:
    """The bodies of all requests. For the event loop's thread.

    Parameters
    ----------
    most_bytes
        Largest body, packed or not.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = 0
        self._one_at_a_time = asyncio.Lock()

    async def body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """The body of a request, unpacked; `release` it when it is done with.

        Raises
        ------
        ServeError
            400, 413 and 415: see `formats.unpacked`; 408 it does not come to its end; 503 there are too many large ones.
        GoneError
            The client went away.
        """
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most_bytes:
            raise self._too_large()
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        body: bytes = message.get("body", b"")
        if len(body) > self._most_bytes:
            raise self._too_large()
        if message.get("more_body"):
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await self._rest(body, receive)
            except TimeoutError:
                raise ServeError(408, f"The body did not come within {BODY_SECONDS:g} seconds.") from None
        if (encoding := headers.get(b"content-encoding")) is not None:
            body = unpacked(body, encoding.decode("latin-1"), self._most_bytes)
        if len(body) > LARGE_BYTES:
            self._held += len(body)
        return body

    def release(self, body: bytes) -> None:
        """Make room for others."""
        if len(body) > LARGE_BYTES:
            self._held -= len(body)

    async def parsed(self, reader: Callable[..., Read], body: bytes, *more: Any, text: int | None = None) -> Read:
        """What a reader makes of a body; a large one is read in a thread.

        Parameters
        ----------
        reader
            Called with the body, and `more`.
        text
            So many bytes at its begin are JSON or CSV; None: all.

        Raises
        ------
        ServeError
            413 it has more than `MOST_VALUES` values; and what the reader raises.
        """
        if len(body) <= LARGE_BYTES:
            return reader(body, *more)
        async with self._one_at_a_time:
            return await asyncio.to_thread(_parsed, reader, body, more, text)

    async def _rest(self, begin: bytes, receive: Receive) -> bytes:
        """A body that comes in pieces."""
        pieces, size, more = [begin], len(begin), True
        self._held += size
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise GoneError
                piece = message.get("body", b"")
                pieces.append(piece)
                size += len(piece)
                self._held += len(piece)
                if size > self._most_bytes:
                    raise self._too_large()
                if self._held > HELD_BODIES * self._most_bytes:
                    raise ServeError(503, "Too many large bodies come at once: try again shortly.", retry_after=1)
                more = message.get("more_body", False)
            return b"".join(pieces)
        finally:
            self._held -= size
            pieces.clear()  # an error would hold them as long as somebody holds the error

    def _too_large(self) -> ServeError:
        return ServeError(413, f"The body is larger than {self._most_bytes:,} bytes: send fewer rows at once.")


def _parsed(reader: Callable[..., Read], body: bytes, more: Sequence[Any], text: int | None) -> Read:
    # What separates values in JSON and CSV, and opens lists and objects.
    if sum(body.count(one, 0, text) for one in (b",", b"[", b"{", b"\n")) > MOST_VALUES:
        raise ServeError(413, f"The body has more than {MOST_VALUES:,} values: send fewer rows at once.")
    return reader(body, *more)


class GoneError(Exception):
    """The client went away."""
