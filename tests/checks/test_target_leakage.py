"""Features that give the label away, alone or added up."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from holdfast.checks import target_leakage as module
from holdfast.checks.limits import ReleaseLimits
from holdfast.checks.target_leakage import nearly_perfect, target_leakage
from holdfast.evidence import Estimate, Metric
from holdfast.records import Status
from holdfast.testing.transactions import transactions

LIMITS = ReleaseLimits()
DATA = Path(os.environ.get("HOLDFAST_DATA") or Path(__file__).parents[2] / "../shared/data").resolve()


@pytest.mark.parametrize(
    ("key", "value", "warns"),
    [
        ("roc_auc", 0.9991, True),
        ("macro_roc_auc", 1.0, True),
        ("r2", 0.9995, True),
        ("roc_auc", 0.999, False),
        ("roc_auc", None, False),
        ("accuracy", 1.0, False),
    ],
)
def test_a_model_that_is_nearly_perfect_warns(key: str, value: float | None, warns: bool) -> None:
    found = nearly_perfect([Metric(key=key, title=key, estimate=Estimate(value=value))])
    assert [one.status for one in found] == [Status.WARN] * warns


def rows(n: int = 1_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.random(n) < 0.3, rng


def test_a_category_that_is_the_label_fails() -> None:
    x, truth, _ = rows()
    table = pa.table({"x": x, "sent": pa.array(np.where(truth, "no", "yes")).dictionary_encode()})
    [found] = target_leakage(table, truth, "binary", LIMITS)
    assert (found.status, found.subject, found.value) == (Status.FAIL, "sent", 1.0)


def test_a_number_is_judged_in_its_better_direction_with_its_exact_area() -> None:
    x, truth, rng = rows()
    score = np.where(truth, -1.0, 1.0) * 4 + rng.normal(size=len(x))
    [found] = target_leakage(pa.table({"score": score}), truth, "binary", LIMITS)
    assert found.status is Status.FAIL
    assert found.value == pytest.approx(roc_auc_score(truth, -score), abs=1e-12)


def test_missing_values_that_give_the_label_away_are_found() -> None:
    x, truth, _ = rows()
    table = pa.table({"paid_back": pa.array(x, mask=truth)})
    assert target_leakage(table, truth, "binary", LIMITS)[0].status is Status.FAIL


def test_values_on_both_sides_of_the_middle_give_the_label_away_too() -> None:
    """No order of the values tells it, their bins do."""
    x, _, _ = rows()
    [found] = target_leakage(pa.table({"x": x}), np.abs(x) > 1, "binary", LIMITS)
    assert found.status is Status.FAIL


def test_few_rows_are_not_certain() -> None:
    """Thirty positive rows and an area that is above the limit, but not by its interval."""
    rng = np.random.default_rng(0)
    truth = np.arange(400) < 30
    score = truth * 3.3 + rng.normal(size=400)
    [found] = target_leakage(pa.table({"score": score}), truth, "binary", ReleaseLimits(target_area=0.98))
    assert found.value > 0.98
    assert found.status is Status.WARN


@pytest.mark.parametrize("positives", [0, 29, 1_000])
def test_too_few_rows_of_a_class_say_nothing(positives: int) -> None:
    truth = np.arange(1_000) < positives
    found = target_leakage(pa.table({"x": truth.astype(float)}), truth, "binary", LIMITS)
    assert [said.status for said in found] == [Status.NOT_APPLICABLE]


def test_several_classes_are_judged_by_the_mean_over_classes() -> None:
    """A feature that tells one rare class from the others is a good feature; one that tells all gives them away."""
    rng = np.random.default_rng(0)
    truth = rng.choice(3, 2_000, p=[0.45, 0.45, 0.1])
    table = pa.table({"one": (truth == 2).astype(float), "all": np.array(["a", "b", "c"])[truth]})
    assert [(f.status, f.subject) for f in target_leakage(table, truth, "classes", LIMITS)] == [(Status.FAIL, "all")]


@pytest.mark.parametrize("form", [lambda y: 3 - 2 * y, np.exp, lambda y: np.sign(y) * y**6])
def test_a_number_that_is_a_function_of_the_target_fails(form) -> None:
    y, _, rng = rows()
    table = pa.table({"x": rng.normal(size=len(y)), "copy": form(y)})
    assert [(f.status, f.subject) for f in target_leakage(table, y, "regression", LIMITS)] == [(Status.FAIL, "copy")]


def test_a_good_feature_of_a_number_passes() -> None:
    y, _, rng = rows()
    [found] = target_leakage(pa.table({"x": y + rng.normal(size=len(y)) / 3}), y, "regression", LIMITS)
    assert found.status is Status.PASS
    assert found.value == pytest.approx(0.9, abs=0.02)


def test_numbers_that_add_up_to_the_target_fail_together() -> None:
    rng = np.random.default_rng(0)
    parts = {name: rng.poisson(50, 2_000).astype(float) for name in ("casual", "registered", "other")}
    [found] = target_leakage(pa.table(parts), parts["casual"] + 2 * parts["registered"] + 7, "regression", LIMITS)
    assert (found.status, found.subject) == (Status.FAIL, "casual + registered")
    assert found.evidence["features"] == ["casual", "registered"]


def test_a_sum_with_noise_is_no_sum() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 2_000))
    [found] = target_leakage(pa.table({"a": a, "b": b}), a + b + rng.normal(size=2_000) / 100, "regression", LIMITS)
    assert found.status is Status.PASS


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no folder {DATA}: set HOLDFAST_DATA to the real files")
def test_the_counts_of_the_bicycles_add_up() -> None:
    table = pq.read_table(DATA / "bike_sharing_hour.parquet")
    features = table.drop_columns(["cnt"])
    truth = table["cnt"].to_numpy().astype(float)
    assert "casual + registered" in [f.subject for f in target_leakage(features, truth, "regression", LIMITS)]
    honest = features.drop_columns(["casual", "registered"])
    assert [f.status for f in target_leakage(honest, truth, "regression", LIMITS)] == [Status.PASS]


def test_honest_transactions_pass_and_a_chargeback_does_not() -> None:
    table = transactions(customers=300, terminals=200, days=40)
    truth = table["is_fraud"].to_numpy(zero_copy_only=False)
    features = table.drop_columns(["transaction_id", "is_fraud"])
    assert [f.status for f in target_leakage(features, truth, "binary", LIMITS)] == [Status.PASS]
    leaky = features.append_column("chargeback", pa.array(np.where(truth, table["amount"].to_numpy(), 0.0)))
    assert [f.subject for f in target_leakage(leaky, truth, "binary", LIMITS)] == ["chargeback"]


@pytest.mark.simulation
def test_noise_predicts_nothing() -> None:
    """20 features of 200 rows, 25 times: none is ever near the limit, and the mean area found is that of chance."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(25):
        table = pa.table(
            {f"x{i}": rng.normal(size=200) for i in range(10)} | {f"c{i}": rng.integers(0, 50, 200) for i in range(10)}
        )
        [said] = target_leakage(table, rng.random(200) < 0.3, "binary", LIMITS)
        assert said.status is Status.PASS
        found.append(said.value)
    assert max(found) < 0.75


@settings(max_examples=40)
@given(arrays(np.float64, 40), arrays(np.float64, 40, elements=st.floats(-1e300, 1e300)))
def test_any_numbers_can_be_judged(x: np.ndarray, y: np.ndarray) -> None:
    table = pa.table({"x": x, "z": x[::-1].copy()})
    for said in [
        *target_leakage(table, np.arange(40) % 2 == 0, "binary", LIMITS),
        *target_leakage(table, y, "regression", LIMITS),
    ]:
        assert all(number is None or np.isfinite(number) for number in (said.value, *(said.interval or ())))


def test_a_sample_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 500)
    _, truth, _ = rows(5_000)
    [found] = target_leakage(pa.table({"copy": truth}), truth, "binary", LIMITS)
    assert (found.subject, found.value) == ("copy", 1.0)
