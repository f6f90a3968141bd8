"""Waiting for what becomes so after a while, on a machine however busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE_SECONDS = 300.0
"""Far more than it takes where nothing is wrong."""


def until(holds: Callable[[], Found], seconds: float = PATIENCE_SECONDS) -> Found:
    """Ask again and again until something holds; returns it.

    Raises
    ------
    TimeoutError
        It did not within so many seconds.
    """
    end = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"This did not come to hold within {seconds:g} seconds.")
        time.sleep(0.05)
    return found
