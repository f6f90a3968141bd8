"""Windows of time by the calendar of a zone, against the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.windows import DAY, WEEK, CountedWindows, Windows, windows_by

BERLIN = Windows(width=DAY, zone="Europe/Berlin")
SECONDS = st.floats(1.5e9, 2e9)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@given(SECONDS)
def test_days_begin_at_midnight_of_the_zone(moment: float) -> None:
    (start,) = BERLIN.starts(np.array([moment]))
    local = datetime.fromtimestamp(moment, ZoneInfo("Europe/Berlin"))
    assert start == local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp()
    assert start <= moment < BERLIN.end(float(start))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_days_have_as_many_hours_as_the_clock_shows(day: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    (start,) = BERLIN.starts(np.array([noon])).tolist()
    assert BERLIN.end(start) - start == hours * 3600


@given(SECONDS)
def test_weeks_begin_on_monday(moment: float) -> None:
    (start,) = Windows(width=WEEK).starts(np.array([moment]))
    begun = datetime.fromtimestamp(float(start), UTC)
    assert begun.weekday() == 0
    assert (begun.hour, begun.minute, begun.second) == (0, 0, 0)
    assert 0 <= moment - start < WEEK


def test_an_hour_that_the_clock_shows_twice_is_two_windows() -> None:
    hours = Windows(width=3600, zone="Europe/Berlin")
    first, again = seconds("2026-10-25T02:30+02:00"), seconds("2026-10-25T02:30+01:00")
    assert len(np.unique(hours.starts(np.array([first, again])))) == 2


def test_windows_follow_each_other_without_a_gap() -> None:
    first, last = seconds("2026-03-27T12:00+01:00"), seconds("2026-04-01T12:00+02:00")
    starts = BERLIN.between(first, last)
    assert [f"{BERLIN.local(start):%m-%d %H:%M}" for start in starts] == [
        f"{day} 00:00" for day in ("03-27", "03-28", "03-29", "03-30", "03-31", "04-01")
    ]


def test_what_has_no_time_is_in_no_window() -> None:
    assert np.isnan(BERLIN.starts(np.array([np.nan]))).all()
    assert np.isnan(Windows().starts(np.array([np.nan]))).all()


def test_lengths_are_read_as_people_write_them() -> None:
    assert windows_by("6h").width == timedelta(hours=6).total_seconds()


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the name of a zone"):
        Windows(zone="Mars/Olympus")
    with pytest.raises(ValueError, match="longer than nothing"):
        Windows(width=0)


# --- By count --------------------------------------------------------------------------------------------------------

RISING = st.lists(st.integers(0, 50), min_size=1, max_size=60).map(lambda steps: np.cumsum(np.array(steps, np.int64)))
"""Moments of receipt, with ties."""


def cut(moments: np.ndarray, rows: int, reads: list[int] | None = None, until: float = -np.inf) -> CountedWindows:
    """Windows by count of rows that are read up to some moments, and to the end."""
    windows, filled = CountedWindows(rows=rows), 0
    for piece in np.split(moments, np.searchsorted(moments, sorted(reads or []))):
        windows, filled = windows.grown([piece], filled, until=until)
    return windows


def test_a_window_by_count_ends_with_the_moment_of_its_last_row() -> None:
    windows = cut(np.array([10, 20, 20, 20, 30, 40]), rows=2)
    assert windows.edges.tolist() == [10, 21, 41]
    starts = windows.starts(np.array([5e-6, 10e-6, 20e-6, 21e-6, 40e-6, 41e-6, np.nan]))
    assert np.array_equal(starts, np.array([np.nan, 10e-6, 10e-6, 21e-6, 21e-6, 41e-6, np.nan]), equal_nan=True)
    assert [windows.end(start) for start in (10e-6, 21e-6, 41e-6)] == [21e-6, 41e-6, np.inf]
    assert windows.ended(40e-6) == [10e-6]
    assert windows.ended(41e-6) == [10e-6, 21e-6]


@given(RISING, st.integers(1, 7), st.lists(st.integers(0, 1_000), max_size=4))
def test_windows_by_count_are_the_same_however_often_they_are_looked_for(
    moments: np.ndarray, rows: int, reads: list[int]
) -> None:
    windows = cut(moments, rows)
    assert cut(moments, rows, reads).edges.tolist() == windows.edges.tolist()
    starts, sizes = np.unique(windows.starts(moments / 1e6), return_counts=True)
    assert sizes.sum() == len(moments)
    assert (sizes[starts < windows.edges[-1] / 1e6] >= rows).all()


def test_a_window_that_is_not_full_in_time_ends_as_it_is() -> None:
    hour = 3_600 * 1_000_000
    windows = CountedWindows(rows=3, width=3_600.0)
    moments = np.array([0, 1, 2, 3]) * hour
    found, filled = windows.grown([moments], 0, until=3 * hour + 1)
    assert (found.edges.tolist(), filled) == ([0, 2 * hour + 1], 1)
    # Silence: after four hours, and each time after twice as long as before.
    found, filled = windows.grown([moments], 0, until=31 * hour)
    assert (np.diff(found.edges) / hour).round().tolist() == [2, 4, 8, 16]
    assert filled == 0
    # As it would be if every hour somebody had looked.
    again, rows = windows, 0
    for looked in range(32):
        again, rows = again.grown([moments[moments == looked * hour]], rows, until=looked * hour)
    assert again.edges.tolist() == found.edges.tolist()


def test_a_few_rows_of_a_wrong_clock_begin_no_window() -> None:
    year = 365 * 86_400 * 1_000_000
    moments = np.concatenate([[0, 1], 50 * year + np.arange(100) * 1_000_000])
    assert cut(moments, rows=40).edges.tolist() == (50 * year + np.array([0, 39_000_001, 79_000_001])).tolist()


def test_windows_of_the_past_wait_for_their_last_row() -> None:
    times = np.array([40.0, 10.0, np.nan, 20.0, 9_000_000.0])
    windows = CountedWindows(rows=2).over(times)
    assert windows.edges.tolist() == [10_000_000, 20_000_001, 9_000_000_000_001]
    assert CountedWindows(rows=2).over(np.array([np.nan])).newest == []


def test_how_long_windows_last_is_learned_from_the_history() -> None:
    assert CountedWindows(rows=5).as_usual([10.0, 40.0, 50.0, 80.0]).width == 30.0
    assert CountedWindows(rows=5).as_usual([10.0]).width == WEEK


def test_windows_are_written_as_a_length_or_as_a_number_of_rows() -> None:
    assert windows_by("6h", "Europe/Berlin") == Windows(width=21_600.0, zone="Europe/Berlin")
    found = windows_by("5000 rows")
    assert isinstance(found, CountedWindows)
    assert found.rows == 5_000
    for wrong in ("5000", "0 rows", "-5 rows", "many rows", "5000rows", "1y", "", "0d"):
        with pytest.raises(ValueError, match="such as 5000 rows"):
            windows_by(wrong)


def test_a_week_before_is_the_same_hour_of_the_calendar() -> None:
    moment = seconds("2026-03-31T00:00+02:00")
    assert BERLIN.before(moment, WEEK) == seconds("2026-03-24T00:00+01:00")
    assert BERLIN.before(moment, 6 * 3_600) == moment - 6 * 3_600
    assert Windows(width=3_600, zone="Europe/Berlin").before(moment, WEEK) == moment - WEEK
    assert CountedWindows(rows=1, zone="Europe/Berlin").before(moment, WEEK) == moment - WEEK
