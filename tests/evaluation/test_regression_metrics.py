"""Metrics of predicted numbers, against scikit-learn on the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from holdfast.evaluation.regression_metrics import regression_metrics
from holdfast.evidence import Estimate
from holdfast.profile.residuals import ResidualEdges, ResidualTable


def sample(n: int = 2_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.lognormal(3, 0.5, n)
    return truth * rng.lognormal(0.05, 0.3, n), truth


EDGES = ResidualEdges.learn(*sample(), quantiles=(0.1, 0.9))


def estimates(table: ResidualTable, **options: object) -> dict[str, Estimate]:
    return {metric.key: metric.estimate for metric in regression_metrics(table, **options)}


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_are_those_of_scikit_learn(weighted: bool) -> None:
    predicted, truth = sample(seed=1)
    weight = np.random.default_rng(2).lognormal(size=len(truth)) if weighted else None
    columns = {"cost": np.where(predicted > truth, 2.0, 5.0) * abs(predicted - truth)}
    found = estimates(ResidualTable.count(EDGES, predicted, truth, weight, columns), unit="bikes")
    expected = {
        "mae": oracle.mean_absolute_error(truth, predicted, sample_weight=weight),
        "rmse": oracle.root_mean_squared_error(truth, predicted, sample_weight=weight),
        "mape": oracle.mean_absolute_percentage_error(truth, predicted, sample_weight=weight),
        "r2": oracle.r2_score(truth, predicted, sample_weight=weight),
        "bias": np.average(predicted - truth, weights=weight),
        "quantile_loss_0.1": oracle.mean_pinball_loss(truth, predicted, alpha=0.1, sample_weight=weight),
        "quantile_loss_0.9": oracle.mean_pinball_loss(truth, predicted, alpha=0.9, sample_weight=weight),
        "cost": np.average(columns["cost"], weights=weight),
    }
    assert set(found) == set(expected)
    for key, number in expected.items():
        assert found[key].value == pytest.approx(number, abs=1e-9), key
        assert found[key].low < number < found[key].high, key
    assert (found["mae"].unit, found["mape"].unit, found["r2"].unit) == ("bikes", "share", "")


def test_the_standard_error_of_the_mean_absolute_error_is_exact() -> None:
    predicted, truth = sample(seed=1)
    found = estimates(ResidualTable.count(EDGES, predicted, truth))["mae"]
    error = abs(predicted - truth).std(ddof=1) / np.sqrt(len(truth))
    assert (found.high - found.low) / 2 == pytest.approx(1.959963985 * error, rel=1e-9)


def test_a_truth_of_zero_has_no_percentage() -> None:
    predicted, truth = np.array([1.0, 3.0, 5.0]), np.array([0.0, 2.0, 4.0])
    assert estimates(ResidualTable.count(EDGES, predicted, truth))["mape"].value == pytest.approx((0.5 + 0.25) / 2)
    nothing = estimates(ResidualTable.count(EDGES, predicted, np.zeros(3)))
    assert nothing["mape"].value is None
    assert nothing["r2"].value is None


def test_a_large_mean_does_not_drown_the_spread() -> None:
    predicted, truth = sample()
    moved = ResidualEdges.learn(predicted + 1e7, truth + 1e7)
    found = estimates(ResidualTable.count(moved, predicted + 1e7, truth + 1e7))
    assert found["r2"].value == pytest.approx(oracle.r2_score(truth, predicted), abs=1e-7)


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_have_no_interval(rows: int) -> None:
    found = estimates(ResidualTable.count(EDGES, *(values[:rows] for values in sample())))
    assert {estimate.low for estimate in found.values()} == {None}
    assert (found["mae"].value is None) == (rows == 0)


@pytest.mark.simulation
def test_intervals_cover() -> None:
    """The figures of a large sample, by the intervals of 400 samples of 1,000 rows."""
    truth = estimates(ResidualTable.count(EDGES, *sample(1_000_000, 999)))
    covered = dict.fromkeys(truth, 0)
    for seed in range(400):
        for key, estimate in estimates(ResidualTable.count(EDGES, *sample(1_000, seed))).items():
            covered[key] += estimate.low <= truth[key].value <= estimate.high
    # Three standard errors of 400 runs are 3.3 points.
    assert {key: hits / 400 for key, hits in covered.items() if hits < 0.917 * 400} == {}
