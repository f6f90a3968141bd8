"""Documents of the book as JSON: what PostgreSQL takes is what SQLite takes, and both give it back alike."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def text_of(content: Any) -> str:
    """A document as text.

    JSON has no number that is not finite, and PostgreSQL refuses a document with one. A member that is NaN or infinite, or a
    list with such a number, is not known: it is left out.

    Examples
    --------
    >>> text_of({"rows": 3, "loss": float("nan"), "figures": {"bias": [0.1, float("-inf"), 0.2], "recall": [0.5, 0.4, 0.6]}})
    '{"rows": 3, "figures": {"recall": [0.5, 0.4, 0.6]}}'
    """
    try:
        return json.dumps(content, allow_nan=False)
    except ValueError:
        return json.dumps(_known(content), allow_nan=False)


def given_back(content: Any) -> Any:
    """A document as it comes back from the book."""
    return json.loads(text_of(content))


def _known(content: Any) -> Any:
    match content:
        case Mapping():
            return {name: _known(one) for name, one in content.items() if not _unknown(one)}
        case list() | tuple():
            return [None if _unknown(one) else _known(one) for one in content]
    return None if _unknown(content) else content


def _unknown(content: Any) -> bool:
    if isinstance(content, list | tuple):
        return any(isinstance(one, float) and not math.isfinite(one) for one in content)
    return isinstance(content, float) and not math.isfinite(content)
