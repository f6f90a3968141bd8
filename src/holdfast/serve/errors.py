"""What a client is told when it gets no answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

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


def malformed(error: Exception, body: bytes | memoryview) -> ServeError:
    """What a client is told of a body that is no JSON; what decoders say of it holds the place of a byte, and no value."""
    if not bytes(body).strip():
        return ServeError(400, "The body is empty: expected JSON.")
    # Other errors may hold a value.
    what = str(error) if isinstance(error, msgspec.DecodeError) else "it is nested too deeply, or no UTF-8"
    return ServeError(400, f"The body is no JSON: {what}.")


def misfit(error: msgspec.ValidationError, expected: str, allowed: str = "") -> ServeError:
    """What a client is told of JSON of another shape, without the names and words that it made up.

    Parameters
    ----------
    expected
        The shape.
    allowed
        The words of the only field of a few words.

    Examples
    --------
    >>> str(misfit(msgspec.ValidationError("Invalid enum value 'hush' - at `$.source`"), "{...}", "`a` or `b`"))
    'Expected {...}: Expected `a` or `b` - at `$.source`.'
    """
    told = _ENUM.sub(f"Expected {allowed}", _UNKNOWN.sub("unknown field", str(error)))
    return ServeError(400, f"Expected {expected}: {told}.")


_ENUM = re.compile(r"Invalid enum value .*(?= - at `\$)", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field .*?(?= - at `\$[^`]*`$|$)", re.DOTALL)
