"""Windows of so many predictions, in the order of their receipt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Derived
from holdfast.book.opening import open_book
from holdfast.config import project_of
from holdfast.errors import SettingError
from holdfast.log.reading import open_log
from holdfast.monitoring.judging import begun, usual
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.reference import Reference, reference_of
from holdfast.monitoring.run import run
from holdfast.monitoring.sources.source import LogSource
from holdfast.profile import window
from holdfast.releases.store import open_store
from holdfast.testing.planted import unit_change
from holdfast.windows import CountedWindows

from .conftest import DAY, HISTORY_DAYS, Service, day, payments
from .sources.test_files import ROWS_A_DAY, loans, split, watched, write
from .test_run import rounded

FIRST = HISTORY_DAYS
ROWS = 300
"""Of a window: a day and a half of them."""


def by_count(reference: Reference, rows: int = ROWS) -> Reference:
    """The same release, as if it had been sealed with windows by count: pairs of days of the history are a window of it."""
    history = []
    for one, other in zip(reference.history[::2], reference.history[1::2], strict=False):
        history.append((one[0], one[1] + other[1]))
    end = reference.windows.end(reference.history[-1][0])
    history.append((end, window.nothing(reference.profile.edges, reference.answers)))
    cut = CountedWindows(rows=rows).as_usual(start for start, _ in history)
    return replace(reference, history=tuple(history), windows=cut)


@pytest.fixture
def counted(service: Service) -> Service:
    """The installation, watched by count."""
    return replace(service, reference=by_count(service.reference))


def shown(service: Service) -> dict[float, dict[str, Any]]:
    return {place / 1e6: one for place, one in sorted(recorded.windows(service.book, "fraud").items())}


def incidents(service: Service) -> list[dict[str, Any]]:
    return list(recorded.incidents(service.book, "fraud").values())


def received(service: Service) -> np.ndarray:
    """When the log has received each row, in order."""
    batches = open_log(service.root).predictions("fraud", columns=["hf_time"])
    return np.sort(np.concatenate([one.column(0).cast(pa.int64()).to_numpy() for one in batches])) / 1e6


def again(service: Service) -> int:
    source = LogSource(open_log(service.root), "fraud")
    return rebuild(source, "fraud", lambda _: service.reference, service.book, service.root)


def test_each_window_has_so_many_rows_and_the_last_one_waits(counted: Service) -> None:
    rows = payments(FIRST, 10, seed=1)
    counted.answer(rows)
    done = counted.monitor(day(FIRST + 10))
    found = shown(counted)
    assert done.rows == len(rows) == 2_000
    logged = received(counted)
    assert len(found) == 6
    assert next(iter(found)) == logged[0]
    for (start, one), following in zip(found.items(), [*list(found)[1:], None], strict=True):
        own = logged[(logged >= start) & (logged < one["end"])]
        # Rows of the moment of the last one are in the same window.
        assert len(own) == one["rows"] >= ROWS > np.count_nonzero(own < own[-1])
        assert one["end"] == pytest.approx(own[-1] + 1e-6, abs=1e-7)
        assert following in {one["end"], None}
    assert incidents(counted) == []


def test_runs_at_any_time_find_what_one_run_finds(counted: Service, tmp_path: Path) -> None:
    rows = unit_change(payments(FIRST, 12, seed=2), "amount", 10.0, "2026-03-14", share=0.5, seed=0).table
    counted.answer(rows)
    for hours in (1, 5, 24, 25, 60, 100, 101, 150, 220, 312):
        counted.monitor(day(FIRST) + hours * 3_600.0)
    other = replace(counted, book=open_book(tmp_path / "other.db"))
    other.monitor(day(FIRST + 13))
    often, once = shown(counted), shown(other)
    assert often.keys() == once.keys()
    for start in once:
        for name in ("end", "rows", "labelled", "figures", "effects", "alarms"):
            assert rounded(often[start].get(name)) == rounded(once[start].get(name)), (start, name)
    assert [one["id"] for one in incidents(counted)] == [one["id"] for one in incidents(other)]
    assert {one["subject"] for one in incidents(counted)} >= {"amount"}
    other.book.close()


def test_what_runs_left_is_made_again_the_same(counted: Service) -> None:
    rows = payments(FIRST, 10, seed=3)
    counted.answer(unit_change(rows, "amount", 100.0, "2026-03-10", share=0.5, seed=0).table)
    for number in (1.0, 2.5, 6.0, 6.0, 11.0):
        counted.monitor(day(FIRST + number))
    before = recorded.derived(counted.book, "fraud")
    assert before.incidents
    recorded.record_again(counted.book, "fraud", Derived(), after=recorded.runs(counted.book, "fraud")[-1].number)
    assert again(counted) == 5
    assert recorded.derived(counted.book, "fraud") == before
    assert counted.monitor(day(FIRST + 11)).judged == []


def test_silence_is_told_and_rows_that_come_again_are_judged(counted: Service) -> None:
    counted.answer(payments(FIRST, 6, seed=1))
    counted.answer(payments(FIRST + 40, 6, seed=1))
    opened = [one.subject for one in counted.monitor(day(FIRST + 20)).opened]
    assert opened == ["volume"]
    counted.monitor(day(FIRST + 46))
    found = shown(counted)
    assert min(one["rows"] for one in found.values()) == 0
    assert max(found) > day(FIRST + 40)
    # A window by count that is not filled waits four times as long as usual, the next one twice as long as that.
    empty = [one["end"] - start for start, one in found.items() if one["rows"] == 0]
    assert empty == pytest.approx([16 * DAY], rel=0.01)
    assert len(found) < 12


@pytest.mark.parametrize("rows", [0, 3])
def test_hardly_any_rows_are_a_window_that_waits(counted: Service, rows: int) -> None:
    counted.answer(payments(FIRST, 1, seed=1).slice(0, max(rows, 1)))
    done = counted.monitor(day(FIRST + (1 if rows else -1)))
    assert (done.rows, done.judged, shown(counted), incidents(counted)) == (rows, [], {}, [])


def test_a_model_that_is_asked_less_than_before_is_judged_all_the_same(counted: Service) -> None:
    """Twenty rows a day would take a fortnight to fill a window: it ends after eight days, and the next one is full."""
    counted.answer(payments(FIRST, 60, seed=1, rows_a_day=20))
    counted.monitor(day(FIRST + 60))
    sizes = [one["rows"] for one in shown(counted).values()]
    assert sizes[0] == pytest.approx(160, abs=25)
    assert all(size >= ROWS for size in sizes[1:])
    assert [one["subject"] for one in incidents(counted)] == ["volume"]


def test_labels_belong_to_the_window_in_which_they_came(counted: Service) -> None:
    rows = payments(FIRST, 9, seed=1)
    counted.answer(rows, delay_days=2.0)
    done = counted.monitor(day(FIRST + 9))
    assert done.labels == pytest.approx(7 * 200, abs=30)
    first = counted.monitor(day(FIRST + 12))
    assert done.labels + first.labels == len(rows)
    assert all(one["labelled"] == one["rows"] for one in shown(counted).values())
    assert incidents(counted) == []


def test_another_release_goes_on_with_the_window_that_is_open(counted: Service) -> None:
    rows = payments(FIRST, 8, seed=1)
    counted.answer(rows)
    counted.monitor(day(FIRST + 4))
    second = replace(counted.reference, version=2)
    counted.monitor(day(FIRST + 8), second)
    alone = shown(counted)
    assert {one["release"] for one in alone.values()} == {1, 2}
    sizes = [one["rows"] for one in alone.values()]
    assert min(sizes) >= ROWS
    starts = list(alone)
    assert [one["end"] for one in alone.values()][:-1] == starts[1:]


def test_after_windows_of_time_a_release_by_count_begins_where_they_ended(service: Service) -> None:
    rows = payments(FIRST, 8, seed=1)
    service.answer(rows)
    service.monitor(day(FIRST + 3) + 3_600)
    second = replace(by_count(service.reference), version=2)
    service.monitor(day(FIRST + 8), second)
    found = shown(service)
    assert list(found)[:4] == [day(FIRST + number) for number in range(4)]
    assert sum(one["rows"] for one in found.values()) > len(rows) - ROWS


def test_a_few_rows_that_were_received_long_before_begin_no_window(counted: Service) -> None:
    rows = payments(FIRST, 6, seed=1)
    early = payments(FIRST, 1, seed=2).slice(0, 5)
    long_ago = pa.array(early["time"].to_numpy() - np.timedelta64(900, "D"), pa.timestamp("us", "UTC"))
    counted.answer(pa.concat_tables([early.set_column(1, "time", long_ago), rows]))
    done = counted.monitor(day(FIRST + 6))
    assert min(shown(counted)) >= day(FIRST)
    assert len(done.judged) == 3
    assert incidents(counted) == []


def test_tables_are_cut_alike_and_every_night_finds_what_one_call_finds(tmp_path: Path) -> None:
    rows = loans(40, 12)
    folders = [tmp_path / name for name in ("once", "nightly")]
    for folder in folders:
        folder.mkdir()
    once, nightly = (write(folder, monitor={"window": "250 rows", "smallest": 50}) for folder in folders)
    whole = watched(once, *split(rows))
    assert whole.judged == 5
    assert [one.rows for one in whole.windows] == [250] * 5
    assert whole.incidents == ()
    for night in range(1, 13):
        found = watched(nightly, *split(rows.slice(0, night * ROWS_A_DAY)))
    assert [(one.start, one.end, one.rows, one.labelled) for one in found.windows] == [
        (one.start, one.end, one.rows, one.labelled) for one in whole.windows
    ]
    assert [rounded(one.effects) for one in found.windows] == [rounded(one.effects) for one in whole.windows]


def test_the_history_is_cut_as_what_comes_later(tmp_path: Path) -> None:
    watched(write(tmp_path, monitor={"window": "250 rows", "smallest": 50}), *split(loans(40, 2)))
    reference = reference_of(open_store(tmp_path / ".holdfast" / "references").get("loans"))
    sizes = [one.size for _, one in reference.history]
    assert sizes == [250] * 19 + [40 * ROWS_A_DAY - 19 * 250]
    assert isinstance(reference.windows, CountedWindows)
    assert reference.windows.rows == 250
    assert reference.windows.width == pytest.approx(2 * DAY, rel=0.1)
    ends = [reference.past.end(start) for start, _ in reference.history]
    assert ends == [*(start for start, _ in reference.history[1:]), np.inf]
    # Weekdays and hours are none of theirs.
    watch = begun(reference, usual(reference)).watch
    assert watch.season.number == 1
    assert watch.signals["volume"].centre == pytest.approx([np.log(251 / reference.windows.width * DAY)], abs=0.1)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("5000", "expected a length such as 1d, or a number of rows such as 5000 rows; got '5000'"),
        ("50 rows", "no window of 50 rows would be judged while smallest is 100"),
    ],
)
def test_windows_that_make_no_sense_are_refused(window: str, message: str) -> None:
    asked = {"data": {"path": "x", "target": "y"}, "objective": {"kind": "mae"}, "monitor": {"window": window}}
    with pytest.raises(SettingError, match=rf"{message} - at `\$.monitor`"):
        project_of({"name": "m", **asked})


def test_late_rows_of_tables_are_in_the_window_that_is_open_when_they_come(tmp_path: Path) -> None:
    project, rows = write(tmp_path, monitor={"window": "250 rows", "smallest": 50}), loans(40, 6)
    predictions = split(rows)[0]
    missing = (np.arange(len(rows)) % 3 == 0) & (np.arange(len(rows)) < 300)
    first = watched(project, predictions.filter(pa.array(~missing)))
    assert [one.rows for one in first.windows] == [250, 250]
    late = watched(project, predictions)
    assert late.rows == 100
    # The rows of one moment are in one window: all that came late, beside those that had waited.
    assert [one.rows for one in late.windows][:2] == [250, 250]
    assert watched(project, predictions).rows == 0
    more = watched(project, split(loans(40, 10))[0])
    assert sum(one.rows for one in more.windows) >= 1_200 - 250
    assert min(one.rows for one in more.windows) >= 250


def test_a_run_that_another_machine_was_quicker_than_goes_on_from_it(counted: Service, tmp_path: Path) -> None:
    rows = payments(FIRST, 6, seed=3)
    counted.answer(rows)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lake").symlink_to(counted.root / "lake")

    class Overtaken(LogSource):
        def rows(self, *given: Any) -> Iterator[pa.RecordBatch]:
            yield from super().rows(*given)
            if "decision" in str(given[0]) and not recorded.runs(counted.book, "fraud"):
                source = LogSource(open_log(counted.root), "fraud")
                run(source, counted.reference, counted.book, elsewhere, now=day(FIRST + 3), margin=0.0)

    source = Overtaken(open_log(counted.root), "fraud")
    done = run(source, counted.reference, counted.book, counted.root, now=day(FIRST + 6), margin=0.0)
    assert [one.release for one in recorded.runs(counted.book, "fraud")] == [1, 1]
    assert 0 < len(done.judged) < len(shown(counted))
    once = replace(counted, book=open_book(tmp_path / "once.db"))
    once.monitor(day(FIRST + 6))
    assert [(start, one["rows"]) for start, one in shown(counted).items()] == [
        (start, one["rows"]) for start, one in shown(once).items()
    ]
    once.book.close()
