"""What the business pays: records that `holdfast.toml` writes as `{kind = "cost", ...}`, and their values row by row.

`value` is the weighted mean of `contributions`, for every objective. A cost is a number of each row; a ratio, such as
F-beta, has contributions too (see `objectives.ratios`), so that intervals and comparisons are computed alike for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from holdfast.errors import InputError, SettingError
from holdfast.evidence import Task
from holdfast.objectives import costs, losses, ratios

Amount: TypeAlias = float | Annotated[str, Meta(min_length=1)]
"""A number, or the name of the column that holds it for each row."""

Positive = Annotated[float, Meta(gt=0)]
Inside = Annotated[float, Meta(gt=0, lt=1)]


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
    score: NDArray[np.float64]
    answer: NDArray[Any] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    weight: NDArray[np.float64] | None = None
    time: NDArray[np.float64] | None = None
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


class _Objective(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"
):
    """What the records below share; `kind` is the tag of each."""

    task: ClassVar[Task] = "binary"
    direction: ClassVar[Literal["higher", "lower"]] = "higher"
    decides: ClassVar[bool] = True
    """Whether it judges answers; if not, it judges the ranking by score."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of the data that it reads."""
        return ()


class FBeta(_Objective, frozen=True, kw_only=True, tag="f_beta"):
    """F-beta: the balance of precision and recall, recall counting `beta` times as much.

    With `average`, of several classes: their mean, each alike ("macro") or by its share of the truth ("weighted").
    """

    beta: Positive = 1.0
    average: Literal["macro", "weighted"] | None = None

    unit: ClassVar[str] = ""

    @property
    def task(self) -> Task:  # type: ignore[override]
        """Two classes, or several if an average is named."""
        return "classes" if self.average else "binary"

    @property
    def title(self) -> str:
        """Such as `F2 score, macro average`."""
        return f"F{self.beta:g} score" + (f", {self.average} average" if self.average else "")


class Cost(_Objective, frozen=True, kw_only=True, tag="cost"):
    """Mean cost of a row, of two classes; an entry is a number or a column, and negative where something is earned."""

    false_positive: Amount
    false_negative: Amount
    true_positive: Amount = 0.0
    true_negative: Amount = 0.0
    currency: str = ""

    direction: ClassVar[Literal["higher", "lower"]] = "lower"

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns among the entries."""
        return _names(self.false_positive, self.false_negative, self.true_positive, self.true_negative)

    @property
    def unit(self) -> str:
        """The currency."""
        return self.currency

    @property
    def title(self) -> str:
        """For people."""
        return "Cost per row"

    def table(self, columns: Mapping[str, NDArray[Any]], classes: tuple[str, ...] = ()) -> NDArray[np.float64]:
        """Entries by truth and answer, (2, 2), or (2, 2, n) if any is a column."""
        del classes  # there are two: negative, positive
        negative = [_amount(self.true_negative, columns), _amount(self.false_positive, columns)]
        positive = [_amount(self.false_negative, columns), _amount(self.true_positive, columns)]
        return _stacked([negative, positive])


class _Loss(_Objective, frozen=True, kw_only=True):
    """A loss of predicted numbers, in `unit`, which is the target's."""

    unit: str = ""

    task: ClassVar[Task] = "regression"
    direction: ClassVar[Literal["higher", "lower"]] = "lower"


class MeanAbsoluteError(_Loss, frozen=True, kw_only=True, tag="mae"):
    """Mean absolute error: least for the median."""

    title: ClassVar[str] = "Mean absolute error"


class RootMeanSquaredError(_Loss, frozen=True, kw_only=True, tag="rmse"):
    """Root of the mean squared error: least for the mean, and large errors count more than in proportion."""

    title: ClassVar[str] = "Root mean squared error"


class PinballLoss(_Loss, frozen=True, kw_only=True, tag="pinball"):
    """Quantile loss: least for the `quantile`, so that the truth lies below the prediction that often."""

    quantile: Inside

    @property
    def title(self) -> str:
        """Such as `Pinball loss of the 0.9 quantile`."""
        return f"Pinball loss of the {self.quantile:g} quantile"


