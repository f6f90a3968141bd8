"""Estimates without labels: how far off they are beside NannyML's, what their intervals hold, and when they are doubted.

The peer is NannyML 0.13.1 itself, in an environment of its own (`peers.py`, `nannyml_job.py`), on the same windows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import special

from bars import Bar, Effort, at_least, at_most, for_information
from estimate_worlds import SIZES, Rows, World, adult_for_labels, car_price, stable_worlds, worlds
from holdfast.estimation import features, reliability
from holdfast.estimation.estimates import Estimated, estimate, stated, unknown
from holdfast.estimation.expected import each_of, expected
from holdfast.estimation.figures import figures
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.fitting import fit
from holdfast.estimation.labels import label_share
from holdfast.estimation.loss_table import ExpectedLosses
from holdfast.estimation.parts import Seen
from holdfast.estimation.table import ExpectedTable
from holdfast.evidence import Estimate
from holdfast.objective import Cost
from holdfast.stats import ranking
from holdfast.stats.confusion import Confusion
from holdfast.stats.label_shift import proportions_by_confusion
from peers import PEERS, finished, installed
from real_files import ADULT, not_measured

Array: TypeAlias = NDArray[np.float64]

COST = Cost(false_positive=1.0, false_negative=5.0)
METRICS = ("roc_auc", "f1", "accuracy", "cost")
RESAMPLES = 1_000
FEW = 10
"""Windows of the smallest set."""
DRAWS = 500
SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cell:
    """Windows of one set and size, from one world, shape (windows, metrics) each.

    `oracle` is the metric of the true probabilities, where they are known, and `world` that of each window; `low`, `high` and
    `deviation` are NaN where the estimate is unknown.
    """

    name: str
    size: int
    shift: float | None
    realised: Array
    mine: Array
    low: Array
    high: Array
    deviation: Array
    theirs: Array
    their_low: Array
    their_high: Array
    oracle: Array | None = None
    world: NDArray[np.intp] | None = None


def estimates(effort: Effort) -> Iterator[Bar]:
    """Everything that is promised of estimates."""
    if not ADULT.exists():
        yield not_measured(ADULT, "Estimates without labels")
        return
    python = installed("NannyML", [*PEERS["NannyML"], "pyarrow"])
    found: dict[tuple[str, int], list[Cell]] = {}
    for world in worlds(effort):
        for cell in cells_of(world, nannyml(python, world)):
            found.setdefault((cell.name, cell.size), []).append(cell)
    cells = [one for parts in found.values() for one in parts]
    yield from errors([joined(parts) for parts in found.values()])
    yield from intervals([joined(parts) for parts in found.values()])
    yield from doubts(cells, [cell for world in stable_worlds(effort) for cell in cells_of(world)])
    yield from label_proportions(effort)
    yield from numbers(python)


def errors(cells: list[Cell]) -> Iterator[Bar]:
    """Mean absolute errors beside NannyML's, of what is realised, and of what is expected where that is known."""
    ratios, floors, expected = [], [], []
    above: dict[bool, list[str]] = {True: [], False: []}
    for cell in cells:
        mine, theirs = np.abs(cell.mine - cell.realised), np.abs(cell.theirs - cell.realised)
        ratios.append(ratio(mine, theirs))
        found = resampled(mine, theirs, cell.world)
        for expanded, named in above.items():
            low = np.quantile(found, tail(len(mine)) if expanded else 0.025, axis=0)
            named += [f"{cell.name}, {cell.size:,}, {key}" for key, end in zip(METRICS, low, strict=True) if end > 1.05]
        if cell.oracle is not None:
            floors.append(ratio(np.abs(cell.oracle - cell.realised), theirs))
            if cell.shift:
                expected.append(ratio(np.abs(cell.oracle - cell.mine), np.abs(cell.oracle - cell.theirs)))
    what = "Error of the estimate, times NannyML's CBPE"
    yield at_most(f"{what}: geometric mean of {len(ratios)} sets and sizes x 4 metrics", mean(ratios), 0.92, "", 3)
    for place, key in enumerate(METRICS):
        yield for_information(f"{what}: {key}", f"{mean([one[[place]] for one in ratios]):.3f}")
    for name in dict.fromkeys(cell.name.partition(",")[0].partition(" 0")[0].partition(" 1")[0] for cell in cells):
        own = [one for one, cell in zip(ratios, cells, strict=True) if cell.name.startswith(name)]
        yield for_information(f"{what}: {name}", f"{mean(own):.3f}; the largest {np.max(own):.2f}")
    note = f" {'; '.join(above[True])}" if above[True] else ""
    yield at_most(f"{what}: 95% interval wholly above 1.05", len(above[True]), 0, "cells", 0, note)
    plain = f"{len(above[False])} cells {'; '.join(above[False])}"
    yield for_information(
        f"{what}: wholly above by plain percentiles, which are too narrow for few windows", plain.strip()
    )
    few = [cell for cell in cells if cell.name == "Car loan" and cell.size == min(SIZES)]
    for cell in few:
        mine, theirs = np.abs(cell.mine - cell.realised), np.abs(cell.theirs - cell.realised)
        told = " and ".join(f"{share:.3f}" for share in held_by_few(mine, theirs))
        setting = f"Intervals of {FEW} windows hold the ratio of the {len(mine)} they are drawn from, and plain percentiles do"
        yield for_information(f"{setting}: {cell.name}, {cell.size:,}", told)
    yield at_most("The same, against the expected metric of the simulated shifted sets", mean(expected), 0.75, "", 3)
    yield for_information("Floor: the true probabilities, times NannyML's CBPE", f"{mean(floors):.3f}")


