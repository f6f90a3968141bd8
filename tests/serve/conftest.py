"""What tests of serving share."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from holdfast.testing.servers import Running
from holdfast.testing.servers import running as run


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Bytes that Python has held at most, since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a small model of each task."""
    with run(tmp_path_factory.mktemp("site"), "binary", "classes", "regression") as found:
        yield found
