"""Rounds of the committer: what gets into the lake, and what does not."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from holdfast.errors import LogError
from holdfast.log import committer as module
from holdfast.log import seen
from holdfast.log.batch import Item, kept
from holdfast.log.committer import Committer, run
from holdfast.log.destination import REFUSED
from holdfast.log.lake import folder
from holdfast.log.proof import verify
from holdfast.log.spool import Group, Spool, frames
from holdfast.log.state import deny
from holdfast.log.table import ConflictError, Table
from holdfast.testing.logged import MORNING, in_lake, labels, predictions

HOUR = 3_600_000_000


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are recent."""
    monkeypatch.setattr(seen, "recent_since", lambda: MORNING - 24 * HOUR)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def spooled(root: Path, *groups: Group) -> str:
    """Write groups, one frame each, into a spool that is then closed; returns its writer."""
    with closing(Spool(root / "spool")) as spool:
        for group in groups:
            spool.write([group])
        return spool.writer


def ids(root: Path, kind: str = "predictions") -> list[str]:
    return in_lake(root, kind=kind).column("hf_id").to_pylist()  # type: ignore[arg-type,no-any-return]


def verified(root: Path) -> None:
    """The proof holds."""
    assert verify(root)[1] == []


def test_rows_get_into_a_table_of_their_model_and_kind(tmp_path: Path) -> None:
    writer = spooled(tmp_path, predictions(["a", "b"]), labels(["a"]), predictions(["c"], model="churn"))
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
        assert (done.commits, done.frames, done.rows, done.problems) == (3, 3, 4, [])
        assert committer.round(flush=True).frames == 0
    assert (ids(tmp_path), ids(tmp_path, "labels")) == (["a", "b"], ["a"])
    assert in_lake(tmp_path, "churn").column("hf_id").to_pylist() == ["c"]
    row = in_lake(tmp_path).to_pylist()[1]
    assert (row["hf_writer"], row["hf_seq"], row["hf_row"]) == (writer, 1, 1)
    assert (row["hf_date"], row["hf_conflict"], row["amount"]) == ("2026-01-01", False, 1.5)
    assert list(frames(tmp_path / "spool" / "0.db")) == []
    assert Table(folder(tmp_path, "fraud", "predictions")).transaction(writer) == 1
    verified(tmp_path)


