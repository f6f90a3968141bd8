"""What a client is told when it gets no answer."""

from __future__ import annotations


class ServeError(Exception):
    """A refusal: HTTP status, a sentence without values of the request, and when to try again.

    400 the body cannot be read; 401 and 403 who asks; 404 no such model; 413 too large; 422 rows that do not fit the
    schema; 429 too often; 503 too much at once, or not ready.
    """

    def __init__(self, status: int, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
