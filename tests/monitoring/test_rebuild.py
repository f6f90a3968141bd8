"""What follows from the log and the recorded runs can be made again, and is the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.book import incidents as people
from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Derived
from holdfast.errors import ReleaseError
from holdfast.log.reading import open_log
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.reference import Reference, reference_of
from holdfast.monitoring.run import run
from holdfast.monitoring.sources.source import LogSource
from holdfast.releases.store import open_store
from holdfast.testing.planted import unit_change

from .conftest import HISTORY_DAYS, Service, day, payments


def again(service: Service) -> int:
    def reference(version: int) -> Reference:
        if version != service.reference.version:
            raise ReleaseError("gone")
        return service.reference

    return rebuild(LogSource(open_log(service.root), "fraud"), "fraud", reference, service.book, service.root)


def test_replayed_runs_leave_the_same_and_acts_stay(service: Service) -> None:
    rows = payments(HISTORY_DAYS, 10, seed=3)
    service.answer(unit_change(rows, "amount", 100.0, "2026-03-10", share=0.5, seed=0).table)
    for number in (2.0, 2.5, 6.0, 6.0, 11.0):
        service.monitor(day(HISTORY_DAYS + number))
    people.do(service.book, "fraud-1", "acknowledge", author="ada")
    before = recorded.derived(service.book, "fraud")
    assert before.watch is not None
    assert len(before.windows) == 11
    assert before.incidents
    recorded.record_again(service.book, "fraud", Derived(), after=recorded.runs(service.book, "fraud")[-1].number)
    assert recorded.derived(service.book, "fraud") == Derived()
    assert again(service) == 5
    assert recorded.derived(service.book, "fraud") == before
    assert [act.act for act in people.acts(service.book)["fraud-1"]] == ["acknowledge"]
    # And the monitor goes on from there.
    assert service.monitor(day(HISTORY_DAYS + 12)).judged == [day(HISTORY_DAYS + 11)]


def test_runs_over_several_releases_are_replayed_with_their_own(service: Service) -> None:
    content = {name: service.sealed.read(name) for name in service.sealed.manifest.files}
    store = open_store(service.root / "releases")
    for _ in range(2):
        second = store.add("fraud", content, service.sealed.manifest.origin)
    references = {1: service.reference, 2: reference_of(second)}
    rows = payments(HISTORY_DAYS, 6, seed=3)
    rows = unit_change(rows, "amount", 100.0, "2026-03-08", share=0.5, seed=0).table
    service.answer(rows.slice(0, 700))
    service.monitor(day(HISTORY_DAYS + 3))
    dataclasses.replace(service, sealed=second).answer(rows.slice(700))
    service.monitor(day(HISTORY_DAYS + 6), references[2])
    before = recorded.derived(service.book, "fraud")
    assert [one.release for one in recorded.runs(service.book, "fraud")] == [1, 2]
    source = LogSource(open_log(service.root), "fraud")
    assert rebuild(source, "fraud", references.__getitem__, service.book, service.root) == 2
    assert recorded.derived(service.book, "fraud") == before


def test_a_run_that_another_machine_was_quicker_than_goes_on_from_it(service: Service, tmp_path: Path) -> None:
    """Another machine has another lock, and the same log and book."""
    rows = payments(HISTORY_DAYS, 4, seed=3)
    service.answer(rows)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lake").symlink_to(service.root / "lake")
    other = dataclasses.replace(service, root=elsewhere)

    class Overtaken(LogSource):
        def rows(self, *given: Any) -> Iterator[pa.RecordBatch]:
            yield from super().rows(*given)
            if not recorded.runs(service.book, "fraud"):
                source = LogSource(open_log(service.root), "fraud")
                run(source, other.reference, other.book, other.root, now=day(HISTORY_DAYS + 2), margin=0.0)

    source = Overtaken(open_log(service.root), "fraud")
    done = run(source, service.reference, service.book, service.root, now=day(HISTORY_DAYS + 4), margin=0.0)
    assert done.judged == [day(HISTORY_DAYS + 2), day(HISTORY_DAYS + 3)]
    assert len(recorded.runs(service.book, "fraud")) == 2
    assert sum(one["rows"] for one in recorded.windows(service.book, "fraud").values()) == len(rows)


def test_a_book_without_runs_stays_empty(service: Service) -> None:
    assert again(service) == 0
    assert recorded.derived(service.book, "fraud") == Derived()


def test_without_its_release_nothing_is_replaced(service: Service) -> None:
    service.answer(payments(HISTORY_DAYS, 2, seed=3))
    service.monitor(day(HISTORY_DAYS + 2))
    before = recorded.derived(service.book, "fraud")

    def gone(_: int) -> Reference:
        raise ReleaseError("gone")

    with pytest.raises(ReleaseError):
        rebuild(LogSource(open_log(service.root), "fraud"), "fraud", gone, service.book, service.root)
    assert recorded.derived(service.book, "fraud") == before


def test_severity_is_by_what_the_model_costs_anyway(service: Service) -> None:
    """The reference has 200 rows a day."""
    rows = payments(HISTORY_DAYS, 6, seed=3)
    service.answer(unit_change(rows, "amount", 100.0, "2026-03-08", share=0.5, seed=0).table)
    (one,) = [found for found in service.monitor(day(HISTORY_DAYS + 6)).opened if found.subject == "amount"]
    losses = np.sum([window.losses for _, window in service.reference.history], axis=0)
    assert one.usual == pytest.approx(200 * losses[1] / losses[0], rel=0.02)
    assert one.cost is not None
    assert one.cost > 0.2 * one.usual
    assert one.severity == "high"
