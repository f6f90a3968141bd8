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

from bars import Effort
from estimate_worlds import Rows, World, worlds
from holdfast.estimation import features
from holdfast.estimation.estimates import Estimated, stated, unknown
from holdfast.estimation.figures import figures
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.fitting import fit
from holdfast.estimation.parts import Seen
from holdfast.estimation.table import ExpectedTable
from holdfast.objective import Cost
from holdfast.stats import ranking
from holdfast.stats.confusion import Confusion
from peers import PEERS, finished, installed

Array: TypeAlias = NDArray[np.float64]

COST = Cost(false_positive=1.0, false_negative=5.0)
METRICS = ("roc_auc", "f1", "accuracy", "cost")
RESAMPLES = 1_000
SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Windows of one set and size, from one world, shape (windows, metrics) each.

    `oracle` is the metric of the true probabilities, where they are known; `low`, `high` and `deviation` are NaN where the
    estimate is unknown.
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


def cells(effort: Effort) -> Iterator[Cell]:
    """All windows of all worlds with two classes."""
    python = installed("NannyML", [*PEERS["NannyML"], "pyarrow"])
    for world in worlds(effort):
        peer = nannyml(python, world)
        yield from cells_of(world, peer)


def cells_of(world: World, peer: dict[str, Array]) -> Iterator[Cell]:
    """Windows of a world, with the peer's estimates."""
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
        theirs = peer[f"{name}|{size}"]
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
    ones, zeros = (np.bincount(place, one, len(values)) for one in (positive, 1 - positive))
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
        np.savez(Path(folder) / "windows.npz", **{f"{name}|{size}": w for (name, size), w in world.windows.items()})
        job = Path(__file__).parent / "nannyml_job.py"
        finished([str(python), str(job), folder], SECONDS)
        with np.load(Path(folder) / "estimates.npz") as found:
            return {name: found[name] for name in found.files}
