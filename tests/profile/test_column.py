"""Counts of one column, whatever its kind."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import ProfileError
from holdfast.profile.categorical import CategoryEdges
from holdfast.profile.column import ColumnProfile
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.numeric import NumberEdges

EDGES = NumberEdges.learn(np.arange(5.0))


def counted(values: list[float | None]) -> ColumnProfile:
    return EDGES.count(pa.array(values, pa.float64(), from_pandas=False))


def test_rows_are_present_null_or_invalid() -> None:
    profile = counted([1.0, None, np.nan, None, 7.0, -np.inf])
    assert (profile.rows, profile.nulls, profile.invalid, profile.missing) == (6, 2, 1, 3)
    assert profile.cells.sum() == 3


def test_a_sum_has_the_rows_of_both() -> None:
    both = counted([1.0, None]) + counted([4.0, 9.0])
    assert (both.rows, both.nulls, both.low, both.high) == (4, 1, 1.0, 9.0)
    np.testing.assert_array_equal(both.counts, counted([1.0, None, 4.0, 9.0]).counts)
    np.testing.assert_allclose(both.sums, counted([1.0, None, 4.0, 9.0]).sums)


def test_a_side_without_values_leaves_the_range_to_the_other() -> None:
    assert (counted([None]) + counted([2.0])).low == 2.0
    assert (counted([2.0]) + counted([])).high == 2.0
    assert np.isnan((counted([None]) + counted([np.nan])).low)


def test_a_difference_takes_counts_and_sums_back_and_keeps_the_range() -> None:
    back = counted([1.0, None]) + counted([4.0, 9.0]) - counted([4.0, 9.0])
    np.testing.assert_array_equal(back.counts, counted([1.0, None]).counts)
    np.testing.assert_allclose(back.sums, counted([1.0, None]).sums)
    assert (back.low, back.high) == (1.0, 9.0)


def test_sums_beyond_the_largest_float_warn_nobody() -> None:
    huge = counted([1.7e308, -1.7e308, 1e200])
    assert ((huge + huge) - huge).rows == 3


def test_counts_over_other_edges_are_refused() -> None:
    other = CategoryEdges(("a",)).count(pa.array(["a"]))
    with pytest.raises(ProfileError, match="different edges"):
        counted([1.0]) + other
    with pytest.raises(ProfileError, match="different edges"):
        counted([1.0]) - other


def test_groups_add_up_the_cells() -> None:
    edges = NumberEdges.learn(np.arange(10_000.0))
    profile = edges.count(pa.array(np.arange(10_000.0)))
    assert profile.grouped.sum() == 10_000
    assert len(profile.grouped) == edges.groups.max() + 1
    np.testing.assert_array_equal(
        profile.grouped, [profile.cells[edges.groups == group].sum() for group in range(edges.groups.max() + 1)]
    )


def test_counts_of_billions_of_rows_stay_exact() -> None:
    counts = np.array([2**53 + 1, 0, 2**62])
    profile = ColumnProfile(IdentifierEdges(), counts, np.empty(0))
    assert (profile.nulls, profile.rows) == (2**53 + 1, 2**53 + 1 + 2**62)


def test_new_values_follow_the_counts() -> None:
    edges = CategoryEdges(("a",))
    first, second = edges.count(pa.array(["a", "x"])), edges.count(pa.array(["x", "y"]))
    assert (first + second).fresh.counts == Counter(x=2, y=1)
    assert (first + second - first).fresh.counts == Counter(x=1, y=1)
