"""What goes wrong in real life: no reference, hardly any rows, no labels, other releases, clocks that jump or are changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from holdfast.book import monitoring as recorded
from holdfast.errors import ReleaseError
from holdfast.log.reading import open_log
from holdfast.monitoring.reference import Reference, reference_of
from holdfast.monitoring.run import run
from holdfast.monitoring.sources.source import LogSource
from holdfast.releases.folder import SealedFolder
from holdfast.releases.store import open_store
from holdfast.testing.answered import commit, label_rows
from holdfast.testing.planted import unit_change
from holdfast.testing.releases import seal_small
from holdfast.windows import Windows

from .conftest import BEGIN, DAY, HISTORY_DAYS, Service, day, payments

FIRST = HISTORY_DAYS


def shown(service: Service) -> dict[float, dict]:
    return {place / 1e6: one for place, one in sorted(recorded.windows(service.book, "fraud").items())}


def incidents(service: Service) -> list[dict]:
    return list(recorded.incidents(service.book, "fraud").values())


def at(rows: pa.Table, moments: np.ndarray) -> pa.Table:
    """The rows at other times, (n,) datetime64."""
    return rows.set_column(1, "time", pa.array(moments.astype("datetime64[us]"), pa.timestamp("us", "UTC")))


def in_days(rows: pa.Table, days: int) -> list[int]:
    """How many rows there are in each of the days from the first."""
    when = (rows["time"].to_numpy() - BEGIN) // np.timedelta64(1, "D")
    return np.bincount(when - FIRST, minlength=days).tolist()


def another(service: Service) -> tuple[SealedFolder, Reference]:
    """The same release under the next number, in a store beside the log."""
    content = {name: service.sealed.read(name) for name in service.sealed.manifest.files}
    store = open_store(service.root / "releases")
    store.add("fraud", content, service.sealed.manifest.origin)
    second = store.add("fraud", content, service.sealed.manifest.origin)
    return second, reference_of(second)


def test_a_release_without_windows_of_its_history_says_to_release_it_again(tmp_path: Path) -> None:
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    sealed = seal_small(open_store(tmp_path))
    with pytest.raises(
        ReleaseError, match="payments/1 has no windows of its history to be watched by: release it again"
    ):
        reference_of(sealed)


def test_nothing_logged_is_nothing_found(service: Service) -> None:
    service.answer(payments(FIRST, 1, seed=1).slice(0, 1))
    done = service.monitor(day(FIRST - 5))
    assert (done.rows, done.judged, incidents(service)) == (0, [], [])


@pytest.mark.parametrize("rows", [0, 3])
def test_a_window_of_hardly_any_rows_has_no_figures_of_them(service: Service, rows: int) -> None:
    service.answer(
        pa.concat_tables(
            [
                payments(FIRST, 2, seed=1),
                payments(FIRST + 2, 1, seed=1, rows_a_day=max(rows, 1)).slice(0, rows),
                payments(FIRST + 3, 2, seed=1),
            ]
        )
    )
    done = service.monitor(day(FIRST + 6))
    assert done.judged[:5] == [day(FIRST + i) for i in range(5)]
    one = shown(service)[day(FIRST + 2)]
    assert one["rows"] == rows
    assert all(np.isfinite(figure).all() for figure in one.get("figures", {}).values())
    assert [i["subject"] for i in incidents(service)] == ["volume"]


def test_weeks_without_any_label_are_watched_by_what_came(service: Service) -> None:
    service.answer(payments(FIRST, 28, seed=1), delay_days=None)
    done = service.monitor(day(FIRST + 28))
    assert (done.labels, len(done.judged), incidents(service)) == (0, 28, [])
    assert {one["labelled"] for one in shown(service).values()} == {0}
    assert all("accuracy" in one["estimates"] for one in shown(service).values())


def test_labels_that_come_after_weeks_revise_what_is_shown(service: Service) -> None:
    rows = payments(FIRST, 14, seed=1)
    ids = service.answer(rows, delay_days=None)
    service.monitor(day(FIRST + 14))
    label_rows(service.root, service.sealed, ids, rows["fraud"].to_pylist(), np.full(len(rows), day(FIRST + 14) + 60))
    commit(service.root)
    done = service.monitor(day(FIRST + 15))
    assert done.labels == len(rows)
    found = list(shown(service).values())[:14]
    assert [one["labelled"] for one in found] == [one["rows"] for one in found]


def test_labels_for_unknown_ids_change_nothing(service: Service) -> None:
    service.answer(payments(FIRST, 3, seed=1))
    unknown = ["NOBODY", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]
    label_rows(service.root, service.sealed, unknown, [True, False], np.full(2, day(FIRST + 1)))
    commit(service.root)
    done = service.monitor(day(FIRST + 3) + 3600)
    assert done.rows == 600
    assert done.labels == sum(one["labelled"] for one in shown(service).values()) > 400
    assert incidents(service) == []


def test_a_new_release_within_a_window_is_no_fall_of_the_volume(service: Service) -> None:
    rows = payments(FIRST, 4, seed=1)
    noon = np.count_nonzero(rows["time"].to_numpy() < BEGIN + np.timedelta64((FIRST + 1) * 24 + 12, "h"))
    service.answer(rows.slice(0, noon))
    service.monitor(day(FIRST + 1) + 6 * 3600)
    second, reference = another(service)
    later = replace(service, sealed=second, reference=reference)
    later.answer(rows.slice(noon))
    later.monitor(day(FIRST + 4) + 3600)
    found = shown(service)
    assert [one["rows"] for one in found.values()] == in_days(rows, 4)
    assert [one["release"] for one in found.values()] == [1, 2, 2, 2]
    assert incidents(service) == []


def test_an_incident_says_that_a_release_came_into_force_when_it_began(service: Service) -> None:
    service.answer(payments(FIRST, 6, seed=6))
    service.monitor(day(FIRST + 6))
    _, reference = another(service)
    broken = unit_change(
        payments(FIRST + 6, 4, seed=6), "amount", 0.05, str(BEGIN + np.timedelta64(FIRST + 7, "D"))
    ).table
    service.answer(broken)
    service.monitor(day(FIRST + 10), reference)
    found = {one["subject"]: one for one in incidents(service)}
    moment = (BEGIN + np.timedelta64(FIRST + 6, "D")).astype("datetime64[D]").item()
    assert f"release 2 came into force on {moment:%-d %B %Y}" in found["amount"]["upstream"]
    service.monitor(day(FIRST + 20), reference)  # silence begins long after
    found = {one["subject"]: one for one in incidents(service)}
    assert not any(said.startswith("release") for said in found["volume"]["upstream"])


def test_the_first_run_begins_with_a_whole_window(service: Service) -> None:
    rows = payments(FIRST, 6, seed=1)
    service.answer(rows)
    source = LogSource(open_log(service.root), "fraud")
    noon = day(FIRST + 2) + 12 * 3600
    run(source, service.reference, service.book, service.root, now=day(FIRST + 7), margin=0.0, since=noon)
    found = list(shown(service).values())[:4]
    for name in ("rows", "labelled"):
        assert [one[name] for one in found] == in_days(rows, 6)[2:]


def test_rows_that_another_release_answered_are_no_answers_of_this_one(service: Service) -> None:
    rows = payments(FIRST, 2, seed=1)
    service.answer(rows.slice(0, 100))
    second, reference = another(service)
    later = replace(service, sealed=second, reference=reference)
    later.answer(rows.slice(100))
    later.monitor(day(FIRST + 3))
    first = next(iter(shown(service).values()))
    assert (first["rows"], first["labelled"]) == (in_days(rows, 2)[0], in_days(rows, 2)[0] - 100)


@pytest.mark.parametrize("jump", ["1970-01-01T12:00", "2031-06-01T12:00"])
def test_a_single_wrong_clock_opens_nothing(service: Service, jump: str) -> None:
    rows = payments(FIRST, 7, seed=1)
    when = rows["time"].to_numpy().copy()
    when[700] = np.datetime64(jump)
    service.answer(at(rows, when))
    service.monitor(day(FIRST + 7))
    assert incidents(service) == []
    assert len(shown(service)) == 7


def test_days_on_which_the_clocks_change_are_windows_of_23_and_25_hours(service: Service) -> None:
    rows = payments(FIRST + 18, 10, seed=1)  # from 24 March 2026 on
    service.answer(rows)
    zone = replace(service.reference, windows=Windows(width=DAY, zone="Europe/Berlin"))
    service.monitor(day(FIRST + 28), zone)
    found = shown(service)
    hours = {
        str(np.datetime64(round(start + 43_200), "s"))[:10]: (one["end"] - start) / 3600 for start, one in found.items()
    }
    assert hours["2026-03-28"] == 24
    assert hours["2026-03-29"] == 23
    assert sum(one["rows"] for one in found.values()) == len(rows) - np.count_nonzero(
        rows["time"].to_numpy() >= np.datetime64("2026-04-02T22:00")
    )
    assert incidents(service) == []


def test_days_of_a_far_zone_keep_labels_that_came_at_different_times(service: Service) -> None:
    rows = payments(FIRST, 4, seed=1)
    ids = service.answer(rows, delay_days=None)
    tokyo = replace(service.reference, windows=Windows(width=DAY, zone="Asia/Tokyo"))
    early = rows["time"].to_numpy() < BEGIN + np.timedelta64(FIRST + 2, "D")
    truths = np.array(rows["fraud"].to_pylist())
    for mask, arrived in ((early, day(FIRST + 4) + 60), (~early, day(FIRST + 5) + 60)):
        some = np.flatnonzero(mask)
        label_rows(
            service.root, service.sealed, [ids[i] for i in some], truths[some].tolist(), np.full(len(some), arrived)
        )
        commit(service.root)
        service.monitor(arrived + 3600, tokyo)
    found = shown(service)
    assert [one["labelled"] for one in found.values() if one["rows"]] == [
        one["rows"] for one in found.values() if one["rows"]
    ]
