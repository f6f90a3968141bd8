"""`make bench`: measures every quality bar, prints a table for each part, and rewrites docs/benchmarks.md.

With `--part` only that part is measured, and only its section rewritten; `--quick` measures little and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable
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
    "alarms": (["alarms.alarms", "alarms.contingency_tests"], "False alarms"),
    "power": (["power.power"], "Power"),
    "joint": (["power.joint"], "Joint drift"),
}
"""Part -> the functions that measure it, and its heading. Loaded when measured: this process must stay small."""

HEAD = """# Benchmarks

Every quality bar of Holdfast, as measured by `make bench` (`python benchmarks/run.py`). Speed is judged by the ratio to a
fresh process that only reads the same files with PyArrow, in alternating runs; rates come from simulations with a fresh
reference in every repeat. Windows from 10,000 rows up are drawn as bin counts. A bar that is not met is shown as such.
"""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="measure this part only")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true", help="few repeats and small files; writes nothing")
    amount.add_argument("--thorough", action="store_true", help="1,000 repeats of every world: hours")
    given = parser.parse_args()
    effort: Effort = "quick" if given.quick else "thorough" if given.thorough else "usual"
    sections = read_sections()
    missed = 0
    for part in [given.part] if given.part else PARTS:
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
        sections[title] = section(title, bars)
        if not given.quick:
            PAGE.parent.mkdir(exist_ok=True)
            ordered = [sections[heading] for _, heading in PARTS.values() if heading in sections]
            PAGE.write_text("\n".join([HEAD, *ordered]), encoding="utf-8")
    print(f"\n{missed} bars not met")
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
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "pyarrow"))
    return f"{os.cpu_count()} cores, {gigabytes:.0f} GiB, {platform.system()}, Python {platform.python_version()}, {packages}"


if __name__ == "__main__":
    main()
