"""Is every acknowledged row in the lake exactly once, however often those who write are killed?

A process writes groups into a spool and says which are acknowledged; another one commits. Both are killed with SIGKILL at
random moments and started again, which takes up the same spools. In the end the lake must have what was acknowledged; rows
of a group that was being acknowledged when the writer died may be there or not, but whole and once.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bars import Bar, Effort
from holdfast.log.committer import Committer
from holdfast.log.proof import verify
from holdfast.testing.logged import in_lake

WRITER = """
import sys
from itertools import count
from pathlib import Path
from holdfast.log.ids import Ulids
from holdfast.log.spool import Spool
from holdfast.testing.logged import labels, predictions

spool, ids = Spool(Path(sys.argv[1]) / "spool"), Ulids()
for number in count():
    some = [ids.next() for _ in range(number % 7 + 1)]
    groups = [predictions(some, given=number % 3 == 0), labels(some)]
    if number % 5 == 0:
        groups.append(predictions(some, given=True))
        groups.append(predictions(some, given=True))
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


def killed(root: Path, kills: int, seed: int = 0) -> tuple[int, list[str]]:
    """Kill writer and committer in turn at random moments; returns how many rows were acknowledged, and what is wrong."""
    moments = random.Random(seed)
    begun, done = Counter[str](), Counter[str]()
    wrong: list[str] = []
    processes = {code: _started(code, root) for code in (WRITER, COMMITTER)}
    for number in range(kills):
        code = COMMITTER if number % 4 else WRITER
        time.sleep(moments.uniform(0.0, 0.6))
        if code == COMMITTER:
            _until_ready(processes[code], moments)
        _kill(code, processes[code], begun, done, wrong)
        processes[code] = _started(code, root)
    for code, process in processes.items():
        _kill(code, process, begun, done, wrong)
    with Committer(root) as committer:
        wrong += committer.round(flush=True).problems
    proofs, problems = verify(root)
    wrong += problems
    wrong += [f"{one.pending} rows of {one.model}/{one.kind} wait" for one in proofs if one.pending]
    for kind in ("predictions", "labels"):
        there = Counter(in_lake(root, kind=kind).column("hf_id").to_pylist())
        wrong += [f"{kind} {i} is missing" for i in done if i not in there]
        wrong += [f"{kind} {i} was never begun" for i in there if i not in begun]
        wrong += [f"{kind} {i} is there {n} times" for i, n in there.items() if n > (2 if kind == "predictions" else 1)]
    return len(done), wrong


def _started(code: str, root: Path) -> subprocess.Popen[str]:
    # What they print goes to a file: a pipe that nobody reads would stop them.
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed when they are killed
    process = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=output, text=True)
    process.output = output  # type: ignore[attr-defined]
    return process


def _until_ready(process: subprocess.Popen[str], moments: random.Random) -> None:
    """The most of what a committer does at its start is to load: half of the kills wait for the end of that."""
    if moments.random() < 0.5:
        return
    while process.poll() is None:
        process.output.seek(0)  # type: ignore[attr-defined]
        if process.output.readline():  # type: ignore[attr-defined]
            break
        time.sleep(0.02)
    time.sleep(moments.uniform(0.0, 0.4))


def _kill(code: str, process: subprocess.Popen[str], begun: Counter[str], done: Counter[str], wrong: list[str]) -> None:
    process.kill()
    if process.wait() != -9:
        wrong.append(f"a process ended by itself with {process.returncode}")
    output = process.output  # type: ignore[attr-defined]
    output.seek(0)
    for line in output:
        word, *ids = line.split()
        if code == COMMITTER:
            if word != "ready":
                wrong.append(line)
        elif line.endswith("\n"):
            (begun if word == "begin" else done).update(ids)
    output.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(killed(Path(place), int(sys.argv[1]), int(sys.argv[2])))
