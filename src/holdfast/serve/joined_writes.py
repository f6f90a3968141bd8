"""Head and body of an answer go out as one piece: uvicorn sends each by itself, which takes a tenth of a small request."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Joining(HttpToolsProtocol):
    """uvicorn's protocol over a transport that joins what is written."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # its base says the same
        """Begin to answer at a connection."""
        super().connection_made(_Joined(transport, self.loop))  # type: ignore[arg-type]  # it does what a transport does


class _Joined:
    """A transport; what is written to it goes out when the event loop has done what is ready."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._transport.writelines(pieces)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
