"""A monitor that is killed, at any of the steps in which it writes and puts together what it has counted."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.opening import open_book
from holdfast.log.table import Table
from holdfast.monitoring.counts import kept, pieces

from .conftest import DAY, HISTORY_DAYS, Service, day, payments

LOOKS = 6
"""A day has so many; what was counted in them is put together when it has ended."""

CHILD = """
import os, signal, sys
from holdfast.book.opening import open_book
from holdfast.log.reading import open_log
from holdfast.monitoring.reference import reference_of
from holdfast.monitoring.run import run
from holdfast.monitoring.sources.source import LogSource
from holdfast.releases.store import open_store

root, releases, now, last = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
reference, book = reference_of(open_store(releases).get("fraud", 1)), open_book(root + "/book.db")
source = LogSource(open_log(root), "fraud")
step = 0

def count(event, arguments):
    global step
    synced = event == "open" and arguments[1] is None
    if (synced or event in {"os.rename", "os.remove"}) and "profiles" in str(arguments[0]):
        step += 1
        if step == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
run(source, reference, book, __import__("pathlib").Path(root), now=now, margin=0.0)
"""


def copy(service: Service, root: Path) -> Service:
    shutil.copytree(service.root, root)
    return dataclasses.replace(service, root=root, book=open_book(root / "book.db"))


def left(service: Service) -> tuple[object, ...]:
    """What the runs have left, without their numbers, which are times."""
    found, runs = recorded.derived(service.book, "fraud"), recorded.runs(service.book, "fraud")
    assert found.watch is not None
    counts = kept.held(service.root, service.reference, [run.number for run in runs]).counts
    return (
        {start: content for start, (_, content) in found.windows.items()},
        {name: content for name, (_, content) in found.incidents.items()},
        found.watch[1],
        len(runs),
        {place: one.size for place, one in counts.items()},
    )


def test_whenever_it_is_killed_the_next_run_goes_on_as_if_nothing_had_been(
    service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    beside = tmp_path_factory.mktemp("killed")
    service.answer(payments(HISTORY_DAYS, 2, seed=3), delay_days=0.4)
    for number in range(1, LOOKS):
        service.monitor(day(HISTORY_DAYS) + number * DAY / LOOKS)
    service.book.close()
    releases, end = str(Path(str(service.sealed.place)).parents[1]), day(HISTORY_DAYS + 1)
    undisturbed = copy(service, beside / "undisturbed")
    before = len(Table(pieces.place_of(undisturbed.root, "fraud")).files)
    for now in (end, end + DAY):
        undisturbed.monitor(now)
    expected = left(undisturbed)
    assert len(Table(pieces.place_of(undisturbed.root, "fraud")).files) < before == LOOKS - 1
    killed, recorded_before = 0, list[bool]()
    while True:
        other = copy(service, beside / f"killed-{killed}")
        other.book.close()
        asked = [sys.executable, "-c", CHILD, str(other.root), releases, str(end), str(killed + 1)]
        code = subprocess.run(asked, check=False).returncode
        other = dataclasses.replace(other, book=open_book(other.root / "book.db"))
        recorded_before.append(len(recorded.runs(other.book, "fraud")) == LOOKS)
        if not recorded_before[-1]:
            other.monitor(end)
        other.monitor(end + DAY)
        assert left(other) == expected, f"killed at step {killed + 1}"
        other.book.close()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
    undisturbed.book.close()
    assert recorded_before == sorted(recorded_before), (
        "first what was counted is written, then the run, then all is put together"
    )
    assert 2 <= sum(recorded_before) - 1 <= killed - 2
