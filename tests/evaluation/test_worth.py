"""Intervals of objectives: those of the metrics, and honest where a perfect model leaves no scatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from holdfast.evaluation.threshold_metrics import Outcomes, f_beta
from holdfast.evaluation.worth import better_by, deciding_rows, worth
from holdfast.objective import (
    Cost,
    CostMatrix,
    FBeta,
    Judged,
    MeanAbsoluteError,
    MeanAveragePrecision,
    Ndcg,
    Objective,
    PrecisionAtCapacity,
    RecallAtPrecision,
    TopK,
)

TRUTH = np.arange(100) < 40
COST = Cost(false_positive=1, false_negative="amount", currency="EUR")


def perfect(weight: Any = None) -> Judged:
    """100 rows, 40 of them positive, all of them right, ten to an hour, five to a query."""
    return Judged(
        truth=TRUTH,
        score=TRUTH.astype(float),
        answer=TRUTH,
        columns={"amount": np.linspace(1, 50, 100), "query": np.arange(100) // 5},
        weight=weight,
        time=np.arange(100) * 360.0,
    )


def test_f_beta_has_the_interval_of_its_metric() -> None:
    answer = TRUTH ^ (np.arange(100) % 11 == 0)
    found = worth(FBeta(beta=2), Judged(truth=TRUTH, score=answer * 1.0, answer=answer))
    metric = Outcomes.of(TRUTH, answer).metric("f2", f_beta(2), 0.95).estimate
    assert (found.value, found.low, found.high) == pytest.approx((metric.value, metric.low, metric.high))
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("objective", "rows"),
    [
        (FBeta(), 80),  # a row more or less changes 2 TP / (2 TP + FN + FP) by 1 / 80
        (FBeta(beta=2), 50),
        (PrecisionAtCapacity(capacity=0.1), 10),
        (PrecisionAtCapacity(capacity=2, per="1h"), 20),
        (TopK(top=3, per="2h"), 15),
        (RecallAtPrecision(precision=0.8), 40),
        (Ndcg(k=3, query="query"), 8),
        (MeanAveragePrecision(k=3, query="query"), 8),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_perfect_model_is_not_certain(objective: Objective, rows: int) -> None:
    """Its interval is Wilson's of as many rows, all right, as decide about the figure."""
    assert deciding_rows(objective, perfect()) == pytest.approx(rows)
    if isinstance(objective, TopK | PrecisionAtCapacity) and objective.per:
        return  # nothing is positive in the later hours
    found = worth(objective, perfect())
    assert (found.value, found.high) == pytest.approx((1.0, 1.0), abs=1e-12)
    assert found.low == pytest.approx(proportion_confint(rows, rows, method="wilson")[0])


def test_the_rarest_class_decides_about_a_mean_over_classes() -> None:
    truth = np.repeat([0, 1, 2], [50, 40, 10])
    judged = Judged(truth=truth, score=np.eye(3)[truth], answer=truth, classes=("a", "b", "c"))
    assert deciding_rows(FBeta(average="macro"), judged) == 30
    assert deciding_rows(FBeta(average="weighted"), judged) == 100
    assert worth(FBeta(average="macro"), judged).low == pytest.approx(proportion_confint(30, 30, method="wilson")[0])


def test_what_never_cost_anything_may_cost_something_yet() -> None:
    """As many rows may as Wilson's interval of 0 among 100 says, each at most as much as the dearest answer."""
    chance = proportion_confint(0, 100, method="wilson")[1]
    found = worth(COST, perfect())
    assert (found.value, found.low, found.unit) == (0.0, 0.0, "EUR")
    assert found.high == pytest.approx(50 * chance)
    matrix = CostMatrix(costs={"a": {"b": 7.0}}, otherwise=2.0)
    truth = np.arange(100) % 2
    several = Judged(truth=truth, score=np.eye(2)[truth], answer=truth, classes=("a", "b"))
    assert worth(matrix, several).high == pytest.approx(7 * chance)


def test_a_cost_that_varies_has_the_interval_of_its_rows() -> None:
    judged = Judged(truth=TRUTH, score=np.zeros(100), answer=np.zeros(100, bool), columns=perfect().columns)
    found = worth(COST, judged)
    assert found.value == pytest.approx(judged.columns["amount"][TRUTH].sum() / 100)
    assert found.low < found.value < found.high


def test_losses_that_are_alike_have_no_interval() -> None:
    number = np.arange(10.0)
    for error in (0.0, 2.0):
        found = worth(MeanAbsoluteError(), Judged(truth=number, score=number + error))
        assert (found.value, found.low, found.high) == (error, None, None)
    judged = Judged(truth=number, score=number)
    assert better_by(MeanAbsoluteError(), judged, np.ones(10), np.full(10, 3.0)).low is None


def test_models_that_answer_alike_may_differ_on_the_next_row() -> None:
    chance = proportion_confint(0, 100, method="wilson")[1]
    found = better_by(COST, perfect(), np.zeros(100), np.zeros(100))
    assert (found.value, found.high) == (0.0, pytest.approx(50 * chance))
    assert found.low == -found.high
    right = better_by(FBeta(), perfect(), np.ones(100), np.ones(100))
    assert right.high == pytest.approx(proportion_confint(0, 80, method="wilson")[1])


def test_weights_count_as_the_rows_that_they_stand_for() -> None:
    weight = np.where(np.arange(100) % 2, 1.0, 0.0)
    half = worth(FBeta(), perfect(weight))
    assert half.low == pytest.approx(proportion_confint(40, 40, method="wilson")[0])
    assert worth(FBeta(), perfect(np.full(100, 7.0))).low == pytest.approx(worth(FBeta(), perfect()).low)


@pytest.mark.simulation
@pytest.mark.parametrize("wrong", [0.001, 0.003, 0.01])
@pytest.mark.parametrize("objective", [FBeta(), COST], ids=["f1", "cost"])
def test_intervals_of_a_nearly_perfect_model_cover(objective: Objective, wrong: float) -> None:
    """Of 500 seeded parts of 400 rows, of which 0.4, 1.2 or 4 are wrong on average.

    An interval from the scatter of rows that are all right would have no width, and cover in no run without a wrong one.
    """
    rng, n, covered = np.random.default_rng(5), 400, 0
    amount = np.full(n, 5.0)
    # Per row: 0.3 positive, of which `wrong` are missed, and `wrong` of the others called positive.
    hit, miss, alarm = 0.3 * (1 - wrong), 0.3 * wrong, 0.7 * wrong
    truth = 2 * hit / (2 * hit + miss + alarm) if objective is not COST else alarm + 5 * miss
    for _ in range(500):
        positive = rng.random(n) < 0.3
        answer = positive ^ (rng.random(n) < wrong)
        found = worth(objective, Judged(truth=positive, score=answer * 1.0, answer=answer, columns={"amount": amount}))
        covered += found.low <= truth <= found.high
    assert covered >= 0.92 * 500
