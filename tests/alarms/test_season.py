"""Which windows are alike by the calendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from holdfast.alarms.season import DAY, HOUR, Season, place_of, season_of, usual_spacing

BERLIN = ZoneInfo("Europe/Berlin")


def midnights(first: datetime, days: int) -> list[float]:
    return [(first + timedelta(days=day)).timestamp() for day in range(days)]


@pytest.mark.parametrize("first", [datetime(2025, 3, 24, tzinfo=BERLIN), datetime(2025, 10, 20, tzinfo=BERLIN)])
def test_daylight_saving_moves_no_day(first: datetime) -> None:
    """Two weeks with the day of 23, or of 25, hours in the middle; both begin on a Monday."""
    starts = midnights(first, 14)
    season = season_of(starts, usual_spacing(starts), "Europe/Berlin")
    assert [place_of(season, start, DAY) for start in starts] == [*range(7), *range(7)]


@pytest.mark.parametrize(
    ("first", "missing", "twice"),
    [(datetime(2025, 3, 30, tzinfo=BERLIN), {2}, set()), (datetime(2025, 10, 26, tzinfo=BERLIN), set(), {2})],
)
def test_an_hour_that_the_clock_shows_twice_is_two_windows_of_one_season(
    first: datetime, missing: set[int], twice: set[int]
) -> None:
    season, start = Season(weekdays=False, parts=24, zone="Europe/Berlin"), first.timestamp()
    end = (first + timedelta(days=1)).timestamp()
    places = [place_of(season, start + at * HOUR, HOUR) for at in range(round((end - start) / HOUR))]
    assert set(range(24)) - set(places) == missing
    assert {place for place in places if places.count(place) > 1} == twice
    assert places == sorted(places)


def test_an_hour_is_that_of_the_clock() -> None:
    season = Season(weekdays=True, parts=24, zone="Europe/Berlin")
    for day in (datetime(2025, 1, 6, 9, tzinfo=BERLIN), datetime(2025, 7, 7, 9, tzinfo=BERLIN)):
        assert place_of(season, day.timestamp(), HOUR) == 9
    assert place_of(season, datetime(2025, 1, 7, 9, tzinfo=BERLIN).timestamp(), HOUR) == 24 + 9


@pytest.mark.parametrize(
    ("spacing", "windows", "number"),
    [
        (DAY, 91, 7),
        (DAY, 3, 7),
        (DAY, 0, 7),
        (HOUR, 24 * 21, 168),
        (HOUR, 24 * 20, 24),
        (HOUR, 24 * 2, 1),
        (6 * HOUR, 4 * 30, 28),
        (7 * DAY, 12, 1),
        (30 * DAY, 12, 1),
        (900.0, 4 * 24 * 30, 168),
    ],
)
def test_the_pattern_is_the_finest_that_the_reference_can_teach(spacing: float, windows: int, number: int) -> None:
    assert season_of([at * spacing for at in range(windows)], spacing, "UTC").number == number


def test_every_part_of_a_day_has_its_place() -> None:
    season = Season(weekdays=False, parts=4)
    assert [place_of(season, at * 6 * HOUR, 6 * HOUR) for at in range(5)] == [0, 1, 2, 3, 0]


def test_the_usual_spacing_is_that_of_most_windows() -> None:
    assert usual_spacing([0, DAY, 2 * DAY, 9 * DAY, 10 * DAY]) == DAY
    assert usual_spacing([]) == usual_spacing([5.0]) == usual_spacing([5.0, 5.0]) == DAY
