"""Evaluate, gate and seal: wall time, processor time and peak memory of a whole fresh process, step by step.

1,000,000 test rows of 25 numbers and 5 strings, or of 30 numbers, in a history of 2,000,000; LightGBM with 100 trees,
which takes the strings as categories. The report is made and sealed with the rest.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from bars import Bar, Effort, at_most, for_information
from speed import PEAK_BYTES, measured, output

SECONDS, MEGABYTES = 60, 2_000
FEATURES = 30
VALUES = (5, 20, 50, 200, 1_000)
"""Distinct values of each string."""
STEPS = "steps.json"

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


def write(folder: Path, test_rows: int, values: Sequence[int]) -> None:
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


def release_speed(effort: Effort) -> Iterator[Bar]:
    """With strings and without: the whole, and where it goes."""
    rows = 50_000 if effort == "quick" else 1_000_000
    for columns, values in (("25 numbers and 5 strings", VALUES), ("30 numbers", ())):
        with tempfile.TemporaryDirectory() as folder:
            # Made in a process of its own: this one stays small, for a child's peak is never told below its parent's.
            output([sys.executable, __file__, "write", folder, str(rows), *map(str, values)])
            run = measured([sys.executable, __file__, "release", folder])
            sealed = sum(file.stat().st_size for file in Path(folder, "releases").rglob("*") if file.is_file())
            steps = json.loads(Path(folder, STEPS).read_text(encoding="utf-8"))
        setting = f"evaluate, gate and seal {rows:,} test rows of {columns}"
        yield at_most(setting, run.seconds, SECONDS, "s", 1, f" ({run.cpu_seconds:.1f} s of the processors)")
        yield at_most(f"{setting}: memory", run.megabytes, MEGABYTES, "MB", 0)
        for name, wall, cpu, peak in steps:
            told = f"{wall:.1f} s ({cpu:.1f} s of the processors), peak so far {peak:,.0f} MB"
            yield for_information(f"{columns}: {name}", told)
        yield for_information(f"{columns}: size of the release", f"{sealed / 1e6:.1f} MB")


def release(folder: Path) -> None:
    """What a user does; a refusal is an error here."""
    steps: list[tuple[str, float, float, float]] = []
    say = clock(steps)
    import holdfast as hf

    evaluation = hf.evaluate(project=folder / "holdfast.toml", trust=True, say=say)
    if not evaluation.passed:
        print(*(f"{finding.code}: {finding.message}" for finding in evaluation.refusing), sep="\n", file=sys.stderr)
        sys.exit(2)
    hf.release(evaluation, say=say)
    say("End")
    (folder / STEPS).write_text(json.dumps(steps), encoding="utf-8")


def clock(steps: list[tuple[str, float, float, float]]) -> Callable[[str], None]:
    """A `say` that notes each step when it is over: its seconds, its seconds of the processors, the peak so far in MB."""
    last = [("Starting", perf_counter(), process_time())]

    def say(step: str) -> None:
        name, wall, cpu = last.pop()
        last.append((step, perf_counter(), process_time()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_BYTES / 1e6
        steps.append((name, last[0][1] - wall, last[0][2] - cpu, peak))

    return say


if __name__ == "__main__":
    step, place, *numbers = sys.argv[1:]
    if step == "write":
        test_rows, *distinct = map(int, numbers)
        write(Path(place), test_rows, distinct)
    else:
        release(Path(place))
