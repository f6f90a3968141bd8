"""JSON as clients write it: a NaN, which JSON does not have, is null."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from holdfast.serve.errors import malformed

_NAN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|\bNaN\b', re.DOTALL)
"""A string, which is passed over, or a NaN outside of strings, which Python's `json` writes, too."""


def decoded(decode: Callable[[bytes | memoryview], Any], body: bytes | memoryview) -> Any:
    """What a decoder of msgspec makes of a body.

    Raises
    ------
    msgspec.ValidationError
        It is JSON of another shape.
    ServeError
        400: it is no JSON.

    Examples
    --------
    >>> decoded(msgspec.json.Decoder().decode, b'{"NaN": [NaN, 1]}')
    {'NaN': [None, 1]}
    """
    try:
        return decode(body)
    except msgspec.ValidationError:
        raise
    except (ValueError, RecursionError) as error:
        if b"NaN" not in (content := bytes(body)):
            raise malformed(error, body) from None
    try:
        return decode(_NAN.sub(lambda found: b"null" if found[0] == b"NaN" else found[0], content))
    except msgspec.ValidationError:
        raise
    except (ValueError, RecursionError) as error:
        raise malformed(error, body) from None
