"""Metrics of two classes before the truth comes."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, recall_score, roc_auc_score

from holdfast.errors import InputError, ProfileError
from holdfast.estimation.corrected import Corrected, Curve
from holdfast.estimation.estimates import Estimated, effective_share, estimate
from holdfast.estimation.expected import expected
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.fitting import fit
from holdfast.estimation.table import ExpectedTable
from holdfast.objective import Cost, FBeta

RAW = Fitted(task="binary", corrected=(Corrected(link="logit", plain=Curve()),))
"""The score is the probability."""


def world(rows: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, pa.Table]:
    """Scores of a model that ignores a feature, the truth, and the features."""
    random = np.random.default_rng(seed)
    x, hidden = random.normal(size=rows), random.normal(size=rows) + shift
    truth = random.random(rows) < 1 / (1 + np.exp(1.0 - x - 1.5 * hidden))
    score = 1 / (1 + np.exp(0.7 - 0.8 * x))
    return score, truth, pa.table({"x": x, "hidden": hidden, "group": np.where(hidden > 0, "high", "low")})


def values(found: dict[str, Estimated]) -> dict[str, float | None]:
    return {key: one.estimate.value for key, one in found.items()}


def test_calibrated_scores_say_what_is_expected() -> None:
    score = np.repeat([0.2, 0.7], 500)
    table = expected(RAW, score, score >= 0.5, pa.table({"x": score}))
    found = values(estimate(RAW, table, Cost(false_positive=1.0, false_negative=5.0)))
    assert found["prevalence"] == pytest.approx(0.45)
    assert found["precision"] == pytest.approx(0.7)
    assert found["recall"] == pytest.approx(350 / 450)
    assert found["accuracy"] == pytest.approx(0.75)
    assert found["cost"] == found["objective"] == pytest.approx((150 * 1 + 100 * 5) / 1_000)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_certain_rows_give_the_metrics_of_scikit_learn(seed: int) -> None:
    """Probabilities that are nearly 0 or 1 leave nothing to chance: the estimate is the metric."""
    random = np.random.default_rng(seed)
    truth = random.random(300) < 0.4
    score = np.clip(np.where(truth, 0.6, 0.4) + random.normal(scale=0.2, size=300), 0.01, 0.99)
    each = np.where(truth, 1 - 1e-9, 1e-9)[np.newaxis]
    seen = expected(RAW, score, score >= 0.5, pa.table({"x": score})).seen
    table = ExpectedTable.count(RAW.identity, score, score >= 0.5, each, {}, seen)
    found = values(estimate(RAW, table, FBeta(beta=2.0)))
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, score >= 0.5))
    assert found["f1"] == pytest.approx(f1_score(truth, score >= 0.5))
    assert found["recall"] == pytest.approx(recall_score(truth, score >= 0.5))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(truth, score), abs=2e-3)
    assert found["pr_auc"] == pytest.approx(average_precision_score(truth, score), abs=1e-2)
    assert found["objective"] == found["f2"]


def test_what_the_model_ignores_is_seen_when_it_shifts() -> None:
    score, truth, rows = world(8_000, 0)
    fitted = fit("binary", score, truth, rows)
    plain = msgspec.structs.replace(
        fitted, corrected=(msgspec.structs.replace(fitted.corrected[0], starts=(), trees=()),)
    )
    score, truth, rows = world(4_000, 1, shift=0.5)
    errors = []
    for one in (fitted, plain):
        found = estimate(one, expected(one, score, score >= 0.5, rows))["prevalence"]
        assert found.estimate.value is not None
        errors.append(abs(found.estimate.value - truth.mean()))
    assert errors[0] < 0.02 < 0.1 < errors[1]


def test_intervals_hold_what_is_realised() -> None:
    score, truth, rows = world(8_000, 2)
    fitted = fit("binary", score, truth, rows)
    inside = {"roc_auc": 0, "f1": 0, "accuracy": 0, "cost": 0}
    for seed in range(60):
        score, truth, rows = world(1_000, 100 + seed)
        found = estimate(
            fitted, expected(fitted, score, score >= 0.5, rows), Cost(false_positive=1.0, false_negative=2.0)
        )
        answer = score >= 0.5
        realised = {
            "roc_auc": roc_auc_score(truth, score),
            "f1": f1_score(truth, answer),
            "accuracy": accuracy_score(truth, answer),
            "cost": (answer & ~truth).mean() + 2 * (~answer & truth).mean(),
        }
        for key, value in realised.items():
            one = found[key].estimate
            assert one.low is not None
            assert one.high is not None
            inside[key] += one.low <= value <= one.high
    assert min(inside.values()) >= 53


def test_costs_are_sums_of_columns() -> None:
    score, amount = np.array([0.25, 0.75] * 50), np.array([10.0, 100.0] * 50)
    table = expected(RAW, score, score >= 0.5, pa.table({"x": score}), {"amount": amount})
    cost = Cost(false_positive=4.0, false_negative="amount", true_positive=1.0)
    found = estimate(RAW, table, cost)["cost"]
    assert found.estimate.value == pytest.approx((0.25 * 10 + 0.75 * 1 + 0.25 * 4) / 2)
    variance = 0.25 * 0.75 * (10**2 + 3**2) / 2 / 100
    assert found.deviation == pytest.approx(np.sqrt(variance), rel=0.1)


def test_a_month_is_the_sum_of_its_days() -> None:
    score, truth, rows = world(3_000, 3)
    fitted = fit("binary", score, truth, rows)
    whole = expected(fitted, score, score >= 0.5, rows, {"x": rows["x"].to_numpy()})
    parts = [
        expected(fitted, score[part], score[part] >= 0.5, rows.take(pa.array(part)), {"x": rows["x"].to_numpy()[part]})
        for part in np.array_split(np.arange(3_000), 3)
    ]
    merged = parts[0] + parts[1] + ExpectedTable.from_bytes(parts[2].to_bytes())
    assert merged.ranked.positives == pytest.approx(whole.ranked.positives)
    assert merged.seconds == pytest.approx(whole.seconds)
    assert (merged.seen.codes == whole.seen.codes).all()
    for key, one in estimate(fitted, whole).items():
        assert estimate(fitted, merged)[key].estimate.value == pytest.approx(one.estimate.value)


def test_tables_of_different_releases_do_not_merge() -> None:
    other = msgspec.structs.replace(RAW, rows=7)
    tables = [expected(one, np.array([0.5]), np.array([True]), pa.table({"x": [1]})) for one in (RAW, other)]
    with pytest.raises(ProfileError, match="different releases"):
        tables[0] + tables[1]


def test_many_rows_are_looked_at_in_part() -> None:
    score, truth, rows = world(8_000, 4)
    fitted = fit("binary", score, truth, rows)
    score, truth, rows = world(60_000, 5, shift=0.3)
    table = expected(fitted, score, score >= 0.5, rows)
    assert table.rows == 60_000
    assert table.seen.codes[0].sum() == 5_000
    assert estimate(fitted, table)["prevalence"].estimate.value == pytest.approx(truth.mean(), abs=0.012)


def test_few_rows_are_unknown() -> None:
    score = np.array([0.2, 0.7, np.nan])
    table = expected(RAW, score, score >= 0.5, pa.table({"x": score}))
    assert (table.rows, table.missing) == (2, 1)
    assert {one.status for one in estimate(RAW, table).values()} == {"unknown"}
    assert estimate(RAW, expected(RAW, score[:0], score[:0] > 0, pa.table({"x": score[:0]}))) == {}


def test_outside_the_support_is_unknown() -> None:
    fitted = msgspec.structs.replace(RAW, support_limit=0.3)
    score = np.full(100, 0.4)
    distance = np.where(np.arange(100) < 60, 0.9, 0.1)
    table = expected(fitted, score, score >= 0.5, pa.table({"x": score}), distance=distance)
    found = estimate(fitted, table)["accuracy"]
    assert (found.status, found.estimate.value) == ("unknown", None)
    assert "60%" in found.reason


def test_a_feature_that_moved_far_is_unknown_and_named() -> None:
    score, truth, rows = world(4_000, 6)
    fitted = fit("binary", score, truth, rows)
    same = expected(fitted, score, score >= 0.5, rows)
    assert effective_share(fitted, same.seen)[0] > 0.95
    score, truth, rows = world(4_000, 7, shift=4.0)
    found = estimate(fitted, expected(fitted, score, score >= 0.5, rows))["roc_auc"]
    assert found.status == "unknown"
    assert "'hidden'" in found.reason


def test_rows_must_agree() -> None:
    with pytest.raises(InputError, match="'answer'"):
        expected(RAW, np.array([0.5]), np.array([True, False]), pa.table({"x": [1]}))


def test_what_is_fitted_is_json_and_small() -> None:
    score, truth, rows = world(8_000, 8)
    fitted = fit("binary", score, truth, rows)
    content = msgspec.json.encode(fitted)
    assert len(content) < 150_000
    again = msgspec.json.decode(content, type=Fitted)
    assert again == fitted
    assert again.identity == fitted.identity
