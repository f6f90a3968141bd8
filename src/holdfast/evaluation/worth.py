"""What an objective is on some rows, and by how much one model is better than another, each with its interval.

Rows of a perfect model are all alike, and so are those of two models that answer alike: an interval from their scatter
would have no width, although the next row may differ. How many of the next ones may is what Wilson's interval of none
among n says, as the rule of three does (Hanley & Lippman-Hand, *If nothing goes wrong, is everything all right?*, JAMA
249 (1983)).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.paired import improvement, mean_of, standard_error
from holdfast.evaluation.threshold_metrics import Outcomes, f_beta
from holdfast.evidence import Estimate
from holdfast.objective import (
    AsymmetricCost,
    Cost,
    CostMatrix,
    FBeta,
    Judged,
    MeanAbsoluteError,
    MeanAveragePrecision,
    Ndcg,
    Objective,
    PinballLoss,
    PrecisionAtCapacity,
    RecallAtPrecision,
    RootMeanSquaredError,
    TopK,
    contributions,
    cost_range,
    periods,
)
from holdfast.stats.intervals import wilson, wilson_by_variance

Array: TypeAlias = NDArray[np.float64]

LOSSES = (MeanAbsoluteError, RootMeanSquaredError, PinballLoss, AsymmetricCost)
"""Of rows that are all alike nobody knows how far off the next one may be."""


def worth(objective: Objective, judged: Judged, rows: Array | None = None, *, level: float = 0.95) -> Estimate:
    """The value of an objective, with its interval.

    Costs and losses have the interval of `mean_of`; F-beta has Wilson's, as the metric has; all others from 0 to 1 have
    Wilson's of as many rows as would give their standard error.

    Parameters
    ----------
    judged
        Rows, of which some have weight.
    rows
        (n,) contributions, where they are known, or where more is paid than the objective says, such as for reviews.

    Examples
    --------
    >>> truth = np.arange(80) < 20
    >>> perfect = Judged(truth=truth, score=truth * 1.0, answer=truth)
    >>> found = worth(FBeta(), perfect)
    >>> found.value, round(found.low, 3), found.high
    (1.0, 0.912, 1.0)
    >>> found = worth(Cost(false_positive=1, false_negative=9), perfect)
    >>> found.value, found.low, round(found.high, 3)
    (0.0, 0.0, 0.412)
    """
    weight, found = judged.weight, contributions(objective, judged) if rows is None else rows
    plain = mean_of(found, weight, unit=objective.unit, level=level)
    if plain.value is None or isinstance(objective, LOSSES):
        return plain
    if isinstance(objective, Cost | CostMatrix):
        return plain if plain.low is not None else _within(plain, _unseen(objective, judged, level), objective, judged)
    if isinstance(objective, FBeta) and objective.average is None and judged.answer is not None:
        outcomes = Outcomes.of(judged.truth, judged.answer.astype(bool), weight)
        low, high = outcomes.interval(f_beta(objective.beta), level)
    else:
        error = standard_error(found, weight)
        low, high = map(float, wilson_by_variance(plain.value, error**2, deciding_rows(objective, judged), level))
    return msgspec.structs.replace(plain, low=low, high=high)


def better_by(
    objective: Objective, judged: Judged, candidate: Array, champion: Array, *, level: float = 0.95
) -> Estimate:
    """By how much the objective is better, on the same rows; positive is better, whatever the direction.

    Parameters
    ----------
    judged
        The rows; which answers they hold does not matter.
    candidate, champion
        (n,) contributions of two models.

    Examples
    --------
    >>> rows = Judged(truth=np.arange(80) < 20, score=np.zeros(80))
    >>> found = better_by(Cost(false_positive=1, false_negative=9), rows, np.zeros(80), np.zeros(80))
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.0, -0.412, 0.412)
    """
    found = improvement(candidate, champion, objective.direction, judged.weight, unit=objective.unit, level=level)
    if found.value is None or found.low is not None or isinstance(objective, LOSSES):
        return found
    reach = _unseen(objective, judged, level)
    return msgspec.structs.replace(found, low=found.value - reach, high=found.value + reach)


def deciding_rows(objective: Objective, judged: Judged) -> float:
    """As many rows n that one of them, answered otherwise, changes a figure from 0 to 1 by about 1/n."""
    weight = np.ones(len(judged.truth)) if judged.weight is None else judged.weight
    match objective:
        case FBeta(beta=beta, average=None):
            # Where all are right: (1 + beta^2) TP, of which a missed row takes beta^2, and a false alarm 1.
            return effective(weight[judged.truth]) * (1 + beta**2) / max(beta**2, 1.0)
        case FBeta(average="macro"):
            sizes = [effective(weight[judged.truth == code]) for code in np.unique(judged.truth[weight > 0])]
            return len(sizes) * min(sizes)
        case RecallAtPrecision():
            return effective(weight[judged.truth])
        case PrecisionAtCapacity(capacity=capacity, per=None):
            return capacity * effective(weight)
        case PrecisionAtCapacity(capacity=top, per=per) | TopK(top=top, per=per):
            return min(top * len(np.unique(periods(judged, per)[weight > 0])), effective(weight))
        case Ndcg(query=query) | MeanAveragePrecision(query=query):
            return float(len(np.unique(judged.columns[query][judged.truth & (weight > 0)])))
        case _:
            return effective(weight)


def effective(weight: Array) -> float:
    """Rows that weights stand for: Kish, *Survey Sampling* (1965), section 8.2."""
    return float(weight.sum() ** 2 / np.sum(weight**2)) if weight.any() else float("nan")


def _unseen(objective: Objective, judged: Judged, level: float) -> float:
    """How far from what rows say that are all alike the value may lie."""
    if isinstance(objective, Cost | CostMatrix):
        least, most = cost_range(objective, judged)
        return (most - least) * float(wilson(0, deciding_rows(objective, judged), level)[1])
    return float(wilson(0, deciding_rows(objective, judged), level)[1])


def _within(alike: Estimate, reach: float, objective: Cost | CostMatrix, judged: Judged) -> Estimate:
    """The interval of a cost that all rows share: no further than costs go."""
    assert alike.value is not None
    least, most = cost_range(objective, judged)
    low, high = max(alike.value - reach, min(least, alike.value)), min(alike.value + reach, max(most, alike.value))
    return msgspec.structs.replace(alike, low=low, high=high)