def intervals(cells: list[Cell]) -> Iterator[Bar]:
    """How often nominal 95% intervals hold what is realised, and how often nothing is said."""
    inside = {cell: (cell.low <= cell.realised) & (cell.realised <= cell.high) for cell in cells}
    unknown = {cell: np.isnan(cell.low) for cell in cells}

    def held(chosen: list[Cell], or_unknown: bool = False) -> Array:
        """Share of the windows, by metric, of those of which something is said."""
        hits, silent = (np.concatenate([of[cell] for cell in chosen]) for of in (inside, unknown))
        share: Array = (
            (hits | silent).mean(axis=0) if or_unknown else hits.sum(axis=0) / np.maximum((~silent).sum(axis=0), 1)
        )
        return share

    unshifted = [cell for cell in cells if cell.shift == 0]
    yield at_least("95% intervals hold what is realised: all windows", float(held(cells).mean()), 0.9)
    for place, key in enumerate(METRICS):
        yield at_least(f"95% intervals, unshifted: {key}", float(held(unshifted)[place]), 0.9)
    names = dict.fromkeys(cell.name for cell in cells)
    sets = {name: [cell for cell in cells if cell.name == name] for name in names}
    mild = {name: float(held(own).mean()) for name, own in sets.items() if (own[0].shift or 0) <= 0.5}
    strong = {name: float(held(own, True).mean()) for name, own in sets.items() if (own[0].shift or 0) > 0.5}
    for shares, what in ((mild, "shift up to 0.5, the worst set"), (strong, "beyond, held or unknown, the worst set")):
        worst = min(shares, key=shares.__getitem__)
        yield at_least(f"95% intervals, {what}", shares[worst], 0.75, note=f" ({worst})")
    silent = float(np.concatenate([unknown[cell] for cell in unshifted]).mean())
    yield at_most("Unknown, unshifted", 100 * silent, 10, "%", 1)
    theirs = [(cell.their_low <= cell.realised) & (cell.realised <= cell.their_high) for cell in cells]
    yield for_information("NannyML's bands (three standard errors) hold", f"{np.concatenate(theirs).mean():.3f}")


def doubts(cells: list[Cell], stable: list[Cell]) -> Iterator[Bar]:
    """How soon wrong estimates are called unreliable, and how seldom right ones, in streams of many references unshifted."""
    unshifted = [cell for cell in cells if cell.shift == 0]
    windows = sum(len(cell.mine) for cell in stable)
    for place, key in enumerate(METRICS):
        yield at_most(
            f"Unreliable on stable data: {key}", doubted(stable, place), 1, "%", 2, f" of {windows:,} windows"
        )
    pooled = " / ".join(f"{doubted(unshifted, place):.2f}" for place in range(len(METRICS)))
    few = "The same of the unshifted windows above, of few references, Adult's sharing rows too: the four metrics"
    yield for_information(few, f"{pooled} %")
    late = tried = 0
    for cell in stable:
        for place in range(len(METRICS)):
            wrong = cell.realised[:, place] + 6 * cell.deviation[:, place]
            for first in range(0, len(wrong) - 1, 2):
                tried += 1
                late += followed(cell, place, wrong, slice(first, first + 2))[-1].status == "reliable"
    yield at_least(
        "Off by 6 standard errors: unreliable after two windows", 1 - late / tried, 0.99, note=f" of {tried:,}"
    )


