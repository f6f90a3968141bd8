"""What the disk must have before the next thing happens, which is what a power cut depends on."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from holdfast.log.committer import Committer
from holdfast.log.spool import Spool
from holdfast.log.table import CHECKPOINT_EVERY
from holdfast.testing.logged import predictions

WRITES = {"create_write_transaction", "create_checkpoint", "cleanup_metadata"}


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced, by name, and what is written and removed, in order."""
    events: list[str] = []
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    return events


def recorded(committer: Committer, happened: list[str]) -> list[str]:
    """A round, with the calls of delta-rs and the removals from the spool."""

    def profile(frame: FrameType, event: str, called: Any) -> None:
        name = getattr(called, "__name__", "")
        if event == "c_call" and (name in WRITES or (name == "executemany" and "spooled" in frame.f_code.co_filename)):
            happened.append({"executemany": "REMOVED"}.get(name, name.upper()))

    del happened[:]
    sys.setprofile(profile)
    try:
        assert committer.round(flush=True).problems == []
    finally:
        sys.setprofile(None)
    first, *rest = happened
    # The server's own sync of its spool, once a second, may stand anywhere.
    return [first, *(event for event in rest if event != "0.db-wal")]


def test_the_disk_has_frames_then_file_then_entry_before_the_frames_go(tmp_path: Path, happened: list[str]) -> None:
    with closing(Spool(tmp_path / "spool")) as spool, Committer(tmp_path) as committer:
        spool.write([predictions(["a"])])
        committer.round(flush=True)
        spool.write([predictions(["b"])])
        events = recorded(committer, happened)
    name = next(event for event in events if event.endswith(".unfinished"))
    assert events == [
        "0.db-wal",
        name,
        "hf_date=2026-01-01",
        "CREATE_WRITE_TRANSACTION",
        f"{2:020d}.json",
        "_delta_log",
        "REMOVED",
    ]


def test_the_disk_has_a_checkpoint_before_entries_go(tmp_path: Path, happened: list[str]) -> None:
    with closing(Spool(tmp_path / "spool")) as spool, Committer(tmp_path) as committer:
        for k in range(CHECKPOINT_EVERY - 1):
            spool.write([predictions([f"{k}"])])
            committer.round(flush=True)
        spool.write([predictions(["last"])])
        events = recorded(committer, happened)
    at = events.index("CREATE_CHECKPOINT")
    assert events[at - 2 : at] == [f"{CHECKPOINT_EVERY:020d}.json", "_delta_log"]
    assert events[at + 1 : at + 4] == [f"{CHECKPOINT_EVERY:020d}.checkpoint.parquet", "_last_checkpoint", "_delta_log"]
    assert events[-1] == "REMOVED"
    assert "CLEANUP_METADATA" not in events
