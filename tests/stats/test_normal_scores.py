"""Location on the rank scale against closed forms and full enumeration."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from holdfast.stats.normal_scores import location, locations, normal_scores, rank_test

counts = st.lists(st.integers(0, 50), min_size=1, max_size=20)
filled = counts.filter(any)


@pytest.mark.parametrize("rows", [[1, 1], [3, 5, 2], [1, 0, 4], [10**12, 1, 10**12]])
def test_a_score_is_the_mean_normal_quantile_of_the_ranks_of_its_bin(rows: list[int]) -> None:
    ends = np.cumsum([0, *rows]) / sum(rows)
    scores = normal_scores(rows)
    for score, low, high, n in zip(scores, ends[:-1], ends[1:], rows, strict=True):
        if n and high - low > 1e-6:
            mean = integrate.quad(stats.norm.ppf, low, high, epsabs=1e-12)[0] / (high - low)
            assert score == pytest.approx(mean, abs=1e-7)


@given(filled)
def test_scores_increase_and_have_mean_zero_and_at_most_unit_variance(rows: list[int]) -> None:
    scores, weights = normal_scores(rows), np.array(rows) / sum(rows)
    assert scores @ weights == pytest.approx(0, abs=1e-12)
    assert scores**2 @ weights <= 1
    assert (np.diff(scores[weights > 0]) > 0).all()
    assert (np.diff(scores) >= 0).all()
    assert np.isfinite(scores).all()


def test_scores_without_rows() -> None:
    assert normal_scores([0, 0]).tolist() == [0, 0]
    assert normal_scores([]).tolist() == []
    assert normal_scores([7]).tolist() == [0]


@pytest.mark.parametrize("shift", [-1.0, -0.25, 0.0, 0.1, 0.5, 2.0])
def test_a_shift_of_a_normal_column_has_the_size_of_the_shift(shift: float) -> None:
    """In 512 quantile bins, by exact probabilities; far shifts are held up at the outermost bin."""
    cuts = stats.norm.ppf(np.linspace(0, 1, 513)[1:-1])
    reference = np.full(512, 1 / 512)
    current = np.diff(stats.norm.cdf(np.concatenate([[-np.inf], cuts, [np.inf]]), loc=shift))
    assert location(current, reference) == pytest.approx(shift, rel=0.06, abs=1e-9)


def test_a_single_huge_value_moves_the_location_by_one_rank() -> None:
    reference = np.array([0, *[100] * 10, 0])
    with_outlier = np.array([0, *[10] * 10, 1])
    assert 0 < location(with_outlier, reference) < 4 / 101


def test_location_of_sides_without_rows_or_without_spread() -> None:
    assert np.isnan(location([0, 0], [1, 2]))
    assert np.isnan(location([1, 2], [0, 0]))
    assert location([0, 5, 0], [0, 9, 0]) == 0
    assert location([5, 0, 0], [0, 9, 0]) < -1 < 1 < location([0, 0, 5], [0, 9, 0])


@given(filled, st.data())
def test_locations_of_many_windows_are_those_of_each(reference: list[int], data) -> None:
    size = st.lists(st.integers(0, 9), min_size=len(reference), max_size=len(reference))
    windows = np.array(data.draw(st.lists(size, min_size=1, max_size=4)))
    np.testing.assert_allclose(locations(windows, reference), [location(w, reference) for w in windows], atol=1e-12)


@given(filled)
def test_the_location_of_the_reference_itself_is_zero(reference: list[int]) -> None:
    assert location(reference, reference) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("pool", [[2, 3, 2], [1, 1, 1, 1, 1, 1, 1], [5, 0, 2], [3, 1, 1, 2]])
@pytest.mark.parametrize("rows", [1, 3, 6])
def test_the_rank_test_has_mean_zero_and_variance_one_over_all_ways_to_draw_the_window(
    pool: list[int], rows: int
) -> None:
    bins = np.repeat(np.arange(len(pool)), pool)
    windows = [np.bincount(bins[list(chosen)], minlength=len(pool)) for chosen in combinations(range(len(bins)), rows)]
    z = rank_test(windows, pool)
    assert z.mean() == pytest.approx(0, abs=1e-12)
    assert z.var() == pytest.approx(1, rel=1e-12)


@pytest.mark.simulation
def test_the_rank_test_of_unchanged_windows_is_standard_normal() -> None:
    rng = np.random.default_rng(0)
    pool = np.array([400, 100, 100, 50, 50, 100, 200, 1_000])
    z = rank_test(rng.multivariate_hypergeometric(pool, 500, 2_000), pool)
    assert stats.kstest(z, "norm").pvalue > 1e-4


def test_windows_that_say_nothing() -> None:
    """No rows: nothing is known. All rows of the pool, or a pool of one value: nothing can differ."""
    assert np.isnan(rank_test([[0, 0]], [5, 2])).all()
    assert np.isnan(rank_test([[0, 0]], [0, 0])).all()
    assert rank_test([[5, 2]], [5, 2]).tolist() == [0]
    assert rank_test([[3, 0]], [9, 0]).tolist() == [0]
    assert rank_test(np.zeros((0, 3)), [0, 0, 0]).shape == (0,)
