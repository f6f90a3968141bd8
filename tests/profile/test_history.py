"""The reference cut into windows of time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import SettingError
from holdfast.profile.history import MOST, NO_WINDOW, Grid, History, grid, rounded_up

MINUTE, HOUR, DAY, WEEK, YEAR = 60, 3_600, 86_400, 604_800, 31_536_000


@pytest.mark.parametrize(
    ("span", "width"),
    [
        (0, MINUTE),
        (100 * MINUTE, MINUTE),
        (101 * MINUTE, 5 * MINUTE),
        (DAY, 15 * MINUTE),
        (3 * DAY, HOUR),
        (25 * DAY, 6 * HOUR),
        (60 * DAY, DAY),
        (YEAR, WEEK),
        (5 * YEAR, 4 * WEEK),
        (99 * YEAR, YEAR),
        (1_000 * YEAR, 10 * YEAR),
    ],
)
def test_windows_are_the_shortest_calendar_unit_that_gives_at_most_a_hundred(span: float, width: float) -> None:
    assert grid(1e9, 1e9 + span) == Grid(width, 1)


def test_a_width_that_was_asked_for_is_kept_and_of_many_windows_every_nth() -> None:
    assert grid(0, 10 * DAY, DAY) == Grid(DAY, 1)
    assert grid(0, 250 * DAY, DAY) == Grid(DAY, 3)
    kept = {int(n) for n in grid(0, 250 * DAY, DAY).numbers(np.arange(0, 250.0) * DAY)} - {NO_WINDOW}
    assert kept == set(range(0, 250, 3))
    assert len(kept) <= MOST


@pytest.mark.parametrize("width", [0, -60, np.nan, np.inf])
def test_a_width_that_is_not_positive_is_refused(width: float) -> None:
    with pytest.raises(SettingError, match="positive"):
        grid(0, DAY, width)


def test_moments_are_numbered_from_1970_also_before() -> None:
    moments = np.array([0.0, DAY - 1e-3, DAY, -1.0, np.nan])
    assert Grid(DAY).numbers(moments).tolist() == [0, 0, 1, -1, NO_WINDOW]
    assert Grid(DAY, 2).numbers(np.array([0.0, DAY, 2.0 * DAY, -2.0 * DAY])).tolist() == [0, NO_WINDOW, 2, -2]


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(-5 * DAY, 5 * DAY), max_size=30), st.integers(1, 3))
def test_slices_are_a_partition_of_the_rows(times, stride: int) -> None:
    batch = pa.record_batch({"at": pa.array(times, pa.timestamp("s")), "row": pa.array(range(len(times)), pa.int64())})
    rows = []
    for number, part in Grid(DAY, stride).slices(batch, "at"):
        rows += part["row"].to_pylist()
        for moment in part["at"].cast(pa.int64()).to_pylist():
            kept = moment is not None and moment // DAY % stride == 0
            assert number == (moment // DAY if kept else NO_WINDOW)
    assert sorted(rows) == list(range(len(times)))


counts = st.dictionaries(
    st.integers(0, 5), st.lists(st.integers(0, 9), min_size=3, max_size=3).map(np.array), max_size=5
)


@given(counts, counts, counts)
def test_histories_add_in_any_order_and_subtract(a, b, c) -> None:
    left, right = (History(a) + History(b)) + History(c), History(c) + (History(b) + History(a))
    assert {k: v.tolist() for k, v in left.windows.items()} == {k: v.tolist() for k, v in right.windows.items()}
    back = left - History(c)
    filled = {k: v.tolist() for k, v in (History(a) + History(b)).windows.items() if v.any()}
    assert {k: v.tolist() for k, v in back.windows.items()} == filled


def test_a_matrix_is_in_the_order_of_time_with_neighbours_merged() -> None:
    history = History({5: np.array([1, 0]), 2: np.array([0, 2]), 4: np.array([3, 3])})
    assert history.matrix().tolist() == [[0, 2], [3, 3], [1, 0]]
    assert history.matrix(2).tolist() == [[0, 2], [4, 3]]
    assert history.matrix(100).tolist() == [[4, 5]]
    assert History().matrix().shape == (0, 0)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0, 1),
        (0.2, 1),
        (40, 40),
        (40.5, 41),
        (53.9, 54),
        (54, 60),
        (61, 120),
        (3_599, 3_600),
        (3_601, 7_200),
        (DAY - 30, DAY),
        (DAY, DAY),
        (7 * DAY - 1, 7 * DAY),
        (7 * DAY + 1, 8 * DAY),
    ],
)
def test_a_span_is_rounded_up_to_whole_units(span: float, expected: float) -> None:
    assert rounded_up(span) == expected
