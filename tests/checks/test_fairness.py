"""Disparities between protected groups."""

from __future__ import annotations

import pytest

from holdfast.checks.fairness import disparity
from holdfast.checks.limits import ReleaseLimits
from holdfast.evidence import Disparity, Estimate
from holdfast.records import Status


def found(measure: str, value: float | None, low: float | None, high: float | None) -> list:
    estimate = Estimate(value=value, low=low, high=high)
    one = Disparity(columns=("sex", "race"), measure=measure, estimate=estimate, lowest="a", highest="b")
    return disparity([one], ReleaseLimits())


@pytest.mark.parametrize(
    ("measure", "ends", "status"),
    [
        ("demographic_parity_difference", (0.2, 0.11, 0.3), "warn"),
        ("demographic_parity_difference", (0.2, 0.05, 0.3), "inconclusive"),
        ("demographic_parity_difference", (0.05, 0.04, 0.06), "pass"),
        ("equal_opportunity_difference", (0.2, None, None), "inconclusive"),
        ("demographic_parity_ratio", (0.7, 0.65, 0.79), "warn"),
        ("demographic_parity_ratio", (0.7, 0.6, 0.85), "inconclusive"),
        ("demographic_parity_ratio", (0.9, 0.7, 1.1), "pass"),
        ("equalised_odds_ratio", (0.1, 0.05, 0.2), "pass"),
    ],
)
def test_a_disparity_warns_where_its_whole_interval_is_beyond_the_limit(measure, ends, status) -> None:
    [said] = found(measure, *ends)
    assert said.status == status
    assert said.subject == ("" if status == "pass" else "sex × race")


def test_no_protected_groups_are_not_fair_groups() -> None:
    assert disparity([], ReleaseLimits())[0].status is Status.NOT_APPLICABLE