def test_any_reader_of_delta_sees_the_rows(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a", "b"]))
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    table = DeltaTable(folder(tmp_path, "fraud", "predictions")).to_pyarrow_table()
    assert table.select(["hf_id", "hf_date"]).to_pylist() == [{"hf_id": i, "hf_date": "2026-01-01"} for i in "ab"]


def test_rows_wait_until_there_are_enough_or_it_has_been_long(tmp_path: Path) -> None:
    clock = Clock()
    with Committer(tmp_path, rows=3, seconds=5.0, clock=clock) as committer:
        spooled(tmp_path, predictions(["a", "b"]))
        assert committer.round().rows == 0
        spooled(tmp_path, predictions(["c"]))
        assert committer.round().rows == 3
        spooled(tmp_path, predictions(["d"]))
        assert committer.round().rows == 0
        clock.now = 4.9
        assert committer.round().rows == 0
        clock.now = 5.0
        assert committer.round().rows == 1
    verified(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
def test_only_many_rows_that_have_come_just_now_are_left_to_a_thread_that_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, seen_at = module.Destination.commit, []

    def commit(self: module.Destination, items: Sequence[Item]) -> module.Done:
        seen_at.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return plain(self, items)

    monkeypatch.setattr(module.Destination, "commit", commit)
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    clock = Clock()
    with Committer(tmp_path, rows=2, seconds=5.0, clock=clock, patience=20.0) as committer:
        spooled(tmp_path, predictions(["a", "b"]))
        assert committer.round().rows == 2
        spooled(tmp_path, predictions(["few"]))
        assert committer.round().rows == 0
        clock.now = 5.0
        assert committer.round().rows == 1
        spooled(tmp_path, predictions(["c", "d"]))
        assert committer.round(flush=True).rows == 2
        spooled(tmp_path, predictions(["old", "too"]))
        later = time.time() + 21
        monkeypatch.setattr(time, "time", lambda: later)
        assert committer.round().rows == 2
    assert seen_at == [19, own, own, own]
    assert sorted(ids(tmp_path)) == ["a", "b", "c", "d", "few", "old", "too"]
    verified(tmp_path)


def test_more_than_is_read_at_once_is_committed_bit_by_bit(tmp_path: Path) -> None:
    spooled(tmp_path, *(predictions([f"{k:02}-{i}" for i in range(5)]) for k in range(20)))
    size = len(predictions(["00-0"] * 5).content)
    with Committer(tmp_path, batch_bytes=6 * size) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.commits) == (100, 4)
    assert ids(tmp_path) == [f"{k:02}-{i}" for k in range(20) for i in range(5)]
    verified(tmp_path)


def test_the_rows_of_each_day_lie_apart(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"]), predictions(["b"], time=MORNING + 24 * HOUR), predictions(["c"]))
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).commits == 1
    files = Table(folder(tmp_path, "fraud", "predictions")).files
    assert sorted((file.date, file.rows) for file in files) == [("2026-01-01", 2), ("2026-01-02", 1)]


def test_spools_of_several_processes_are_read_by_time(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as first, closing(Spool(tmp_path / "spool")) as second:
        second.write([predictions(["id"], given=True, inputs=[2])])
        threading.Event().wait(0.005)  # times are in milliseconds
        first.write([predictions(["id"], given=True, inputs=[1])])
        with Committer(tmp_path) as committer:
            done = committer.round(flush=True)
        assert (done.rows, done.conflicts) == (2, 1)
        conflicts = {row["hf_writer"]: row["hf_conflict"] for row in in_lake(tmp_path).to_pylist()}
        assert conflicts == {second.writer: False, first.writer: True}


# Retries


def test_a_retry_is_no_second_prediction(tmp_path: Path) -> None:
    again = predictions(["a", "b"], given=True)
    spooled(tmp_path, again, again)
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
        assert (done.rows, done.duplicates, done.conflicts) == (2, 2, 0)
        spooled(tmp_path, predictions(["a", "b"], given=True, time=MORNING + HOUR))
        done = committer.round(flush=True)
        assert (done.rows, done.duplicates, done.commits) == (0, 2, 1)
    spooled(tmp_path, predictions(["a"], given=True))
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).duplicates == 1
    assert ids(tmp_path) == ["a", "b"]
    verified(tmp_path)


def test_an_id_with_other_inputs_is_kept_and_flagged(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"], given=True, inputs=[1]), predictions(["a"], given=True, inputs=[2]))
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.duplicates, done.conflicts) == (2, 0, 1)
    assert in_lake(tmp_path).column("hf_conflict").to_pylist() == [False, True]
    verified(tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        predictions(["a"], given=True, release=2),
        predictions(["a"], given=True, time=MORNING + 25 * HOUR),
        predictions(["a"], given=False),
        predictions(["a"], given=True, model="churn"),
    ],
    ids=["release", "a day later", "not given", "model"],
)
def test_what_only_looks_like_a_retry_is_kept(tmp_path: Path, other: Group) -> None:
    spooled(tmp_path, predictions(["a"], given=True), other)
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.duplicates, done.conflicts) == (2, 0, 0)


def test_labels_are_never_retries(tmp_path: Path) -> None:
    spooled(tmp_path, labels(["a"]), labels(["a"]))
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).rows == 2


def test_the_index_of_ids_can_be_lost(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"], given=True))
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    for path in (tmp_path / "seen" / "fraud").iterdir():
        path.unlink()
    spooled(tmp_path, predictions(["a"], given=True))
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).duplicates == 1


def test_retries_are_known_across_hosts(tmp_path: Path) -> None:
    """Two hosts share a lake; each has its own spools and committer."""
    for host in ("one", "two"):
        (tmp_path / host).mkdir()
        (tmp_path / host / "lake").symlink_to(tmp_path / "lake", target_is_directory=True)
    (tmp_path / "lake").mkdir()
    with Committer(tmp_path / "one") as one, Committer(tmp_path / "two") as two:
        for round_ in range(3):
            some = [f"{round_}-{k}" for k in range(3)]
            spooled(tmp_path / "one", predictions(some, given=True))
            spooled(tmp_path / "two", predictions([*some, f"{round_}-more"], given=True))
            first, second = one.round(flush=True), two.round(flush=True)
            assert (first.rows, first.duplicates) == (3, 0)
            assert (second.rows, second.duplicates) == (1, 3)
    verified(tmp_path / "one")
    verified(tmp_path / "two")


