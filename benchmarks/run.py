"""`make bench`: measures every quality bar, prints a table for each part, and rewrites docs/benchmarks.md.

With `--part` only that part is measured, and only its section rewritten; `--quick` measures little and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from bars import Bar, Effort

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

PARTS = {
    "startup": (["speed.startup"], "Start"),
    "speed": (["speed.speed"], "Speed"),
    "memory": (["speed.memory"], "Memory"),
    "release": (["release_speed.release_speed"], "From a model to a release"),
    "serving": (["serving.serving"], "Serving"),
    "footprint": (["serving_footprint.footprint"], "What a server takes"),
    "log": (["log_reading.appending", "log_speed.log_speed", "log_reading.reading"], "The prediction log"),
    "crashes": (["crash_steps.crash_steps", "crashes.crashes", "server_crashes.server_crashes"], "Crashes"),
    "alarms": (["alarms.alarms", "alarms.contingency_tests"], "False alarms"),
    "monitoring": (
        [
            "monitoring_alarms.false_alarms",
            "monitoring_peers.peers_alarms",
            "monitoring_alarms.delay",
            "monitoring_alarms.loss_streams",
        ],
        "The alarm budget",
    ),
    "power": (["power.power"], "Power"),
    "joint": (["power.joint"], "Joint drift"),
    "metrics": (["evaluation_stats.evaluation_stats"], "Metrics"),
    "uncertainty": (["evaluation_uncertainty.uncertainty"], "Uncertainty"),
    "threshold": (["earns_its_keep.threshold"], "What a threshold earns"),
    "causes": (
        ["monitoring_causes.ranking", "monitoring_incidents.ranking_of_incidents", "monitoring_causes.following"],
        "What costs most, and intervals that follow",
    ),
    "watching": (["monitoring_speed.watching"], "The monitor's speed"),
    "baselines": (["baselines.baselines"], "Published baselines"),
    "estimates": (["monitoring_estimates.estimates", "changed_truth.halves"], "Estimates without labels"),
}
"""Part -> the functions that measure it, and its heading. Loaded when measured: this process must stay small for the
parts that measure memory, which come first."""

HEAD = """# Benchmarks

Every quality bar of Holdfast, as measured by `make bench` (`python benchmarks/run.py`); those of the monitor alone by
`python benchmarks/monitoring.py`. A bar that is not met is shown as such.

- The speed of a comparison is judged by the ratio to a fresh process that only reads the same files with PyArrow, in
  alternating runs; a release by the seconds and the memory of a whole fresh process, from reading to sealing.
- Servers of one and the same model take turns, as fresh processes with one worker each; server and load (`wrk`, from Debian)
  have a processor of their own. Those of others live in environments below benchmarks/.peers, which are made where they are
  missing. Holdfast's whole tree of processes shares its one processor: those that answer, and the one that commits the log.
  The machine is shared, and twice as fast in one hour as in another: rates count beside those of the same run.
- Rates of alarms and of detection come from simulations with a fresh reference in every repeat; windows from 10,000 rows up
  are drawn as bin counts. Coverage of intervals and guarantees comes from simulations whose truth is known.
- Doubts of right estimates come by reference, as one that is off by chance is so in all its windows: the bars are about 48 of
  them. Where truths follow the features otherwise than in the reference, no estimate without labels can see it: the second half
  of the car loans is [an example](estimates.md).
- The monitor's log has a file for each day, made of random blocks of a million rows that a LightGBM model has answered; numbers
  have eight binary places, so that months of them find room. Each run is a whole fresh process.
- What a threshold earns, the published baselines and the guarantee on Adult are measured on files that others published, in
  the folder that `HOLDFAST_DATA` names. Without them the section says so, and their bars count as not measured.
"""


def main(parts: Collection[str] = PARTS) -> None:
    """Measure these parts, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=parts, help="measure this part only")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true", help="few repeats and small files; writes nothing")
    amount.add_argument("--thorough", action="store_true", help="1,000 repeats of every world: hours")
    given = parser.parse_args()
    effort: Effort = "quick" if given.quick else "thorough" if given.thorough else "usual"
    missed = unmeasured = 0
    for part in [given.part] if given.part else parts:
        homes, title = PARTS[part]
        print(f"\n{title}", flush=True)
        bars = []
        for home in homes:
            module, _, name = home.partition(".")
            measure: Callable[[Effort], Iterable[Bar]] = getattr(import_module(module), name)
            for bar in measure(effort):
                print(f"  {answer(bar):4} {bar.setting} | {bar.bar} | {bar.measured}", flush=True)
                bars.append(bar)
        missed += sum(bar.met is False for bar in bars)
        unmeasured += sum(bar.met is None and bool(bar.bar) for bar in bars)
        if not given.quick:
            sections = read_sections() | {title: section(title, bars)}
            PAGE.parent.mkdir(exist_ok=True)
            ordered = [sections[heading] for _, heading in PARTS.values() if heading in sections]
            PAGE.write_text("\n".join([HEAD, *ordered]), encoding="utf-8")
    print(f"\n{missed} bars not met, {unmeasured} not measured")
    sys.exit(1 if missed else 0)


def section(title: str, bars: Iterable[Bar]) -> str:
    """One part of the page: when and where it was measured, and its table."""
    lines = [f"## {title}", "", f"{datetime.now(UTC):%Y-%m-%d}: {machine()}.", ""]
    lines += ["| | bar | measured | met? |", "|---|---|---|---|"]
    lines += [f"| {bar.setting} | {bar.bar} | {bar.measured} | {answer(bar)} |" for bar in bars]
    return "\n".join(lines) + "\n"


def read_sections() -> dict[str, str]:
    """The sections that the page has, by their titles."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    parts = text.split("\n## ")[1:]
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in parts}


def answer(bar: Bar) -> str:
    """Whether the bar is met, for people."""
    return {True: "yes", False: "NO", None: "–"}[bar.met]


def machine() -> str:
    """Processors, memory and versions."""
    names = ("numpy", "scipy", "pyarrow", "scikit-learn", "lightgbm")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores, {gigabytes:.0f} GiB, {platform.system()}, Python {platform.python_version()}, {packages}"


if __name__ == "__main__":
    main()
