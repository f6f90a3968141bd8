"""Metrics from score tables: processor time for a million rows, and how often cost intervals hold the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import sqrt
from time import process_time

import numpy as np

from bars import Bar, Effort, at_most, for_information
from holdfast.evaluation.costs import cost_metrics
from holdfast.evaluation.metrics import binary_metrics
from holdfast.objective import Cost
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import ScoreTable
from simulate import simulated

ROWS = 1_000_000
REPEATS = 5
THRESHOLD = 0.3
COST = Cost(false_positive=5, false_negative="amount", currency="EUR")
KEYS = ("cost", "saving_never", "saved_never")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One sample of payments: `sd` is the deviation of the logarithm of the amounts."""

    rows: int
    sd: float
    repeat: int
    weighted: bool = False


def evaluation_stats(effort: Effort) -> Iterator[Bar]:
    """Speed, then coverage."""
    yield from speed()
    yield from coverage(200 if effort == "quick" else 1_000)


def speed() -> Iterator[Bar]:
    """Best of five, in processor time, because the machine may be shared."""
    table = payments(Trial(rows=ROWS, sd=1.0, repeat=0))
    binary_metrics(table, threshold=THRESHOLD, cost=COST)
    counted, judged = [], []
    for _ in range(REPEATS):
        arrays = drawn(Trial(rows=ROWS, sd=1.0, repeat=0))
        start = process_time()
        table = counted_table(*arrays)
        middle = process_time()
        found = binary_metrics(table, threshold=THRESHOLD, beta=2, cost=COST)
        counted.append(middle - start)
        judged.append(process_time() - middle)
    both = min(a + b for a, b in zip(counted, judged, strict=True))
    note = f", of which {min(counted):.2f} s count the rows"
    yield at_most(f"{len(found)} metrics of {ROWS:,} scores, 400 replicates, processor time", both, 0.7, "s", 2, note)


def coverage(repeats: int) -> Iterator[Bar]:
    """Share of 95% intervals that hold the value of the whole population."""
    for rows, sd, weighted in ((20_000, 1.0, False), (20_000, 1.0, True), (100_000, 1.0, False), (20_000, 1.5, False)):
        trials = [Trial(rows=rows, sd=sd, repeat=repeat, weighted=weighted) for repeat in range(1, repeats + 1)]
        hits = np.sum(simulated(holds, trials), axis=0)
        for key, hit in zip(KEYS, hits, strict=True):
            setting = f"`{key}`: {rows:,} payments, 2% fraud, amounts lognormal with sd {sd:g}"
            setting += ", one in ten honest ones kept, with weights" if weighted else ""
            share = float(hit / repeats)
            measured = f"{share:.1%} of {repeats:,}"
            # A tail this long needs more rows than any interval from three moments can do with.
            if sd > 1:
                yield for_information(setting, measured)
            else:
                # The bar is for 1,000 runs; fewer runs scatter more.
                more = 2 * sqrt(0.05 * 0.95) * (1 / sqrt(repeats) - 1 / sqrt(1_000))
                yield Bar(setting=setting, bar="93% to 97%", measured=measured, met=abs(share - 0.95) <= 0.02 + more)


def drawn(trial: Trial) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, truth, amounts and weights of payments of which 2% are fraud."""
    rng = np.random.default_rng([trial.repeat, trial.rows])
    truth = rng.random(trial.rows) < 0.02
    scores = 1 / (1 + np.exp(-rng.normal(3.5 * truth - 4, 1.2)))
    amounts = rng.lognormal(3, trial.sd, trial.rows)
    kept = truth | (rng.random(trial.rows) < 0.1) if trial.weighted else np.ones(trial.rows, dtype=bool)
    weight = np.where(truth | (not trial.weighted), 1.0, 10.0)
    return scores[kept], truth[kept], amounts[kept], weight[kept]


def counted_table(scores: np.ndarray, truth: np.ndarray, amounts: np.ndarray, weight: np.ndarray) -> ScoreTable:
    return ScoreTable.count(ScoreEdges.standard([THRESHOLD]), scores, truth, weight, {"amount": amounts})


def payments(trial: Trial) -> ScoreTable:
    return counted_table(*drawn(trial))


@cache
def population(sd: float) -> tuple[float, ...]:
    """True cost, saving and share, in closed form."""
    from scipy.special import ndtr

    cut = np.log(THRESHOLD / (1 - THRESHOLD))
    missed, alarms = ndtr((cut - (3.5 - 4)) / 1.2), ndtr((-4 - cut) / 1.2)
    never = 0.02 * np.exp(3 + sd**2 / 2)
    cost = missed * never + 0.98 * alarms * COST.false_positive
    return cost, never - cost, 1 - cost / never


def holds(trial: Trial) -> tuple[bool, ...]:
    """Whether each interval holds the truth."""
    table = payments(trial)
    found = {one.key: one.estimate for one in cost_metrics(table, table.edges.place(THRESHOLD), COST, 0.95)}
    ends = [(found[key].low, found[key].high) for key in KEYS]
    return tuple(
        low is not None and high is not None and bool(low <= true <= high)
        for (low, high), true in zip(ends, population(trial.sd), strict=True)
    )
