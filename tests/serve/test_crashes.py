"""Processes of a server under load are killed at random moments: every acknowledged row is in the log exactly once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_nothing_is_lost_or_doubled_whoever_is_killed(tmp_path: Path) -> None:
    """Six times; `make bench` does it 200 times."""
    command = [sys.executable, str(BENCHMARKS / "server_crashes.py"), str(tmp_path), "6", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    outcome = json.loads(done.stdout)
    assert outcome["wrong"] == []
    assert sum(outcome["kills"].values()) == 6
    assert outcome["acknowledged"] > 20
