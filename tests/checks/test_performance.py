"""Simple rules, weak segments, calibration, coverage and guarantees."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.checks.limits import ReleaseLimits
from holdfast.checks.performance import baseline_gain, calibration, coverage, guarantee, weak_segments
from holdfast.evidence import Baseline, Coverage, Estimate, Group
from holdfast.records import Status

LIMITS = ReleaseLimits()


def rule(value: float | None, low: float | None = None, high: float | None = None, key: str = "simple") -> Baseline:
    saving = Estimate(value=value, low=low, high=high, unit="EUR")
    return Baseline(key=key, title="Best feature", objective=Estimate(value=1.0), saving=saving)


@pytest.mark.parametrize(
    ("baseline", "status"),
    [
        (rule(2.0, 1.0, 3.0), "pass"),
        (rule(2.0, -1.0, 5.0), "inconclusive"),
        (rule(-2.0, -3.0, -1.0), "fail"),
        (rule(-2.0, -3.0, -1.0, key="half"), "warn"),
        (rule(0.0, 0.0, 0.0), "inconclusive"),
        (rule(float("nan"), 1.0, 2.0), "inconclusive"),
        (rule(None), "inconclusive"),
    ],
)
def test_a_model_is_certainly_better_than_a_rule_or_has_not_passed(baseline: Baseline, status: str) -> None:
    [found] = baseline_gain([baseline])
    assert (found.status, found.subject) == (status, baseline.key)


def test_without_rules_nothing_passes() -> None:
    assert baseline_gain([])[0].status is Status.INCONCLUSIVE


def segment(value: float | None, confirmed: bool) -> Group:
    figures = {"worse_by": Estimate(value=value, low=0.5, high=1.5, unit="EUR")}
    return Group(columns=("age", "country"), values=("30 to 40", "DE"), rows=250, figures=figures, confirmed=confirmed)


def test_only_confirmed_segments_are_told_and_no_value_of_theirs() -> None:
    [found] = weak_segments([segment(1.0, confirmed=True), segment(2.0, confirmed=False)])
    assert (found.status, found.subject, found.value) == (Status.WARN, "age × country", 1.0)
    assert found.message == "The objective is worse by 1 EUR than elsewhere, on 250 rows of the half that confirms."
    assert weak_segments([segment(2.0, confirmed=False)])[0].status is Status.PASS
    assert weak_segments(None)[0].status is Status.NOT_APPLICABLE


def test_probabilities_of_one_class_are_not_judged() -> None:
    assert calibration(np.full(10, 0.1), np.zeros(10, bool), LIMITS)[0].status is Status.NOT_APPLICABLE
    assert calibration(np.empty(0), np.empty(0, bool), LIMITS)[0].status is Status.NOT_APPLICABLE


def test_a_tiny_miscalibration_of_many_rows_is_certain_and_immaterial() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.1, 0.5, 400_000)
    [found] = calibration(p, rng.random(len(p)) < p + 0.01, LIMITS)
    assert found.status is Status.PASS
    assert found.evidence["p_value"] < 1e-6


@pytest.mark.simulation
@pytest.mark.parametrize(("rows", "base"), [(300, 0.5), (5_000, 0.01), (5_000, 0.2)])
def test_calibrated_probabilities_seldom_warn_and_doubled_ones_often(rows: int, base: float) -> None:
    """At most 5% of 300 calibrated samples; at least 80% of samples whose probability says twice the truth."""
    rng = np.random.default_rng(0)
    warned = np.zeros(2)
    for _ in range(300):
        p = np.minimum(rng.gamma(1.5, base / 1.5, rows), 0.95)
        warned[0] += calibration(p, rng.random(rows) < p, LIMITS)[0].status is Status.WARN
        warned[1] += calibration(p, rng.random(rows) < p / 2, LIMITS)[0].status is Status.WARN
    assert warned[0] <= 15
    assert warned[1] >= 240


def held(value: float | None, half: float, *, groups: tuple[Group, ...] = ()) -> Coverage:
    ends = (None, None) if value is None else (value - half, value + half)
    return Coverage(
        method="split",
        level=0.9,
        coverage=Estimate(value=value, low=ends[0], high=ends[1]),
        width=Estimate(value=1.0),
        groups=groups,
    )


@pytest.mark.parametrize(
    ("value", "half", "status"),
    [
        (0.90, 0.01, "pass"),
        (0.885, 0.01, "pass"),
        (0.86, 0.01, "warn"),
        (0.86, 0.05, "inconclusive"),
        (None, 0, "inconclusive"),
    ],
)
def test_coverage_below_its_level_is_told_when_certain_and_material(value, half, status) -> None:
    [found] = coverage([held(value, half)], LIMITS)
    assert found.status == status


def test_a_segment_that_is_not_covered_is_told_beside_the_whole() -> None:
    groups = tuple(
        Group(
            columns=("c",), values=(v,), rows=500, figures={"coverage": Estimate(value=x, low=x - 0.01, high=x + 0.01)}
        )
        for v, x in (("a", 0.95), ("b", 0.7))
    )
    whole, part = coverage([held(0.9, 0.01, groups=groups)], LIMITS)
    assert (whole.status, part.status) == (Status.PASS, Status.WARN)
    assert part.subject == "split, c, segment 2"
    assert coverage([], LIMITS)[0].status is Status.NOT_APPLICABLE


def test_a_guarantee_that_cannot_be_had_fails() -> None:
    assert [guarantee(*case)[0].status for case in ((False, False), (True, True), (True, False))] == [
        Status.NOT_APPLICABLE,
        Status.PASS,
        Status.FAIL,
    ]
