"""What tests of serving share."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Bytes that Python has held at most, since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
