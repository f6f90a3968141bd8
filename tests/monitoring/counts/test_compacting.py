"""A monitor that looks every few hours leaves few pieces, and what follows from them stays the same."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pyarrow.compute as pc
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import Run
from holdfast.book.opening import open_book
from holdfast.log.reading import open_log
from holdfast.log.table import Table
from holdfast.monitoring.counts import kept, pieces
from holdfast.monitoring.counts.compacting import compact, is_quiet
from holdfast.monitoring.rebuild import replayed
from holdfast.monitoring.sources.source import LogSource

from ..conftest import DAY, HISTORY_DAYS, Service, day, payments

FIRST, DAYS, A_DAY = HISTORY_DAYS, 4, 8


@pytest.fixture
def watched(service: Service) -> Service:
    """An installation that was watched every three hours; labels came within the day, others days later."""
    service.answer(payments(FIRST, DAYS, seed=3), delay_days=0.4)
    service.answer(payments(FIRST + 1, 1, seed=8), delay_days=2.2)
    for number in range(1, DAYS * A_DAY + 1):
        service.monitor(day(FIRST) + number * DAY / A_DAY)
    return service


def numbers(service: Service) -> list[int]:
    return [run.number for run in recorded.runs(service.book, "fraud")]


def test_pieces_of_quiet_runs_are_put_together_and_replaying_gives_the_same(watched: Service) -> None:
    runs = recorded.runs(watched.book, "fraud")
    assert len(runs) == DAYS * A_DAY
    assert sum(not is_quiet(run) for run in runs) <= 2 * DAYS, "labels come to be known within the day, too"
    files = Table(pieces.place_of(watched.root, "fraud")).files
    assert len(files) == sum(not is_quiet(run) for run in runs)
    source = LogSource(open_log(watched.root), "fraud")
    again = replayed(source, lambda _: watched.reference, watched.root, runs)
    left = recorded.derived(watched.book, "fraud")
    assert again.windows == left.windows
    assert again.incidents == left.incidents
    assert again.watch == left.watch


def test_what_is_held_is_what_one_run_would_have_counted(
    watched: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("once")
    other = dataclasses.replace(watched, book=open_book(root / "book.db"))
    before = kept.held(watched.root, watched.reference, numbers(watched))
    days = [day(FIRST + k) for k in range(DAYS)]
    profiles = kept.profiles(watched.root, watched.reference, days, numbers(watched))
    other.monitor(day(FIRST + DAYS))
    once = kept.held(other.root, other.reference, numbers(other))
    assert before.counts.keys() == once.counts.keys()
    for place, one in once.counts.items():
        for name in ("rows", "inputs", "scores", "decisions", "confusion", "known", "delays"):
            np.testing.assert_array_equal(getattr(before.counts[place], name), getattr(one, name), err_msg=name)
        np.testing.assert_allclose(before.counts[place].losses, one.losses)
    again = kept.profiles(other.root, other.reference, days, numbers(other))
    assert profiles.keys() == again.keys() == set(days)
    for start, expected in again.items():
        found = profiles[start]
        assert found.rows == expected.rows
        assert all((found.columns[name].counts == one.counts).all() for name, one in expected.columns.items())
    other.book.close()


def test_only_windows_that_are_asked_for_are_read_and_those_that_the_last_run_touched(watched: Service) -> None:
    done = numbers(watched)
    whole = kept.held(watched.root, watched.reference, done)
    some = kept.held(watched.root, watched.reference, done, since=day(FIRST + 2))
    assert some.touched == whole.touched
    wanted = {start for start, _ in whole.counts if start >= day(FIRST + 2)} | whole.touched
    assert some.counts == {place: one for place, one in whole.counts.items() if place[0] in wanted}


@pytest.mark.parametrize("away", [-1, 1])
def test_pieces_that_no_recorded_run_wrote_are_passed_over_and_stay(watched: Service, away: int) -> None:
    """They may be those of a run that another book knows."""
    folder, runs = pieces.place_of(watched.root, "fraud"), recorded.runs(watched.book, "fraud")
    line = next(iter(pieces.read(folder, pieces.SCHEMA.names[1:], pc.field("run") == runs[-1].number)))
    strange = runs[-1].number + away
    pieces.write(folder, strange, [{**line, "run": strange}])
    before = kept.held(watched.root, watched.reference, numbers(watched))
    compact(watched.root, watched.reference, runs)
    assert kept.held(watched.root, watched.reference, numbers(watched)).counts == before.counts
    assert strange in {line["run"] for line in pieces.read(folder, ["start"], None)}


def test_runs_of_before_are_not_taken_for_quiet() -> None:
    run = Run(number=1, model="m", release=1, at=datetime.now(UTC), received_until=0, labelled_until=0)
    assert not is_quiet(run)
