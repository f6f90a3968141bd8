"""Means and paired differences of contributions, against closed forms and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from holdfast.evaluation.paired import improvement, mean_of


def test_the_interval_of_a_symmetric_mean_is_the_normal_one() -> None:
    half = np.random.default_rng(0).normal(size=250)
    rows = 5 + np.r_[half, -half]
    low, high = stats.norm.interval(0.9, rows.mean(), stats.sem(rows))
    found = mean_of(rows, level=0.9)
    assert (found.value, found.low, found.high) == pytest.approx((rows.mean(), low, high), rel=1e-6)


def test_the_interval_of_a_skewed_mean_is_longer_towards_its_tail() -> None:
    found = mean_of(np.random.default_rng(0).lognormal(size=200))
    assert found.high - found.value > 1.1 * (found.value - found.low)


@pytest.mark.simulation
def test_the_interval_of_lognormal_amounts_covers() -> None:
    """93 to 97% of 1,000 runs; of fewer rows it covers a little less."""
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(1_000):
        found = mean_of(rng.lognormal(0, 1, 5_000) * (rng.random(5_000) < 0.5))
        covered += found.low <= np.exp(0.5) / 2 <= found.high
    assert 930 <= covered <= 970


def test_equal_weights_change_nothing_and_zero_weights_take_rows_away() -> None:
    rows = np.random.default_rng(1).normal(size=100)
    assert mean_of(rows, np.full(100, 3.0)).low == pytest.approx(mean_of(rows).low, rel=1e-12)
    weight = np.r_[np.ones(60), np.zeros(40)]
    assert mean_of(rows, weight).high == pytest.approx(mean_of(rows[:60]).high, rel=1e-12)
    assert mean_of(rows, weight).value == pytest.approx(DescrStatsW(rows, weight).mean)


@pytest.mark.parametrize(("rows", "weight"), [([], None), ([1.0, 2.0], [0.0, 0.0]), ([np.nan, 1.0], None)])
def test_nothing_can_be_said_of_no_rows_or_of_nan(rows: list[float], weight: list[float] | None) -> None:
    found = mean_of(np.array(rows), None if weight is None else np.array(weight))
    assert found.value is None
    assert found.low is None


def test_one_row_has_no_interval() -> None:
    found = mean_of(np.array([2.0]))
    assert (found.value, found.low, found.high) == (2.0, None, None)


def test_rows_that_are_alike_have_no_interval() -> None:
    """0.1 has no exact mean: what rounding leaves of nothing is no scatter."""
    found = mean_of(np.full(1_000, 0.1))
    assert (found.value, found.low, found.high) == (pytest.approx(0.1), None, None)
    assert mean_of(np.array([1.0, 1.0, 5.0]), np.array([1.0, 1.0, 0.0])).low is None


def test_an_improvement_is_positive_whatever_the_direction() -> None:
    better, worse = np.array([1.0, 1.0, 2.0]), np.array([2.0, 3.0, 2.0])
    assert improvement(better, worse, "lower").value == 1.0
    assert improvement(worse, better, "higher").value == 1.0


def test_a_paired_interval_is_that_of_the_paired_test() -> None:
    rng = np.random.default_rng(2)
    base = rng.lognormal(size=2_000)
    champion, candidate = base, base * 0.98 + rng.normal(0, 0.01, 2_000)
    found = improvement(candidate, champion, "lower")
    paired = stats.ttest_rel(champion, candidate).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((paired.low, paired.high), rel=1e-2)


def test_different_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="same rows"):
        improvement(np.ones(3), np.ones(4), "lower")
