"""Times without a zone are in the project's."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import SettingError
from holdfast.evaluation.clock import moment, seconds_of, zone_named

VIENNA = ZoneInfo("Europe/Vienna")
UTC = timezone.utc  # noqa: UP017  # `datetime.UTC` is no tzinfo that Arrow writes by name


@pytest.mark.parametrize(
    ("values", "zone", "expected"),
    [
        (pa.array([datetime(2026, 1, 1, 1)]), VIENNA, datetime(2026, 1, 1, 1, tzinfo=VIENNA)),
        (pa.array([date(2026, 7, 1)]), VIENNA, datetime(2026, 7, 1, tzinfo=VIENNA)),
        (pa.array(["2026-07-01 02:00"]), VIENNA, datetime(2026, 7, 1, 2, tzinfo=VIENNA)),
        (pa.array(["2026-07-01 02:00"]).dictionary_encode(), VIENNA, datetime(2026, 7, 1, 2, tzinfo=VIENNA)),
        (pa.array(["2026-07-01T02:00Z"]), VIENNA, datetime(2026, 7, 1, 2, tzinfo=UTC)),
        (pa.array([datetime(2026, 7, 1)], pa.timestamp("ms", "UTC")), VIENNA, datetime(2026, 7, 1, tzinfo=UTC)),
        (pa.array([datetime(2026, 7, 1)]), None, datetime(2026, 7, 1, tzinfo=UTC)),
        (pa.array([86_400]), VIENNA, datetime(1970, 1, 2, tzinfo=UTC)),
        (pa.array([datetime(2026, 10, 25, 2, 30)]), VIENNA, datetime(2026, 10, 25, 2, 30, tzinfo=VIENNA)),
    ],
)
def test_seconds_of_times(values: Any, zone: ZoneInfo | None, expected: datetime) -> None:
    assert seconds_of(values, zone.key if zone else None).tolist() == [expected.timestamp()]


def test_what_is_no_time_is_unknown() -> None:
    found = seconds_of(pa.array(["soon", None, "2026-07-01"]), "Europe/Vienna")
    assert np.isnan(found).tolist() == [True, True, False]


def test_a_moment_of_the_configuration() -> None:
    assert moment("2026-07-01", "Europe/Vienna", "here") == datetime(2026, 7, 1, tzinfo=VIENNA).timestamp()
    assert moment("2026-07-01T00:00Z", "Europe/Vienna", "here") == datetime(2026, 7, 1, tzinfo=UTC).timestamp()
    with pytest.raises(SettingError, match="here is a moment such as"):
        moment("tomorrow", None, "here")


@pytest.mark.parametrize("name", ["Europe/Vienn", "", "../etc", "/etc/passwd"])
def test_there_is_no_such_zone(name: str) -> None:
    with pytest.raises(SettingError, match=r"data\.zone is a time zone"):
        zone_named(name)
