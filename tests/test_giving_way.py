"""Threads that let others go first."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from holdfast.giving_way import give_way


def niceness() -> int:
    """That of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
def test_only_the_calling_thread_gives_way() -> None:
    before = niceness()
    with ThreadPoolExecutor(1, initializer=give_way, initargs=(19,)) as pool:
        assert pool.submit(niceness).result() == 19
    assert niceness() == before


def test_where_threads_are_not_told_apart_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    before = os.getpriority(os.PRIO_PROCESS, 0)
    give_way(19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
