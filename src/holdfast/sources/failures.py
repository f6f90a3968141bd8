"""Readings that fail, told without Arrow's own text: it may quote values."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from holdfast.errors import InputError

READ_ERRORS = (pa.ArrowException, OSError)


def failure(
    where: str, error: Exception, reason: str = "it is truncated or damaged", remedy: str = "write or fetch it again"
) -> str:
    """The message for a reading that failed."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC:
        return f"no room for a temporary copy in {tempfile.gettempdir()}; set TMPDIR to a folder on a larger disk"
    if number:
        return f"{where} cannot be read: {os.strerror(number)}"
    return f"{where} cannot be read: {reason} ({type(error).__name__}); {remedy}"


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Whatever fails to be read in this block is said to be `where`."""
    try:
        yield
    except READ_ERRORS as error:
        raise InputError(failure(where, error)) from None
