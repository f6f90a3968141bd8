"""The moment of a change: against numerical integration, and by how often its intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from holdfast.stats.change_point import PRIOR_SIZE, change_point


def posterior(errors: np.ndarray, deviations: np.ndarray, memory: float, fading: float) -> np.ndarray:
    """Probability of each first window, with the size integrated out by quadrature."""
    prior = PRIOR_SIZE * np.median(deviations)
    found = []
    for first in range(len(errors)):
        after = np.arange(len(errors)) - first
        trace = np.where(after >= 0, 1 - memory * (1 - fading ** np.maximum(after, 0)), 0.0)

        def likelihood(size: float, trace: np.ndarray = trace) -> float:
            return float(
                np.exp(stats.norm.logpdf(errors, size * trace, deviations).sum()) * stats.norm.pdf(size, 0, prior)
            )

        found.append(integrate.quad(likelihood, -10 * prior, 10 * prior, limit=500, points=[errors[-1]])[0])
    return np.array(found) / sum(found)


@pytest.mark.parametrize(("memory", "fading"), [(0.0, 0.0), (0.5, 0.0), (0.7, 0.5)])
def test_the_moment_is_that_of_the_integrated_likelihood(memory: float, fading: float) -> None:
    rng = np.random.default_rng(0)
    deviations = rng.uniform(0.5, 1.5, 12)
    after = np.arange(12) - 7
    errors = deviations * rng.standard_normal(12)
    errors += 1.5 * np.where(after >= 0, 1 - memory * (1 - fading ** np.maximum(after, 0)), 0.0)
    exact = posterior(errors, deviations, memory, fading)
    found = change_point(errors, deviations, memory, fading)
    assert found.first == exact.argmax()
    inside = exact[found.earliest : found.latest + 1]
    assert inside.sum() >= 0.95 - 1e-6
    assert inside.sum() - min(inside[0], inside[-1]) < 0.95 + 1e-6


def test_the_effect_is_the_mean_since_and_its_standard_error() -> None:
    found = change_point(np.array([0.0, 0.1, -0.1, 4.0, 5.0, 6.0]), np.full(6, 0.5))
    assert (found.first, found.effect, found.error) == (3, pytest.approx(5), pytest.approx(0.5 / 3**0.5))


def test_with_memory_the_whole_shift_is_told_though_later_errors_show_part_of_it() -> None:
    found = change_point(np.array([0.0, 0.0, 4.0, 2.0, 2.0]), np.full(5, 0.1), 0.5)
    assert (found.first, found.effect) == (2, pytest.approx(4))


def test_a_single_window_is_its_own_change() -> None:
    found = change_point(np.array([3.0]), np.array([1.0]))
    assert (found.first, found.earliest, found.latest, found.effect, found.error) == (0, 0, 0, 3.0, 1.0)


def test_intervals_hold_the_moment_and_the_effect() -> None:
    rng = np.random.default_rng(1)
    moments, effects, widths = [], [], []
    for _ in range(400):
        first = int(rng.integers(5, 35))
        errors = rng.standard_normal(40)
        errors[first:] += 1.5
        found = change_point(errors, np.ones(40))
        moments.append(found.earliest <= first <= found.latest)
        effects.append(abs(found.effect - 1.5) <= 1.96 * found.error)
        widths.append(found.latest - found.earliest)
    assert np.mean(moments) >= 0.93
    assert np.mean(effects) >= 0.88  # the moment is taken as known, and was chosen
    assert np.median(widths) <= 10
