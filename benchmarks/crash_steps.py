"""The committer is killed at each of its steps: every call that changes a file, before and after it.

    python crash_steps.py FOLDER FIRST EVERY

takes the steps FIRST, FIRST + EVERY and so on, until there is none left. After each the committer is started again, and must
have made up for what was cut off.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from bars import Bar, Effort
from holdfast.log import seen
from holdfast.log.committer import Committer
from holdfast.log.proof import verify
from holdfast.log.retention import tidy
from holdfast.log.spool import Spool
from holdfast.testing.logged import MORNING, in_lake, labels, predictions

STEPS = frozenset(
    {"fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "execute", "executemany", "save"}
    | {"create_write_transaction", "add_columns", "create_checkpoint", "cleanup_metadata", "create_deltalake"}
)
KILLED = 9
MANY = [f"{number:020}" for number in range(200)]
"""Their frame lies in a volume."""


def crash_steps(effort: Effort) -> Iterator[Bar]:
    """All steps, or some of them."""
    every = {"quick": 70, "usual": 10, "thorough": 1}[effort]
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, __file__, place, "0", str(every)]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    taken, _, wrong = told.partition(" ")
    setting = f"killed at {taken} steps of a round: times that a row was lost or doubled"
    yield Bar(setting=setting, bar="0", measured="0" if not wrong.strip() else wrong, met=not wrong.strip())


def main(place: Path, first: int, every: int) -> None:
    """Print how many steps were taken, and what went wrong at the last of them."""
    # Times of the rows are fixed; they count as recent.
    seen.recent_since = lambda: MORNING - 86_400_000_000
    for taken, step in enumerate(count(first, every)):
        root = place / str(step)
        assert in_child(partial(fill, root)) == 0
        died = in_child(partial(work, root, dying_at(step)))
        if in_child(partial(check, root)):
            print(taken, f"step {step} went wrong")
            return
        if died != KILLED:
            print(taken, "" if died == 0 else f"step {step} ended with {died}")
            return
        shutil.rmtree(root)


def fill(root: Path) -> None:
    """A spool with rows of two tables, retries, a reuse, and a column that the table does not have at first."""
    with closing(Spool(root / "spool")) as spool:
        spool.write([predictions(["a", "b"], given=True), labels(["a"])])
        spool.write([predictions(["a", "b"], given=True), predictions(["b", "c"], given=True, inputs=[7, 8])])
        spool.write([predictions(["d"], columns=[("age", "int64")], values=[[40]]), predictions(["e"])])
        spool.write([labels(MANY)])


def work(root: Path, profile: Callable[..., object] | None) -> None:
    """A round and what tidies the lake."""
    sys.setprofile(profile)
    with Committer(root) as committer:
        problems = committer.round(flush=True).problems
    problems += tidy(root).problems
    sys.setprofile(None)
    assert problems == [], problems


def check(root: Path) -> None:
    """Start again, and see that all is there once."""
    work(root, None)
    rows = in_lake(root).to_pylist()
    assert sorted((row["hf_id"], row["hf_conflict"], row["age"]) for row in rows) == [
        ("a", False, None),
        ("b", False, None),
        ("b", True, None),
        ("c", False, None),
        ("d", False, 40),
        ("e", False, None),
    ]
    assert in_lake(root, kind="labels").column("hf_id").to_pylist() == ["a", *MANY]
    proofs, problems = verify(root)
    assert problems == [], problems
    assert [(one.kind, one.duplicates, one.pending) for one in proofs] == [("labels", 0, 0), ("predictions", 2, 0)]


def dying_at(step: int) -> Callable[[FrameType, str, Any], None]:
    """Die at the step of this number."""
    left = step

    def profile(_: FrameType, event: str, called: Any) -> None:
        nonlocal left
        if event in {"c_call", "c_return"} and getattr(called, "__name__", "") in STEPS:
            left -= 1
            if left < 0:
                os._exit(KILLED)

    return profile


def in_child(do: Callable[[], None]) -> int:
    """Exit code of a process that does this: forked, since to start one takes a second."""
    if (pid := os.fork()) == 0:
        code = 1
        try:
            do()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
