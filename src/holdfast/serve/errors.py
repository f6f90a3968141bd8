"""What a client is told when it gets no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.serve.fields import Problem


class ServeError(Exception):
    """A refusal: HTTP status, a sentence without values of the request, when to try again, and methods that are allowed.

    400 the body cannot be read; 401 and 403 who asks; 404 no such model; 405 another method; 408 too slow; 413 too large;
    422 rows that do not fit the schema; 429 too often; 503 too much at once, or not ready.
    """

    def __init__(
        self, status: int, message: str, *, retry_after: float | None = None, allow: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
        self.allow = allow


class InvalidRowsError(ServeError):
    """Rows that do not fit the schema, with every problem in them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = "; ".join(str(problem) for problem in problems[:TOLD])
        rest = f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
        super().__init__(422, f"{told}{rest}.")
        self.problems = problems


TOLD = 20
"""Problems that are told of one request."""


def malformed(error: Exception) -> ServeError:
    """What a client is told of a body that is no JSON; what decoders say of it holds the place of a byte, and no value."""
    deep = isinstance(error, RecursionError)
    return ServeError(400, f"The body is no JSON: {'lists in lists too deep' if deep else error}")
