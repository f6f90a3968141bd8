"""The proof that nothing is lost or doubled, and that it fails when something is."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.errors import LogError
from holdfast.log import proof as module
from holdfast.log import seen
from holdfast.log.committer import Committer
from holdfast.log.lake import folder
from holdfast.log.parquet import write
from holdfast.log.proof import Proof, proof, verify
from holdfast.log.spool import Spool
from holdfast.log.state import deny
from holdfast.log.table import Table
from holdfast.testing.logged import MORNING, in_lake, labels, predictions


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are recent."""
    monkeypatch.setattr(seen, "recent_since", lambda: MORNING - 86_400_000_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten rows of which one is a retry, one is of an erased person, one is a reuse of an id, and two wait."""
    deny(tmp_path, "fraud", ["e"])
    with closing(Spool(tmp_path / "spool")) as spool, Committer(tmp_path) as committer:
        spool.write([predictions(["a", "b", "c"], given=True)])
        spool.write([predictions(["a"], given=True), predictions(["b"], given=True, inputs=[9])])
        spool.write([predictions(["e"]), predictions(["f"]), predictions(["g"])])
        committer.round(flush=True)
        spool.write([predictions(["h", "i"])])
    return tmp_path


def path_of(root: Path) -> Path:
    return folder(root, "fraud", "predictions")


def test_every_row_is_accounted_for(root: Path) -> None:
    expected = Proof(
        model="fraud",
        kind="predictions",
        accepted=10,
        committed=6,
        pending=2,
        duplicates=1,
        refused=1,
        conflicts=1,
    )
    assert proof(root) == [expected]
    assert verify(root) == ([expected], [])


def test_rows_of_all_writers_and_tables_are_counted(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as one, closing(Spool(tmp_path / "spool")) as two:
        one.write([predictions(["a"]), labels(["a", "b"])])
        two.write([predictions(["c"]), predictions(["d"], model="a.b")])
        with Committer(tmp_path) as committer:
            committer.round(flush=True)
        found = [(p.model, p.kind, p.accepted, p.committed) for p in proof(tmp_path)]
    assert found == [("a.b", "predictions", 1, 1), ("fraud", "labels", 2, 2), ("fraud", "predictions", 2, 2)]


def test_a_frame_that_vanished_from_the_spool_is_missing(root: Path) -> None:
    with closing(sqlite3.connect(root / "spool" / "0.db")) as connection, connection:
        connection.execute("DELETE FROM frames")
    _, problems = verify(root)
    assert problems == ["fraud/predictions: 2 of 10 accepted rows are not accounted for"]


def test_a_file_that_vanished_from_the_lake_is_missing(root: Path) -> None:
    table = Table(path_of(root))
    (root / path_of(root) / table.files[0].path).unlink()
    problems = verify(root)[1]
    assert "cannot be read" in problems[0]
    assert "0 rows of writer" in problems[1]


def test_rows_that_vanished_from_the_log_are_missing(root: Path) -> None:
    table = Table(path_of(root))
    table.commit(remove=table.files)
    (problem,) = verify(root)[1]
    assert "0 rows of writer" in problem
    assert "where 6 were committed and not removed" in problem


def test_rows_that_were_removed_on_purpose_are_not_missing(root: Path) -> None:
    table = Table(path_of(root))
    (writer,) = set(in_lake(root).column("hf_writer").to_pylist())
    table.commit(remove=table.files, transactions={f"{writer}/expired": 4, f"{writer}/erased": 2})
    assert verify(root)[1] == []
    (one,) = proof(root)
    assert (one.expired, one.erased, one.unexplained) == (4, 2, 0)


def test_rows_that_are_there_twice_are_found_in_one_file_and_in_two(root: Path) -> None:
    table = Table(path_of(root))
    rows, schema = in_lake(root), table.arrow
    table.commit(add=[write(table.path, "2026-01-01", "again", [rows.slice(2, 1)], schema)])
    problems = verify(root)[1]
    assert "1 rows of writer" in problems[0]
    assert "are in more than one of" in problems[0]
    assert "7 rows of writer" in problems[1]
    table.commit(add=[write(table.path, "2026-01-01", "thrice", [rows.slice(0, 1)] * 3, schema)])
    assert any("2 rows of writer" in problem and "more than once" in problem for problem in verify(root)[1])


def test_a_file_that_is_not_the_one_of_the_log_is_found(root: Path) -> None:
    table = Table(path_of(root))
    (file,) = table.files
    name = Path(file.path).stem
    write(table.path, file.date, name, [in_lake(root).slice(0, 2)], table.arrow)
    problems = verify(root)[1]
    assert "is not the file that the log names" in problems[0]


def test_a_damaged_page_is_found(root: Path) -> None:
    table = Table(path_of(root))
    path = table.path / table.files[0].path
    content = bytearray(path.read_bytes())
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(path).metadata.row_group(0)
    column = next(
        metadata.column(k) for k in range(metadata.num_columns) if metadata.column(k).path_in_schema == "hf_seq"
    )
    content[column.data_page_offset + column.total_compressed_size - 20] ^= 1
    path.write_bytes(content)
    assert "cannot be read" in verify(root)[1][0]


def test_a_table_or_a_spool_that_is_damaged_is_said(root: Path) -> None:
    for path in (path_of(root) / "_delta_log").glob("*.json"):
        path.write_bytes(b"{")
    (problem,) = verify(root)[1]
    assert "cannot be used" in problem
    (root / "spool" / "0.db").write_bytes(b"no database" * 100)
    (problem,) = verify(root)[1]
    assert "is damaged" in problem


def test_a_table_without_a_spool_of_its_own_is_looked_at_too(root: Path) -> None:
    """Its rows came from another host."""
    for path in (root / "spool").glob("0.*"):
        path.unlink()
    assert verify(root) == ([], [])
    for path in (path_of(root) / "_delta_log").glob("*.json"):
        path.write_bytes(b"{")
    assert "cannot be used" in verify(root)[1][0]


def test_it_holds_while_rows_come_and_are_committed(tmp_path: Path) -> None:
    stop = threading.Event()

    def write_on() -> None:
        with closing(Spool(tmp_path / "spool")) as spool:
            while not stop.is_set():
                spool.write([predictions([f"{k}" for k in range(5)])])
                stop.wait(0.003)

    def commit_on() -> None:
        with Committer(tmp_path, rows=20) as committer:
            while not stop.is_set():
                committer.round()
                stop.wait(0.05)

    threads = [threading.Thread(target=work) for work in (write_on, commit_on)]
    for thread in threads:
        thread.start()
    try:
        while not any(one.committed for one in proof(tmp_path)):
            stop.wait(0.01)
        for _ in range(10):
            proofs, problems = verify(tmp_path)
            assert problems == []
            assert all(one.unexplained == 0 for one in proofs)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_it_gives_up_where_it_never_sees_a_still_moment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = iter(range(100))
    monkeypatch.setattr(module, "_accounts", lambda *_: {("fraud", "predictions"): (next(versions), None)})
    with pytest.raises(LogError, match="try again"):
        proof(root)
