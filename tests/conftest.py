"""What tests share: where copies go, a database, and examples that may take their time."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests run side by side, and threads of OpenMP that wait for a busy processor spin: two of them take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# An example that writes a file takes longer than Hypothesis' 200 ms when the machine is busy, and so does making examples up:
# no test is of its time.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary copies are put into, empty at first."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "a base.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (a integer, b text, c real)")
        connection.executemany("insert into t values (?, ?, ?)", [(1, "x", 0.5), (2, "y", None), (3, None, 2.5)])
        connection.execute("create table m (v)")
        connection.executemany("insert into m values (?)", [(i,) for i in range(140_000)] + [("secret",)])
    connection.close()
    return f"sqlite:///{path}"
