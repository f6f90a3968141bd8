"""Figures by week, by month and of stretches, merged from what was counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.book import monitoring as recorded
from holdfast.errors import SettingError
from holdfast.monitoring.labelled.longer import Longer
from holdfast.monitoring.monitor import watched_of
from holdfast.watched import Shown, Watched

from ..conftest import HISTORY_DAYS, Service, day, payments
from ..sources.test_files import loans, split, watched, write
from ..test_by_count import by_count
from ..test_unjudged import command

FIRST = HISTORY_DAYS
"""A Friday, the 6th of March."""


def seen(service: Service, zone: str = "UTC") -> Watched:
    runs = recorded.runs(service.book, "fraud")
    longer = Longer(service.root, runs, lambda version: replace(service.reference, version=version), zone)
    return replace(watched_of(service.reference, service.book), longer=longer)


def test_weeks_months_and_stretches_hold_all_rows_once(service: Service) -> None:
    rows = payments(FIRST, 30, seed=1)
    service.answer(rows)
    service.monitor(day(FIRST + 30))
    shown = seen(service)
    weeks, months, stretches = (shown.over(by) for by in ("week", "month", "10d"))
    assert [one.windows for one in weeks] == [3, 7, 7, 7, 6]
    assert [one.windows for one in months] == [26, 4]
    assert [one.windows for one in stretches] == [10, 10, 10]
    for ranges in (weeks, months, stretches):
        assert sum(one.rows for one in ranges) == len(rows)
        assert [one.start for one in ranges][1:] == [one.end for one in ranges][:-1]
        assert (ranges[0].start, ranges[-1].end) == (day(FIRST), day(FIRST + 30))
    # Ten days: the mean of their windows, by labelled rows, with an interval that is as much shorter.
    own = shown.windows[:10]
    mean = sum(one.figures["loss"][0] * one.labelled for one in own) / sum(one.labelled for one in own)
    value, low, high = stretches[0].figures["loss"]
    assert value == pytest.approx(mean)
    assert (high - low) * 2.5 < own[0].figures["loss"][2] - own[0].figures["loss"][1]
    assert "loss" in stretches[0].estimates


def test_stretches_end_with_the_newest_window_and_days_are_those_of_the_calendar(service: Service) -> None:
    service.answer(payments(FIRST, 30, seed=1))
    service.monitor(day(FIRST + 30))
    assert [one.windows for one in seen(service).over("1w")] == [2, 7, 7, 7, 7]
    # A zone whose clocks changed on the 29th of March: its weeks begin an hour earlier after that.
    assert sum(one.windows for one in seen(service, "Europe/Berlin").over("week")) == 30
    with pytest.raises(SettingError, match="over takes a length"):
        seen(service).over("fortnight")


def test_a_stretch_in_which_the_release_changed_is_told_in_parts(service: Service) -> None:
    service.answer(payments(FIRST, 8, seed=1))
    service.monitor(day(FIRST + 5))
    service.monitor(day(FIRST + 8), replace(service.reference, version=2))
    assert [(one.release, one.windows) for one in seen(service).over("30d")] == [(1, 5), (2, 3)]


def test_windows_by_count_are_merged_too(service: Service) -> None:
    counted = replace(service, reference=by_count(service.reference))
    counted.answer(payments(FIRST, 12, seed=1))
    counted.monitor(day(FIRST + 12))
    shown = seen(counted)
    (whole,) = shown.over("30d")
    assert whole.rows == sum(one.rows for one in shown.windows)
    assert (whole.start, whole.end) == (shown.windows[0].start, shown.windows[-1].end)


def test_nothing_is_over_nothing(service: Service) -> None:
    assert seen(service).over("week") == ()
    made_up = replace(seen(service), windows=(Shown(start=0.0, end=1.0),))
    assert made_up.over("week") == ()


def test_of_tables_and_as_a_command(tmp_path: Path) -> None:
    found = watched(write(tmp_path), *split(loans(40, 20)))
    (whole,) = found.over("30d")
    assert (whole.rows, whole.labelled, whole.release) == (2_400, 2_400, -1)
    folder = tmp_path / "typed"
    folder.mkdir()
    done = command(folder, loans(40, 20), options=("--over", "month"))
    assert done.returncode == 0, done.stderr
    header, *lines = done.stdout.splitlines()[-3:]
    assert header.split() == ["From", "Rows", "Labelled", "Measured", "Expected"]
    assert [line.split()[:5] for line in lines] == [
        ["14", "Feb", "2026", "1,800", "100%"],
        ["1", "Mar", "2026", "600", "100%"],
    ]
    printed = command(folder, loans(40, 20), options=("--over", "30d", "--json")).stdout
    (model,) = json.loads(printed)
    assert [one["rows"] for one in model["over"]] == [2_400]
    wrong = command(folder, loans(40, 20), options=("--over", "fortnight"))
    assert wrong.returncode == 2
    assert "--over, where it is not week or month, takes a length such as 1d" in wrong.stderr
