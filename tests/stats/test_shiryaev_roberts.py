"""Shiryaev-Roberts detectors: against the sum over all moments, and by the alarms they allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.stats.multiplicity import e_benjamini_hochberg
from holdfast.stats.shiryaev_roberts import (
    DETECTORS,
    EFFECTS,
    LARGEST_SCORE,
    carriers,
    e_values,
    grow,
    shares,
    spend,
    together,
)

BETS = [(sign * effect, stake / 2) for effect, stake in EFFECTS.items() for sign in (-1, 1)]

scores = st.lists(st.floats(-6, 6), min_size=1, max_size=12)
evidence = st.lists(st.floats(0, 200), min_size=1, max_size=8)


@given(scores)
def test_evidence_is_the_sum_over_all_moments_of_the_likelihood_ratio_since(drawn: list[float]) -> None:
    grown = np.zeros((1, DETECTORS))
    for score in drawn:
        grown = grow(grown, np.array([score]), 0.5)
    z = np.array(drawn)
    expected = sum(
        0.5 * stake * np.exp(bet * z[start:] - bet**2 / 2).prod() for bet, stake in BETS for start in range(len(z))
    )
    assert together(grown)[0] == pytest.approx(expected, rel=1e-9)


def test_e_values_have_mean_one_while_nothing_changes() -> None:
    grid = np.linspace(-LARGEST_SCORE, LARGEST_SCORE, 20_001)
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    assert np.trapezoid(e_values(grid) * density, grid) == pytest.approx(1, abs=1e-4)


def test_a_score_that_is_not_there_changes_nothing() -> None:
    before = np.arange(2.0 * DETECTORS).reshape(2, DETECTORS)
    after = grow(before, np.array([np.nan, 0.0]), 1.0)
    np.testing.assert_array_equal(after[0], before[0])
    assert (after[1] != before[1]).all()
    assert np.isnan(e_values(np.array([np.nan]))).all()


def test_evidence_stays_finite_however_large_a_score_is() -> None:
    grown = np.zeros((1, DETECTORS))
    for _ in range(20):
        grown = grow(grown, np.array([1e9]), 1.0)
    assert np.isfinite(grown).all()


@given(evidence, st.floats(1, 300))
def test_with_equal_weights_the_signals_named_are_those_of_e_bh(drawn: list[float], threshold: float) -> None:
    parts = np.array(drawn)
    named = carriers(parts, threshold)
    if parts.sum() < threshold:
        assert not named.any()
    # e-BH over e-values n R / A at level 1 rejects the k strongest where k n R / A >= n.
    rejected = e_benjamini_hochberg(len(parts) * parts / threshold, 1.0 - 1e-12).rejected
    if rejected.any() and parts.sum() >= threshold * (1 + 1e-9):
        assert named[rejected].all()


@given(evidence, st.floats(1, 300))
def test_an_alarm_spends_its_threshold_and_names_someone(drawn: list[float], threshold: float) -> None:
    parts = np.array(drawn)
    state = np.repeat(parts[:, None], DETECTORS, axis=1)
    named = carriers(parts, threshold)
    after = together(spend(state, parts, named, threshold))
    if named.any():
        assert parts.sum() - after.sum() >= threshold * (1 - 1e-9)
        assert (after[named] == 0).all()
        assert parts[named].sum() >= parts.sum() / 2 or (parts[named] >= threshold / named.sum() - 1e-9).all()
    else:
        np.testing.assert_array_equal(after, together(state))


def test_streams_are_judged_each_by_itself() -> None:
    parts = np.array([[100.0, 1.0], [20.0, 30.0]])
    named = carriers(parts, 90.0)
    assert named.tolist() == [[True, False], [False, False]]
    after = spend(np.ones((2, 2, DETECTORS)), parts, named, 90.0)
    assert together(after).round(6).tolist() == [[0.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_false_alarms_are_no_more_than_the_budget_however_signals_depend(correlation: float) -> None:
    """20 signals over 400 streams of 300 days: at most one alarm in 30 days."""
    rng = np.random.default_rng(0)
    state, alarms = np.zeros((400, 20, DETECTORS)), 0
    for _ in range(300):
        common = rng.standard_normal((400, 1))
        score = correlation**0.5 * common + (1 - correlation) ** 0.5 * rng.standard_normal((400, 20))
        state = grow(state, score, 1.0)
        parts = shares(state, np.full(20, 1 / 20))
        named = carriers(parts, 30.0)
        alarms += int(named.any(-1).sum())
        state = spend(state, parts, named, 30.0)
    assert 0 < alarms / 400 <= 300 / 30


def test_a_change_is_found_as_soon_after_a_long_quiet_time() -> None:
    """Power does not fade."""
    rng = np.random.default_rng(1)

    def delay(quiet: int) -> float:
        state = np.zeros((300, DETECTORS))
        for _ in range(quiet):
            state = grow(state, rng.standard_normal(300), 1.0)
        days = np.full(300, np.inf)
        for day in range(1, 30):
            state = grow(state, 2 + rng.standard_normal(300), 1.0)
            days = np.where(np.isinf(days) & (together(state) >= 500), day, days)
        return float(np.median(days))

    assert delay(500) <= delay(0)
