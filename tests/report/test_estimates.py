"""No digit that the interval does not support."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.evidence import Estimate
from holdfast.report.estimates import cell, complement, ends, per, point, rounded, scaled, told


@pytest.mark.parametrize(
    ("value", "half", "shown"),
    [
        (0.827, 0.119, "0.83"),  # the example of the Particle Data Group
        (0.827, 0.367, "0.8"),
        (0.8274, 0.0354, "0.827"),
        (0.8274, 0.0356, "0.83"),
        (1234567.0, 35_000.0, "1,235,000"),
        (1234567.0, 40_000.0, "1,230,000"),
        (0.5, 0.98, "0.5"),
    ],
)
def test_the_interval_says_how_many_digits_are_shown(value: float, half: float, shown: str) -> None:
    assert point(Estimate(value=value, low=value - half, high=value + half)) == shown


def test_shares_are_percents_and_money_has_its_currency() -> None:
    assert told(Estimate(value=0.8712, low=0.8523, high=0.8899, unit="share")) == "87.1% (85.2% to 89.0%)"
    assert told(Estimate(value=21_520.0, low=19_118.0, high=24_231.0, unit="EUR")) == "21,500 EUR (19,100 to 24,200)"
    assert (
        told(Estimate(value=0.026, low=0.004, high=0.048, unit="EUR"), signed=True) == "+0.026 EUR (+0.004 to +0.048)"
    )


@pytest.mark.parametrize("estimate", [None, Estimate(value=None), Estimate(value=float("nan"))])
def test_what_could_not_be_had_is_a_dash(estimate: Estimate | None) -> None:
    assert (point(estimate), ends(estimate), told(estimate), cell(estimate)) == ("–", "–", "–", "–")


def test_without_an_interval_three_digits_are_shown() -> None:
    assert told(Estimate(value=1.23456, unit="EUR")) == "1.23 EUR"
    assert told(Estimate(value=0.123456, unit="share")) == "12.3%"
    assert told(Estimate(value=0.2, low=0.2, high=0.2)) == "0.2 (0.2 to 0.2)"


def test_a_complement_turns_the_interval_round() -> None:
    found = complement(Estimate(value=0.75, low=0.5, high=0.875, unit="share"))
    assert found == Estimate(value=0.25, low=0.125, high=0.5, unit="share")
    assert complement(None) is None


def test_a_share_of_a_thousand_rows() -> None:
    assert per(Estimate(value=0.25, low=0.125, high=0.5, unit="share")) == Estimate(value=250.0, low=125.0, high=500.0)
    assert per(None) is None
    assert scaled(Estimate(value=1.0, low=0.0, high=3.0), -2.0, unit="x") == Estimate(
        value=-2.0, low=-6.0, high=0.0, unit="x"
    )


@given(st.floats(-1e9, 1e9), st.integers(-3, 6))
def test_a_rounded_number_is_near_and_has_no_minus_zero(value: float, decimals: int) -> None:
    shown = rounded(value, decimals)
    assert abs(float(shown.replace(",", "")) - value) <= 0.5000001 * 10.0**-decimals + 1e-6
    assert not re.fullmatch(r"-0\.?0*", shown)


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6))
def test_values_and_ends_have_as_many_decimals(value: float, half: float) -> None:
    estimate = Estimate(value=value, low=value - half, high=value + half)
    if (estimate.high or 0.0) <= (estimate.low or 0.0):
        return
    shown = [point(estimate), *ends(estimate).split(" to ")]
    assert len({len(text.partition(".")[2]) for text in shown}) == 1 or half < 1e-6
