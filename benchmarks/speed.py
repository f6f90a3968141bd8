"""Speed, memory and start, in whole fresh processes as a user starts them.

A run of Holdfast and a process that only reads the same files with PyArrow take turns, and the median of their ratios is
judged: absolute times differ by machine and by what else it does.

This process stays small on purpose: a child's peak memory is never reported below that of the process it came from.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from statistics import median
from time import perf_counter

from bars import Bar, Effort, at_most, for_information

ROOT = Path(__file__).parent.parent
DATA = Path(tempfile.gettempdir()) / "holdfast-benchmarks"
"""Files made once, some 1.3 GB; without the folder they are made anew."""

REFERENCE_ROWS = 500_000
CURRENT_ROWS = 1_000_000
MANY_ROWS = 5_000_000
WIDE_ROWS = 200_000
NARROW, WIDE = 50, 500
"""Columns of the two wide tables; one in ten is a string."""

HOLDFAST = [sys.executable, "-m", "holdfast"]
NO_JOINT = ["--skip", "drift.joint"]
READ = "import sys, pyarrow.parquet as pq\nfor path in sys.argv[1:]:\n    pq.read_table(path)"
IMPORT = "from time import perf_counter\nstart = perf_counter()\nimport holdfast\nprint(perf_counter() - start)"
LOADED = (
    "import sys, holdfast as hf\nbefore = set(sys.modules)\n"
    "hf.compare({'x': [1.0, 2.0] * 500}, {'x': [1.0, 2.0] * 500})\nprint(*before, '|', *sys.modules)"
)
PEAK_BYTES = 1 if sys.platform == "darwin" else 1_024
"""Of a unit of peak memory, as the system counts it."""
HEAVY = frozenset({"scikit-learn", "pandas", "fastapi", "flask", "starlette", "django", "uvicorn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a process took."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def speed(effort: Effort) -> Iterator[Bar]:
    """Time of whole runs, as a multiple of only reading the files; more rows and more columns."""
    pairs = 3 if effort == "quick" else 9
    reference, current = table("reference", REFERENCE_ROWS), table("current", CURRENT_ROWS)
    for setting, source, read, most in (
        ("500,000 rows against 1,000,000", reference, [reference, current], 2.0),
        ("stored profile against 1,000,000 rows", stored_profile(reference), [current], 1.5),
    ):
        bare, full, base = in_turn(
            [compare(source, current, *NO_JOINT), compare(source, current), only_read(*read)], pairs
        )
        ratio = median(a.seconds / b.seconds for a, b in zip(bare, base, strict=True))
        note = f" ({seconds(bare):.2f} s against {seconds(base):.2f} s)"
        yield at_most(f"{setting}, without the joint check", ratio, most, "× reading", note=note)
        extra = median(a.seconds - b.seconds for a, b in zip(full, bare, strict=True))
        yield at_most(f"{setting}: the joint check adds", extra, 1.0, "s", note=f" ({seconds(full):.2f} s in all)")
    many = table("many", 1_000_000 if effort == "quick" else MANY_ROWS)
    few = table("few", (200_000 if effort == "quick" else 1_000_000))
    profile = stored_profile(reference)
    long, short = in_turn([compare(profile, many, *NO_JOINT), compare(profile, few, *NO_JOINT)], 3)
    yield at_most(
        "five times the rows take", seconds(long) / seconds(short), 5.0, "× the time", note=_both(long, short)
    )
    wide = [
        (table(f"{name}-{columns}", WIDE_ROWS, columns)) for columns in (WIDE, NARROW) for name in ("before", "after")
    ]
    more, less = in_turn(
        [compare(wide[0], wide[1], *NO_JOINT), compare(wide[2], wide[3], *NO_JOINT)], 1 if effort == "quick" else 3
    )
    yield at_most(
        "500 columns × 200,000 rows take, against 50 columns",
        seconds(more) / seconds(less),
        10.0,
        "× the time",
        note=_both(more, less),
    )
    (joint,) = in_turn([compare(wide[0], wide[1])], 1)
    yield for_information("500 columns × 200,000 rows with the joint check", f"{seconds(joint):.1f} s")


def memory(effort: Effort) -> Iterator[Bar]:
    """Peak resident memory of whole runs."""
    reference, current = table("reference", REFERENCE_ROWS), table("current", CURRENT_ROWS)
    many = table("many", 1_000_000 if effort == "quick" else MANY_ROWS)
    repeats = 1 if effort == "quick" else 3
    base, longer, read = in_turn(
        [compare(reference, current), compare(reference, many), only_read(reference, current)], repeats
    )
    peak, longer_peak = megabytes(base), megabytes(longer)
    yield at_most(
        "500,000 rows against 1,000,000", peak, 450, "MB", 0, note=f" (reading alone {megabytes(read):,.0f} MB)"
    )
    yield at_most("500,000 rows against 5,000,000", longer_peak, 450, "MB", 0)
    yield at_most("five times the rows take", longer_peak / peak, 1.15, "× the memory")
    wide = compare(table(f"before-{WIDE}", WIDE_ROWS, WIDE), table(f"after-{WIDE}", WIDE_ROWS, WIDE))
    (peaks,) = in_turn([wide], 1)
    yield for_information("500 columns × 200,000 rows", f"{megabytes(peaks):,.0f} MB")


def startup(effort: Effort) -> Iterator[Bar]:
    """What it costs to start, and what is loaded."""
    repeats = 5 if effort == "quick" else 15
    imports = [float(output([sys.executable, "-c", IMPORT])) for _ in range(repeats)]
    yield at_most("`import holdfast`", median(imports), 0.15, "s", 3)
    first = IMPORT.replace("import holdfast", "import holdfast\nholdfast.compare")
    firsts = [float(output([sys.executable, "-c", first])) for _ in range(repeats)]
    yield for_information("`import holdfast` and the first use of `holdfast.compare`", f"{median(firsts):.2f} s")
    helps, bare = in_turn([[*HOLDFAST, "--help"], [sys.executable, "-c", ""]], repeats)
    yield at_most("`holdfast --help`", seconds(helps), 0.4, "s", note=f" (Python alone {seconds(bare):.2f} s)")
    before, _, after = output([sys.executable, "-c", LOADED]).partition("|")
    installed = core_distributions()
    for setting, found in (
        (f"a core install of {len(installed)} distributions brings", HEAVY & installed),
        ("`import holdfast` loads", loaded(before)),
    ):
        told = ", ".join(sorted(found)) or "none of them"
        yield Bar(setting=setting, bar="no scikit-learn, pandas, web framework", measured=told, met=not found)
    # Arrow imports pandas by itself where it is installed, at the first conversion of a value; commands prevent it.
    told = ", ".join(sorted(loaded(after))) or "none of them"
    yield for_information("`holdfast.compare` in Python loads, where all of them are installed", told)


def loaded(modules: str) -> set[str]:
    """Heavy packages among the names of modules."""
    names = {name.partition(".")[0] for name in modules.split()}
    return {package for package in HEAVY if {"scikit-learn": "sklearn"}.get(package, package) in names}


def core_distributions() -> set[str]:
    """Names of all distributions that an installation without extras brings here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, found = list(project["dependencies"]), set[str]()
    while waiting:
        requirement = waiting.pop()
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()
        if "extra ==" in requirement or name in found:
            continue
        # What is asked for on other systems only is not installed here.
        with suppress(PackageNotFoundError):
            waiting += requires(name) or []
            found.add(name)
    return found


