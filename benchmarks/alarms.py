"""False alarms: nothing changes but what varies by itself. How often does a comparison report drift all the same?

Every repeat draws a fresh reference and a fresh window of 30 columns, a prediction and a target; all drift checks are asked:
values, missingness, prediction, label, and dependence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bars import Bar, Effort, seldom
from holdfast.checks.context import Context
from holdfast.checks.drift import drift
from holdfast.profile.numeric import GROUPS
from holdfast.records import Status
from holdfast.stats.contingency import contingency
from simulate import simulated
from worlds import DRAWN_FROM, DRAWN_REFERENCE_ROWS, REFERENCE_ROWS, World, pair

SIZES = (50, 200, 1_000, 10_000, 1_000_000)
WINDOWS = (5, 10, 30)
WINDOW_SDS = (0.0, 0.1, 0.3)

LEVELS = (0.05, 0.0017)
VALUES = (5, 20, 50, 200, 1_000)

Counts: TypeAlias = NDArray[np.int64]


def alarms(effort: Effort) -> Iterator[Bar]:
    """The share of results with any failing drift finding: without a time column, and with windows that vary by themselves."""
    repeats = 100 if effort == "quick" else 1_000
    for rows in SIZES:
        yield judged(str(World(rows=rows)), alarmed(World(rows=rows), repeats))
    repeats = {"quick": 10, "usual": 50, "thorough": 1_000}[effort]
    grid = [World(rows=rows, windows=k, window_sd=sd) for rows in SIZES for k in WINDOWS for sd in WINDOW_SDS]
    found = {}
    for world in grid:
        found[world] = alarmed(world, repeats)
        yield judged(str(world), found[world])
    # So few repeats of a single world would show only a gross fault.
    for rows in SIZES:
        yield judged(f"all with {rows:,} rows and windows", [r for w in grid if w.rows == rows for r in found[w]])
    for windows in WINDOWS:
        for sd in WINDOW_SDS:
            same = [r for w in grid if (w.windows, w.window_sd) == (windows, sd) for r in found[w]]
            yield judged(f"all with {windows} windows, sd {sd:g}", same)


def judged(setting: str, results: list[set[str]]) -> Bar:
    """Results with any code against the bar, and which codes they were."""
    codes = Counter(code for codes in results for code in codes)
    told = ", ".join(f"{code} {n}" for code, n in codes.most_common())
    return seldom(setting, sum(bool(codes) for codes in results), len(results), note=f": {told}" if told else "")


def alarmed(world: World, repeats: int) -> list[set[str]]:
    """The codes that fail in each repeat."""
    return simulated(failing, [(world, repeat) for repeat in range(repeats)])


def failing(asked: tuple[World, int]) -> set[str]:
    """Codes of the drift findings that fail, or could not be had, in one repeat."""
    current, reference = pair(*asked)
    return {f.code for f in drift(current, reference, Context()) if f.status in {Status.FAIL, Status.ERROR}}


def contingency_tests(effort: Effort) -> Iterator[Bar]:
    """How often contingency tests reject at their nominal level when nothing has changed."""
    repeats = 1_000 if effort == "quick" else 10_000
    tests = [Cells(cells=cells, rows=rows) for cells in VALUES for rows in SIZES]
    tests += [Cells(cells=GROUPS, rows=rows, ordered=True) for rows in SIZES]
    rejected = simulated(rejections, [(test, repeats) for test in tests])
    for place, level in enumerate(LEVELS):
        error = sqrt(level * (1 - level) / repeats)
        for test, counts in zip(tests, rejected, strict=True):
            rate = counts[place] / repeats
            yield Bar(
                setting=f"level {level:g}: {test}",
                bar=f"{level:g} ± {3 * error:.2g}",
                measured=f"{rate:.4f}",
                met=abs(rate - level) <= 3 * error,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A window of `rows` rows over so many values of a category, or groups of a number between quantiles of its reference."""

    cells: int
    rows: int
    ordered: bool = False

    def __str__(self) -> str:
        return f"{self.cells:,} {'groups of a number' if self.ordered else 'values'}, {self.rows:,} rows"


def rejections(asked: tuple[Cells, int]) -> list[int]:
    """Number of repeats in which the test rejects, at each level."""
    test, repeats = asked
    rng = np.random.default_rng([test.cells, test.rows])
    reference_rows = DRAWN_REFERENCE_ROWS if test.rows >= DRAWN_FROM else REFERENCE_ROWS
    draw = _groups if test.ordered else _values
    p_values = np.empty(repeats)
    for repeat in range(repeats):
        current, reference = draw(test, reference_rows, rng)
        p_values[repeat] = contingency(current, reference, ordered=test.ordered).p_value
    return [int(np.count_nonzero(p_values <= level)) for level in LEVELS]


def _values(test: Cells, reference_rows: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """Counts by Zipf's law; a value that only one of the samples has is a cell as well, as in `checks.channels`."""
    shares = 1 / np.arange(1, test.cells + 1)
    shares /= shares.sum()
    return rng.multinomial(test.rows, shares), rng.multinomial(reference_rows, shares)


def _groups(test: Cells, reference_rows: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """Equal counts of the reference, since its quantiles are the edges; the mass between order statistics is Dirichlet's."""
    reference = np.full(test.cells, reference_rows // test.cells)
    return rng.multinomial(test.rows, rng.dirichlet(reference)), reference
