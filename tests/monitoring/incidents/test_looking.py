"""The newest windows, their rows and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holdfast.monitoring.incidents.looking import most_windows
from holdfast.testing.planted import nulls
from holdfast.windows import Windows

from ..conftest import DAY, HISTORY_DAYS, ROWS_A_DAY, Service, day, payments

FIRST = HISTORY_DAYS


@pytest.mark.parametrize(("hours", "most"), [(24, 5), (6, 20), (7 * 24, 1)], ids=["day", "quarter", "week"])
def test_five_days_are_looked_at_and_one_window_at_least(service: Service, hours: int, most: int) -> None:
    assert most_windows(replace(service.reference, windows=Windows(width=hours * 3600.0, zone="UTC"))) == most


def test_the_newest_windows_that_have_ended(service: Service) -> None:
    service.answer(payments(FIRST, 8, seed=1))
    service.monitor(day(FIRST + 7.5))
    looking = service.looking(day(FIRST + 7.5))
    newest = [day(FIRST + i) for i in (2, 3, 4, 5, 6)]
    assert looking.newest == newest
    assert looking.since(day(FIRST + 5)) == newest[3:]
    assert looking.since(day(FIRST + 5) - 1) == newest[2:]
    assert looking.ended([day(FIRST + 7), day(FIRST + 6), day(FIRST)]) == [day(FIRST), day(FIRST + 6)]


def test_rows_of_windows_and_of_each_day(service: Service) -> None:
    service.answer(payments(FIRST, 3, seed=1))
    service.monitor(day(FIRST + 3))
    looking = service.looking(day(FIRST + 3))
    sizes = [looking.counts[start, ""].size for start in looking.newest]
    assert sum(sizes) == 3 * ROWS_A_DAY
    assert looking.rows_in(looking.newest) == 3 * ROWS_A_DAY
    assert looking.rows_a_day(looking.newest[:2]) == sum(sizes[:2]) / 2
    assert looking.rows_a_day([]) is None


def test_a_sample_is_of_the_rows_of_the_windows_that_are_asked_for(service: Service) -> None:
    rows = payments(FIRST, 3, seed=1)
    service.answer(rows)
    service.monitor(day(FIRST + 3))
    looking = service.looking(day(FIRST + 3))
    sample = looking.sample(looking.newest[:1])
    assert sample is not None
    first = rows["time"].to_numpy() < np.datetime64(round(day(FIRST + 1)), "s")
    assert sorted(sample["amount"].to_pylist()) == sorted(rows["amount"].to_numpy()[first])
    assert looking.sample([day(FIRST - 1)]) is None


def test_what_is_wrong_with_a_window_is_told_of_that_one(service: Service) -> None:
    service.answer(nulls(payments(FIRST, 4, seed=4), "age", 0.6, "2026-03-08", seed=0).table)
    service.monitor(day(FIRST + 4))
    looking = service.looking(day(FIRST + 4))
    failed = [
        [one.subject for one in looking.quality(start) if one.code == "quality.missing_rate"]
        for start in looking.newest
    ]
    assert failed == [[], [], ["age"], ["age"]]


def test_counts_of_older_windows_are_added_when_they_are_asked_for(service: Service) -> None:
    service.answer(payments(FIRST, 2, seed=1), delay_days=1.0)
    service.monitor(day(FIRST + 4))
    looking = service.looking(day(FIRST + 4))
    everything = looking.counts
    looking.counts = {}
    assert looking.count([day(FIRST)]) == [round(day(FIRST) * 1e6)]
    assert {start for start, _ in looking.counts} == {day(FIRST)}
    assert looking.counts[day(FIRST), ""].labelled == everything[day(FIRST), ""].labelled > 0
    assert looking.until - day(FIRST) == 4 * DAY


def test_a_sample_has_rows_of_each_of_its_windows_where_these_are_many(service: Service) -> None:
    """Before, the first windows had them all; 1,000 are kept of each."""
    short = replace(service, reference=replace(service.reference, windows=Windows(width=6 * 3_600.0, zone="UTC")))
    short.answer(payments(FIRST, 2, seed=1, rows_a_day=4_400), delay_days=None)
    short.monitor(day(FIRST + 2))
    looking = short.looking(day(FIRST + 2))
    assert len(looking.newest) == 8
    sample = looking.sample(looking.newest)
    assert sample is not None
    assert sample.num_rows == 5_000
    hours = (sample["time"].to_numpy() - np.datetime64(round(day(FIRST)), "s")) // np.timedelta64(6, "h")
    assert np.bincount(hours.astype(int)).tolist() == [625] * 8
