"""Types of records, ready to be read by several threads at once.

What msgspec knows of a record's fields it finds out when the record is read for the first time. Where two threads do that at
once, the second one goes on with what the first has not finished, and the process ends with a segmentation fault.
"""

from __future__ import annotations

from threading import Lock
from typing import TypeVar

import msgspec

T = TypeVar("T")

_lock = Lock()
_known: set[object] = set()


def ready(kind: type[T]) -> type[T]:
    """The same type, whose fields msgspec knows, and those of the records in it.

    Examples
    --------
    >>> class Row(msgspec.Struct):
    ...     amount: float
    >>> msgspec.json.decode(b'{"amount": 2}', type=ready(Row))
    Row(amount=2.0)
    """
    if kind not in _known:
        with _lock:
            if kind not in _known:
                msgspec.msgpack.Decoder(kind)
                _known.add(kind)
    return kind