class AsymmetricCost(_Loss, frozen=True, kw_only=True, tag="asymmetric"):
    """Cost of `over` for each unit predicted too high and of `under` for each too low; numbers or columns.

    `unit` is the currency.
    """

    over: Amount
    under: Amount

    title: ClassVar[str] = "Cost per row"

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns among the entries."""
        return _names(self.over, self.under)


RegressionLoss: TypeAlias = MeanAbsoluteError | RootMeanSquaredError | PinballLoss | AsymmetricCost
Objective: TypeAlias = FBeta | Cost | MeanAbsoluteError | RootMeanSquaredError | PinballLoss | AsymmetricCost


def contributions(objective: Objective, judged: Judged) -> NDArray[np.float64]:
    """A number per row, (n,), in the objective's unit, whose weighted mean is exactly the objective's value.

    For costs and losses it is the cost of the row; for the others the value plus the row's influence on it, so that
    `sd / sqrt(n)` of the contributions is the standard error of the value. NaN where the objective is undefined.

    Raises
    ------
    InputError
        If there is no row with weight, or a column is missing or has missing values where they count.
    SettingError
        If the objective judges answers and there are none.

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
        case FBeta(average=None):
            return ratios.f_beta(judged.truth, _answer(objective, judged), weight, objective.beta)
        case FBeta(average=average):
            assert average is not None
            return ratios.f_beta_of_classes(judged.truth, _answer(objective, judged), weight, objective.beta, average)
        case Cost():
            table = objective.table(judged.columns, judged.classes)
            answer = _answer(objective, judged).astype(np.intp)
            rows = costs.cost_of_answers(table, judged.truth.astype(np.intp), answer)
            return _known(rows, objective.needs)
        case _:
            return _loss(objective, judged, weight)


def value(objective: Objective, judged: Judged) -> float:
    """The objective's value, in its unit: the weighted mean of its contributions.

    Examples
    --------
    >>> truth, predicted = np.array([10.0, 20.0]), np.array([11.0, 17.0])
    >>> value(MeanAbsoluteError(), Judged(truth=truth, score=predicted))
    2.0
    """
    return float(np.average(contributions(objective, judged), weights=judged.weight))


def bayes_answer(
    objective: Cost, probability: NDArray[np.float64], columns: Mapping[str, NDArray[Any]]
) -> NDArray[Any]:
    """The answer that is expected to cost least in each row, (n,), from calibrated probabilities.

    Parameters
    ----------
    objective
        Costs of two classes.
    probability
        Of the positive class, (n,).
    columns
        The columns that the objective `needs`.

    Examples
    --------
    >>> cost = Cost(false_positive=10, false_negative="amount")
    >>> bayes_answer(cost, np.array([0.2, 0.2]), {"amount": np.array([30.0, 60.0])}).tolist()
    [False, True]
    """
    expected = costs.expected_costs(objective.table(columns), np.stack([1 - probability, probability], axis=1))
    return expected[:, 1] < expected[:, 0]


def _loss(objective: RegressionLoss, judged: Judged, weight: NDArray[np.float64]) -> NDArray[np.float64]:
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
            return _known(losses.asymmetric(judged.truth, predicted, over, under), objective.needs)


def _answer(objective: Objective, judged: Judged) -> NDArray[Any]:
    if judged.answer is None:
        raise SettingError(f"{objective.title} judges answers, and there are only scores: apply a policy first.")
    return judged.answer


def _names(*entries: Amount) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry for entry in entries if isinstance(entry, str)))


def _amount(entry: Amount, columns: Mapping[str, NDArray[Any]]) -> float | NDArray[np.float64]:
    if not isinstance(entry, str):
        return float(entry)
    if entry not in columns:
        raise InputError(f"The objective names the column {entry!r}, which is not there.")
    return np.asarray(columns[entry], dtype=np.float64)


def _stacked(entries: list[list[float | NDArray[np.float64]]]) -> NDArray[np.float64]:
    """A square of numbers and columns as one array: (K, K), or (K, K, n) if any entry is a column."""
    return np.stack([np.stack(np.broadcast_arrays(*row)) for row in _even(entries)])


def _even(entries: list[list[float | NDArray[np.float64]]]) -> list[list[NDArray[np.float64]]]:
    shape = np.broadcast_shapes(*(np.shape(entry) for row in entries for entry in row))
    return [[np.broadcast_to(np.asarray(entry, dtype=np.float64), shape) for entry in row] for row in entries]


def _known(rows: NDArray[np.float64], needs: tuple[str, ...]) -> NDArray[np.float64]:
    if not np.isfinite(rows).all():
        columns = ", ".join(map(repr, needs))
        raise InputError(f"{_bad(rows):,} rows have no finite cost: fill or leave out missing values of {columns}.")
    return rows


def _bad(array: NDArray[Any]) -> int:
    return int((~np.isfinite(array)).any(axis=tuple(range(1, array.ndim))).sum())
