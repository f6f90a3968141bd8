"""`make bench-peers`: the same job with Holdfast and with its peers; prints a table and rewrites docs/benchmarks-peers.md.

Each peer lives in an environment of its own below benchmarks/.peers and is started as a fresh process, just after Holdfast
was. With names of peers as arguments only those are measured, and nothing is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from threading import Timer
from time import perf_counter
from typing import TypeAlias

from run import machine
from speed import CURRENT_ROWS, DATA, REFERENCE_ROWS, compare, table

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".peers"
PAGE = HERE.parent / "docs" / "benchmarks-peers.md"

PEERS = {
    "scipy loop": ["scipy==1.17.1", "pandas==2.3.3"],
    "alibi-detect": ["alibi-detect==0.13.0", "numpy<2", "pyarrow<20", "pandas==2.3.3"],
    "NannyML": ["nannyml==0.13.1", "pandas==2.3.3", "statsmodels<0.15"],
    "deepchecks": ["deepchecks==0.19.1", "numpy<2", "pyarrow<20", "pandas==2.3.3", "scikit-learn==1.6.*"],
    "whylogs": ["whylogs==1.6.4", "numpy<2", "pyarrow<20", "pandas==2.3.3", "scipy", "IPython"],
    "Evidently": ["evidently==0.7.23", "pandas==2.3.3"],
}
"""What is installed for each with PyArrow, the peer itself first; the other pins are those without which it does not run."""

QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True", "DO_NOT_TRACK": "1", "MPLBACKEND": "agg"}
"""No peer reports to its makers that it was measured."""

INSTALL_SECONDS = 900
JOB_SECONDS = 300
NULL_SECONDS = 20
"""After so long no further window is begun."""

SCENARIO_ROWS = 10_000
NULL_WINDOW, NULL_WINDOWS = 200, 100
CHANGED_WINDOW, CHANGED_WINDOWS = 1_000, 3
COLUMN = "normal_0"

COLUMNS = (
    "",
    "seconds",
    "CPU seconds",
    "peak MB",
    "times Holdfast",
    "no drift: windows with an alarm",
    "shift beside one 1e9: found",
    "missing: found",
)

HEAD = """# Benchmarks: peers

Measured by `make bench-peers` (`python benchmarks/peers.py`): the same files for Holdfast and for other tools, each with its
default drift job and its own limits (`benchmarks/peer_jobs.py`).

"""

HOW = f"""
- Time and memory: {REFERENCE_ROWS:,} rows against {CURRENT_ROWS:,}, 25 float and 5 string columns, Parquet; a fresh process from
  start to verdict, at most {JOB_SECONDS} s. Holdfast runs `holdfast compare --json`, with quality and joint checks, just before
  each peer: "times Holdfast" compares these two neighbours, and Holdfast's own line is the median. The machine was shared with
  other work, so wall time is above what an idle one shows; CPU seconds, of all threads, suffer less.
- No drift: windows of {NULL_WINDOW} rows against references of {SCENARIO_ROWS:,}, both fresh, 30 independent columns, none
  missing. A window counts when any column is said to have drifted (for Holdfast: when any finding fails, quality included).
  At most {NULL_WINDOWS} windows, as many as begin in {NULL_SECONDS} s; a share of few says little.
  Peers stay loaded from window to window, Holdfast is started anew for each.
- Shift: one column moves by 0.5 standard deviations in a window of {CHANGED_WINDOW:,} rows; the reference's column holds one 1e9.
- Missing: one column goes from 5% to 60% missing, in a window of {CHANGED_WINDOW:,} rows. alibi-detect takes no missing values:
  the job fills in the median, and that is what it may find.
- NannyML cuts the long tables into ten chunks, its default; a window of a scenario is one chunk, beside chunks of its size.
- deepchecks looks at a sample of 100,000 rows of each table, its default.
- The scipy loop is `ks_2samp` and `chi2_contingency` on the values that are there, with a Bonferroni correction at 0.05.
- Found means that the changed column is named. A tool that alarms in most windows without drift may have named it by chance.
"""

Pair: TypeAlias = tuple[Path, Path]
"""Files of the reference and of the current rows."""


class PeerError(Exception):
    """A peer could not be installed, or could not do its job; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a process took, and what it printed."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    output: str


