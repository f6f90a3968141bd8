"""Windows of time by the calendar of a zone, against the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.windows import DAY, WEEK, Windows

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
    assert Windows.of("6h").width == timedelta(hours=6).total_seconds()


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the name of a zone"):
        Windows(zone="Mars/Olympus")
    with pytest.raises(ValueError, match="longer than nothing"):
        Windows(width=0)
