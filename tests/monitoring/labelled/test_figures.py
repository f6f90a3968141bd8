"""Figures of a window by the same keys before and after the truth: those of the outcomes, and what the loss is in other words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from holdfast.estimation.estimates import Estimated
from holdfast.evaluation.metrics import metrics_of
from holdfast.evaluation.row_losses import row_losses
from holdfast.evidence import Estimate
from holdfast.monitoring.labelled import figures as module
from holdfast.monitoring.labelled.figures import estimates, figures
from holdfast.monitoring.reference import Reference
from holdfast.objective import (
    Cost,
    CostMatrix,
    FBeta,
    Judged,
    MeanAbsoluteError,
    PrecisionAtCapacity,
    RootMeanSquaredError,
    value,
)
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import ScoreTable
from holdfast.profile.window import AnswerEdges, AnsweredRows, count_answers, nothing, with_ranks

TRUTH = np.array([0] * 900 + [1] * 100)
ANSWER = np.array([0] * 860 + [1] * 40 + [0] * 30 + [1] * 70)


def test_where_all_is_labelled_figures_of_outcomes_are_those_of_an_evaluation(reference: Reference) -> None:
    """With their intervals, whatever the gate had said of the same rows."""
    reference = replace(reference, objective=FBeta(beta=2))
    empty = nothing(reference.profile.edges, reference.answers)
    found = figures(reference, replace(empty, confusion=np.bincount(2 * TRUTH + ANSWER)))
    table = ScoreTable.count(ScoreEdges.standard([0.5]), np.where(ANSWER == 1, 0.9, 0.1), TRUTH.astype(bool))
    said = {one.key: one for one in metrics_of(table, threshold=0.5, beta=2)}
    keys = {"accuracy", "precision", "recall", "specificity", "prevalence", "f1", "f2", "balanced_accuracy"}
    assert found.keys() == keys
    for key in keys:
        one = said[key].estimate
        assert found[key] == pytest.approx((one.value, one.low, one.high)), key


def test_of_outcomes_that_did_not_happen_nothing_is_said(reference: Reference) -> None:
    empty = nothing(reference.profile.edges, reference.answers)
    found = figures(reference, replace(empty, confusion=np.array([50, 0, 0, 0])))
    assert found.keys() == {"accuracy", "specificity", "prevalence"}
    assert (found["specificity"][0], found["prevalence"][0]) == (1.0, 0.0)


ERRORS = Judged(truth=np.array([1.0, 2.0, 4.0]), score=np.array([1.5, 1.0, 6.0]))
ANSWERS = Judged(truth=TRUTH, score=ANSWER.astype(float), answer=ANSWER)
CLASSES = replace(ANSWERS, score=np.eye(2)[ANSWER], classes=("a", "b"))
PRICES = CostMatrix(costs={"a": {"b": 2.0}, "b": {"a": 30.0}}, currency="EUR")


@pytest.mark.parametrize(
    ("objective", "rows", "key"),
    [
        (MeanAbsoluteError(), ERRORS, "mae"),
        (RootMeanSquaredError(), ERRORS, "rmse"),
        (FBeta(), ANSWERS, "accuracy"),
        (FBeta(average="macro"), CLASSES, "accuracy"),
        (PRICES, CLASSES, "objective"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_expected_of_the_loss_is_in_its_own_words(
    reference: Reference, monkeypatch: pytest.MonkeyPatch, objective: Any, rows: Judged, key: str
) -> None:
    """The loss is the mean of the losses of rows, which an estimate may have as its square, or as what is left of it."""
    known = float(np.mean(rows.truth == rows.answer)) if key == "accuracy" else value(objective, rows)
    estimated = Estimated(estimate=Estimate(value=known, low=known - 0.1, high=known + 0.1))
    both = {key: estimated, "objective": estimated}
    monkeypatch.setattr(module, "estimate", lambda *_: both)
    found, unknown = estimates(replace(reference, objective=objective), None)  # type: ignore[arg-type]
    middle, low, high = found["loss"]
    assert middle == pytest.approx(row_losses(objective, rows).mean())
    assert low < middle < high
    assert ("objective" in found, unknown) == (False, {})
    missing = Estimated(estimate=Estimate(value=None), status="unknown", reason="too few rows")
    monkeypatch.setattr(module, "estimate", lambda *_: dict.fromkeys(both, missing))
    assert estimates(replace(reference, objective=objective), None)[1]["loss"] == "too few rows"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("objective", "key", "said"), [(MeanAbsoluteError(), "mae", 4.0), (RootMeanSquaredError(), "rmse", 2.0)]
)
def test_the_error_that_is_the_loss_is_measured_too(
    reference: Reference, objective: Any, key: str, said: float
) -> None:
    reference = replace(reference, objective=objective, answers=AnswerEdges(task="regression"))
    empty = nothing(reference.profile.edges, reference.answers)
    found = figures(reference, replace(empty, losses=np.array([3.0, 12.0, 54.0])))
    assert found[key][0] == pytest.approx(said)
    assert found[key][1] < said < found[key][2]


@pytest.mark.parametrize(
    ("objective", "low"),
    [
        (Cost(false_positive=100, false_negative=400), 0.0),
        (Cost(false_positive=100, false_negative=400, true_positive=-1), -144.0),  # something may be earned
        (PrecisionAtCapacity(capacity=0.1), 0.0),
    ],
)
def test_no_interval_of_the_loss_goes_where_no_loss_can_be(reference: Reference, objective: Any, low: float) -> None:
    empty = nothing(reference.profile.edges, reference.answers)
    sums = replace(empty, losses=np.array([2.0, 300.0, 90_000.0]))
    value, *ends = figures(replace(reference, objective=objective), sums)["loss"]
    assert (value, *ends) == pytest.approx((150.0, low, 444.0), abs=0.1)
    wrong = replace(empty, losses=np.array([3.0, 2.0, 2.0]))
    assert figures(replace(reference, objective=FBeta()), wrong)["loss"][1:] == (pytest.approx(0.0133, abs=1e-3), 1.0)


def test_the_order_of_rows_is_measured_as_an_evaluation_does_with_what_the_bins_hide(reference: Reference) -> None:
    rng = np.random.default_rng(4)
    truth = rng.random(2_000) < 0.05
    score = 1 / (1 + np.exp(-rng.normal(2.0 * truth - 3.0, 1.0)))
    rows = answered(score, truth.astype(float))
    counted = with_ranks(count_answers(reference.profile.edges, reference.answers, rows), reference.answers, rows)
    found = figures(reference, counted)
    table = ScoreTable.count(ScoreEdges.standard(steps=8), score, truth)
    said = {one.key: one.estimate for one in metrics_of(table)}
    assert found["roc_auc"] == pytest.approx((said["roc_auc"].value, said["roc_auc"].low, said["roc_auc"].high))
    assert found["pr_auc"] == pytest.approx((said["pr_auc"].value, said["pr_auc"].low, said["pr_auc"].high), abs=0.01)
    assert found["roc_auc"][0] == pytest.approx(roc_auc_score(truth, score), abs=0.002)
    twice = figures(reference, counted + counted)
    assert twice["roc_auc"][0] == pytest.approx(found["roc_auc"][0])


def test_of_rows_whose_order_was_not_counted_it_is_not_told(reference: Reference) -> None:
    """What was counted before there were ranks, or a part of it."""
    rows = answered(np.array([0.1, 0.2, 0.9]), np.array([0.0, 1.0, 1.0]))
    plain = count_answers(reference.profile.edges, reference.answers, rows)
    ranks = with_ranks(plain, reference.answers, rows)
    assert figures(reference, ranks)["roc_auc"][0] == 1.0
    for counted in (plain, plain + ranks):
        assert not {"roc_auc", "pr_auc"} & figures(reference, counted).keys()
    one_truth = answered(np.array([0.1, 0.2]), np.zeros(2))
    assert with_ranks(plain, reference.answers, answered(np.array([0.1]), np.array([np.nan]))).ranks.size == 0
    counted = with_ranks(
        count_answers(reference.profile.edges, reference.answers, one_truth), reference.answers, one_truth
    )
    assert not {"roc_auc", "pr_auc"} & figures(reference, counted).keys()


def answered(score: np.ndarray, truth: np.ndarray) -> AnsweredRows:
    n = len(score)
    return AnsweredRows(
        inputs=pa.RecordBatch.from_pydict({}),
        time=np.zeros(n),
        score=score,
        decision=(score >= 0.5).astype(np.int64),
        review=np.zeros(n, bool),
        truth=truth,
        loss=np.where(np.isnan(truth), np.nan, truth != (score >= 0.5)),
    )