def main(chosen: Sequence[str]) -> None:
    """Install, measure, print, write."""
    folder = DATA / "peers"
    # Drawn in another process: a child's peak memory is never reported below that of the process it came from.
    drawing = get_context("spawn").Process(target=draw, args=(folder,))
    drawing.start()
    drawing.join()
    files = table("reference", REFERENCE_ROWS), table("current", CURRENT_ROWS)
    holdfast_run(files)  # warms the file cache
    lines, neighbours = [], []
    for name in chosen or PEERS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            python = installed(name, [*PEERS[name], "pyarrow"])
        except PeerError as error:
            lines.append([f"{name} {version(name)}", f"not installed: {error}"])
            continue
        neighbours.append(holdfast_run(files))
        cells = [
            *tried(4, partial(figures, name, python, files, neighbours[-1])),
            *tried(3, partial(verdicts, folder, partial(answers, name, python))),
        ]
        lines.append([f"{name} {version(name)}", *cells])
    own = [median(run.seconds for run in neighbours), median(run.cpu_seconds for run in neighbours)]
    peak = max(run.megabytes for run in neighbours)
    ours = ["Holdfast", f"{own[0]:.1f}", f"{own[1]:.1f}", f"{peak:,.0f}", "1", *verdicts(folder, holdfast_answers)]
    rows = [COLUMNS, ["---"] * len(COLUMNS), ours, *lines]
    text = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    print(text)
    if not chosen:
        PAGE.write_text(f"{HEAD}{datetime.now(UTC):%Y-%m-%d}: {machine()}.\n\n{text}{HOW}", encoding="utf-8")


def tried(width: int, work: Callable[[], list[str]]) -> list[str]:
    """So many cells of the table; the first of them says why when there are no others."""
    try:
        return work()
    except PeerError as error:
        return [str(error), *["–"] * (width - 1)]


def draw(folder: Path) -> None:
    """Write the files of the small scenarios."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from holdfast.testing.streams import null_table

    folder.mkdir(parents=True, exist_ok=True)

    def write(
        path: Path, rows: int, seed: int, share: float = 0.0, wild: float | None = None, shift: float = 0.0
    ) -> None:
        drawn = null_table(rows, seed, missing=0.0, shift={COLUMN: shift})
        columns = {
            name: values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values
            for name, values in zip(drawn.column_names, drawn.columns, strict=True)
        }
        values = columns[COLUMN].to_numpy().copy()
        values[np.random.default_rng(seed).random(rows) < share] = np.nan
        if wild is not None:
            values[rows // 2] = wild
        pq.write_table(pa.table(columns | {COLUMN: values}), path)

    for place, (reference, current) in enumerate(pairs(folder, "null", NULL_WINDOWS)):
        write(reference, SCENARIO_ROWS, 2 * place)
        write(current, NULL_WINDOW, 2 * place + 1)
    for place, (reference, current) in enumerate(pairs(folder, "shift", CHANGED_WINDOWS)):
        write(reference, SCENARIO_ROWS, 1_000 + place, wild=1e9)
        write(current, CHANGED_WINDOW, 2_000 + place, shift=0.5)
    for place, (reference, current) in enumerate(pairs(folder, "missing", CHANGED_WINDOWS)):
        write(reference, SCENARIO_ROWS, 3_000 + place, share=0.05)
        write(current, CHANGED_WINDOW, 4_000 + place, share=0.60)


def pairs(folder: Path, scenario: str, count: int) -> list[Pair]:
    """The files of a scenario."""
    return [
        (folder / f"{scenario}-{place}-reference.parquet", folder / f"{scenario}-{place}-current.parquet")
        for place in range(count)
    ]


def version(name: str) -> str:
    """The pinned version of a peer."""
    return PEERS[name][0].partition("==")[2]


def installed(name: str, wanted: Sequence[str]) -> Path:
    """The Python of a peer's environment, which is made when there is none with these packages."""
    home = ENVIRONMENTS / name.replace(" ", "-").lower()
    python, ready = home / "bin" / "python", home / ".ready"
    if not ready.exists() or ready.read_text(encoding="utf-8") != " ".join(wanted):
        finished([sys.executable, "-m", "venv", str(home)], INSTALL_SECONDS)
        finished([str(python), "-m", "pip", "install", "--quiet", *wanted], INSTALL_SECONDS)
        ready.write_text(" ".join(wanted), encoding="utf-8")
    return python