def doubted(cells: list[Cell], place: int) -> float:
    """Windows in which a metric is unreliable, percent."""
    states = [state for cell in cells for state in followed(cell, place, cell.realised[:, place])]
    return 100 * sum(state.status == "unreliable" for state in states) / len(states)


def followed(cell: Cell, place: int, realised: Array, windows: slice = slice(None)) -> list[reliability.Reliability]:
    """States of a metric after each of some windows."""
    states = [reliability.Reliability()]
    columns = (cell.mine, cell.low, cell.high, cell.deviation)
    for value, told in zip(realised[windows], np.stack([one[windows, place] for one in columns], axis=1), strict=True):
        middle, low, high, deviation = told.tolist()
        known = np.isfinite(low)
        estimated = Estimated(
            estimate=Estimate(value=middle if known else None, low=low, high=high),
            deviation=deviation if known else None,
        )
        states.append(reliability.judged(float(value), estimated, states[-1]))
    return states[1:]


def label_proportions(effort: Effort) -> Iterator[Bar]:
    """Shares of positive rows found in 1,000 rows of Adult, by EM and by black-box shift estimation."""
    seeds = range(1 if effort == "quick" else 5)
    mine, theirs, held = shares_found(seeds, 18_000)
    yield at_most("Label proportions, Adult, 1,000 rows: mean absolute error of EM", mine, 0.0115, "", 4)
    yield at_most("Label proportions: error of EM, times plain BBSE's", mine / theirs, 0.8, "", 3)
    yield for_information("Label proportions: 95% intervals hold the share drawn from", f"{held:.3f}")
    mine, theirs, _ = shares_found(seeds, 10_000)
    told = f"{mine:.4f}, {mine / theirs:.3f} times BBSE's"
    yield for_information("Label proportions: error of EM with a reference of 10,000 rows in place of 18,000", told)


def shares_found(seeds: range, size: int) -> tuple[float, float, float]:
    """Mean absolute errors of EM and of black-box shift estimation, and how often EM's intervals hold the share."""
    mine, theirs, held = [], [], []
    for seed in seeds:
        known, rest = adult_for_labels(seed, size)
        fitted = fit("binary", known.score, known.truth, known.features)
        answer = known.score >= 0.5
        confusion = [
            [np.sum((known.truth == truth) & (answer == said)) for said in (False, True)] for truth in (False, True)
        ]
        random = np.random.default_rng(seed)
        sides = [np.flatnonzero(rest.truth == truth) for truth in (True, False)]
        for share in (0.05, 0.2, 0.35, 0.5, 0.65, 0.8):
            for _ in range(20):
                count = round(1_000 * share)
                drawn = [
                    random.choice(side, n, replace=False) for side, n in zip(sides, (count, 1_000 - count), strict=True)
                ]
                window = rest.take(np.concatenate(drawn))
                table = expected(fitted, window.score, window.score >= 0.5, window.features)
                assert isinstance(table, ExpectedTable)
                found = label_share(fitted, table).estimate
                assert found.value is not None
                assert found.low is not None
                assert found.high is not None
                mine.append(abs(found.value - share))
                held.append(found.low <= share <= found.high)
                answered = (window.score >= 0.5).mean()
                theirs.append(abs(float(proportions_by_confusion([1 - answered, answered], confusion)[1]) - share))
    return float(np.mean(mine)), float(np.mean(theirs)), float(np.mean(held))


