"""Times by the hour of the week."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.profile.calendar import TimeEdges, covered, hours, moments, weekdays

EDGES = TimeEdges()
WEDNESDAY_NOON = 2 * 24 + 12
EPOCH = dt.datetime(1970, 1, 1)  # naive on purpose
TICKS = {unit: dt.timedelta(seconds=1) / parts for unit, parts in (("s", 1), ("ms", 1_000), ("us", 1_000_000))}
moment = st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2200, 1, 1))


@settings(deadline=None)
@given(st.lists(st.none() | moment, max_size=20), st.sampled_from(["s", "ms", "us"]))
@example([dt.datetime(1969, 12, 31, 23, 59, 59, 500_000)], "s")
def test_a_moment_is_in_the_cell_of_its_weekday_and_hour(values, unit: str) -> None:
    # A cast of Arrow's would round moments before 1970 up, into the next hour.
    array = pa.array([v if v is None else (v - EPOCH) // TICKS[unit] for v in values], pa.timestamp(unit))
    expected = np.zeros(168, dtype=int)
    for value in values:
        if value is not None:
            expected[value.weekday() * 24 + value.hour] += 1
    profile = EDGES.count(array)
    assert profile.cells.tolist() == expected.tolist()
    assert (profile.nulls, profile.invalid) == (values.count(None), 0)
    places = EDGES.place(array)
    assert places.tolist() == [-1 if v is None else v.weekday() * 24 + v.hour for v in values]


NOON = dt.datetime(2024, 2, 28, 12, 59, 59)  # a Wednesday


@pytest.mark.parametrize(
    "array",
    [
        pa.array([NOON], pa.timestamp("s")),
        pa.array([NOON], pa.timestamp("ns")),
        pa.array([NOON.replace(tzinfo=dt.UTC)], pa.timestamp("us", "Asia/Tokyo")),
        pa.array(["2024-02-28 12:59:59"]),
        pa.array(["2024-02-28T12:59:59Z"]),
        pa.array(["2024-02-28T21:59:59+09:00"]),
        pa.array(["2024-02-28T12:59:59"]).dictionary_encode(),
        pa.array([NOON.replace(tzinfo=dt.UTC).timestamp()]),
        pa.array([int(NOON.replace(tzinfo=dt.UTC).timestamp())], pa.uint32()),
    ],
    ids=[
        "naive",
        "nanoseconds",
        "zoned",
        "text",
        "UTC text",
        "zoned text",
        "dictionary",
        "float seconds",
        "whole seconds",
    ],
)
def test_the_same_moment_in_any_form_is_in_the_same_cell(array: pa.Array) -> None:
    profile = EDGES.count(array)
    assert np.flatnonzero(profile.cells).tolist() == [WEDNESDAY_NOON]
    assert profile.low == profile.high == NOON.replace(tzinfo=dt.UTC).timestamp()
    assert EDGES.place(array).tolist() == [WEDNESDAY_NOON]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_is_its_first_hour(kind: pa.DataType) -> None:
    assert EDGES.place(pa.array([dt.date(2024, 2, 28), None], kind)).tolist() == [2 * 24, -1]


@pytest.mark.parametrize(
    ("array", "nulls", "invalid"),
    [
        (pa.array(["2024-01-01", "yesterday", "", None]), 1, 2),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["2024-01-01", None, "x"])), 2, 1),
        (pa.array([1.0, np.inf, -np.inf, np.nan, 1e300, None], from_pandas=False), 1, 4),
        (pa.array([True, None]), 1, 1),
        (pa.nulls(2), 2, 0),
        (pa.array([], pa.timestamp("s")), 0, 0),
    ],
    ids=["text", "null among the words", "floats", "booleans", "all null", "empty"],
)
def test_what_is_no_time_is_invalid_and_nothing_is_lost(array: pa.Array, nulls: int, invalid: int) -> None:
    profile = EDGES.count(array)
    assert (profile.nulls, profile.invalid, profile.rows) == (nulls, invalid, len(array))
    assert np.isnan(moments(array)[0]).sum() == nulls + invalid
    assert (EDGES.place(array) < 0).sum() == nulls + invalid


def test_the_range_is_from_the_first_to_the_last_moment() -> None:
    profile = EDGES.count(pa.array([86_400, None, -3_600], pa.timestamp("s")))
    assert (profile.low, profile.high) == (-3_600, 86_400)
    assert np.isnan([EDGES.count(pa.nulls(1)).low, EDGES.count(pa.nulls(1)).high]).all()


def test_a_single_wrong_clock_does_not_stretch_the_time_covered() -> None:
    moments_seen = np.arange(10_000.0)
    assert covered(np.append(moments_seen, [-1e12, 1e12])) == (moments_seen[0], moments_seen[-1])
    assert covered(np.array([3.0, np.nan, 1.0])) == (1.0, 3.0)
    assert np.isnan(covered(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("moments_seen", "end"),
    [
        ([0, 86_400, 6 * 86_400], 7 * 86_400),  # the dates of a week
        ([-7_200, 79_200], 2 * 86_400 - 7_200),  # midnights somewhere else
        ([0, 3_600, 82_800], 86_400),
        ([30, 90, 3_570], 3_630),
        ([0, 61], 61),
        ([86_400], 86_400),  # a single moment tells nothing of how exact it is
    ],
)
def test_moments_that_are_whole_units_apart_stand_for_one_each(moments_seen: list[float], end: float) -> None:
    assert covered(np.array(moments_seen, dtype=float)) == (moments_seen[0], end)


def test_hours_and_weekdays_add_up_the_cells() -> None:
    """Every hour of a fortnight, and Wednesday noon once more."""
    array = pa.array([*range(0, 14 * 86_400, 3_600), 6 * 86_400 + 12 * 3_600], pa.timestamp("s"))
    profile = EDGES.count(array)
    assert hours(profile).tolist() == [14] * 12 + [15] + [14] * 11
    assert weekdays(profile).tolist() == [48, 48, 49, 48, 48, 48, 48]
    assert profile.grouped.tolist() == [12] * 10 + [13] + [12] * 17


def test_six_hours_of_a_weekday_are_one_group() -> None:
    assert EDGES.groups.tolist() == [hour // 6 for hour in range(168)]