def test_a_commit_of_another_host_in_between_is_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spooled(tmp_path, predictions(["a"]))
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
        commit, path = Table.commit, folder(tmp_path, "fraud", "predictions")
        late = iter([True, True, False])

        def slow(table: Table, **what: object) -> None:
            if next(late):
                commit(Table(path), transactions={"other": table.version})
            commit(table, **what)  # type: ignore[arg-type]

        monkeypatch.setattr(Table, "commit", slow)
        spooled(tmp_path, predictions(["b"]))
        assert committer.round(flush=True).rows == 1
    assert sorted(ids(tmp_path)) == ["a", "b"]


# What is refused


def test_a_damaged_frame_is_refused_and_kept(tmp_path: Path) -> None:
    import sqlite3

    writer = spooled(tmp_path, predictions(["a"]), predictions(["b", "c"]), predictions(["d"]))
    with closing(sqlite3.connect(tmp_path / "spool" / "0.db")) as connection, connection:
        connection.execute("UPDATE frames SET content = zeroblob(10) WHERE seq = 2")
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.refused, done.problems) == (2, 2, [])
    (refused,) = kept(tmp_path / REFUSED)
    assert (refused.writer, refused.seq, refused.content) == (writer, 2, bytes(10))
    assert ids(tmp_path) == ["a", "d"]
    verified(tmp_path)


def test_a_value_that_does_not_fit_is_refused_and_kept(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a", "b"], columns=[("n", "int64")], values=[[1, 1.5]]))
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.refused) == (1, 1)
    assert [one.rows for one in kept(tmp_path / REFUSED)] == [(1,)]
    assert in_lake(tmp_path).column("n").to_pylist() == [1]
    verified(tmp_path)


def test_rows_of_erased_ids_are_refused_and_nothing_of_them_is_kept(tmp_path: Path) -> None:
    deny(tmp_path, "fraud", ["b"])
    spooled(tmp_path, predictions(["a", "b"]), labels(["b"]), predictions(["b"], model="churn"))
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.refused) == (2, 2)
    assert (ids(tmp_path), ids(tmp_path, "labels")) == (["a"], [])
    assert all(one.content == b"" for one in kept(tmp_path / REFUSED))
    verified(tmp_path)


# Columns


def test_a_release_may_add_columns(tmp_path: Path) -> None:
    spooled(tmp_path, predictions(["a"]), predictions(["b"], columns=[("age", "int64")], values=[[40]]))
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).rows == 2
        spooled(tmp_path, predictions(["c"], columns=[("amount", "float64"), ("age", "int64")], values=[[2.5], [50]]))
        assert committer.round(flush=True).rows == 1
    rows = in_lake(tmp_path)
    assert rows.column("amount").to_pylist() == [1.5, None, 2.5]
    assert rows.column("age").to_pylist() == [None, 40, 50]


def test_a_changed_type_gets_a_column_of_its_own_and_no_value_is_cast(tmp_path: Path) -> None:
    with Committer(tmp_path) as committer:
        for columns, values in (
            ([("n", "int64")], [[1]]),
            ([("n", "float64")], [[1.5]]),
            ([("n", "string")], [["1.5"]]),
            ([("n", "int64")], [[2]]),
        ):
            spooled(tmp_path, predictions(["a"], columns=columns, values=values))  # type: ignore[arg-type]
            assert committer.round(flush=True).problems == []
    rows = in_lake(tmp_path)
    assert rows.schema.field("n").type == pa.int64()
    assert rows.column("n").to_pylist() == [1, None, None, 2]
    assert rows.column("n_float64").to_pylist() == [None, 1.5, None, None]
    assert rows.column("n_string").to_pylist() == [None, None, "1.5", None]
    names = {place.physical: place.name for place in Table(folder(tmp_path, "fraud", "predictions")).places}
    assert names["n_float64"] == names["n_string"] == "n"


# What goes wrong