def compare(reference: Path, current: Path, *options: str) -> list[str]:
    """The command that compares two files and prints JSON."""
    return [*HOLDFAST, "compare", str(reference), str(current), "--json", *options]


def only_read(*paths: Path) -> list[str]:
    """The command that reads files with PyArrow and does nothing else."""
    return [sys.executable, "-c", READ, *map(str, paths)]


def in_turn(commands: Sequence[Sequence[str]], rounds: int) -> list[list[Run]]:
    """The runs of each command: all take turns, after one round that is not counted and warms the file cache."""
    for command in commands:
        measured(command)
    runs = [[measured(command) for command in commands] for _ in range(rounds)]
    return [list(column) for column in zip(*runs, strict=True)]


def measured(command: Sequence[str]) -> Run:
    """Wall time and peak resident memory of a process; it may say that something failed, but not that it could not run."""
    start = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise RuntimeError(f"`{' '.join(command)}` ended with {process.returncode}.")
    return Run(
        seconds=elapsed, cpu_seconds=usage.ru_utime + usage.ru_stime, megabytes=usage.ru_maxrss * PEAK_BYTES / 1e6
    )


def output(command: Sequence[str]) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def seconds(runs: Sequence[Run]) -> float:
    """Median time."""
    return median(run.seconds for run in runs)


def megabytes(runs: Sequence[Run]) -> float:
    """Largest peak."""
    return max(run.megabytes for run in runs)


def stored_profile(reference: Path) -> Path:
    """Profile of the reference, by the command that users have."""
    path = reference.with_suffix(".profile")
    output([*HOLDFAST, "profile", str(reference), "-o", str(path)])
    return path


def table(name: str, rows: int, columns: int = 30) -> Path:
    """Parquet file of float columns and some of strings, made in a process of its own."""
    path = DATA / f"{name}-{rows}.parquet"
    if not path.exists():
        output([sys.executable, str(Path(__file__).with_name("make_table.py")), str(path), str(rows), str(columns)])
    return path


def _both(left: Sequence[Run], right: Sequence[Run]) -> str:
    return f" ({seconds(left):.2f} s against {seconds(right):.2f} s)"