def figures(name: str, python: Path, files: Pair, neighbour: Run) -> list[str]:
    """Time and memory of the large job."""
    run = finished(job(name, python, JOB_SECONDS, [files]), JOB_SECONDS)
    ratio = run.seconds / neighbour.seconds
    return [f"{run.seconds:.1f}", f"{run.cpu_seconds:.1f}", f"{run.megabytes:,.0f}", f"{ratio:.1f}"]


def verdicts(folder: Path, ask: Callable[[Sequence[Pair], float], list[list[str]]]) -> list[str]:
    """How often windows without drift raised an alarm, and how often the changes were found."""
    null = ask(pairs(folder, "null", NULL_WINDOWS), NULL_SECONDS)
    cells = [f"{sum(map(bool, null))} of {len(null)}"]
    for scenario in ("shift", "missing"):
        found = [COLUMN in drifted for drifted in ask(pairs(folder, scenario, CHANGED_WINDOWS), JOB_SECONDS)]
        cells.append(f"{sum(found)} of {len(found)}")
    return cells


def answers(name: str, python: Path, asked: Sequence[Pair], seconds: float) -> list[list[str]]:
    """The columns that a peer says have drifted, for as many pairs as it begins in time."""
    run = finished(job(name, python, seconds, asked), seconds + JOB_SECONDS)
    return [json.loads(line) for line in run.output.splitlines()]


def job(name: str, python: Path, seconds: float, asked: Sequence[Pair]) -> list[str]:
    """The command that runs a peer."""
    peer = name.lower().partition(" ")[0]
    paths = [str(path) for pair in asked for path in pair]
    return [str(python), str(HERE / "peer_jobs.py"), peer, str(seconds), *paths]


def holdfast_run(files: Pair) -> Run:
    """Holdfast's command; that something failed is an answer, too."""
    return finished(compare(*files), JOB_SECONDS, {0, 1})


def holdfast_answers(asked: Sequence[Pair], seconds: float) -> list[list[str]]:
    """Columns whose drift fails, and codes of whatever else fails, for as many pairs as are begun in time."""
    start, found = perf_counter(), []
    for files in asked:
        if perf_counter() - start > seconds:
            break
        told = [f for f in json.loads(holdfast_run(files).output)["findings"] if f["status"] in {"fail", "error"}]
        found.append([f["subject"] if f["code"].startswith("drift.") else f["code"] for f in told])
    return found


def finished(command: Sequence[str], limit: float, good: Container[int] = (0,)) -> Run:
    """Run a command to its end, or to the limit."""
    environment = os.environ | QUIET
    if command[0] != sys.executable:
        environment.pop("PYTHONPATH", None)  # a peer sees its own packages only
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        timer = Timer(limit, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if elapsed >= limit:
            raise PeerError(f"stopped after {limit:.0f} s")
        if process.returncode not in good:
            said = errors.read().strip().splitlines()
            raise PeerError(f"ended with {process.returncode}: {said[-1][:200] if said else 'no message'}")
        # Linux counts in kilobytes of 1,024 bytes, macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1_024
        return Run(
            seconds=elapsed,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            megabytes=usage.ru_maxrss * unit / 1e6,
            output=output.read(),
        )


if __name__ == "__main__":
    main(sys.argv[1:])
