"""The loss of each row, against the objective that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import fbeta_score, mean_squared_error

from holdfast.evaluation.row_losses import loss_title, row_losses
from holdfast.objective import Cost, FBeta, Judged, MeanAbsoluteError, RootMeanSquaredError, value
from holdfast.objectives.records import PrecisionAtCapacity

RNG = np.random.default_rng(0)
TRUTH, ANSWER = RNG.random((2, 500)) < 0.3
ROWS = Judged(truth=TRUTH, score=RNG.random(500), answer=ANSWER, columns={"amount": RNG.gamma(2, 50, 500)})


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_f_beta_follows_from_its_losses(beta: float) -> None:
    lost = row_losses(FBeta(beta=beta), ROWS).sum()
    hits = (1 + beta**2) * np.count_nonzero(TRUTH & ANSWER)
    assert hits / (hits + lost) == pytest.approx(fbeta_score(TRUTH, ANSWER, beta=beta), rel=1e-12)


def test_losses_of_costs_and_numbers_are_the_objective_itself() -> None:
    cost = Cost(false_positive=5, false_negative="amount", currency="EUR")
    assert row_losses(cost, ROWS).mean() == pytest.approx(value(cost, ROWS), rel=1e-12)
    numbers = Judged(truth=RNG.normal(size=50), score=RNG.normal(size=50))
    assert row_losses(MeanAbsoluteError(), numbers).mean() == pytest.approx(value(MeanAbsoluteError(), numbers))
    squares = row_losses(RootMeanSquaredError(), numbers)
    assert squares.mean() == pytest.approx(mean_squared_error(numbers.truth, numbers.score))


def test_of_several_classes_each_wrong_answer_counts() -> None:
    rows = Judged(truth=np.array([0, 1, 2]), score=np.eye(3), answer=np.array([0, 2, 2]), classes=("a", "b", "c"))
    assert row_losses(FBeta(average="macro"), rows).tolist() == [0, 1, 0]


def test_what_judges_the_order_is_watched_by_the_squared_error() -> None:
    objective = PrecisionAtCapacity(capacity=0.1)
    assert row_losses(objective, ROWS).mean() == pytest.approx(np.mean((TRUTH - ROWS.score) ** 2))


@pytest.mark.parametrize(
    ("objective", "title"),
    [
        (FBeta(), "Share of wrong answers"),
        (FBeta(beta=2), "Wrong answers, a missed one counting 4"),
        (RootMeanSquaredError(), "Squared error"),
        (Cost(false_positive=1, false_negative=2), "Cost per row"),
    ],
)
def test_losses_have_a_title(objective, title: str) -> None:
    assert loss_title(objective) == title
