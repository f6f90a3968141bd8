"""Metrics of several classes, against scikit-learn on the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from holdfast.evaluation.class_metrics import class_metrics
from holdfast.evaluation.figures import Precision
from holdfast.evidence import Estimate
from holdfast.profile.class_scores import ClassTable

CLASSES = ("a", "b", "c")


def sample(n: int = 1_500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    logits = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[truth]
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), truth


def estimates(table: ClassTable, **options: object) -> dict[str, Estimate]:
    return {metric.key: metric.estimate for metric in class_metrics(table, Precision(**options))}


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_are_those_of_scikit_learn(weighted: bool) -> None:
    scores, truth = sample()
    weight = np.random.default_rng(2).lognormal(size=len(truth)) if weighted else None
    found = estimates(ClassTable.count(CLASSES, scores, truth, weight=weight))
    answer, given = scores.argmax(axis=1), {"sample_weight": weight}
    expected = {
        "accuracy": oracle.accuracy_score(truth, answer, **given),
        "log_loss": oracle.log_loss(truth, scores, **given),
    }
    for key in ("precision", "recall", "f1"):
        function = getattr(oracle, f"{key}_score")
        each = function(truth, answer, average=None, **given)
        expected |= {f"{key}[{name}]": number for name, number in zip(CLASSES, each, strict=True)}
        expected |= {f"{how}_{key}": function(truth, answer, average=how, **given) for how in ("macro", "weighted")}
    for key, number in expected.items():
        assert found[key].value == pytest.approx(number, abs=1e-9), key
        assert found[key].low < number < found[key].high, key
    areas = [oracle.roc_auc_score(truth == place, scores[:, place], **given) for place in range(3)]
    assert found["macro_roc_auc"].value == pytest.approx(np.mean(areas), abs=1e-3)
    assert found["macro_roc_auc"].low < np.mean(areas) < found["macro_roc_auc"].high
    assert set(found) == set(expected) | {"macro_roc_auc"}


def test_a_class_without_rows_has_no_figures() -> None:
    scores, truth = sample()
    found = estimates(ClassTable.count((*CLASSES, "d"), np.column_stack([scores, np.zeros(1_500)]), truth))
    assert found["recall[d]"].value is None
    assert found["macro_recall"].value == pytest.approx(
        oracle.recall_score(truth, scores.argmax(axis=1), average="macro")
    )
    assert found["macro_roc_auc"].value is None


def test_without_rows_everything_is_unknown() -> None:
    found = estimates(ClassTable.count(CLASSES, np.zeros((0, 3)), np.zeros(0, dtype=int)))
    assert {(estimate.value, estimate.low, estimate.high) for estimate in found.values()} == {(None, None, None)}


@pytest.mark.simulation
def test_intervals_cover() -> None:
    truth = estimates(ClassTable.count(CLASSES, *sample(200_000, 999)))
    covered = dict.fromkeys(truth, 0)
    for seed in range(150):
        for key, estimate in estimates(ClassTable.count(CLASSES, *sample(800, seed)), replicates=100).items():
            covered[key] += estimate.low <= truth[key].value <= estimate.high
    # Three standard errors of 150 runs are 5.3 points.
    assert {key: hits / 150 for key, hits in covered.items() if hits < 0.897 * 150} == {}