def test_a_commit_that_is_there_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit succeeds, and its sender does not learn it."""
    commit = Table.commit

    def unsure(table: Table, **what: object) -> None:
        commit(table, **what)  # type: ignore[arg-type]
        raise LogError("the answer was lost")

    spooled(tmp_path, predictions(["a"], given=True))
    clock = Clock()
    with Committer(tmp_path, clock=clock) as committer:
        monkeypatch.setattr(Table, "commit", unsure)
        assert committer.round(flush=True).problems == ["the answer was lost"]
        assert len(list(frames(tmp_path / "spool" / "0.db"))) == 1
        monkeypatch.setattr(Table, "commit", commit)
        clock.now = 1.0
        done = committer.round(flush=True)
        assert (done.rows, done.duplicates, done.problems) == (0, 0, [])
    assert list(frames(tmp_path / "spool" / "0.db")) == []
    assert ids(tmp_path) == ["a"]
    verified(tmp_path)


def test_a_table_that_cannot_be_written_does_not_hold_up_the_others(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "churn").write_text("in the way")
    with Committer(tmp_path, batch_bytes=1_000, clock=clock) as committer:
        for k in range(10):
            spooled(tmp_path, predictions([f"x{k}"], model="churn"), predictions([f"y{k}"]))
        first = committer.round(flush=True)
        assert (first.rows, len(first.problems)) == (10, 1)
        second = committer.round(flush=True)
        assert (second.rows, second.problems) == (0, [])  # it is asked again later
        (tmp_path / "lake" / "churn").unlink()
        clock.now = 1.0
        assert committer.round(flush=True).rows == 10
    verified(tmp_path)


def test_pauses_grow(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "fraud").write_text("in the way")
    spooled(tmp_path, predictions(["a"]))
    with Committer(tmp_path, clock=clock) as committer:
        tried = []
        for second in range(40):
            clock.now = float(second)
            if committer.round(flush=True).problems:
                tried.append(second)
    assert tried == [0, 1, 3, 7, 15, 31]


def test_a_table_that_others_write_all_the_time_is_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise ConflictError

    spooled(tmp_path, predictions(["a"]))
    monkeypatch.setattr(Table, "commit", never)
    with Committer(tmp_path) as committer:
        (problem,) = committer.round(flush=True).problems
    assert "written by others all the time" in problem


@pytest.mark.parametrize("harm", ["zeros", "torn", "a whole line less"])
def test_a_last_entry_that_a_power_cut_spoiled_is_committed_again(tmp_path: Path, harm: str) -> None:
    """The frames are still there, since they are removed only when the disk has the entry."""
    spooled(tmp_path, predictions(["a"]))
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    spooled(tmp_path, predictions(["b"], given=True))
    spool = {path.name: path.read_bytes() for path in (tmp_path / "spool").glob("*.db*")}
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    for name, content in spool.items():
        (tmp_path / "spool" / name).write_bytes(content)
    (last,) = (folder(tmp_path, "fraud", "predictions") / "_delta_log").glob("*2.json")
    content = last.read_bytes()
    lines = content.splitlines(keepends=True)
    last.write_bytes({"zeros": bytes(len(content)), "torn": content[:-9]}.get(harm, b"".join(lines[:-1])))
    for path in (tmp_path / "seen" / "fraud").iterdir():  # written after the entry was on the disk: not there either
        path.unlink()
    with Committer(tmp_path) as committer:
        done = committer.round(flush=True)
    assert done.rows == 1
    assert [str(last) in problem for problem in done.problems] == [True]
    assert ids(tmp_path) == ["a", "b"]
    verified(tmp_path)


@contextmanager
def mounted(place: Path, size: str) -> Iterator[None]:
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("left", [0, 40_000, 120_000, 200_000, 400_000])
def test_a_full_disk_loses_nothing(tmp_path: Path, left: int) -> None:
    """So many bytes are left when the committing begins."""
    root, clock = tmp_path / "small", Clock()
    with mounted(root, "4m"), closing(Spool(root / "spool")) as spool:
        ballast, rest = root / "ballast", root / "rest"
        rest.write_bytes(os.urandom(left))
        for k in range(20):
            spool.write([predictions([f"{k}-{i}-{os.urandom(20).hex()}" for i in range(50)], given=True)])
        with Committer(root, clock=clock) as committer:
            committer.round()
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(os.urandom(4096)):
                    pass
            rest.unlink()
            problems = committer.round(flush=True).problems
            assert bool(problems) == (left < 100_000), problems
            ballast.unlink()
            clock.now = 60.0
            assert committer.round(flush=True).problems == []
        assert len(set(ids(root))) == len(ids(root)) == 1000
        verified(root)


def test_the_clock_may_be_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        for k, now in enumerate([1e9, 1e9 - 5000, 1e9 - 4000, 1e9 + 10]):
            monkeypatch.setattr("holdfast.log.spool.time.time", lambda now=now: now)
            spool.write([predictions([f"{k}"], time=int(now * 1e6))])
    size = len(predictions(["0"]).content)
    with Committer(tmp_path, batch_bytes=2 * size) as committer:
        done = committer.round(flush=True)
    assert (done.rows, done.problems) == (4, [])
    assert ids(tmp_path) == ["0", "1", "2", "3"]
    verified(tmp_path)


# One committer for each host


def test_a_second_committer_is_refused(tmp_path: Path) -> None:
    with Committer(tmp_path):
        with pytest.raises(LogError, match="Another committer works on"):
            Committer(tmp_path)
        code = "import sys\nfrom pathlib import Path\nfrom holdfast.log.committer import Committer\nCommitter(Path(sys.argv[1]))"
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
        assert "Another committer works on" in done.stderr
    with Committer(tmp_path):
        pass


def test_two_committers_by_mistake_commit_each_row_once(tmp_path: Path) -> None:
    """Somebody has deleted the lock, so both work on the same spools."""
    stop = threading.Event()
    with closing(Spool(tmp_path / "spool")) as spool:
        with Committer(tmp_path) as first:
            (tmp_path / "committer.lock").unlink()
            with Committer(tmp_path) as second:
                problems: list[str] = []

                def commit_on(committer: Committer) -> None:
                    while not stop.is_set():
                        problems.extend(committer.round(flush=True).problems)

                threads = [threading.Thread(target=commit_on, args=(one,)) for one in (first, second)]
                for thread in threads:
                    thread.start()
                for k in range(100):
                    spool.write([predictions([f"{k}", "same"], given=True, inputs=[k, 0])])
                stop.wait(0.2)
                stop.set()
                for thread in threads:
                    thread.join()
                problems += first.round(flush=True).problems
        assert problems == []
        assert len(ids(tmp_path)) == 101
        verified(tmp_path)


def test_the_place_of_a_dead_process_is_given_back(tmp_path: Path) -> None:
    spooled(tmp_path, *(predictions([os.urandom(500).hex() for _ in range(2)]) for _ in range(1_000)))
    spool = tmp_path / "spool" / "0.db"
    assert spool.stat().st_size > 2_000_000
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).rows == 2000
    assert spool.stat().st_size < 100_000
    writer = spooled(tmp_path, predictions(["a"]))
    with Committer(tmp_path) as committer:
        assert committer.round(flush=True).rows == 1
    assert in_lake(tmp_path).column("hf_writer").to_pylist() == [writer] * 2001
    verified(tmp_path)


def test_running_it_waits_for_the_other_one_then_commits_and_flushes_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "ROUND_SECONDS", 0.02)
    spooled(tmp_path, predictions(["a"]))
    (tmp_path / "spool" / "7.db").write_bytes(b"no database" * 100)
    stop = threading.Event()
    running = threading.Thread(target=run, args=(tmp_path, stop), kwargs={"rows": 1})
    with caplog.at_level(logging.WARNING, "holdfast.log"):
        with Committer(tmp_path):
            running.start()
            while not caplog.records:
                stop.wait(0.01)
        while ids(tmp_path) != ["a"]:
            stop.wait(0.01)
        spooled(tmp_path, labels(["b"]))
        stop.set()
        running.join()
    assert ids(tmp_path, "labels") == ["b"]
    messages = [record.message for record in caplog.records]
    assert len(messages) == 2
    assert "Another committer works on" in messages[0]
    assert "7.db was damaged" in messages[1]


def test_one_that_waits_can_be_stopped(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with Committer(tmp_path):
        run(tmp_path, stop)
