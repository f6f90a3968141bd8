"""All figures of a part against scikit-learn, under the policy that was chosen elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import outcome
from holdfast.evaluation.performance import performance
from holdfast.objective import FBeta, MeanAbsoluteError
from holdfast.policy import Policy
from holdfast.stats.calibration import Calibration

N = 2_000


def figures(rows: Labelled, score: Any, policy: Policy, objective: Any) -> dict[str, float | None]:
    found = performance(outcome(rows, score, policy, objective), policy)
    assert found[0].key == "objective"
    assert len({metric.key for metric in found}) == len(found)
    return {metric.key: metric.estimate.value for metric in found}


def labelled(task: Any, truth: Any, classes: tuple[str, ...] = (), weight: Any = None) -> Labelled:
    features = pa.table({"x": np.zeros(len(truth))})
    return Labelled(task=task, classes=classes, features=features, truth=truth, weight=weight)


@pytest.fixture(scope="module")
def score() -> np.ndarray:
    return np.random.default_rng(0).random(N)


@pytest.mark.parametrize("weighted", [False, True])
def test_two_classes(score: np.ndarray, weighted: bool) -> None:
    random = np.random.default_rng(1)
    truth = random.random(N) < score
    weight = random.integers(1, 5, N).astype(float) if weighted else None
    policy = Policy(rule="threshold", threshold=0.3)
    found = figures(labelled("binary", truth, ("0", "1"), weight), score, policy, FBeta(beta=2))
    answer = score >= 0.3
    expected = {
        "objective": metrics.fbeta_score(truth, answer, beta=2, sample_weight=weight),
        "precision": metrics.precision_score(truth, answer, sample_weight=weight),
        "recall": metrics.recall_score(truth, answer, sample_weight=weight),
        "f1": metrics.f1_score(truth, answer, sample_weight=weight),
        "accuracy": metrics.accuracy_score(truth, answer, sample_weight=weight),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, answer, sample_weight=weight),
        "mcc": metrics.matthews_corrcoef(truth, answer, sample_weight=weight),
        "prevalence": np.average(truth, weights=weight),
    }
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=1e-9), key
    binned = {
        "roc_auc": metrics.roc_auc_score(truth, score, sample_weight=weight),
        "pr_auc": metrics.average_precision_score(truth, score, sample_weight=weight),
        "brier": metrics.brier_score_loss(truth, score, sample_weight=weight),
        "log_loss": metrics.log_loss(truth, score, sample_weight=weight),
    }
    for key, value in binned.items():
        assert found[key] == pytest.approx(value, abs=2e-3), key


def test_rows_that_go_to_review_are_answered_by_nobody(score: np.ndarray) -> None:
    truth = np.random.default_rng(1).random(N) < score
    policy = Policy(rule="threshold", threshold=0.5, review_low=0.3, review_high=0.7)
    found = figures(labelled("binary", truth, ("0", "1")), score, policy, FBeta())
    decided = (score < 0.3) | (score >= 0.7)
    expected = metrics.precision_score(truth[decided], score[decided] >= 0.5)
    assert found["precision"] == pytest.approx(expected)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-3)  # ranks all rows


def test_when_everything_goes_to_review_answers_are_unknown(score: np.ndarray) -> None:
    truth = np.random.default_rng(1).random(N) < score
    policy = Policy(rule="threshold", threshold=0.5, confidence_limit=1.5)
    found = figures(labelled("binary", truth, ("0", "1")), score, policy, FBeta())
    assert found["objective"] is None
    assert found["precision"] is None
    assert found["roc_auc"] is not None


def test_probabilities_are_the_calibrated_ones(score: np.ndarray) -> None:
    truth = np.random.default_rng(1).random(N) < score**3
    policy = Policy(rule="threshold", threshold=0.5, calibration=Calibration(kind="platt", coefficients=(2.0, -1.0)))
    found = figures(labelled("binary", truth, ("0", "1")), score, policy, FBeta())
    calibrated = 1 / (1 + np.exp(-(2 * np.log(score / (1 - score)) - 1)))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(truth, calibrated), abs=1e-3)


def test_several_classes() -> None:
    random = np.random.default_rng(0)
    scores = random.dirichlet([1, 1, 1], N)
    truth = (random.random(N)[:, None] > scores.cumsum(axis=1)).sum(axis=1)
    classes = ("a", "b", "c")
    policy = Policy(rule="most_probable", classes=classes)
    found = figures(labelled("classes", truth, classes), scores, policy, FBeta(average="macro"))
    answer = scores.argmax(axis=1)
    assert found["objective"] == pytest.approx(metrics.f1_score(truth, answer, average="macro"))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, answer))


@pytest.mark.parametrize("weighted", [False, True])
def test_numbers(weighted: bool) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(100, 10, N)
    predicted = truth + random.normal(1, 2, N)
    weight = random.integers(0, 4, N).astype(float) if weighted else None
    rows = labelled("regression", truth, weight=weight)
    found = figures(rows, predicted, Policy(rule="value"), MeanAbsoluteError(unit="kg"))
    assert found["objective"] == pytest.approx(metrics.mean_absolute_error(truth, predicted, sample_weight=weight))
    assert found["mae"] == pytest.approx(found["objective"])
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, predicted, sample_weight=weight))
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, predicted, sample_weight=weight))
    assert found["bias"] == pytest.approx(np.average(predicted - truth, weights=weight))
