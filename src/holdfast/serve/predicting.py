"""Requests for answers over HTTP: read in the format that they come in, answered, and written in the one that is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from holdfast.serve import inference_protocol, records
from holdfast.serve.bodies import read_arrow, read_csv, write_arrow, write_csv
from holdfast.serve.explaining import Explaining
from holdfast.serve.formats import MEDIA_TYPES, Format, format_asked, format_of
from holdfast.serve.incoming import Incoming, Read
from holdfast.serve.metrics import Metrics
from holdfast.serve.request import Reply, Request
from holdfast.serve.roster import Serving
from holdfast.serve.routes import Answer, Asking

_MEDIA: dict[Format, bytes] = {kind: name.encode() for name, kind in reversed(MEDIA_TYPES.items())}
_READERS = {"csv": read_csv, "arrow": read_arrow}
_WRITERS = {"csv": write_csv, "arrow": write_arrow}


class Predicting:
    """Answers what is asked of a release. For the event loop's thread.

    Parameters
    ----------
    incoming
        Reads bodies.
    metrics
        What is counted.
    """

    def __init__(self, incoming: Incoming, metrics: Metrics) -> None:
        self._incoming, self._metrics = incoming, metrics
        self._explaining = Explaining(metrics)

    async def predict(self, serving: Serving, asking: Asking, name: str) -> Answer:
        """Answer records, CSV or Arrow; `name` is the route in the log."""
        loaded, headers = serving.loaded, asking.headers
        kind = format_of(headers.get(b"content-type", b"").decode("latin-1"))
        if kind == "json":
            reading = self._read(serving, loaded.records.read, asking.body)
        else:
            text = 0 if kind == "arrow" else None
            reading = self._read(serving, _READERS[kind], asking.body, loaded.columnar, text=text)
        # Without a name for the request here, its rows go when they have been answered, and not with the reply.
        reply = await self._ask(serving, await reading, name, asking.client)
        # What came as a table goes back as one, unless something else is asked for.
        accept = headers.get(b"accept", b"").decode("latin-1")
        wanted = kind if kind != "json" and accept in ("", "*/*") else format_asked(accept)
        if wanted == "json":
            return Answer(records.write(reply))
        body = await asyncio.to_thread(_WRITERS[wanted], reply, loaded.outputs)
        return Answer(body, media=_MEDIA[wanted])

    async def infer(self, serving: Serving, asking: Asking, name: str) -> Answer:
        """Answer tensors, as the Open Inference Protocol has it; `name` is the route in the log."""
        length = asking.headers.get(b"inference-header-content-length")
        text = int(length[:9]) if length is not None and length.isdigit() else None
        request, wanted = await self._read(serving, serving.loaded.tensors.read, asking.body, length, text=text)
        reply = await self._ask(serving, request, name, asking.client)
        body, json_length = inference_protocol.write(reply, wanted)
        if json_length is None:
            return Answer(body)
        return Answer(
            body,
            media=b"application/octet-stream",
            headers=((b"inference-header-content-length", b"%d" % json_length),),
        )

    def _ask(self, serving: Serving, request: Request, name: str, client: str) -> Awaitable[Reply]:
        if request.explain:
            return self._explaining.ask(serving, request, name, client)
        return serving.live.ask(request, name, client)

    async def _read(
        self, serving: Serving, reader: Callable[..., Read], body: bytes, *more: Any, text: int | None = None
    ) -> Read:
        """What a reader makes of a body; it finds what is wrong with it, too."""
        since = time.monotonic()
        found = await self._incoming.parsed(reader, body, *more, text=text)
        self._metrics.observe(
            "holdfast_stage_duration_seconds", (serving.loaded.model, "validate"), (time.monotonic() - since,)
        )
        return found
