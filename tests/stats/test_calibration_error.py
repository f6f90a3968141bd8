"""Expected calibration error and its interval."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.stats.calibration_error import calibration_error_interval, expected_calibration_error


def binned(scores: np.ndarray, truth: np.ndarray, bins: int = 16) -> tuple[np.ndarray, ...]:
    place = np.minimum((scores * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins).astype(float)
    return counts, np.bincount(place, scores, bins), np.bincount(place, truth, bins), counts


def test_it_is_the_mean_gap_over_bins() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(2_000)
    truth = rng.random(2_000) < scores**2
    gaps = [
        np.mean(inside) * abs(scores[inside].mean() - truth[inside].mean())
        for low in np.arange(16) / 16
        for inside in [(scores >= low) & (scores < low + 1 / 16)]
    ]
    assert expected_calibration_error(*binned(scores, truth)[:3]) == pytest.approx(sum(gaps), abs=1e-12)


def test_the_interval_of_a_calibrated_model_reaches_zero() -> None:
    rng = np.random.default_rng(1)
    reached = 0
    for _ in range(200):
        scores = rng.random(1_000)
        reached += calibration_error_interval(*binned(scores, rng.random(1_000) < scores))[0] == 0
    assert reached >= 195


def test_the_interval_of_a_wrong_model_covers_its_error() -> None:
    """Scores are 0.1 too high, but for the ends: then the bins are those of a true error of 0.1."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        scores = rng.uniform(0.2, 0.9, 2_000)
        low, high = calibration_error_interval(*binned(scores, rng.random(2_000) < scores - 0.1))
        covered += low <= 0.1 <= high
        assert low > 0
    assert covered >= 190


def test_without_rows_nothing_is_known() -> None:
    nothing = np.zeros(3)
    assert np.isnan(expected_calibration_error(nothing, nothing, nothing))
    assert np.isnan(calibration_error_interval(nothing, nothing, nothing, nothing)).all()
