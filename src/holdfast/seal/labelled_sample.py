"""A sample of labelled rows that the model did not fit: what a change of the inputs would cost is tried on them.

Rare truths and rare scores are what matters, so the sample is drawn within cells of truth and score, and each row says how
many rows of the reference it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.support import impersonal
from holdfast.objective import Judged
from holdfast.profile.hashing import priorities

if TYPE_CHECKING:
    from holdfast.gate.evaluation import Evaluation

Array: TypeAlias = NDArray[np.float64]

LABELLED = "reference/labelled.arrow"

DECILES = 10
CELL_ROWS, MOST_ROWS = 1_000, 20_000
"""Most rows of a cell of truth and score, and of all cells together: with many cells, each has the fewer."""

TRUTH, SCORE, TIME, WEIGHT, COST = "hf_truth", "hf_score", "hf_time", "hf_weight", "hf_cost_"
"""Columns besides those of the rows, the last with the name of a column of the objective; no column of a user begins so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSample:
    """Rows of the validation and test parts.

    Attributes
    ----------
    rows
        Features, segments, protected columns and times; identifiers and what is personal are null.
    truth
        (n,) bool for two classes, codes into the model's classes for several, numbers for a number.
    score
        What the model said of the whole rows, (n,), or (n, K) of several classes.
    weight
        How many rows of the reference each stands for, (n,).
    columns
        Those that the objective asks for, (n,) each.
    time
        Seconds since 1970, (n,), or None.
    """

    rows: pa.Table
    truth: NDArray[Any]
    score: Array
    weight: Array
    columns: Mapping[str, Array] = field(default_factory=dict)
    time: Array | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, places: NDArray[np.intp]) -> LabelledSample:
        """Some of the rows, in the order given."""
        return LabelledSample(
            rows=self.rows.take(pa.array(places)),
            truth=self.truth[places],
            score=self.score[places],
            weight=self.weight[places],
            columns={name: values[places] for name, values in self.columns.items()},
            time=None if self.time is None else self.time[places],
        )

    def judged(self, score: Array, answer: NDArray[Any] | None, classes: tuple[str, ...] = ()) -> Judged:
        """The rows as an objective reads them, with scores and answers that may be others than those of the sample."""
        return Judged(
            truth=self.truth,
            score=score,
            answer=answer,
            columns=self.columns,
            weight=self.weight,
            time=self.time,
            classes=classes,
        )


def labelled_sample(evaluation: Evaluation, inputs: pa.Table) -> LabelledSample:
    """Sample validation and test rows, whose scores are honest.

    Parameters
    ----------
    inputs
        What `holdfast.seal.history.inputs` gives: the rows of train, validation and test, in this order.
    """
    validation, test = evaluation.parts.validation, evaluation.parts.test
    truth = np.concatenate([validation.truth, test.truth])
    score = np.concatenate([evaluation.scores.validation, evaluation.scores.test])
    weight = np.concatenate([np.ones(len(part)) if part.weight is None else part.weight for part in (validation, test)])
    everything = LabelledSample(
        rows=impersonal(inputs.slice(inputs.num_rows - len(truth)), evaluation.schema),
        truth=truth,
        score=score,
        weight=weight,
        columns={name: np.concatenate([values, test.columns[name]]) for name, values in validation.columns.items()},
        time=None if validation.time is None or test.time is None else np.concatenate([validation.time, test.time]),
    )
    return thinned(everything, regression=evaluation.model.task == "regression", seed=evaluation.project.split.seed)


def thinned(everything: LabelledSample, *, regression: bool, seed: int) -> LabelledSample:
    """A sample within cells of truth and score; each row stands for more of them then."""
    places, factor = stratified(_cells(everything, regression), seed)
    sample = everything.take(places)
    sample.weight[:] *= factor
    return sample


def stratified(cells: NDArray[np.intp], seed: int) -> tuple[NDArray[np.intp], Array]:
    """Rows of each cell with the smallest hash priorities, in their order, and how many rows of its cell each stands for.

    Examples
    --------
    >>> places, weight = stratified(np.array([0] * 3 + [1] * 40_000), seed=0)
    >>> len(places), float(weight.sum())
    (1003, 40003.0)
    """
    names, place, counts = np.unique(cells, return_inverse=True, return_counts=True)
    most = min(CELL_ROWS, max(1, MOST_ROWS // max(1, len(names))))
    order = np.lexsort((priorities(0, len(cells), seed), place))
    rank = np.arange(len(cells)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = np.sort(order[rank < most])
    own = place[chosen]
    return chosen, counts[own] / np.minimum(counts, most)[own]


def to_table(sample: LabelledSample) -> pa.Table:
    """The sample as one table, to be sealed."""
    rows = sample.rows.append_column(TRUTH, pa.array(sample.truth))
    rows = rows.append_column(SCORE, pa.array(sample.score.tolist()))
    rows = rows.append_column(WEIGHT, pa.array(sample.weight))
    if sample.time is not None:
        rows = rows.append_column(TIME, pa.array(sample.time))
    for name, values in sample.columns.items():
        rows = rows.append_column(COST + name, pa.array(values))
    return rows


def from_table(table: pa.Table) -> LabelledSample:
    """The sample that `to_table` made a table of."""
    own = {name for name in (TRUTH, SCORE, WEIGHT, TIME) if name in table.column_names}
    costs = [name for name in table.column_names if name.startswith(COST)]
    return LabelledSample(
        rows=table.drop_columns([*own, *costs]),
        truth=table[TRUTH].to_numpy(),
        score=np.array(table[SCORE].to_pylist(), dtype=np.float64),
        weight=table[WEIGHT].to_numpy(),
        columns={name.removeprefix(COST): table[name].to_numpy() for name in costs},
        time=table[TIME].to_numpy() if TIME in own else None,
    )


def _cells(sample: LabelledSample, regression: bool) -> NDArray[np.intp]:
    """Number of each row's cell: its label or decile of the target, and its decile of the score."""
    score = sample.score if sample.score.ndim == 1 else sample.score.max(axis=1)
    label = _deciles(sample.truth) if regression else sample.truth.astype(np.intp)
    return np.asarray(label * DECILES + _deciles(score), dtype=np.intp)


def _deciles(values: NDArray[Any]) -> NDArray[np.intp]:
    edges = np.quantile(values, np.arange(1, DECILES) / DECILES)
    return np.searchsorted(edges, values, side="right")
