"""Is every acknowledged row in the lake exactly once, however often those who write are killed?

A process writes groups into a spool and says which are acknowledged; another one commits. Both are killed with SIGKILL at
random moments and started again, which takes up the same spools. In the end the lake must have what was acknowledged; rows
of a group that was being acknowledged when the writer died may be there or not, but whole and once.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bars import Bar, Effort
from holdfast.log.committer import Committer
from holdfast.log.frames import Kind
from holdfast.log.proof import verify
from holdfast.testing.logged import in_lake

MOST: dict[Kind, int] = {"predictions": 2, "labels": 1}
"""Times that an id may be there: some are predicted with an id of the server's and again with one of the client's."""

WRITER = """
import sys
from itertools import count
from pathlib import Path
from holdfast.log import volumes
from holdfast.log.ids import Ulids
from holdfast.log.spool import Spool
from holdfast.testing.logged import labels, predictions

volumes.VOLUME_BYTES = 20_000  # so that many are begun and removed
spool, ids = Spool(Path(sys.argv[1]) / "spool"), Ulids()
for number in count():
    some = [ids.next() for _ in range(300 if number % 10 == 0 else number % 7 + 1)]
    groups = [predictions(some, given=number % 3 == 0), labels(some)]
    if number % 5 == 0:
        groups += [predictions(some, given=True)] * 2
    print("begin", *some, flush=True)
    spool.write(groups)
    print("done", *some, flush=True)
"""

COMMITTER = """
import sys
from pathlib import Path
from holdfast.log.committer import Committer
from holdfast.log.retention import tidy

with Committer(Path(sys.argv[1]), rows=20, seconds=0.05) as committer:
    print("ready", flush=True)
    rounds = 0
    while True:
        problems = committer.round().problems
        if problems:
            print(*problems, flush=True)
        rounds += 1
        if rounds % 50 == 0:
            tidy(Path(sys.argv[1]))
"""


def crashes(effort: Effort) -> Iterator[Bar]:
    """Two hundred kills, of writer and committer in turn."""
    kills = {"quick": 12, "usual": 200, "thorough": 2_000}[effort]
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, wrong = killed(Path(folder), kills)
    setting = f"{kills} kills while {acknowledged:,} rows were acknowledged: rows lost or doubled"
    yield Bar(setting=setting, bar="0", measured=f"{len(wrong)}", met=not wrong)


@dataclass(slots=True)
class Worker:
    """A process, and the file that it prints to: a pipe that nobody reads would stop it."""

    code: str
    process: subprocess.Popen[str]
    output: IO[str]

    def lines(self) -> list[str]:
        """What it has printed."""
        self.output.seek(0)
        return self.output.readlines()

    def kill(self) -> int:
        """Kill it; how it ended."""
        self.process.kill()
        return self.process.wait()


def killed(root: Path, kills: int, seed: int = 0) -> tuple[int, list[str]]:
    """Kill writer and committer in turn at random moments; returns how many rows were acknowledged, and what is wrong."""
    moments = random.Random(seed)
    begun, done, wrong = set[str](), set[str](), list[str]()
    workers = {code: started(code, root) for code in (WRITER, COMMITTER)}
    for number in range(kills):
        code = COMMITTER if number % 4 else WRITER
        if code == COMMITTER and moments.random() < 0.7:  # else, most of the time, it is still loading
            wait_until_ready(workers[code])
        time.sleep(moments.uniform(0.0, 0.5))
        end(workers[code], begun, done, wrong)
        workers[code] = started(code, root)
    for worker in workers.values():
        end(worker, begun, done, wrong)
    with Committer(root) as committer:
        wrong += committer.round(flush=True).problems
    proofs, problems = verify(root)
    wrong += problems
    wrong += [f"{one.pending} rows of {one.model}/{one.kind} wait" for one in proofs if one.pending]
    for kind, most in MOST.items():
        there = Counter(in_lake(root, kind=kind).column("hf_id").to_pylist())
        wrong += [f"{kind} {i} is missing" for i in done if i not in there]
        wrong += [f"{kind} {i} was never begun" for i in there if i not in begun]
        wrong += [f"{kind} {i} is there {n} times" for i, n in there.items() if n > most]
    return len(done), wrong


def started(code: str, root: Path) -> Worker:
    """A process that runs this code."""
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed when it has ended
    return Worker(code, subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=output, text=True), output)


def wait_until_ready(worker: Worker) -> None:
    """Wait until it has printed something."""
    while not worker.lines() and worker.process.poll() is None:
        time.sleep(0.02)


def end(worker: Worker, begun: set[str], done: set[str], wrong: list[str]) -> None:
    """Kill a process, and take in what it said."""
    if (code := worker.kill()) != -signal.SIGKILL:
        wrong.append(f"a process ended by itself with {code}")
    for line in worker.lines():
        word, *ids = line.split()
        if worker.code == WRITER and line.endswith("\n"):
            (begun if word == "begin" else done).update(ids)
        elif worker.code == COMMITTER and word != "ready":
            wrong.append(line)
    worker.output.close()


if __name__ == "__main__":
    rows, faults = killed(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    print(rows, *faults)
