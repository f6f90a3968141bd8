"""Whoever is killed, and whenever: what was acknowledged is in the lake exactly once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_committer_may_be_killed_at_its_steps(tmp_path: Path) -> None:
    """Some of them; `make bench` takes more."""
    command = [sys.executable, str(BENCHMARKS / "crash_steps.py"), str(tmp_path), "3", "110"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    taken, _, wrong = done.stdout.partition(" ")
    assert wrong.strip() == "", f"{wrong}\n{done.stderr}"
    assert int(taken) >= 5


def test_writer_and_committer_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    """A dozen times; `make bench` does it 200 times."""
    command = [sys.executable, str(BENCHMARKS / "crashes.py"), str(tmp_path), "12", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    acknowledged, _, wrong = done.stdout.strip().partition(" ")
    assert wrong == ""
    assert int(acknowledged) > 0
