"""The gap between train and test."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.checks.limits import ReleaseLimits
from holdfast.checks.overfit import overfit_gap
from holdfast.evidence import Estimate, Metric
from holdfast.records import Status


def metric(
    value: float | None, half: float = 0.01, key: str = "roc_auc", direction: str = "higher", unit: str = "share"
):
    ends = (None, None) if value is None else (value - half, value + half)
    estimate = Estimate(value=value, low=ends[0], high=ends[1], unit=unit)
    return [Metric(key=key, title=key, estimate=estimate, direction=direction)]


@pytest.mark.parametrize(
    ("train", "test", "half", "status"),
    [
        (0.95, 0.94, 0.01, "pass"),
        (0.90, 0.95, 0.01, "pass"),
        (0.99, 0.80, 0.01, "warn"),
        (0.99, 0.80, 0.09, "inconclusive"),
        (0.99, None, 0.01, "inconclusive"),
    ],
)
def test_the_whole_interval_of_the_gap_lies_above_the_limit(train, test, half, status) -> None:
    [found] = overfit_gap(metric(train, half), metric(test, half), ReleaseLimits())
    assert found.status == status


def test_the_gap_of_a_cost_is_a_share_of_that_on_train() -> None:
    cost = {"key": "objective", "direction": "lower", "unit": "EUR"}
    [found] = overfit_gap(metric(2.0, 0.1, **cost), metric(3.0, 0.2, **cost), ReleaseLimits())
    assert found.status is Status.WARN
    assert found.value == 0.5
    assert found.interval == pytest.approx((0.5 - np.hypot(0.1, 0.2) / 2, 0.5 + np.hypot(0.1, 0.2) / 2))


def test_r2_is_read_as_a_share_is() -> None:
    [found] = overfit_gap(metric(0.1, key="r2", unit=""), metric(0.05, key="r2", unit=""), ReleaseLimits())
    assert (found.status, found.value) == (Status.PASS, pytest.approx(0.05))


def test_metrics_that_train_does_not_have_are_left_out() -> None:
    assert overfit_gap([], metric(0.9), ReleaseLimits())[0].status is Status.NOT_APPLICABLE
    assert (
        overfit_gap(metric(0.9, key="mcc"), metric(0.9, key="mcc"), ReleaseLimits())[0].status is Status.NOT_APPLICABLE
    )


@pytest.mark.simulation
def test_the_interval_covers_the_difference_of_two_means() -> None:
    """93 to 97% of 2,000 pairs of means."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2_000):
        a, b = rng.normal(1.0, 1, 200), rng.normal(1.5, 2, 300)
        sides = [
            metric(s.mean(), 1.96 * s.std(ddof=1) / np.sqrt(len(s)), key="objective", direction="lower") for s in (a, b)
        ]
        low, high = overfit_gap(*sides, ReleaseLimits())[0].interval
        covered += low <= 0.5 <= high
    assert 0.93 <= covered / 2_000 <= 0.97
