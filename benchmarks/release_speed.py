"""Evaluate, gate and seal: wall time, CPU time and peak memory of a whole fresh process, step by step.

1,000,000 test rows of 25 numbers and 5 strings (or of 30 numbers), in a history of 2,000,000; LightGBM with 100 trees,
which takes the strings as categories. The report is made and sealed with the rest.

    python benchmarks/release_speed.py [--quick] [--numbers]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from bars import at_most

TEST_ROWS, QUICK_ROWS = 1_000_000, 50_000
SECONDS, MEGABYTES = 60, 2_000
FEATURES = 30
VALUES = (5, 20, 50, 200, 1_000)
"""Distinct values of each string."""
BYTES = 1 if sys.platform == "darwin" else 1_024
"""Of a unit of peak memory, as the system counts it."""

PROJECT = """
name = "speed"

[data]
path = "history.parquet"
target = "bad"
time = "time"

[model]
path = "model.joblib"
trained_until = "{trained_until}"

[objective]
kind = "cost"
false_positive = 5
false_negative = "n0"

[split]
validation = 0.1
test = 0.5
"""
SEGMENTS = """
[slices]
columns = ["s0"]
"""


def write(folder: Path, test_rows: int, values: Sequence[int] = VALUES) -> None:
    """A history of twice the test rows, the model, fitted on its first tenth, and the configuration."""
    import joblib
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from lightgbm import LGBMClassifier

    rng = np.random.default_rng(0)
    rows, step = 2 * test_rows, test_rows // 5
    day = np.datetime64("2026-01-01", "us") + np.arange(rows) * (100 * 86_400_000_000 // rows)
    writer = None
    for start in range(0, rows, step):
        numbers = rng.normal(size=(step, FEATURES - len(values)))
        numbers[:, 0] = np.exp(3 + numbers[:, 0])
        numbers[rng.random(step) < 0.02, 1] = np.nan
        logit = -3 + numbers[:, 2:8] @ np.linspace(1, 0.2, 6) + numbers[:, 8] * numbers[:, 9]
        columns: dict[str, Any] = {f"n{i}": column for i, column in enumerate(numbers.T)}
        for i, count in enumerate(values):
            code = (count * rng.random(step) ** 2).astype(int)
            logit += 2 * code / count - 1
            columns[f"s{i}"] = np.array([f"value {value}" for value in range(count)], dtype=object)[code]
        columns |= {"bad": rng.random(step) < 1 / (1 + np.exp(-logit)), "time": day[start : start + step]}
        table = pa.table(columns)
        if writer is None:
            writer = pq.ParquetWriter(folder / "history.parquet", table.schema, compression="zstd")
            frame = table.to_pandas().drop(columns="time")
            truth = frame.pop("bad")
            frame = frame.astype({name: "category" for name in frame if name.startswith("s")})
            joblib.dump(LGBMClassifier(random_state=0, verbose=-1).fit(frame, truth), folder / "model.joblib")
            until = str(day[step - 1])
        writer.write_table(table)
    assert writer is not None
    writer.close()
    project = PROJECT.format(trained_until=until) + (SEGMENTS if values else "")
    (folder / "holdfast.toml").write_text(project, encoding="utf-8")


def release(folder: Path) -> None:
    """What a user does; each step is told with its seconds, its seconds of CPU, and the peak so far."""
    say = clock()
    import holdfast as hf

    evaluation = hf.evaluate(project=folder / "holdfast.toml", trust=True, say=say)
    if not evaluation.passed:
        raise SystemExit("\n".join(f"{finding.code}: {finding.message}" for finding in evaluation.refusing))
    hf.release(evaluation, say=say)
    say("End")


def clock() -> Callable[[str], None]:
    """A `say` that prints each step when it is over."""
    last: list[tuple[str, float, float]] = [("Starting", perf_counter(), process_time())]

    def say(step: str) -> None:
        name, wall, cpu = last.pop()
        last.append((step, perf_counter(), process_time()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES / 1e6
        print(f"| {name} | {last[0][1] - wall:.1f} | {last[0][2] - cpu:.1f} | {peak:,.0f} |", flush=True)

    return say


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} test rows")
    parser.add_argument("--numbers", action="store_true", help="no strings")
    parser.add_argument("--step", choices=["write", "release"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    rows = QUICK_ROWS if asked.quick else TEST_ROWS
    if asked.step:
        if asked.step == "write":
            write(asked.folder, rows, () if asked.numbers else VALUES)
        else:
            release(asked.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        # Each in a process of its own: this one stays small, for a child's peak is never told below its parent's.
        command = [sys.executable, __file__, *sys.argv[1:], "--folder", folder, "--step"]
        subprocess.run([*command, "write"], check=True)
        print("| step | seconds | of CPU | peak MB |\n|---|---|---|---|", flush=True)
        start = perf_counter()
        process = subprocess.Popen([*command, "release"])
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(process.returncode)
        sealed = sum(file.stat().st_size for file in Path(folder, "releases").rglob("*") if file.is_file()) / 1e6
    note = f" ({usage.ru_utime + usage.ru_stime:.1f} s of CPU)"
    print(f"\nThe release holds {sealed:.1f} MB.\n\n| | bar | measured | met |\n|---|---|---|---|")
    for bar in (
        at_most(f"evaluate, gate and seal, {rows:,} test rows", wall, SECONDS, "s", 1, note),
        at_most("peak memory", usage.ru_maxrss * BYTES / 1e6, MEGABYTES, "MB", 0),
    ):
        print(f"| {bar.setting} | {bar.bar} | {bar.measured} | {'yes' if bar.met else '**no**'} |")


if __name__ == "__main__":
    main()
