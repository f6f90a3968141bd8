"""What each answer was worth, as a loss that adds up row by row: what is watched over time.

The objective itself may be a ratio, which no single row has. Its errors have: F-beta rises exactly when
`beta^2 * missed + false alarms` falls against what was found.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.objective import (
    AsymmetricCost,
    Cost,
    CostMatrix,
    FBeta,
    Judged,
    MeanAbsoluteError,
    Objective,
    PinballLoss,
    RootMeanSquaredError,
    contributions,
)

Array = NDArray[np.float64]


def row_losses(objective: Objective, judged: Judged) -> Array:
    """A loss for each row, (n,), at least 0 unless costs are negative; lower is better.

    Costs and losses are what the objective says; of a root of mean squares, the squares. F-beta: a missed positive counts
    `beta^2`, a false alarm 1; of several classes each wrong answer 1. Objectives that judge the order of rows: the squared
    error of the probability.

    Examples
    --------
    >>> rows = Judged(truth=np.array([True, False]), score=np.array([0.2, 0.6]), answer=np.array([False, True]))
    >>> row_losses(FBeta(beta=2), rows).tolist()
    [4.0, 1.0]
    """
    match objective:
        case Cost() | CostMatrix() | MeanAbsoluteError() | PinballLoss() | AsymmetricCost():
            return contributions(objective, judged)
        case RootMeanSquaredError():
            return np.asarray(np.square(judged.truth - judged.score))
        case FBeta(average=None, beta=beta) if judged.answer is not None:
            truth, answer = judged.truth.astype(bool), judged.answer.astype(bool)
            return np.where(truth & ~answer, beta**2, np.where(answer & ~truth, 1.0, 0.0))
        case FBeta():
            assert judged.answer is not None
            return np.asarray(judged.truth != judged.answer, dtype=np.float64)
        case _:
            return np.asarray(np.square(judged.truth - judged.score))


def least_loss(objective: Objective) -> float:
    """The least that any row can lose, as far as the objective alone can say.

    Examples
    --------
    >>> least_loss(FBeta()), least_loss(Cost(false_positive=5, false_negative=20))
    (0.0, 0.0)
    >>> least_loss(Cost(false_positive=5, false_negative=20, true_positive=-3))
    -inf
    >>> least_loss(Cost(false_positive=5, false_negative="amount"))
    -inf
    """
    match objective:
        case Cost():
            entries = [
                objective.false_positive,
                objective.false_negative,
                objective.true_positive,
                objective.true_negative,
            ]
        case CostMatrix():
            entries = [entry for row in objective.costs.values() for entry in row.values()]
            entries += [] if objective.otherwise is None else [objective.otherwise]
        case AsymmetricCost():
            entries = [objective.over, objective.under]
        case _:
            entries = []
    return 0.0 if all(not isinstance(entry, str) and entry >= 0 for entry in entries) else -np.inf


def loss_title(objective: Objective) -> str:
    """What the loss is called."""
    match objective:
        case RootMeanSquaredError():
            return "Squared error"
        case FBeta(average=None, beta=beta):
            return "Share of wrong answers" if beta == 1 else f"Wrong answers, a missed one counting {beta**2:g}"
        case FBeta():
            return "Share of wrong answers"
        case Cost() | CostMatrix() | MeanAbsoluteError() | PinballLoss() | AsymmetricCost():
            return objective.title
        case _:
            return "Squared error of the probability"


def loss_unit(objective: Objective) -> str:
    """The unit of the loss: `share` of wrong answers, that of a price or an error, or none.

    >>> loss_unit(FBeta()), loss_unit(FBeta(beta=2)), loss_unit(RootMeanSquaredError(unit="km"))
    ('share', '', 'km²')
    """
    match objective:
        case FBeta(average=average, beta=beta):
            return "share" if average or beta == 1 else ""
        case RootMeanSquaredError(unit=unit):
            return f"{unit}²" if unit else ""
        case Cost() | CostMatrix() | MeanAbsoluteError() | PinballLoss() | AsymmetricCost():
            return objective.unit
        case _:
            return ""