def numbers(python: Path) -> Iterator[Bar]:
    """Errors of predicted prices, beside NannyML's direct loss estimation."""
    world = car_price()
    reference, rows = world.reference, world.rows
    peer = nannyml(python, world)
    fitted = fit("regression", reference.score, reference.truth, reference.features, ordered=world.ordered)
    each = each_of(fitted, rows.score, features.coded(fitted.features, rows.features, rows.score))
    error = np.abs(rows.score - rows.truth)
    ratios, lines = [], []
    for (name, size), windows in world.windows.items():
        told = []
        for window in windows:
            seen = Seen.count(features.coded(fitted.features, rows.features.take(pa.array(window)), rows.score[window]))
            found = estimate(fitted, ExpectedLosses.count(fitted.identity, each[..., window], fitted.kurtosis, seen))
            told.append([(*ends(found[key]), found[key].estimate.value or np.nan) for key in ("mae", "rmse")])
        low, high, _, value = np.array(told).transpose(2, 0, 1)
        realised = np.stack([error[windows].mean(axis=1), np.sqrt((error[windows] ** 2).mean(axis=1))], axis=1)
        mine, theirs = np.abs(value - realised), np.abs(peer[f"{name}|{size}"][0] - realised)
        ratios.append(ratio(mine, theirs))
        ends_at = tail(len(windows))
        ranges = np.quantile(resampled(mine, theirs), [ends_at, 1 - ends_at], axis=0).T
        inside = np.mean((low <= realised) & (realised <= high), axis=0)
        for key, middle, (least, most), held in zip(("mae", "rmse"), ratios[-1], ranges, inside, strict=True):
            told_of = f"{middle:.3f} (95% interval {least:.2f} to {most:.2f}, {len(windows)} windows)"
            lines.append(for_information(f"{name}, {size:,}: error of {key}, times NannyML's DLE", told_of))
            lines.append(for_information(f"{name}, {size:,}: 95% intervals of {key} hold", f"{held:.3f}"))
    what = "Car price: error of MAE and RMSE, times NannyML's DLE, geometric mean of three sizes"
    yield at_most(what, mean(ratios), 1.05, "", 3)
    yield from lines


