"""Resampled bins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from holdfast.stats.bootstrap import poisson_replicates, spread


def drawn(weights: np.ndarray, squares: np.ndarray, replicates: int = 400, seed: int = 0) -> np.ndarray:
    return np.concatenate(list(poisson_replicates(weights, squares, replicates, seed)))


def test_counts_are_drawn_from_poissons_law() -> None:
    counts = np.array([[3.0, 0.0], [0.5, 800.0]])
    found = drawn(counts, counts, 20_000)
    assert found.shape == (20_000, 2, 2)
    assert (found[:, 0, 1] == 0).all()
    for value in range(8):
        share = stats.poisson.pmf(value, 3)
        error = np.sqrt(share * (1 - share) / 20_000)
        assert np.mean(found[:, 0, 0] == value) == pytest.approx(share, abs=4 * error)


def test_weighted_bins_have_the_mean_and_the_variance_of_resampled_rows() -> None:
    rows = np.random.default_rng(1).lognormal(size=200)
    found = drawn(np.array([rows.sum()]), np.array([(rows**2).sum()]), 20_000)[:, 0]
    assert found.mean() == pytest.approx(rows.sum(), rel=0.01)
    assert found.var() == pytest.approx((rows**2).sum(), rel=0.05)
    assert found.min() >= 0


def test_the_same_seed_draws_the_same() -> None:
    counts = np.arange(5.0)
    assert (drawn(counts, counts, 70, 3) == drawn(counts, counts, 70, 3)).all()
    assert (drawn(counts, counts, 70, 3) != drawn(counts, counts, 70, 4)).any()


@pytest.mark.parametrize("replicates", [1, 50, 51])
def test_as_many_as_asked(replicates: int) -> None:
    assert len(drawn(np.ones(2), np.ones(2), replicates)) == replicates


def test_resamples_without_a_figure_are_left_out() -> None:
    assert spread(np.array([1.0, np.nan, 3.0])) == pytest.approx(np.sqrt(2))
    assert np.isnan(spread(np.array([1.0, np.nan])))
