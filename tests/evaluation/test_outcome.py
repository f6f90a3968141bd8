"""What a policy makes of rows: of costs a person's answer is right and paid for; of rates reviewed rows do not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import f1_score

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import Outcome, as_if, outcome
from holdfast.objective import Cost, FBeta
from holdfast.policy import Policy

TRUTH = np.array([True, True, False, False, True])
SCORE = np.array([0.9, 0.5, 0.55, 0.1, 0.2])
BAND = Policy(rule="threshold", threshold=0.6, review_low=0.4, review_high=0.6)
COST = Cost(false_positive=5, false_negative="amount", currency="EUR")


def judged(policy: Policy = BAND, objective: Any = COST, weight: Any = None, review_cost: float = 1.0) -> Outcome:
    rows = Labelled(
        task="binary",
        classes=("0", "1"),
        features=pa.table({"x": SCORE}),
        truth=TRUTH,
        columns={"amount": np.array([10.0, 20.0, 30.0, 40.0, 50.0])},
        weight=None if weight is None else np.array(weight),
    )
    return outcome(rows, SCORE, policy, objective, review_cost=review_cost)


def test_of_costs_reviewed_rows_cost_the_review_alone() -> None:
    found, weight = judged().contributions()
    assert found.tolist() == [0.0, 1.0, 1.0, 0.0, 50.0]
    assert weight is None
    assert judged().value().value == pytest.approx(52 / 5)
    assert judged().value().unit == "EUR"


def test_of_rates_reviewed_rows_do_not_count() -> None:
    found = judged(objective=FBeta())
    assert found.counted.tolist() == [0, 3, 4]
    assert found.value().value == pytest.approx(f1_score([1, 0, 1], [1, 0, 0]))
    assert found.value().rows == 3


def test_some_rows() -> None:
    assert judged().value(np.array([1, 4])).value == pytest.approx(51 / 2)
    assert judged(objective=FBeta()).value(np.array([1, 2])).value is None  # both go to review


def test_taking_rows_takes_everything_about_them() -> None:
    found = judged().take(np.array([4, 1]))
    assert found.contributions()[0].tolist() == [50.0, 1.0]
    assert found.answers.review.tolist() == [False, True]
    assert found.reviewed == {"band": 0.5}


def test_weights_count_as_rows() -> None:
    assert judged(weight=[1.0, 1.0, 1.0, 1.0, 3.0]).value().value == pytest.approx((1 + 1 + 150) / 7)
    assert judged(weight=[0.0] * 5).value().value is None


def test_the_reasons_of_reviews_are_shares_of_all_rows() -> None:
    assert judged().reviewed == {"band": 0.4}
    assert judged(Policy(rule="threshold", threshold=0.5)).reviewed == {}
    assert judged(weight=[1.0, 3.0, 3.0, 1.0, 2.0]).reviewed == {"band": 0.6}


def test_shares_are_by_weight() -> None:
    found = judged(weight=[1.0, 2.0, 3.0, 4.0, 0.0])
    assert found.share(TRUTH) == pytest.approx(0.3)
    assert found.share(TRUTH, among=np.array([True, False, True, False, True])) == pytest.approx(0.25)
    assert np.isnan(found.share(TRUTH, among=np.zeros(5, bool)))


def test_other_answers_to_the_same_rows() -> None:
    never = as_if(judged(), np.zeros(5, bool))
    assert never.contributions()[0].tolist() == [10.0, 20.0, 0.0, 0.0, 50.0]
    assert not never.answers.review.any()
