"""How fast does the committer bring rows from a spool into the lake, and with how much memory?

A backlog of predictions with 35 columns, in frames of 10 or 100 rows, is committed by a process of its own, on whose start
nothing is counted.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bars import Bar, Effort, at_least, at_most
from holdfast.log.spool import Spool
from holdfast.testing.logged import predictions

COLUMNS = tuple((f"feature_{k}", "float64") for k in range(14))
BATCH = 100
LEAST_ROWS_A_SECOND = 50_000
"""In batches; for what single requests leave, a few rows in a frame, there is no bar."""

MOST_MEGABYTES = 400

COMMITTER = """
import resource, sys, time
from pathlib import Path
from holdfast.startup import prepare
prepare()
import deltalake  # which is loaded at the first commit else
from holdfast.log.committer import Committer

root = Path(sys.argv[1])
with Committer(root) as committer:
    began = time.perf_counter()
    done = committer.round(flush=True)
    seconds = time.perf_counter() - began
assert not done.problems, done.problems
print(done.rows, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def log_speed(effort: Effort) -> Iterator[Bar]:
    """Rows a second through the committer, and its memory."""
    rows = {"quick": 200_000, "usual": 1_000_000, "thorough": 5_000_000}[effort]
    for size, given in ((BATCH, False), (BATCH, True), (10, False)):
        with tempfile.TemporaryDirectory() as place:
            fill(Path(place), rows, size, given=given)
            command = [sys.executable, "-c", COMMITTER, place]
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        committed, seconds, megabytes = int(told[0]), float(told[1]), float(told[2])
        assert committed == rows
        setting = f"{rows:,} rows of 35 columns in frames of {size}" + (", ids of the client" if given else "")
        if size == BATCH:
            yield at_least(f"{setting}: rows a second", committed / seconds, LEAST_ROWS_A_SECOND, digits=0)
        else:
            yield Bar(setting=f"{setting}: rows a second", bar="", measured=f"{committed / seconds:,.0f}")
        yield at_most(f"{setting}: memory", megabytes, MOST_MEGABYTES, "MB", digits=0)


def fill(root: Path, rows: int, size: int, *, given: bool) -> None:
    """A spool with so many rows, whose ids all differ."""
    numbers = random.Random(0)
    values = [[numbers.random() for _ in range(size)] for _ in COLUMNS]
    with closing(Spool(root / "spool")) as spool:
        for start in range(0, rows, size * 100):
            spool.write(
                [
                    predictions(
                        [f"order-{start + offset + k:012}" for k in range(size)],
                        given=given,
                        columns=COLUMNS,  # type: ignore[arg-type]
                        values=values,
                    )
                    for offset in range(0, size * 100, size)
                ]
            )


if __name__ == "__main__":
    for bar in log_speed("quick"):
        print(bar)
