"""Trend over the test part, and segments that change between periods."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f_oneway

from holdfast.checks.limits import ReleaseLimits
from holdfast.checks.stability import _between, trend, unstable_segments
from holdfast.evidence import Estimate
from holdfast.records import Status

LIMITS = ReleaseLimits()


@pytest.mark.parametrize(
    ("slope", "direction", "status"),
    [
        ((0.1, 0.05, 0.15), "lower", "warn"),
        ((0.1, 0.05, 0.15), "higher", "pass"),
        ((-0.1, -0.15, -0.05), "higher", "warn"),
        ((0.1, -0.05, 0.25), "lower", "inconclusive"),
        ((0.01, 0.005, 0.015), "lower", "pass"),
        ((float("nan"), 0.0, 1.0), "lower", "inconclusive"),
    ],
)
def test_a_trend_warns_where_it_is_worse_certain_and_material(slope, direction, status) -> None:
    """Nine periods of an objective of 2: a slope of 0.1 is 40% of it."""
    value, low, high = slope
    [found] = trend(Estimate(value=value, low=low, high=high), 9, 2.0, direction, LIMITS)
    assert found.status == status


def test_without_a_trend_or_an_objective_nothing_passes() -> None:
    assert trend(None, 2, 1.0, "lower", LIMITS)[0].status is Status.NOT_APPLICABLE
    slope = Estimate(value=0.1, low=0.0, high=0.2)
    assert trend(slope, 9, None, "lower", LIMITS)[0].status is Status.INCONCLUSIVE
    assert trend(slope, 9, 0.0, "lower", LIMITS)[0].status is Status.INCONCLUSIVE


def test_the_p_value_is_that_of_an_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    period = np.repeat(np.arange(5), [20, 30, 40, 5, 25])
    values = rng.normal(size=120) + period / 5
    found = _between(values, period, 10)
    assert found is not None
    assert found[0] == pytest.approx(f_oneway(*(values[period == k] for k in (0, 1, 2, 4))).pvalue, rel=1e-9)


def lognormal_costs(rng: np.random.Generator, periods: int = 8, rows: int = 40_000):
    """Costs as of fraud: one row in twenty, lognormal; ten segments."""
    cost = np.where(rng.random(rows) < 0.05, rng.lognormal(3, 1, rows), 0.0)
    return cost, np.arange(rows) * periods // rows, rng.integers(0, 10, rows)


@pytest.mark.simulation
def test_stable_segments_seldom_warn_and_one_that_breaks_is_found() -> None:
    """At most 5% of 100 runs of skewed costs; at least 80% where one segment costs six times as much in two periods."""
    rng = np.random.default_rng(0)
    warned = np.zeros(2)
    for _ in range(100):
        cost, period, code = lognormal_costs(rng)
        for case, factor in enumerate((1.0, 6.0)):
            changed = np.where((code == 3) & (period >= 6), factor * cost, cost)
            found = unstable_segments(changed, period, {"shop": (code, 10)}, LIMITS, minimum_rows=50)
            warned[case] += found[0].status is Status.WARN
    assert warned[0] <= 5
    assert warned[1] >= 80


def test_what_befalls_all_segments_alike_is_not_instability() -> None:
    rng = np.random.default_rng(0)
    cost, period, code = lognormal_costs(rng)
    found = unstable_segments(cost + 5.0 * period, period, {"shop": (code, 10)}, LIMITS, minimum_rows=50)
    assert [one.status for one in found] == [Status.PASS]


def test_too_little_says_nothing() -> None:
    cost, period, code = np.ones(60), np.arange(60) // 20, np.zeros(60, np.int64)
    for segments, rows in (({}, 5), ({"a": (code, 1)}, 30), ({"a": (code - 1, 1)}, 5), ({"a": (code, 1)}, 5)):
        assert unstable_segments(cost, period, segments, LIMITS, minimum_rows=rows)[0].status is Status.NOT_APPLICABLE
    assert (
        unstable_segments(cost, period // 2, {"a": (code, 1)}, LIMITS, minimum_rows=5)[0].status
        is Status.NOT_APPLICABLE
    )
