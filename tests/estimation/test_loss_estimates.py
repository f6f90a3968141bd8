"""Errors of predicted numbers before the truth comes."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import ProfileError
from holdfast.estimation.estimates import estimate
from holdfast.estimation.expected import expected
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.fitting import fit
from holdfast.estimation.loss_table import ExpectedLosses
from holdfast.objective import MeanAbsoluteError, RootMeanSquaredError


def world(rows: int, seed: int, share: float = 0.3) -> tuple[np.ndarray, np.ndarray, pa.Table]:
    """Predictions, truths whose noise a feature makes three times as large, and the features."""
    random = np.random.default_rng(seed)
    x, rough = random.normal(size=rows), random.random(rows) < share
    truth = 10 * x + random.normal(size=rows) * np.where(rough, 6.0, 2.0)
    return 10 * x, truth, pa.table({"x": x, "kind": np.where(rough, "rough", "smooth")})


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    predicted, truth, rows = world(8_000, 0)
    return fit("regression", predicted, truth, rows)


def test_a_shift_of_what_makes_errors_large_is_seen(fitted: Fitted) -> None:
    predicted, truth, rows = world(4_000, 1, share=0.6)
    found = estimate(fitted, expected(fitted, predicted, predicted, rows), MeanAbsoluteError(), unit="EUR")
    error = np.abs(truth - predicted)
    assert found["mae"].estimate.value == pytest.approx(error.mean(), rel=0.05)
    assert found["rmse"].estimate.value == pytest.approx(np.sqrt((error**2).mean()), rel=0.05)
    assert found["objective"] == found["mae"]
    assert found["mae"].estimate.unit == "EUR"


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_intervals_hold_what_is_realised(fitted: Fitted, share: float) -> None:
    inside = np.zeros(2)
    for seed in range(40):
        predicted, truth, rows = world(500, 100 + seed, share)
        found = estimate(fitted, expected(fitted, predicted, predicted, rows), RootMeanSquaredError())
        error = np.abs(truth - predicted)
        for place, (key, value) in enumerate({"mae": error.mean(), "objective": np.sqrt((error**2).mean())}.items()):
            one = found[key].estimate
            assert one.low is not None
            assert one.high is not None
            inside[place] += one.low <= value <= one.high
    assert inside.min() >= 35


def test_the_deviation_is_that_of_chance(fitted: Fitted) -> None:
    values = []
    for seed in range(200):
        predicted, truth, _ = world(500, 1_000 + seed)
        values.append(np.abs(truth - predicted).mean())
    predicted, _, rows = world(500, 2)
    found = estimate(fitted, expected(fitted, predicted, predicted, rows))["mae"]
    assert found.deviation == pytest.approx(np.std(values), rel=0.25)


def test_tables_merge_and_read_back(fitted: Fitted) -> None:
    predicted, _, rows = world(1_000, 3)
    predicted[:5] = np.nan
    whole = expected(fitted, predicted, predicted, rows)
    parts = [
        expected(fitted, predicted[p], predicted[p], rows.take(pa.array(p)))
        for p in np.array_split(np.arange(1_000), 2)
    ]
    assert isinstance(parts[0], ExpectedLosses)
    assert isinstance(parts[1], ExpectedLosses)
    merged = parts[0] + ExpectedLosses.from_bytes(parts[1].to_bytes())
    assert (merged.rows, merged.missing) == (995, 5)
    assert merged.sums == pytest.approx(whole.sums)
    other = ExpectedLosses.count("other", np.ones((1, 2, 3)), 3.0, merged.seen)
    with pytest.raises(ProfileError, match="different releases"):
        merged + other


def test_many_rows_are_looked_at_in_part(fitted: Fitted) -> None:
    predicted, truth, rows = world(60_000, 4, share=0.5)
    found = estimate(fitted, expected(fitted, predicted, predicted, rows))["mae"]
    assert found.estimate.value == pytest.approx(np.abs(truth - predicted).mean(), rel=0.04)


def test_a_perfect_model_has_no_error() -> None:
    predicted, _, rows = world(1_000, 5)
    perfect = fit("regression", predicted, predicted, rows)
    found = estimate(perfect, expected(perfect, predicted, predicted, rows))["mae"]
    assert found.estimate.value is not None
    assert msgspec.json.decode(msgspec.json.encode(perfect), type=Fitted) == perfect
