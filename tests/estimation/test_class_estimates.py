"""Metrics of several classes before the truth comes."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

from holdfast.errors import ProfileError
from holdfast.estimation.class_table import ExpectedClasses
from holdfast.estimation.corrected import Corrected, Curve
from holdfast.estimation.estimates import estimate
from holdfast.estimation.expected import expected
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.fitting import fit
from holdfast.objective import CostMatrix, FBeta

NAMES = ("low", "middle", "high")
RAW = Fitted(task="classes", classes=NAMES, corrected=(Corrected(link="logit", plain=Curve()),) * 3)
"""The scores are the probabilities."""


def world(rows: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, pa.Table]:
    """Scores (n, 3) of a model that ignores a feature, the codes of the truth, and the features."""
    random = np.random.default_rng(seed)
    x, hidden = random.normal(size=rows), random.normal(size=rows) + shift

    def softmax(odds: np.ndarray) -> np.ndarray:
        likely = np.exp(odds - odds.max(axis=1, keepdims=True))
        return likely / likely.sum(axis=1, keepdims=True)

    true = softmax(np.stack([-x, 0 * x, 1.5 * x + hidden], axis=1))
    truth = (random.random(rows)[:, None] > true.cumsum(axis=1)[:, :2]).sum(axis=1)
    return softmax(np.stack([-x, 0 * x, 1.3 * x], axis=1)), truth, pa.table({"x": x, "hidden": hidden})


def test_certain_rows_give_the_metrics_of_scikit_learn() -> None:
    score, truth, rows = world(500, 0)
    answer = score.argmax(axis=1)
    each = np.eye(3)[truth].T[np.newaxis]
    table = ExpectedClasses.count(RAW.identity, score, answer, each, expected(RAW, score, answer, rows).seen)
    found = {key: one.estimate.value for key, one in estimate(RAW, table, FBeta(average="macro")).items()}
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, answer))
    assert found["macro_f1"] == found["objective"] == pytest.approx(f1_score(truth, answer, average="macro"))
    assert found["weighted_f1"] == pytest.approx(f1_score(truth, answer, average="weighted"))
    assert found["recall[high]"] == pytest.approx(recall_score(truth, answer, average=None)[2])
    areas = [roc_auc_score(truth == k, score[:, k]) for k in range(3)]
    assert found["macro_roc_auc"] == pytest.approx(np.mean(areas), abs=3e-3)


def test_costs_by_truth_and_answer() -> None:
    score, _, rows = world(1_000, 1)
    answer = score.argmax(axis=1)
    costs = CostMatrix(costs={"low": {"high": 3.0}, "high": {"low": 10.0}}, otherwise=1.0, currency="EUR")
    matrix = np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 1.0], [10.0, 1.0, 0.0]])
    found = estimate(RAW, expected(RAW, score, answer, rows), costs)["objective"]
    assert found.estimate.value == pytest.approx((score @ matrix)[np.arange(1_000), answer].mean(), rel=1e-5)
    assert found.estimate.unit == "EUR"
    assert "objective" not in estimate(
        RAW, expected(RAW, score, answer, rows), CostMatrix(costs={"low": {"high": "x"}})
    )


def test_intervals_hold_what_is_realised_also_when_a_feature_shifts() -> None:
    score, truth, rows = world(8_000, 2)
    fitted = fit("classes", score, truth, rows, classes=NAMES)
    inside = {"accuracy": 0, "macro_f1": 0, "recall[high]": 0, "macro_roc_auc": 0}
    for seed in range(30):
        score, truth, rows = world(1_000, 100 + seed, shift=0.5)
        answer = score.argmax(axis=1)
        found = estimate(fitted, expected(fitted, score, answer, rows))
        realised = {
            "accuracy": accuracy_score(truth, answer),
            "macro_f1": f1_score(truth, answer, average="macro"),
            "recall[high]": recall_score(truth, answer, average=None)[2],
            "macro_roc_auc": np.mean([roc_auc_score(truth == k, score[:, k]) for k in range(3)]),
        }
        for key, value in realised.items():
            one = found[key].estimate
            assert one.low is not None
            assert one.high is not None
            inside[key] += one.low <= value <= one.high
    assert min(inside.values()) >= 26


def test_tables_merge_and_read_back() -> None:
    score, truth, rows = world(3_000, 3)
    fitted = fit("classes", score, truth, rows, classes=NAMES)
    answer = score.argmax(axis=1)
    whole = expected(fitted, score, answer, rows)
    parts = [expected(fitted, score[p], answer[p], rows.take(pa.array(p))) for p in np.array_split(np.arange(3_000), 2)]
    assert isinstance(parts[0], ExpectedClasses)
    assert isinstance(parts[1], ExpectedClasses)
    merged = parts[0] + ExpectedClasses.from_bytes(parts[1].to_bytes())
    assert merged.matrix == pytest.approx(whole.matrix)
    assert merged.rows == 3_000
    other = ExpectedClasses.count("other", score, answer, np.ones((1, 3, 3_000)), whole.seen)
    with pytest.raises(ProfileError, match="different releases"):
        merged + other


def test_a_class_without_rows_and_rows_without_scores() -> None:
    score, truth, rows = world(1_000, 4)
    fitted = fit("classes", score, np.minimum(truth, 1), rows, classes=NAMES)
    score[:10] = np.nan
    table = expected(fitted, score, np.nan_to_num(score).argmax(axis=1), rows)
    assert (table.rows, table.missing) == (990, 10)
    assert estimate(fitted, table)["accuracy"].status == "known"
    assert msgspec.json.decode(msgspec.json.encode(fitted), type=Fitted) == fitted
