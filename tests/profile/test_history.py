"""The reference cut into windows of time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import SettingError
from holdfast.profile.history import MOST, NO_WINDOW, Grid, History, grid, rounded

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
    found = grid(1e9, 1e9 + span)
    assert (found.width_seconds, found.stride) == (width, 1)


@pytest.mark.parametrize(
    ("end", "width", "origin"),
    [
        (10 * DAY, DAY, 10 * DAY),
        (10 * DAY - 30, DAY, 10 * DAY),
        (10 * DAY - 2 * HOUR - 1, DAY, 10 * DAY - 2 * HOUR),  # midnight elsewhere
        (10 * DAY - 2 * HOUR, 30 * DAY, 10 * DAY),
        (HOUR + 1, HOUR, HOUR + MINUTE),
        (90.5, MINUTE, 91),
        (90.5, 10, 90.5),
    ],
)
def test_the_last_window_ends_with_the_reference(end: float, width: float, origin: float) -> None:
    """With the end of its last day, hour, minute or second, whichever makes little of a window."""
    assert grid(end - 5 * width, end, width).origin == origin


def test_a_window_counts_if_the_time_covers_it_whole() -> None:
    """But for a tenth: thirty-one days hold four weeks, and a day of rows begins some minutes after midnight."""
    days = Grid(DAY, 1, 31 * DAY)
    assert days.whole(600, 31 * DAY) == range(-31, 0)
    assert days.whole(0.2 * DAY, 31 * DAY) == range(-30, 0)
    assert days.whole(0, 31.8 * DAY) == range(-31, 0)
    assert days.whole(0, 33 * DAY) == range(-31, 2)  # a reference that was continued
    assert days.whole(0, 31 * DAY, 7) == range(-4, 0)
    assert days.whole(0, 31 * DAY, 30) == range(-1, 0)
    assert list(days.whole(0, 31 * DAY, 60)) == []


def test_a_width_that_was_asked_for_is_kept_and_of_many_windows_every_nth() -> None:
    assert grid(0, 10 * DAY, DAY) == Grid(DAY, 1, 10 * DAY)
    assert grid(0, 250 * DAY, DAY) == Grid(DAY, 3, 250 * DAY)
    kept = {int(n) for n in grid(0, 250 * DAY, DAY).numbers(np.arange(0, 250.0) * DAY)} - {NO_WINDOW}
    assert kept == set(range(-249, 0, 3))
    assert len(kept) <= MOST


@pytest.mark.parametrize("width", [0, -60, np.nan, np.inf])
def test_a_width_that_is_not_positive_is_refused(width: float) -> None:
    with pytest.raises(SettingError, match="positive"):
        grid(0, DAY, width)


def test_moments_are_numbered_from_the_origin_also_before() -> None:
    moments = np.array([0.0, DAY - 1e-3, DAY, -1.0, np.nan])
    assert Grid(DAY).numbers(moments).tolist() == [0, 0, 1, -1, NO_WINDOW]
    assert Grid(DAY, 1, HOUR).numbers(moments).tolist() == [-1, 0, 0, -1, NO_WINDOW]
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
    assert history.matrix(range(6)).tolist() == [[0, 2], [3, 3], [1, 0]]
    assert history.matrix(range(3), 2).tolist() == [[0, 2], [4, 3]]
    assert history.matrix(range(1), 100).tolist() == [[4, 5]]
    assert history.matrix(range(3, 5)).tolist() == [[3, 3]]
    assert History().matrix(range(6)).shape == (0, 0)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0, 1),
        (0.2, 1),
        (40, 40),
        (40.5, 41),
        (53.9, 54),
        (54, 60),
        (61, 60),
        (67, 120),
        (3_599, 3_600),
        (3_601, 3_600),
        (4_000, 7_200),
        (DAY - 30, DAY),
        (DAY, DAY),
        (7 * DAY - 1, 7 * DAY),
        (7 * DAY + 1, 7 * DAY),
        (7 * DAY + HOUR, 7 * DAY),  # a week in which the clocks are changed
        (7.2 * DAY, 8 * DAY),
        (6.2 * DAY, 7 * DAY),
    ],
)
def test_a_span_becomes_whole_units(span: float, expected: float) -> None:
    assert rounded(span) == expected
