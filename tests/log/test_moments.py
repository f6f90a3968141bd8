"""Moments as people say them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from holdfast.errors import SettingError
from holdfast.log.moments import Moment, moment

DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1970-01-03", 2 * DAY),
        (date(1970, 1, 3), 2 * DAY),
        ("1970-01-01T01:00Z", DAY // 24),
        ("1970-01-01T01:00+01:00", 0),
        (datetime(1970, 1, 1, 0, 0, 0, 7, tzinfo=UTC), 7),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
        ("1d", 9 * DAY),
        ("90s", 10 * DAY - 90_000_000),
    ],
)
def test_a_moment_is_told_in_many_ways(given: Moment, expected: int) -> None:
    assert moment(given, "since", now=10 * DAY / 1e6) == expected


@pytest.mark.parametrize("given", ["yesterday", "2025-13-01", "", "6", "T", "0d"])
def test_what_is_no_moment_is_refused_with_what_is_expected(given: str) -> None:
    with pytest.raises(SettingError, match="since takes a"):
        moment(given, "since")


@pytest.mark.parametrize("given", [datetime(2025, 1, 31), "2025-01-31T12:00", "2025-01-31 12:00:00"])
def test_a_time_without_a_zone_is_refused(given: Moment) -> None:
    with pytest.raises(SettingError, match="without a zone"):
        moment(given, "until")
