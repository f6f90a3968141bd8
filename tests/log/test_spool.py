"""The spool: what it acknowledged is in its file, in order, whatever the clock says and however it ended."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from holdfast.errors import LogError
from holdfast.log import spool as module
from holdfast.log.ids import Ulids, milliseconds
from holdfast.log.spool import Spool, counters, frames, pending, spools
from holdfast.testing.logged import predictions


def test_what_was_written_is_there_in_order_and_counted(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        spool.write([predictions(["a", "b"]), predictions(["c"], model="churn")])
        spool.write([predictions(["d"])])
        found = list(frames(spool.path))
        assert [(frame.seq, frame.layout.model, frame.rows, frame.sound) for frame in found] == [
            (1, "fraud", 2, True),
            (2, "churn", 1, True),
            (3, "fraud", 1, True),
        ]
        assert counters(spool.path) == {"accepted.fraud.predictions": 3, "accepted.churn.predictions": 1}
        assert pending(spool.path)[0] == {("fraud", "predictions"): 3, ("churn", "predictions"): 1}


def test_groups_that_wait_are_written_together(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as spool:
        done: list[Exception | None] = []
        all_done = threading.Event()

        def one(error: Exception | None) -> None:
            done.append(error)
            if len(done) == 500:
                all_done.set()

        for number in range(500):
            spool.append(predictions([str(number)]), one)
        assert all_done.wait(120)
        assert done == [None] * 500
        assert [frame.seq for frame in frames(spool.path)] == list(range(1, 501))


def test_each_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    with closing(Spool(tmp_path)) as first, closing(Spool(tmp_path)) as second:
        assert [path.name for path in spools(tmp_path)] == ["0.db", "1.db"]
        assert first.writer != second.writer
    with closing(Spool(tmp_path)) as again:
        assert (again.path.name, again.writer) == ("0.db", first.writer)


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.close()
    spool.close()
    with pytest.raises(LogError, match="closed"):
        spool.write([predictions(["a"])])


# The clock is set back


def test_numbers_rise_when_the_clock_is_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in (20_000, 19_000, 21_000):
        now = days * 86_400
        monkeypatch.setattr(module.time, "time_ns", lambda now=now: now * 10**9)
        monkeypatch.setattr(module.time, "time", lambda now=now: float(now))
        with closing(Spool(tmp_path)) as spool:
            spool.write([predictions(["a"])])
            path = spool.path
    seqs = [frame.seq for frame in frames(path)]
    assert seqs == sorted(set(seqs))
    assert [frame.received // 86_400_000 for frame in frames(path)] == [20_000, 19_000, 21_000]
    assert pending(path)[1] == 19_000 * 86_400_000


def test_identifiers_rise_when_the_clock_is_set_back() -> None:
    moments = iter([1.7e9, 1.6e9, 1.6e9 + 1, 1.7e9 + 0.002])
    ids = Ulids(clock=lambda: next(moments))
    made = [one for _ in range(4) for one in ids.many(3)]
    assert made == sorted(set(made))
    assert [milliseconds(one) for one in made[::3]] == [1.7e12, 1.7e12, 1.7e12, 1.7e12 + 2]


def test_identifiers_that_are_made_at_once_follow_each_other() -> None:
    crockford = str.maketrans("ABCDEFGHJKMNPQRSTVWXYZ", "abcdefghijklmnopqrstuv")
    made = Ulids().many(5_000)
    numbers = [int(one.translate(crockford), 32) for one in made]
    assert numbers == list(range(numbers[0], numbers[0] + 5_000))
    assert {len(one) for one in made} == {26}


# What cannot be opened


@contextmanager
def full(path: Path) -> Iterator[None]:
    """Writing into a file fails as on a disk that is full."""
    with pytest.MonkeyPatch.context() as patch:

        def opened(_: Path) -> sqlite3.Connection:
            raise sqlite3.OperationalError("database or disk is full")

        patch.setattr(module, "opened", opened)
        yield
    assert not path.exists()


def test_a_spool_may_be_opened_when_there_is_room(tmp_path: Path) -> None:
    with full(tmp_path / "0.db"):
        with pytest.raises(LogError, match="disk is full"):
            Spool(tmp_path)
        spool = Spool(tmp_path, late=True)
        with pytest.raises(LogError, match="disk is full"):
            spool.write([predictions(["a"])])
    with closing(spool):
        spool.write([predictions(["b"])])
        assert [frame.rows for frame in frames(spool.path)] == [1]
        assert len(spool.writer) == 26


def test_one_that_was_never_opened_can_be_closed(tmp_path: Path) -> None:
    with full(tmp_path / "0.db"):
        Spool(tmp_path, late=True).close()
    Spool(tmp_path).close()


def test_a_damaged_file_is_let_go_of_so_that_it_can_be_saved(tmp_path: Path) -> None:
    (tmp_path / "0.db").write_bytes(b"no database" * 1_000)
    for _ in range(2):
        with pytest.raises(LogError, match="file is not a database"):
            Spool(tmp_path, late=True)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"")
    with pytest.raises(LogError, match="The spool cannot be written in"):
        Spool(tmp_path / "spool")


def test_a_format_of_the_future_is_refused(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "0.db")) as connection:
        connection.execute("UPDATE meta SET value = '9' WHERE key = 'format'")
        connection.commit()
    with pytest.raises(LogError, match="has the format 9"):
        Spool(tmp_path, late=True)


WRITING = """
import sys
from pathlib import Path
from holdfast.log.spool import Spool
from holdfast.testing.logged import predictions
spool = Spool(Path(sys.argv[1]), sys.argv[2])
print("BEGIN", file=sys.stderr, flush=True)
for k in range(20):
    spool.write([predictions([str(k)])])
print("END", file=sys.stderr, flush=True)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which sees what reaches the disk, is not installed")
@pytest.mark.parametrize(("durability", "least", "most"), [("sync", 20, 60), ("group", 0, 10)])
def test_the_disk_has_each_group_or_all_of_a_second(tmp_path: Path, durability: str, least: int, most: int) -> None:
    command = [
        "strace",
        "-f",
        "-e",
        "trace=fsync,fdatasync,write",
        sys.executable,
        "-c",
        WRITING,
        str(tmp_path),
        durability,
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    between = told.partition('"BEGIN')[2].partition('"END')[0]
    assert least <= len(re.findall("(?:fsync|fdatasync)\\(", between)) <= most