def joined(parts: list[Cell]) -> Cell:
    """One cell of the windows of several worlds."""

    def of(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    first = parts[0]
    names = ("realised", "mine", "low", "high", "deviation", "theirs", "their_low", "their_high")
    return Cell(
        name=first.name,
        size=first.size,
        shift=first.shift,
        oracle=None if first.oracle is None else of("oracle"),
        world=np.repeat(np.arange(len(parts)), [len(part.mine) for part in parts]),
        **{name: of(name) for name in names},
    )


def ratio(mine: Array, theirs: Array) -> Array:
    """Ratio of mean absolute errors of windows, (windows, metrics); windows without a figure are left out of both."""
    known = np.isfinite(mine) & np.isfinite(theirs)
    top, bottom = (np.where(known, one, 0.0).sum(axis=0) for one in (mine, theirs))
    return np.asarray(top / bottom)


def resampled(mine: Array, theirs: Array, world: NDArray[np.intp] | None = None) -> Array:
    """The ratio in paired resamples, (resamples, metrics): of worlds, since one reference serves many windows, and of windows.

    Source: Davison & Hinkley, *Bootstrap Methods and their Application* (1997), section 3.8.
    """
    random = np.random.default_rng(0)
    groups = [np.arange(len(mine))] if world is None else [np.flatnonzero(world == one) for one in np.unique(world)]
    found = []
    for _ in range(RESAMPLES):
        chosen = [groups[k] for k in random.integers(0, len(groups), len(groups))]
        rows = np.concatenate([random.choice(group, len(group)) for group in chosen])
        found.append(ratio(mine[rows], theirs[rows]))
    return np.stack(found)


def tail(windows: int) -> float:
    """Share of the resamples that lies beyond each end of a 95% interval: less than 2.5% of few windows.

    Source: the expanded percentile interval, Hesterberg, *What teachers should know about the bootstrap*, The American
    Statistician 69 (2015): resamples of n vary less than samples do, and the normal distribution's tails are Student's.
    """
    return float(special.ndtr(-np.sqrt(windows / (windows - 1)) * special.stdtrit(windows - 1, 0.975)))


def held_by_few(mine: Array, theirs: Array) -> tuple[float, float]:
    """How often 95% intervals of few windows hold the ratio of all that they are drawn from: expanded, and plain percentiles."""
    random = np.random.default_rng(1)
    true = ratio(mine, theirs)
    held: list[list[NDArray[np.bool_]]] = [[], []]
    for _ in range(DRAWS):
        rows = random.choice(len(mine), FEW)
        found = resampled(mine[rows], theirs[rows])
        for inside, share in zip(held, (tail(FEW), 0.025), strict=True):
            low, high = np.quantile(found, [share, 1 - share], axis=0)
            inside.append((low <= true) & (true <= high))
    return float(np.mean(held[0])), float(np.mean(held[1]))


def mean(ratios: list[Array]) -> float:
    """Geometric mean."""
    return float(np.exp(np.mean(np.log(ratios))))


def cells_of(world: World, peer: dict[str, Array] | None = None) -> Iterator[Cell]:
    """Windows of a world, with the peer's estimates, NaN without any."""
    reference, rows, threshold = world.reference, world.rows, world.threshold
    assert threshold is not None
    fitted = fit(
        "binary",
        reference.score,
        reference.truth,
        reference.features,
        answer=reference.score >= threshold,
        objective=COST,
        ordered=world.ordered,
    )
    codes = features.coded(fitted.features, rows.features, rows.score)
    each = fitted.corrected[0].each(rows.score, codes)
    for (name, size), windows in world.windows.items():
        found = [window_of(fitted, rows, each[:, w], codes[:, w], w, threshold) for w in windows]
        told = np.array([[ends(one[key]) for key in METRICS] for one, _ in found])
        theirs = np.full((3, len(windows), len(METRICS)), np.nan) if peer is None else peer[f"{name}|{size}"]
        yield Cell(
            name=name,
            size=size,
            shift=world.shifts[name],
            realised=np.array([metrics(rows.score[w], rows.truth[w].astype(float), threshold) for w in windows]),
            mine=np.array([values for _, values in found]),
            low=told[..., 0],
            high=told[..., 1],
            deviation=told[..., 2],
            theirs=theirs[0],
            their_low=theirs[1],
            their_high=theirs[2],
            oracle=None
            if rows.probability is None
            else np.array([metrics(rows.score[w], rows.probability[w], threshold) for w in windows]),
        )


def window_of(
    fitted: Fitted, rows: Rows, each: Array, codes: NDArray[np.intp], window: NDArray[np.intp], threshold: float
) -> tuple[dict[str, Estimated], list[float]]:
    """Estimates of one window, and their values even where they are called unknown."""
    score = rows.score[window]
    table = ExpectedTable.count(fitted.identity, score, score >= threshold, each, {}, Seen.count(codes))
    found = figures(table, objective=COST)
    reason = unknown(fitted, table.seen, table.rows)
    told = {key: stated(key, found[key], fitted, table.rows, reason, 0.95) for key in METRICS}
    return told, [found[key].value for key in METRICS]


def ends(found: Estimated) -> tuple[float, float, float]:
    """Interval and standard deviation, NaN where unknown."""
    numbers = (found.estimate.low, found.estimate.high, found.deviation)
    return tuple(np.nan if number is None else number for number in numbers)  # type: ignore[return-value]


def metrics(score: Array, positive: Array, threshold: float) -> list[float]:
    """The four metrics of rows, each so much positive: 0 or 1 where the truth is known."""
    values, place = np.unique(score, return_inverse=True)
    ones, zeros = (np.bincount(place, one, len(values)).astype(np.float64) for one in (positive, 1 - positive))
    # A row is no pair with itself.
    doubt = float((positive * (1 - positive)).sum())
    pairs = ones.sum() * zeros.sum()
    area = (float(ranking.auc_of_counts(zeros, ones)) * pairs - doubt / 2) / (pairs - doubt) if pairs else np.nan
    at = Confusion.at(zeros, ones, int(np.searchsorted(values, threshold)))
    return [area, float(at.f_beta(1.0)), float(at.accuracy), float((at.fp + 5 * at.fn) / len(score))]


def nannyml(python: Path, world: World) -> dict[str, Array]:
    """NannyML's values and bands, shape (3, windows, metrics), by set and size."""
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in (("reference", world.reference), ("rows", world.rows)):
            columns = {"score": rows.score, "truth": rows.truth}
            if world.threshold is not None:
                columns |= {"truth": rows.truth.astype(int), "answer": (rows.score >= world.threshold).astype(int)}
            # Of two classes it looks at nothing but the score.
            held = (
                {} if world.threshold is not None else {one: rows.features[one] for one in rows.features.column_names}
            )
            pq.write_table(pa.table(held | columns), Path(folder) / f"{name}.parquet")
        held_windows = {f"{name}|{size}": rows for (name, size), rows in world.windows.items()}
        np.savez(Path(folder) / "windows.npz", allow_pickle=False, **held_windows)
        job = Path(__file__).parent / "nannyml_job.py"
        finished([str(python), str(job), folder], SECONDS)
        with np.load(Path(folder) / "estimates.npz") as found:
            return {name: found[name] for name in found.files}
