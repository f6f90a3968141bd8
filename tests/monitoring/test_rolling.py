"""Figures of the days that end with a window: merged from what was counted, shown and not judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Derived
from holdfast.book.opening import open_book
from holdfast.config import project_of
from holdfast.errors import SettingError
from holdfast.log.reading import open_log
from holdfast.monitoring.incidents.exposed import samples
from holdfast.monitoring.monitor import watched_of
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.result import Monitored
from holdfast.monitoring.sources.source import LogSource
from holdfast.testing.answered import commit, label_rows
from holdfast.testing.planted import unit_change

from .conftest import DAY, HISTORY_DAYS, Service, day, payments
from .sources.test_files import loans
from .test_by_count import by_count
from .test_run import rounded
from .test_unjudged import command

FIRST = HISTORY_DAYS


@pytest.fixture
def rolling(service: Service) -> Service:
    """The installation, with figures of three days beside windows of one."""
    settings = msgspec.structs.replace(service.reference.settings, rolling="3d")
    return replace(service, reference=replace(service.reference, settings=settings))


def shown(service: Service) -> list[dict[str, Any]]:
    return list(recorded.windows(service.book, "fraud").values())


def test_figures_are_those_of_all_rows_of_the_days(rolling: Service) -> None:
    rows = payments(FIRST, 6, seed=1)
    rolling.answer(rows)
    rolling.monitor(day(FIRST + 7) + 1)
    windows = shown(rolling)[:6]
    assert [one["rolling"]["windows"] for one in windows] == [1, 2, 3, 3, 3, 3]
    for place, one in enumerate(windows):
        own, found = windows[max(0, place - 2) : place + 1], one["rolling"]
        assert (found["start"], found["end"]) == (own[0]["start"], one["end"])
        assert (found["rows"], found["labelled"]) == tuple(sum(w[k] for w in own) for k in ("rows", "labelled"))
        weights = [w["labelled"] for w in own]
        for key in ("loss", "accuracy", "bias"):
            mean = np.average([w["figures"][key][0] for w in own], weights=weights)
            assert found["figures"][key][0] == pytest.approx(mean), key
        if place >= 2:
            whole, day_of = found["figures"]["accuracy"], one["figures"]["accuracy"]
            assert 1.4 < (day_of[2] - day_of[1]) / (whole[2] - whole[1]) < 2.1  # the root of three
            mean = np.average([w["estimates"]["accuracy"][0] for w in own], weights=[w["rows"] for w in own])
            assert found["estimates"]["accuracy"][0] == pytest.approx(mean, abs=0.01)


def test_what_is_judged_stays_the_same(rolling: Service, tmp_path: Path) -> None:
    rows = unit_change(payments(FIRST, 9, seed=3), "amount", 100.0, "2026-03-10", share=0.5, seed=0).table
    rolling.answer(rows)
    rolling.monitor(day(FIRST + 9))
    plain = Service(rolling.root, rolling.sealed, replace(rolling.reference), open_book(tmp_path / "plain.db"))
    settings = msgspec.structs.replace(rolling.reference.settings, rolling=None)
    plain = replace(plain, reference=replace(rolling.reference, settings=settings))
    plain.monitor(day(FIRST + 9))
    for one, other in zip(shown(rolling), shown(plain), strict=True):
        assert {key: value for key, value in one.items() if key != "rolling"} == other
    assert recorded.incidents(rolling.book) == recorded.incidents(plain.book) != {}
    plain.book.close()


def test_late_labels_revise_the_days_after_and_what_was_expected_stays(rolling: Service) -> None:
    rows = payments(FIRST, 6, seed=1)
    ids = rolling.answer(rows, delay_days=None)
    rolling.monitor(day(FIRST + 6))
    before = shown(rolling)
    first = [place for place, at in enumerate(rows["time"].to_pylist()) if at.timestamp() < day(FIRST + 2)]
    truths = [rows["fraud"][place].as_py() for place in first]
    label_rows(
        rolling.root,
        rolling.sealed,
        [ids[place] for place in first],
        truths,
        np.full(len(first), day(FIRST + 6) + 60),
    )
    commit(rolling.root)
    rolling.monitor(day(FIRST + 6) + 3_600)
    after = shown(rolling)
    per_day = [one["rows"] for one in after[:2]]
    assert [one["rolling"].get("labelled", 0) for one in after] == [
        per_day[0],
        sum(per_day),
        sum(per_day),
        per_day[1],
        0,
        0,
    ]
    assert [one["rolling"]["estimates"] for one in after] == [one["rolling"]["estimates"] for one in before]


def test_runs_day_by_day_and_again_leave_the_same(rolling: Service, tmp_path: Path) -> None:
    rolling.answer(payments(FIRST, 6, seed=2))
    for number in (1.0, 2.5, 3.0, 6.0, 8.0):
        rolling.monitor(day(FIRST + number))
    before = recorded.derived(rolling.book, "fraud")
    recorded.record_again(rolling.book, "fraud", Derived(), after=recorded.runs(rolling.book, "fraud")[-1].number)
    source = LogSource(open_log(rolling.root), "fraud")
    rebuild(source, "fraud", lambda _: rolling.reference, rolling.book, rolling.root)
    assert recorded.derived(rolling.book, "fraud") == before
    once = replace(rolling, book=open_book(tmp_path / "once.db"))
    once.monitor(day(FIRST + 8))
    daily = [one["rolling"] for one in shown(rolling)]
    for one, other in zip(daily, shown(once), strict=True):
        for name in ("start", "end", "rows", "labelled", "figures"):
            assert rounded(one.get(name)) == rounded(other["rolling"].get(name))
    once.book.close()


def test_another_release_begins_anew(rolling: Service) -> None:
    rows = payments(FIRST, 6, seed=1)
    rolling.answer(rows)
    rolling.monitor(day(FIRST + 3))
    rolling.monitor(day(FIRST + 6), replace(rolling.reference, version=2))
    found = shown(rolling)
    assert [one["rolling"]["windows"] for one in found[:3]] == [1, 2, 3]
    assert [one["rolling"]["windows"] for one in found[3:6]] == [1, 2, 3]


def test_they_go_with_windows_by_count_too(rolling: Service) -> None:
    counted = replace(rolling, reference=by_count(rolling.reference))
    counted.answer(payments(FIRST, 10, seed=1))
    counted.monitor(day(FIRST + 10))
    found = shown(counted)
    for place, one in enumerate(found):
        begun = [other for other in found[: place + 1] if other["start"] >= one["end"] - 3 * DAY]
        assert one["rolling"]["windows"] == len(begun)
        assert one["rolling"]["rows"] == sum(other["rows"] for other in begun)
    assert {one["rolling"]["windows"] for one in found} == {1, 2}


def test_they_stand_in_the_report_the_gauges_and_the_result(rolling: Service) -> None:
    rolling.answer(payments(FIRST, 6, seed=1))
    rolling.monitor(day(FIRST + 6))
    watched = watched_of(rolling.reference, rolling.book)
    over = watched.windows[-1].rolling
    assert over is not None
    assert (watched.rolling, over.windows) == ("3d", 3)
    found = {name: value for name, _, value in samples(watched, [], datetime.now(UTC))}
    assert found["holdfast_loss_rolling_realised"] == over.figures["loss"][0]
    assert found["holdfast_loss_rolling_estimated"] == over.estimates["loss"][0]
    assert found["holdfast_labelled_rolling_ratio"] == over.labelled / over.rows
    assert "Each figure is of the 3d that end with its window." in Monitored(models=(watched,)).to_html()


def test_the_command_tells_them(tmp_path: Path) -> None:
    done = command(tmp_path, loans(40, 10), 'rolling = "1w"')
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if "in the 1w to" in line)
    assert line.startswith("Cost per row of loans in the 1w to 2026-02-24 00:00 UTC: measured ")
    assert line.endswith("; the truth of 840 of 840 rows is known.")


def test_a_time_that_is_no_longer_than_a_window_is_refused() -> None:
    asked = {"data": {"path": "x", "target": "y"}, "objective": {"kind": "mae"}}
    with pytest.raises(SettingError, match="rolling: 1d is not longer than a window of 1d"):
        project_of({"name": "m", **asked, "monitor": {"rolling": "1d"}})
    project_of({"name": "m", **asked, "monitor": {"rolling": "1d", "window": "500 rows"}})
