"""Signals learned from a reference and followed over windows: what similar signals lend, and small windows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from holdfast.alarms.follow import Followed, observe, relearn
from holdfast.alarms.learning import LARGEST_KURTOSIS, start

DAYS = 91
WEEK = [day % 7 for day in range(DAYS)]
NOISE = 0.05


def normal(signals: int, seed: int = 0, days: int = DAYS) -> np.ndarray:
    return NOISE * np.random.default_rng(seed).standard_normal((days, signals))


def learned(values: np.ndarray, deviations: np.ndarray | float = NOISE) -> Followed:
    """All signals alike."""
    every = [np.arange(values.shape[1])]
    return start(7, WEEK[: len(values)], values, np.broadcast_to(deviations, values.shape), every)


def test_sampling_noise_alone_is_told_from_natural_variation() -> None:
    values = normal(2)
    values[:, 1] += 0.2 * np.random.default_rng(1).standard_normal(DAYS)
    followed = learned(values)
    assert followed.natural_low[0] < 0.1
    np.testing.assert_allclose([followed.natural_low[1], followed.natural_high[1]], 16 / 17, atol=0.06)
    np.testing.assert_allclose(followed.noise, NOISE**2)


def test_the_score_of_a_small_window_counts_its_own_noise() -> None:
    followed = learned(normal(1))
    score = []
    for deviation in (NOISE, 10 * NOISE):
        _, surprise = observe(followed, 0, np.array([10 * NOISE]), np.array([deviation]), 1.0)
        score.append(surprise.score[0])
    assert score[0] > 7
    assert score[1] == pytest.approx(1, abs=0.2)


def test_similar_signals_lend_their_variance_to_a_short_series() -> None:
    short = normal(20, days=5)
    alone = start(7, WEEK[:5], short[:, :1], np.full((5, 1), NOISE))
    assert alone.prior_degrees.tolist() == [0]
    together = learned(short)
    assert (together.prior_degrees >= 10).all()
    np.testing.assert_allclose(together.prior_variance, NOISE**2, rtol=0.5)


def test_similar_signals_lend_their_memory() -> None:
    rng = np.random.default_rng(2)
    values = np.zeros((DAYS, 30))
    for day in range(1, DAYS):
        values[day] = 0.6 * values[day - 1] + rng.standard_normal(30)
    followed = start(1, [0] * DAYS, values, np.full(values.shape, 0.01), [np.arange(30)])
    used = followed.fading == 0
    assert used.any()
    np.testing.assert_allclose(followed.prior_memory[used], 0.6, atol=0.08)


def test_noisy_days_with_a_long_memory_are_averaged() -> None:
    """The sampling noise of a single day is not taken for its level."""
    rng = np.random.default_rng(3)
    levels = np.zeros((DAYS, 30))
    for day in range(1, DAYS):
        levels[day] = 0.95 * levels[day - 1] + 0.3 * NOISE * rng.standard_normal(30)
    followed = start(1, [0] * DAYS, levels + normal(30), np.full(levels.shape, NOISE), [np.arange(30)])
    assert (followed.fading >= 0.5).mean() > 0.9


def test_the_tail_is_that_of_the_reference() -> None:
    """Alone, a standard error of its kurtosis less than what SciPy finds; the memory is nearly none."""
    values = np.random.default_rng(4).standard_t(5, (DAYS, 1))
    followed = start(1, [0] * DAYS, values, np.full(values.shape, 0.01))
    u = values[:, 0] - values[:, 0].mean()
    errors = u[1:] - (u[1:] @ u[:-1]) / (u @ u) * u[:-1]
    expected = stats.kurtosis(errors - 0.0, fisher=True) - (24 / (DAYS - 1)) ** 0.5
    assert followed.kurtosis[0] == pytest.approx(min(expected, LARGEST_KURTOSIS), abs=0.05)
    assert learned(normal(30)).kurtosis.max() < 0.5


def test_heavy_tails_make_an_outlier_less_surprising_and_leave_usual_windows() -> None:
    values = np.random.default_rng(5).standard_t(4, (DAYS, 30))
    followed = start(1, [0] * DAYS, values, np.full(values.shape, 0.01), [np.arange(30)])
    _, surprise = observe(followed, 0, np.full(30, 10.0), np.full(30, 0.01), 1.0)
    exact = stats.norm.isf(stats.t.sf(10.0, 4))
    assert np.median(surprise.score) == pytest.approx(exact, abs=0.5)
    assert np.median(surprise.error / surprise.deviation) > 6


def test_a_relearned_level_lets_the_next_window_decide() -> None:
    """Whether the change persists or was an outlier, one more window is no surprise, and the level is then near it."""
    followed, _ = observe(learned(normal(1)), 0, np.array([0.5]), np.array([NOISE]), 1.0)
    after = relearn(followed, np.array([0.5]), np.array([NOISE]), np.array([1.0]))
    for level in (0.0, 0.5):
        again, surprise = observe(after, 1, np.array([level]), np.array([NOISE]), 1.0)
        assert abs(surprise.score[0]) < 1.3
        assert again.offset[0] == pytest.approx(level, abs=3 * NOISE)


def test_an_unseen_window_changes_nothing() -> None:
    followed = learned(normal(3))
    after, surprise = observe(followed, 0, np.full(3, np.nan), np.full(3, np.nan), 1.0, adjacent=False)
    for name in Followed.__slots__:
        if name != "regression":
            np.testing.assert_array_equal(getattr(after, name), getattr(followed, name))
    assert np.isnan(surprise.score).all()


def test_a_change_from_what_was_constant_is_seen() -> None:
    constant = np.full((DAYS, 1), 7.6)
    followed = start(7, WEEK, constant, np.full((DAYS, 1), np.nan))
    after, same = observe(followed, 0, np.array([7.6]), np.array([np.nan]), 1.0)
    assert same.score[0] == pytest.approx(0, abs=1e-3)
    _, other = observe(after, 1, np.array([7.5]), np.array([np.nan]), 1.0)
    assert other.score[0] < -6


def test_no_reference_is_no_error() -> None:
    followed = start(7, [], np.zeros((0, 2)), np.zeros((0, 2)))
    after, surprise = observe(followed, 0, np.array([1.0, np.nan]), np.array([0.1, np.nan]), 1.0)
    assert surprise.score[0] == 0
    assert after.regression.seen.sum(-1).tolist() == [1, 0]
