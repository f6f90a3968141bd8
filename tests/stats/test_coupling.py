"""Rows with another distribution of one column: it is that of the window, and no more moves than must."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.errors import InputError
from holdfast.stats.coupling import by_name, by_rank

MAYBE = st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")))


def taken(
    couple: Callable[..., Any], reference: Any, window: Any, weight: Any = None, seed: int = 0
) -> np.ndarray[Any, np.dtype[Any]]:
    weight = np.ones(len(reference)) if weight is None else weight
    found = couple(reference, window, weight, np.random.default_rng(seed))
    return np.asarray(window)[found]


def test_a_change_of_unit_reaches_every_row() -> None:
    rng = np.random.default_rng(0)
    x = rng.permutation(np.arange(1_000.0))
    np.testing.assert_array_equal(taken(by_rank, x, rng.permutation(4 * x)), 4 * x)


def test_a_sample_of_the_same_column_changes_by_its_own_noise() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=5_000)
    moved = taken(by_rank, x, rng.normal(size=5_000))
    assert np.corrcoef(x, moved)[0, 1] > 0.995
    assert np.abs(moved - x).mean() < 0.03


@given(st.lists(MAYBE, min_size=1, max_size=60), st.lists(MAYBE, min_size=1, max_size=60), st.integers(0, 99))
def test_only_values_of_the_window_are_taken_and_ranks_stay(
    reference: list[float], window: list[float], seed: int
) -> None:
    before, after = np.array(reference), taken(by_rank, reference, window, seed=seed)
    assert set(after[~np.isnan(after)]) <= set(window)
    both = ~np.isnan(before) & ~np.isnan(after)
    order = np.argsort(before[both], kind="stable")
    apart = np.diff(before[both][order]) > 0
    assert (np.diff(after[both][order])[apart] >= 0).all()


@pytest.mark.parametrize(("before", "now"), [(0.0, 0.6), (0.3, 0.5), (0.6, 0.1), (1.0, 0.2), (0.4, 1.0), (0.0, 0.0)])
def test_as_many_are_missing_as_in_the_window(before: float, now: float) -> None:
    rng = np.random.default_rng(2)
    reference = np.where(np.arange(10_000) < before * 10_000, np.nan, rng.normal(size=10_000))
    window = np.where(np.arange(3_000) < now * 3_000, np.nan, rng.normal(size=3_000))
    after = taken(by_rank, reference, window)
    assert np.isnan(after).mean() == pytest.approx(now, abs=0.02)
    if now >= before:
        assert np.isnan(after[np.isnan(reference)]).all()
    else:
        assert not np.isnan(after[~np.isnan(reference)]).any()


def test_rows_that_stand_for_many_are_weighed() -> None:
    """The weighted distribution becomes that of the window: here the small numbers stand for nine tenths."""
    rng = np.random.default_rng(3)
    reference = np.concatenate([rng.uniform(0, 1, 2_000), rng.uniform(1, 2, 2_000)])
    weight = np.repeat([0.9, 0.1], 2_000)
    window = rng.exponential(size=4_000)
    after = taken(by_rank, reference, window, weight)
    drawn = rng.choice(after, 4_000, p=weight / weight.sum())
    assert stats.ks_2samp(drawn, window).statistic < 0.04


def test_equal_numbers_are_spread_over_what_took_their_place() -> None:
    after = taken(by_rank, np.zeros(1_000), np.repeat([1.0, 2.0], 500))
    assert np.bincount(after.astype(int)).tolist() == [0, 500, 500]


def test_categories_that_did_not_change_stay() -> None:
    codes = np.arange(1_000) % 4 - 1
    np.testing.assert_array_equal(taken(by_name, codes, codes[::-1]), codes)


def test_only_as_many_categories_move_as_must() -> None:
    """From (0.5, 0.5) to (0.2, 0.5, 0.3): three tenths of the rows move, all of them from the first to the new one."""
    before, window = np.repeat([0, 1], 5_000), np.repeat([0, 1, 2], [2_000, 5_000, 3_000])
    after = taken(by_name, before, window)
    assert (after != before).mean() == pytest.approx(0.3, abs=0.02)
    assert set(after[after != before]) == {2}
    assert (after[before == 1] == 1).all()


@given(
    st.lists(st.integers(-1, 5), min_size=1, max_size=60),
    st.lists(st.integers(-1, 5), min_size=1, max_size=60),
    st.integers(0, 99),
)
def test_only_categories_of_the_window_are_taken(reference: list[int], window: list[int], seed: int) -> None:
    assert set(taken(by_name, reference, window, seed=seed)) <= set(window)


@pytest.mark.parametrize("couple", [by_rank, by_name])
def test_a_window_without_rows_and_missing_weights_are_refused(couple: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="expected a window with rows"):
        taken(couple, [1.0], [])
    with pytest.raises(InputError, match="expected a weight for each row"):
        taken(couple, [1.0, 2.0], [1.0], weight=[1.0])
