"""A limit is judged on the interval, not on the point."""

from __future__ import annotations

import math

import numpy as np
import pytest

from holdfast.evaluation.judging import judge
from holdfast.evaluation.paired import mean_of
from holdfast.evidence import Estimate
from holdfast.records import Status


def test_the_whole_interval_must_keep_to_the_limit() -> None:
    figure = Estimate(value=0.8, low=0.75, high=0.85, rows=100)
    assert judge(figure, at_least=0.75).status is Status.PASS
    assert judge(figure, at_least=0.86).status is Status.FAIL
    assert judge(figure, at_least=0.78).status is Status.INCONCLUSIVE
    assert judge(figure, at_most=0.85).status is Status.PASS
    assert judge(figure, at_most=0.74).status is Status.FAIL
    assert judge(figure, at_most=0.8).status is Status.INCONCLUSIVE


def test_of_two_limits_the_worse_one_counts() -> None:
    figure = Estimate(value=0.5, low=0.4, high=0.6, rows=100)
    assert judge(figure, at_least=0.3, at_most=0.7).status is Status.PASS
    assert judge(figure, at_least=0.45, at_most=0.7).status is Status.INCONCLUSIVE
    failed = judge(figure, at_least=0.45, at_most=0.35)
    assert (failed.status, failed.limit) == (Status.FAIL, 0.35)


@pytest.mark.parametrize(
    "figure",
    [
        Estimate(value=None),
        Estimate(value=math.nan, low=0.9, high=1.0),
    ],
)
def test_what_could_not_be_had_fails(figure: Estimate) -> None:
    assert judge(figure, at_least=0.0).status is Status.FAIL
    assert judge(figure, at_most=1.0).status is Status.FAIL


@pytest.mark.parametrize("figure", [Estimate(value=0.95), Estimate(value=0.95, low=math.nan, high=1.0)])
def test_a_figure_without_an_interval_never_passes(figure: Estimate) -> None:
    assert judge(figure, at_least=0.9).status is Status.INCONCLUSIVE
    assert judge(figure, at_most=1.0).status is Status.INCONCLUSIVE
    assert judge(figure, at_least=0.96).status is Status.FAIL


@pytest.mark.parametrize("limits", [{}, {"at_least": math.nan}, {"at_least": 0.1, "at_most": math.nan}])
def test_no_limit_and_nan_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected at_least or at_most"):
        judge(Estimate(value=1.0, low=0.9, high=1.1), **limits)


def test_the_rows_needed_would_decide() -> None:
    """An interval of so many rows just reaches the limit, on either side of it."""
    for value in (0.82, 0.78):
        figure = Estimate(value=value, low=value - 0.05, high=value + 0.05, rows=200)
        needed = judge(figure, at_least=0.8).rows_needed
        assert needed is not None
        shrunk = 0.05 * math.sqrt(200 / needed)
        assert shrunk == pytest.approx(0.02, rel=1e-2)


def test_a_figure_on_its_limit_needs_nobody_knows_how_many_rows() -> None:
    assert judge(Estimate(value=0.8, low=0.7, high=0.9, rows=50), at_least=0.8).rows_needed is None


@pytest.mark.simulation
def test_a_figure_on_its_limit_seldom_passes() -> None:
    """2.5% of 2,000 runs: 50, with a standard error of 7."""
    rng = np.random.default_rng(11)
    passed = sum(judge(mean_of(rng.exponential(1.0, 1_000)), at_least=1.0).status is Status.PASS for _ in range(2_000))
    assert 20 <= passed <= 80
