"""What a key has left is the same in all processes that share a file."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from holdfast.serve.rates import Bucket

TAKING = """
import sys, time
from pathlib import Path
from holdfast.serve.rates import Bucket
bucket, end, taken = Bucket(50.0, Path(sys.argv[1])), time.monotonic() + 2, 0
while time.monotonic() < end:
    taken += bucket.take(time.monotonic()) == 0
print(taken)
"""


def test_processes_that_take_at_once_get_no_more_than_the_rate_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKING, str(tmp_path / "rate")]
    began = time.monotonic()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    taken = [int(process.communicate()[0]) for process in running]
    most = 50 + 50 * (time.monotonic() - began)
    assert 140 <= sum(taken) <= most  # what is there at the beginning, and nearly two seconds of it


def test_a_clock_that_another_process_read_later_takes_nothing_back(tmp_path: Path) -> None:
    with closing(Bucket(1.0, tmp_path / "rate")) as one, closing(Bucket(1.0, tmp_path / "rate")) as other:
        assert one.take(10.5) == 0.0
        assert other.take(10.4) == 1.0
        assert one.take(11.0) == 0.5
        assert other.take(11.5) == 0.0


def test_it_is_full_when_the_clock_begins() -> None:
    bucket = Bucket(2.0)
    assert [bucket.take(0.0) for _ in range(3)] == [0.0, 0.0, 0.5]
