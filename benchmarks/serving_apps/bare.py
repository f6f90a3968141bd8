"""The least that can answer: JSON into typed rows with msgspec, ONNX Runtime, the scores; nothing is checked or kept."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import uvicorn
from msgspec.structs import astuple
from onnx_scores import FEATURES, load

Row = msgspec.defstruct("Row", [(name, float) for name in FEATURES])
Body: Any = msgspec.defstruct("Body", [("rows", list[Row])])  # type: ignore[valid-type]

decode = msgspec.json.Decoder(Body).decode
encode = msgspec.json.Encoder().encode
scores = load()


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # as ASGI has it
    """Answer a request."""
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    answer = encode({"scores": scores([astuple(row) for row in decode(body).rows])}) if body else b"{}"
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
