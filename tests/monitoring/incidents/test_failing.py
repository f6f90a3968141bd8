"""A quality check opens an incident when it has failed in so many of the newest windows as is asked for, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.config import project_of
from holdfast.errors import SettingError
from holdfast.incident import Incident, Sign
from holdfast.log.reading import open_log
from holdfast.monitoring.incidents.failing import Failing
from holdfast.monitoring.incidents.grouping import QUIET_WINDOWS, calmed, taken_in
from holdfast.monitoring.judging import Judgement
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.sources.source import LogSource
from holdfast.records import Severity
from holdfast.report.monitoring_incidents import told as told_of
from holdfast.report.monitoring_words import Clock

from ..conftest import HISTORY_DAYS, Service, day, payments
from ..test_run import incidents, windows

DAY = 86_400.0
NULLS = {"code": "quality.new_nulls", "status": "fail", "subject": "age", "message": "…"}
REPEATS = {"code": "quality.duplicate_rows", "status": "fail", "subject": "", "message": "…"}


def after(
    asked: tuple[int, int] | None, days: Sequence[Sequence[dict[str, str]]], known: int = 0
) -> list[dict[str, Incident]]:
    """Incidents after each day; the first ones were judged by an earlier run."""
    earlier = {int(at * DAY * 1e6): {"findings": days[at]} for at in range(known)}
    failing, found = Failing(asked, earlier), dict[str, Incident]()
    steps = []
    for at in range(known, len(days)):
        judgement = failing.judged(Judgement(), at * DAY, days[at], found)
        end = (at + 1) * DAY
        found = calmed(found, judgement.effects, judgement.back, end)
        found = taken_in(found, judgement.signs, model="m", release=1, end=end, width=DAY)
        steps.append(found)
    return steps


@pytest.mark.parametrize("known", [0, 3])
def test_three_of_five_windows_open_one_incident_since_the_first_of_them(known: int) -> None:
    steps = after((3, 5), [[], [NULLS], [], [NULLS], [], [NULLS], [NULLS], [NULLS]], known)
    assert [len(found) for found in steps] == [0, 0, 0, 0, 0, 1, 1, 1][known:]
    (one,) = steps[-1].values()
    assert (one.subject, one.kind, one.title) == ("age", "input", "age fails quality.new_nulls")
    assert (one.since, one.opened, one.severity) == (DAY, 6 * DAY, Severity.HIGH)
    (sign,) = one.signs
    assert (sign.key, sign.effect, sign.minimum) == ("check:age:quality.new_nulls", 3, 3)


def test_two_of_five_or_six_windows_apart_open_none() -> None:
    days = [[NULLS] if at % 3 == 0 else [] for at in range(12)]
    assert after((3, 5), days)[-1] == {}
    assert after(None, [[NULLS]] * 12)[-1] == {}


def test_one_of_one_opens_at_once_and_is_over_after_quiet_windows() -> None:
    steps = after((1, 1), [[NULLS], [NULLS], *[[]] * QUIET_WINDOWS, [NULLS]])
    assert [[one.status for one in found.values()] for found in steps] == [
        *[["open"]] * (1 + QUIET_WINDOWS),
        ["resolved"],
        ["resolved", "open"],
    ]


def test_it_stays_open_while_as_many_windows_fail_and_begins_no_second_one() -> None:
    steps = after((2, 4), [*[[NULLS]] * 20, [], [], []])
    assert [list(found) for found in steps] == [[], *[["m-1"]] * 22]
    # Only the newest window has fewer than two of four that failed.
    assert [steps[-k]["m-1"].signs[0].quiet for k in (3, 2, 1)] == [0, 0, 1]


def test_what_only_warns_or_is_no_quality_check_counts_for_nothing() -> None:
    others = [NULLS | {"status": "warn"}, NULLS | {"code": "label.representative"}]
    assert after((1, 1), [others] * 3)[-1] == {}


def test_checks_of_columns_and_of_the_whole_rows_are_incidents_of_their_own() -> None:
    found = after((1, 1), [[NULLS, REPEATS, NULLS | {"subject": "a:b"}]])[-1]
    assert {(one.subject, one.kind, one.title) for one in found.values()} == {
        ("age", "input", "age fails quality.new_nulls"),
        ("a:b", "input", "a:b fails quality.new_nulls"),
        ("rows", "rows", "The rows fail quality.duplicate_rows"),
    }


def test_a_check_belongs_to_the_incident_that_the_alarms_opened_of_its_column() -> None:
    alarm = Sign(
        key="column:age:location",
        effect=0.4,
        low=0.2,
        high=0.6,
        e_value=1e5,
        since=0.0,
        earliest=0,
        latest=0,
        minimum=0.3,
    )
    found = taken_in({}, [alarm], model="m", release=1, end=DAY, width=DAY)
    judgement = Failing((1, 1), {}).judged(Judgement(), DAY, [NULLS], found)
    (one,) = taken_in(found, judgement.signs, model="m", release=1, end=2 * DAY, width=DAY).values()
    assert [sign.key for sign in one.signs] == ["column:age:location", "check:age:quality.new_nulls"]
    assert one.title == "age moved"


def with_nulls(rows: pa.Table, days: Sequence[int]) -> pa.Table:
    """A few ages of some days are missing, of which the history has none."""
    number = (rows["time"].to_numpy() - np.datetime64("2026-01-05")) // np.timedelta64(1, "D")
    lost = np.isin(number, days) & (np.arange(len(rows)) % 50 == 0)
    return rows.set_column(rows.column_names.index("age"), "age", pa.array(rows["age"].to_numpy(), mask=lost))


def test_a_log_in_which_a_few_values_are_missing_again_and_again(service: Service) -> None:
    """Four in two hundred are no change that matters; that there are any at all is what the check refuses."""
    rows = with_nulls(payments(HISTORY_DAYS, 6, seed=3), [HISTORY_DAYS + k for k in (1, 3, 4)])
    settings = msgspec.structs.replace(service.reference.settings, failing="3 of 5")
    reference = replace(service.reference, settings=settings)
    ids = service.answer(rows)
    for until in (4, 5, 6):
        service.monitor(day(HISTORY_DAYS + until), reference)
        found = incidents(service)
        assert len(found) == (until > 4)
    (one,) = found
    assert one["title"] == "age fails quality.new_nulls"
    assert one["story"].startswith("age fails quality.new_nulls since 7 March 2026: in 3 of 5 windows.")
    assert one["advice"].startswith(("Fix the pipeline", "No action"))
    lost = [name for name, age in zip(ids, rows["age"].to_pylist(), strict=True) if age is None]
    assert set(one["rows"]) <= set(lost)
    before = windows(service)
    rebuild(LogSource(open_log(service.root), "fraud"), "fraud", lambda _: reference, service.book, service.root)
    assert incidents(service) == found
    assert windows(service).keys() == before.keys()


def test_without_that_being_asked_for_it_opens_nothing(service: Service) -> None:
    service.answer(with_nulls(payments(HISTORY_DAYS, 6, seed=3), range(HISTORY_DAYS, HISTORY_DAYS + 6)))
    service.monitor(day(HISTORY_DAYS + 6))
    assert incidents(service) == []
    failed = [one for one in windows(service).values() for one in one.get("findings", ()) if one["subject"] == "age"]
    assert {one["code"] for one in failed if one["status"] == "fail"} == {"quality.new_nulls"}


def test_the_page_tells_in_how_many_windows_and_claims_no_evidence() -> None:
    (one,) = after((1, 2), [[NULLS]])[-1].values()
    page = told_of(one, Clock("UTC", True), "EUR")
    assert page.signs.rows == (("age: quality.new_nulls", "failed in 1 window", "", "1 Jan 1970", ""),)
    assert "How sure" not in dict(page.facts)


@pytest.mark.parametrize("failing", ["3", "0 of 5", "6 of 5", "3 of 5 windows"])
def test_so_many_of_so_many_windows_are_asked_for(failing: str) -> None:
    project = {
        "name": "fraud",
        "data": {"path": "rows.parquet", "target": "fraud"},
        "objective": {"kind": "cost", "false_positive": 1, "false_negative": 4},
    }
    assert project_of({**project, "monitor": {"failing": "3 of 5"}}).monitor.failing_of == (3, 5)
    with pytest.raises(SettingError, match="failing"):
        project_of({**project, "monitor": {"failing": failing}})
