"""What the business pays: an objective, the rows that it judges, and its value, row by row.

`value` is the weighted mean of `contributions`, for every objective. A cost is a number of each row; a ratio, such as
F-beta, has contributions too (see `objectives.ratios`), so that intervals and comparisons are computed alike for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.durations import seconds
from holdfast.errors import InputError, SettingError
from holdfast.objectives import costs, losses, queries, ranking, ratios
from holdfast.objectives.records import (
    Amount,
    AsymmetricCost,
    Cost,
    CostMatrix,
    FBeta,
    MeanAbsoluteError,
    MeanAveragePrecision,
    Ndcg,
    PinballLoss,
    PrecisionAtCapacity,
    RecallAtPrecision,
    RootMeanSquaredError,
    TopK,
)

__all__ = [
    "Amount",
    "AsymmetricCost",
    "Cost",
    "CostMatrix",
    "FBeta",
    "Judged",
    "MeanAbsoluteError",
    "MeanAveragePrecision",
    "Ndcg",
    "Objective",
    "PinballLoss",
    "PrecisionAtCapacity",
    "Ranking",
    "RecallAtPrecision",
    "RegressionLoss",
    "RootMeanSquaredError",
    "TopK",
    "bayes_answer",
    "contributions",
    "cost_range",
    "expected_regrets",
    "periods",
    "value",
]

Array: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, NDArray[Any]]
Ranking: TypeAlias = PrecisionAtCapacity | RecallAtPrecision | TopK | Ndcg | MeanAveragePrecision
"""These judge the order of the rows by score, not the answers."""
RegressionLoss: TypeAlias = MeanAbsoluteError | RootMeanSquaredError | PinballLoss | AsymmetricCost
Objective: TypeAlias = (
    FBeta
    | Cost
    | CostMatrix
    | PrecisionAtCapacity
    | RecallAtPrecision
    | TopK
    | Ndcg
    | MeanAveragePrecision
    | MeanAbsoluteError
    | RootMeanSquaredError
    | PinballLoss
    | AsymmetricCost
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Rows whose truth is known, and what the model and the policy made of them.

    Attributes
    ----------
    truth
        Binary: True where positive; classes: codes into `classes`; regression: numbers. (n,)
    score
        Binary: probability of the positive class, (n,); classes: probabilities (n, K); regression: prediction, (n,).
    answer
        What the policy decided, of the truth's kind, (n,); None if nothing was decided.
    columns
        Further columns that an objective names (`needs`), each (n,).
    weight
        Weights of the rows, >= 0, (n,); None if all count alike.
    time
        Seconds since 1970, (n,).
    classes
        Names of the classes, in the order of the codes.
    """

    truth: NDArray[Any]
    score: Array
    answer: NDArray[Any] | None = None
    columns: Columns = field(default_factory=dict)
    weight: Array | None = None
    time: Array | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given = {"score": self.score, "answer": self.answer, "weight": self.weight, "time": self.time, **self.columns}
        for name, array in given.items():
            if array is not None and len(array) != len(self.truth):
                raise InputError(
                    f"{name!r} has {len(array):,} rows, the truth {len(self.truth):,}: give the same rows."
                )
        for name in ("truth", "score", "weight"):
            array = getattr(self, name)
            if array is not None and not np.isfinite(array).all():
                raise InputError(f"The {name} is missing or infinite in {_bad(array):,} rows: leave those rows out.")
        if self.weight is not None and (self.weight < 0).any():
            raise InputError(f"The weight is negative in {(self.weight < 0).sum():,} rows: weights are 0 or more.")

    def take(self, rows: NDArray[np.intp]) -> Judged:
        """Some of the rows, by their places."""

        def of(values: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if values is None else values[rows]

        return Judged(
            truth=self.truth[rows],
            score=self.score[rows],
            answer=of(self.answer),
            columns={name: values[rows] for name, values in self.columns.items()},
            weight=of(self.weight),
            time=of(self.time),
            classes=self.classes,
        )


def value(objective: Objective, judged: Judged) -> float:
    """The objective's value, in its unit: the weighted mean of its contributions; NaN where it is undefined.

    Examples
    --------
    >>> truth, predicted = np.array([10.0, 20.0]), np.array([11.0, 17.0])
    >>> value(MeanAbsoluteError(), Judged(truth=truth, score=predicted))
    2.0
    """
    return float(np.average(contributions(objective, judged), weights=judged.weight))


def contributions(objective: Objective, judged: Judged) -> Array:
    """A number per row, (n,), in the objective's unit, whose weighted mean is exactly the objective's value.

    For costs and losses it is the cost of the row; for the others the value plus the row's influence on it, so that
    `sd / sqrt(n)` of the contributions is the standard error of the value. NaN where the objective is undefined.

    Raises
    ------
    InputError
        If there is no row with weight, or a column is missing or has missing values where they count.
    SettingError
        If the objective judges answers and there are none, or leaves out the cost of an answer.

    Examples
    --------
    >>> judged = Judged(
    ...     truth=np.array([False, True, True]),
    ...     score=np.array([0.9, 0.8, 0.1]),
    ...     answer=np.array([True, True, False]),
    ...     columns={"amount": np.array([10.0, 20.0, 30.0])},
    ... )
    >>> cost = Cost(false_positive=5, false_negative="amount", currency="EUR")
    >>> contributions(cost, judged).tolist()
    [5.0, 0.0, 30.0]
    """
    weight = np.ones(len(judged.truth)) if judged.weight is None else judged.weight
    if not weight.sum() > 0:
        raise InputError("An objective needs rows whose weights are not all 0; there are none.")
    match objective:
        case Cost() | CostMatrix():
            table = _table(objective, judged.columns, judged.classes)
            rows = costs.cost_of_answers(
                table, judged.truth.astype(np.intp), _answer(objective, judged).astype(np.intp)
            )
            return _finite(rows, objective.needs)
        case FBeta(average=None):
            return ratios.f_beta(judged.truth, _answer(objective, judged), weight, objective.beta)
        case FBeta(beta=beta, average=average) if average:
            return ratios.f_beta_of_classes(judged.truth, _answer(objective, judged), weight, beta, average)
        case MeanAbsoluteError() | RootMeanSquaredError() | PinballLoss() | AsymmetricCost():
            return _loss(objective, judged, weight)
        case _:
            assert not isinstance(objective, FBeta)
            return _ranking(objective, judged, weight)


def cost_range(objective: Cost | CostMatrix, judged: Judged) -> tuple[float, float]:
    """The least and the most that an answer to any of the rows costs.

    Examples
    --------
    >>> rows = Judged(truth=np.array([True, False]), score=np.zeros(2), columns={"amount": np.array([30.0, 80.0])})
    >>> cost_range(Cost(false_positive=5, false_negative="amount"), rows)
    (0.0, 80.0)
    """
    table = _table(objective, judged.columns, judged.classes)
    return float(np.nanmin(table)), float(np.nanmax(table))


def expected_regrets(
    objective: Cost | CostMatrix, probability: Array, columns: Columns, classes: tuple[str, ...] = ()
) -> Array:
    """What each answer is expected to cost more than the right one would, (n, K); NaN where a column has no value.

    Parameters
    ----------
    objective
        Costs of two classes, or of several.
    probability
        Calibrated: of the positive class, (n,), or of each class, (n, K).
    columns
        Those that the objective `needs`, (n,) each.
    classes
        Names of the classes, of a `CostMatrix`.

    Examples
    --------
    >>> cost = Cost(false_positive=10, false_negative="amount")
    >>> expected_regrets(cost, np.array([0.2]), {"amount": np.array([60.0])}).tolist()
    [[12.0, 8.0]]
    """
    by_class = np.stack([1 - probability, probability], axis=1) if probability.ndim == 1 else probability
    table = _table(objective, columns, classes)
    return costs.expected_costs(table - np.einsum("tt...->t...", table)[:, None], by_class)


def bayes_answer(
    objective: Cost | CostMatrix, probability: Array, columns: Columns, classes: tuple[str, ...] = ()
) -> NDArray[Any]:
    """The answer that is expected to cost least in each row, (n,): True or False, or a class's code.

    It is the best answer that calibrated probabilities allow, and for two classes a threshold of its own for each row.

    Source: Elkan, *The foundations of cost-sensitive learning*, IJCAI (2001).

    Examples
    --------
    >>> cost = Cost(false_positive=10, false_negative="amount")
    >>> bayes_answer(cost, np.array([0.2, 0.2]), {"amount": np.array([30.0, 60.0])}).tolist()
    [False, True]
    """
    cheapest = expected_regrets(objective, probability, columns, classes).argmin(axis=1)
    return np.asarray(cheapest == 1 if isinstance(objective, Cost) else cheapest)


def _ranking(objective: Ranking, judged: Judged, weight: Array) -> Array:
    truth, score = judged.truth, judged.score
    match objective:
        case PrecisionAtCapacity(capacity=capacity, per=None):
            return ranking.precision_at_capacity(truth, score, weight, capacity)
        case PrecisionAtCapacity(capacity=capacity, per=per):
            return ranking.precision_per_period(truth, score, weight, capacity, periods(judged, per))
        case RecallAtPrecision():
            return ranking.recall_at_precision(truth, score, weight, objective.precision)
        case TopK(top=top, once=once):
            entity = None if objective.by is None else _column(objective.by, judged.columns)
            numbers = periods(judged, objective.per)
            return ranking.precision_per_period(truth, score, weight, top, numbers, entity, once=once)
        case Ndcg() | MeanAveragePrecision():
            query = _column(objective.query, judged.columns)
            judge = queries.ndcg if isinstance(objective, Ndcg) else queries.mean_average_precision
            return judge(truth, score, weight, query, objective.k)


def _loss(objective: RegressionLoss, judged: Judged, weight: Array) -> Array:
    """Contributions to a loss of predicted numbers; the answer is the prediction unless a policy changed it."""
    predicted = judged.score if judged.answer is None else judged.answer
    match objective:
        case MeanAbsoluteError():
            return losses.absolute(judged.truth, predicted)
        case RootMeanSquaredError():
            return losses.root_squared(judged.truth, predicted, weight)
        case PinballLoss():
            return losses.pinball(judged.truth, predicted, objective.quantile)
        case AsymmetricCost():
            over, under = _amount(objective.over, judged.columns), _amount(objective.under, judged.columns)
            return _finite(losses.asymmetric(judged.truth, predicted, over, under), objective.needs)


def _table(objective: Cost | CostMatrix, columns: Columns, classes: tuple[str, ...]) -> Array:
    """Costs by truth and answer, (K, K), or (K, K, n) if any entry is a column."""
    match objective:
        case Cost():
            negative: list[Amount] = [objective.true_negative, objective.false_positive]
            entries = [negative, [objective.false_negative, objective.true_positive]]
        case CostMatrix():
            unknown = {*objective.costs, *(answer for row in objective.costs.values() for answer in row)} - set(classes)
            if unknown:
                raise SettingError(
                    f"The cost matrix names {', '.join(sorted(map(repr, unknown)))}; the classes are {', '.join(classes)}."
                )
            entries = [[_entry(objective, truth, answer) for answer in classes] for truth in classes]
    cells = [_amount(entry, columns) for row in entries for entry in row]
    shape = np.broadcast_shapes(*(np.shape(cell) for cell in cells))
    return np.stack([np.broadcast_to(cell, shape) for cell in cells]).reshape(len(entries), len(entries), *shape)


def _entry(objective: CostMatrix, truth: str, answer: str) -> Amount:
    stated = objective.costs.get(truth, {}).get(answer, 0.0 if truth == answer else objective.otherwise)
    if stated is None:
        raise SettingError(
            f"The cost matrix does not say what it costs to answer {answer!r} where {truth!r} is true: "
            f"add costs.{truth}.{answer}, or otherwise."
        )
    return stated


def _answer(objective: Objective, judged: Judged) -> NDArray[Any]:
    if judged.answer is None:
        raise SettingError(f"{objective.title} judges answers, and there are only scores: apply a policy first.")
    return judged.answer


def periods(judged: Judged, length: str | None) -> NDArray[np.int64]:
    """Number of each row's period, counted from 1970 in UTC."""
    if length is None:
        return np.zeros(len(judged.truth), dtype=np.int64)
    if judged.time is None or not np.isfinite(judged.time).all():
        raise InputError(f"An objective per {length} needs the time of every row: name the time column, fill its gaps.")
    return np.floor(judged.time / seconds(length)).astype(np.int64)


def _column(name: str, columns: Columns) -> NDArray[Any]:
    if name not in columns:
        raise InputError(f"The objective names the column {name!r}, which is not there: check its name.")
    return columns[name]


def _amount(entry: Amount, columns: Columns) -> Array:
    return np.asarray(_column(entry, columns) if isinstance(entry, str) else entry, dtype=np.float64)


def _finite(rows: Array, needs: tuple[str, ...]) -> Array:
    if not np.isfinite(rows).all():
        names = ", ".join(map(repr, needs))
        raise InputError(f"{_bad(rows):,} rows have no finite cost: fill or leave out missing values of {names}.")
    return rows


def _bad(array: NDArray[Any]) -> int:
    return int((~np.isfinite(array)).any(axis=tuple(range(1, array.ndim))).sum())
