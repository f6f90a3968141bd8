"""What a way in is: what it is asked, what it answers, and who may ask it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import msgspec

from holdfast.book.key import Role
from holdfast.serve.errors import InvalidRowsError, ServeError

JSON = b"application/json"
LISTED_PROBLEMS = 1_000
"""Problems of a request that are told one by one."""


class Answer(NamedTuple):
    """What is sent: status, body, media type and further headers."""

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Asking(NamedTuple):
    """A request on its way: its headers and body, who asks, whether by `http` or `https`, and what stands behind the path."""

    headers: Mapping[bytes, bytes]
    body: bytes
    client: str
    scheme: str
    query: bytes = b""


Handler: TypeAlias = Callable[[Asking], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """A way in.

    Attributes
    ----------
    api
        What it is called in metrics.
    role
        What a client must be allowed to do; None: anybody may ask.
    handler
        What answers.
    model, release
        Of the metrics.
    """

    api: str
    role: Role | None
    handler: Handler
    model: str = ""
    release: str = ""


def refusal(error: ServeError) -> Answer:
    """An error as a client reads it."""
    content: dict[str, Any] = {"error": error.message}
    if isinstance(error, InvalidRowsError):
        content["problems"] = [problem._asdict() for problem in error.problems[:LISTED_PROBLEMS]]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.status == 401:
        headers = ((b"www-authenticate", b'Bearer realm="holdfast"'),)
    if error.allow:
        headers = ((b"allow", ", ".join(error.allow).encode()),)
    if error.retry_after is not None:
        headers = ((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))),)
    return Answer(msgspec.json.encode(content), error.status, headers=headers)
