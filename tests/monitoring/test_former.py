"""Labels of what an earlier release answered, which come when another one is in force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Derived
from holdfast.book.opening import open_book
from holdfast.errors import ReleaseError
from holdfast.log.reading import open_log
from holdfast.monitoring.labelled.longer import Longer
from holdfast.monitoring.monitor import watched_of
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.sources.source import LogSource
from holdfast.testing.answered import answer_rows, commit, label_rows

from .conftest import DAY, HISTORY_DAYS, Service, day, payments
from .test_bad_input import another, shown
from .test_run import incidents

FIRST = HISTORY_DAYS
OLD_DAYS, NEW_DAYS = 6, 4


@pytest.fixture
def changed(service: Service) -> Changed:
    """Six days of one release, four of the next; labels of the first six come two days after the change."""
    sealed, reference = another(service)
    return Changed(service, replace(service, sealed=sealed, reference=reference))


class Changed:
    """An installation in which the release changes."""

    def __init__(self, old: Service, new: Service) -> None:
        self.old, self.new = old, new
        self.references = {1: old.reference, 2: new.reference}

    def answer(self, *, wrong: bool = False, came: float = FIRST + OLD_DAYS + 2) -> pa.Table:
        """Rows of both, with the truth of the old one's at a time, turned or not."""
        rows = payments(FIRST, OLD_DAYS, seed=1)
        ids = self.old.answer(rows, delay_days=None)
        truths = [one != wrong for one in rows["fraud"].to_pylist()]
        self.new.answer(payments(FIRST + OLD_DAYS, NEW_DAYS, seed=1))
        label_rows(self.old.root, self.old.sealed, ids, truths, np.full(len(ids), day(came) + 60))
        commit(self.old.root)
        return rows

    def monitor(self, number: float) -> None:
        self.new.monitor(day(FIRST + number), references=self.references.__getitem__)


def test_what_is_shown_is_as_if_the_release_had_stayed(changed: Changed) -> None:
    changed.answer()
    changed.old.monitor(day(FIRST + OLD_DAYS))
    before = shown(changed.old)
    changed.monitor(OLD_DAYS + 2)  # as known then
    assert [one["labelled"] for one in list(shown(changed.old).values())[:OLD_DAYS]] == [0] * OLD_DAYS
    changed.monitor(OLD_DAYS + NEW_DAYS)
    found = list(shown(changed.old).items())[:OLD_DAYS]
    book = open_book(changed.old.root / "stayed.db")
    stayed = replace(changed.old, book=book)
    stayed.monitor(day(FIRST + OLD_DAYS))
    stayed.monitor(day(FIRST + OLD_DAYS + NEW_DAYS))
    expected = shown(stayed)
    book.close()
    for start, one in found:
        assert one["release"] == 1
        assert one["labelled"] == one["rows"] == before[start]["rows"]
        assert one["estimates"] == before[start]["estimates"]
        for name in ("figures", "truth", "segments", "effects"):
            assert one[name] == expected[start][name], name
    assert {one["release"] for one in list(shown(changed.new).values())[OLD_DAYS:]} == {2}


def test_truths_of_the_old_are_no_evidence_against_the_new(changed: Changed) -> None:
    changed.answer(wrong=True)
    changed.old.monitor(day(FIRST + OLD_DAYS))
    for number in range(1, NEW_DAYS + 1):
        changed.monitor(OLD_DAYS + number)
    assert incidents(changed.new) == []
    first = next(iter(shown(changed.new).values()))
    assert first["figures"]["accuracy"][0] < 0.5


def test_nor_are_those_that_had_come_before_the_change_and_were_not_judged_yet(changed: Changed) -> None:
    changed.answer(wrong=True, came=FIRST + OLD_DAYS)
    changed.old.monitor(day(FIRST + OLD_DAYS) + 0.5 * DAY)  # their window has not ended
    for number in range(1, NEW_DAYS + 1):
        changed.monitor(OLD_DAYS + number)
    assert incidents(changed.new) == []


def test_replaying_the_runs_gives_the_same_also_where_figures_roll(changed: Changed) -> None:
    for one in (changed.old, changed.new):
        settings = msgspec.structs.replace(one.reference.settings, rolling="3d")
        changed.references[one.reference.version] = replace(one.reference, settings=settings)
    changed.old = replace(changed.old, reference=changed.references[1])
    changed.new = replace(changed.new, reference=changed.references[2])
    changed.answer()
    changed.old.monitor(day(FIRST + OLD_DAYS))
    for number in (2, 2.5, 3, NEW_DAYS):
        changed.monitor(OLD_DAYS + number)
    rolling: list[dict[str, Any]] = [one["rolling"] for one in shown(changed.new).values()]
    assert [one["labelled"] for one in rolling[:OLD_DAYS]] == [one["rows"] for one in rolling[:OLD_DAYS]]
    before, runs = recorded.derived(changed.new.book, "fraud"), recorded.runs(changed.new.book, "fraud")
    recorded.record_again(changed.new.book, "fraud", Derived(), after=runs[-1].number)
    source = LogSource(open_log(changed.new.root), "fraud")
    rebuild(source, "fraud", changed.references.__getitem__, changed.new.book, changed.new.root)
    assert recorded.derived(changed.new.book, "fraud") == before


def test_longer_times_have_them_too(changed: Changed) -> None:
    changed.answer()
    changed.old.monitor(day(FIRST + OLD_DAYS))
    changed.monitor(OLD_DAYS + NEW_DAYS)
    service = changed.new
    longer = Longer(service.root, recorded.runs(service.book, "fraud"), changed.references.__getitem__, "UTC")
    whole = replace(watched_of(service.reference, service.book), longer=longer).over("30d")
    assert [(one.release, one.windows) for one in whole] == [(1, OLD_DAYS), (2, NEW_DAYS)]
    assert whole[0].labelled == whole[0].rows


def test_a_release_that_is_gone_leaves_its_windows_as_they_were(changed: Changed) -> None:
    def references(version: int) -> Reference:
        raise ReleaseError(f"{version} is gone")

    changed.answer()
    changed.old.monitor(day(FIRST + OLD_DAYS))
    before = list(shown(changed.old).values())
    changed.new.monitor(day(FIRST + OLD_DAYS + NEW_DAYS), references=references)
    assert list(shown(changed.old).values())[:OLD_DAYS] == before


def test_rows_of_the_new_that_happened_long_before_take_no_window_from_the_old(changed: Changed) -> None:
    changed.answer()
    changed.old.monitor(day(FIRST + OLD_DAYS))
    before = list(shown(changed.old).values())
    late = payments(FIRST + 1, 1, seed=9).slice(0, 50)
    received = late["time"].to_numpy() + np.timedelta64(OLD_DAYS, "D")
    late = late.append_column("received", pa.array(received, late["time"].type))
    answer_rows(changed.new.root, changed.new.sealed, late, "received")
    commit(changed.new.root)
    changed.monitor(OLD_DAYS + 2)
    assert list(shown(changed.old).values())[:OLD_DAYS] == before
