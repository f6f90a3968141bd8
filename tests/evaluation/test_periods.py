"""Figures by period, and their trend against statsmodels and by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import statsmodels.api as sm

from holdfast.evaluation.paired import mean_of
from holdfast.evaluation.periods import by_period, period_length, trend
from holdfast.evidence import Estimate, Period

DAY = 86_400.0


def periods_of(values: list[float], errors: list[float]) -> list[Period]:
    return [
        Period(
            start=float(i),
            end=float(i + 1),
            rows=50,
            figures={"cost": Estimate(value=v, low=v - 1.96 * e, high=v + 1.96 * e, unit="EUR")},
        )
        for i, (v, e) in enumerate(zip(values, errors, strict=True))
    ]


@pytest.mark.parametrize(
    ("days", "length"),
    [(0.4, 3600.0), (1, 10_800.0), (16, DAY), (17, 7 * DAY), (112, 7 * DAY), (120, 28 * DAY), (5824, 364 * DAY)],
)
def test_a_natural_length(days: float, length: float) -> None:
    assert period_length(5.0, 5.0 + days * DAY) == length


def test_the_last_period_is_whole_and_none_is_lost() -> None:
    time = np.arange(0, 30 * DAY, 3600.0)
    found = by_period(time, lambda _: {}, time < 5 * DAY)
    assert [p.rows for p in found] == [48, 168, 168, 168, 168]
    assert sum(p.positives or 0 for p in found) == 120
    assert found[-1].end == time[-1]
    assert all(a.end == b.start for a, b in itertools.pairwise(found))


def test_a_period_of_few_rows_has_no_figures() -> None:
    time = np.r_[0.0, np.linspace(11 * DAY, 12 * DAY, 100)]
    found = by_period(time, lambda rows: {"rows": Estimate(value=float(len(rows)))})
    assert found[0].rows == 1
    assert found[0].figures == {}
    assert found[-1].figures["rows"].value == 99.0  # the one on the border belongs to the period before


def test_rows_of_one_moment_have_no_periods() -> None:
    assert by_period(np.full(50, 7.0), lambda _: {}) == ()
    assert by_period(np.array([]), lambda _: {}) == ()


def test_a_trend_is_that_of_weighted_least_squares() -> None:
    rng = np.random.default_rng(3)
    errors = rng.uniform(0.05, 0.2, 8)
    values = 1.0 + 0.3 * np.arange(8) + rng.normal(0, 4 * errors)
    fitted = sm.WLS(values, sm.add_constant(np.arange(8.0)), weights=errors**-2.0).fit()
    found = trend(periods_of(list(values), list(errors)), "cost")
    assert found is not None
    assert fitted.scale > 1
    assert (found.value, found.low, found.high) == pytest.approx((fitted.params[1], *fitted.conf_int()[1]), rel=1e-9)
    assert found.unit == "EUR"


def test_periods_that_agree_too_well_do_not_shorten_the_interval() -> None:
    found = trend(periods_of([1.0, 2.0, 3.0, 4.0, 5.0], [0.5] * 5), "cost")
    assert found is not None
    assert found.high - found.low == pytest.approx(2 * 3.182446 * 0.5 / np.sqrt(10), rel=1e-6)


def test_three_periods_have_no_trend() -> None:
    assert trend(periods_of([1.0, 2.0, 3.0], [0.1] * 3), "cost") is None
    assert trend(periods_of([1.0, 2.0, 3.0, 4.0], [0.1] * 4), "auc") is None


@pytest.mark.simulation
def test_without_a_trend_the_interval_holds_zero() -> None:
    """At least 95% of 1,000 runs, though the periods differ by more than their sampling: standard error 0.7 points."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(1_000):
        level = np.repeat(rng.normal(0, 0.3, 8), 200)
        rows = level + rng.exponential(1.0, 1_600)
        found = trend(by_period(np.arange(1_600) * 7 * DAY / 200, lambda p, r=rows: {"m": mean_of(r[p])}), "m")
        assert found is not None
        held += found.low <= 0 <= found.high
    assert held >= 930
