"""A tidy lake: compaction, expiry, vacuum; each may be cut off and done again."""

from __future__ import annotations

import os
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.errors import LogError
from holdfast.log import retention, seen
from holdfast.log.committer import Committer
from holdfast.log.lake import folder
from holdfast.log.proof import verify
from holdfast.log.retention import compact, expire, tidy, vacuum
from holdfast.log.spool import Spool
from holdfast.log.table import ConflictError, Table
from holdfast.testing.logged import MORNING, in_lake, labels, predictions

DAY = 86_400_000_000
NEXT_DAY = datetime(2026, 1, 2, 1, tzinfo=UTC)
SAME_DAY = datetime(2026, 1, 1, 23, tzinfo=UTC)
FRAUD = ("fraud", "predictions")


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are recent."""
    monkeypatch.setattr(seen, "recent_since", lambda: MORNING - DAY)


def committed(root: Path, *groups: object) -> None:
    """Each group as a commit of its own."""
    with closing(Spool(root / "spool")) as spool, Committer(root) as committer:
        for group in groups:
            spool.write([group])  # type: ignore[list-item]
            assert committer.round(flush=True).problems == []


def table(root: Path) -> Table:
    return Table(folder(root, *FRAUD))


def test_the_small_files_of_a_closed_day_become_one_with_the_same_rows(tmp_path: Path) -> None:
    committed(tmp_path, *(predictions([f"{k}-{i}" for i in range(3)]) for k in range(5)))
    before, transaction = in_lake(tmp_path), table(tmp_path)
    writer = before.column("hf_writer")[0].as_py()
    assert list(compact(tmp_path, *FRAUD, NEXT_DAY)) == [5]
    assert [file.rows for file in table(tmp_path).files] == [15]
    assert in_lake(tmp_path).equals(before)
    assert table(tmp_path).transaction(writer) == transaction.transaction(writer) == 5
    assert list(compact(tmp_path, *FRAUD, NEXT_DAY)) == []
    assert verify(tmp_path)[1] == []


def test_days_are_not_mixed_and_files_have_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FILE_ROWS", 10)
    groups = [
        predictions([f"{d}-{k}-{i}" for i in range(3)], time=MORNING + d * DAY) for d in range(2) for k in range(7)
    ]
    committed(tmp_path, *groups)
    now = datetime(2026, 1, 3, tzinfo=UTC)
    assert list(compact(tmp_path, *FRAUD, now)) == [3, 3, 3, 3]
    assert sorted((f.date, f.rows) for f in table(tmp_path).files) == [
        (f"2026-01-0{d}", rows) for d in (1, 2) for rows in (3, 9, 9)
    ]
    assert list(compact(tmp_path, *FRAUD, now)) == []
    assert verify(tmp_path)[1] == []


def test_a_day_that_goes_on_is_compacted_only_where_small_files_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SMALL_FILES", 4)
    committed(tmp_path, *(predictions([f"{k}"]) for k in range(3)))
    assert list(compact(tmp_path, *FRAUD, SAME_DAY)) == []
    committed(tmp_path, predictions(["3"]))
    assert list(compact(tmp_path, *FRAUD, SAME_DAY)) == [4]
    monkeypatch.setattr(retention, "SMALL_ROWS", 4)
    committed(tmp_path, *(predictions([f"{k}"]) for k in range(4, 8)))
    assert list(compact(tmp_path, *FRAUD, SAME_DAY)) == [4]
    assert [file.rows for file in table(tmp_path).files] == [4, 4]


def test_files_from_before_a_column_get_it(tmp_path: Path) -> None:
    new = predictions(["b"], columns=[("age", "int64")], values=[[40]])
    committed(tmp_path, predictions(["a"]), new)
    assert list(compact(tmp_path, *FRAUD, NEXT_DAY)) == [2]
    rows = in_lake(tmp_path)
    assert rows.column("age").to_pylist() == [None, 40]
    assert rows.column("amount").to_pylist() == [1.5, None]


def test_retries_are_known_after_compaction(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"], given=True), predictions(["b"], given=True))
    list(compact(tmp_path, *FRAUD, NEXT_DAY))
    with closing(Spool(tmp_path / "spool")) as spool, Committer(tmp_path) as committer:
        spool.write([predictions(["a"], given=True)])
        assert committer.round(flush=True).duplicates == 1
    assert verify(tmp_path)[1] == []


def test_a_commit_in_between_does_not_stop_compaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(tmp_path, predictions(["a"]), predictions(["b"]))
    commit, late = Table.commit, iter([True, False])

    def slow(self: Table, **what: object) -> None:
        if next(late):
            commit(Table(self.path), transactions={"other": 1})
        commit(self, **what)  # type: ignore[arg-type]

    monkeypatch.setattr(Table, "commit", slow)
    assert list(compact(tmp_path, *FRAUD, NEXT_DAY)) == [2]
    assert in_lake(tmp_path).num_rows == 2


def test_files_that_have_gone_meanwhile_are_not_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(tmp_path, predictions(["a"]), predictions(["b"]))
    write = retention.write

    def slow(*what: object) -> object:
        one = write(*what)  # type: ignore[arg-type]
        other = table(tmp_path)
        other.commit(remove=other.files[:1])
        return one

    monkeypatch.setattr(retention, "write", slow)
    assert list(compact(tmp_path, *FRAUD, NEXT_DAY)) == []
    assert in_lake(tmp_path).column("hf_id").to_pylist() == ["b"]
    assert not list(folder(tmp_path, *FRAUD).glob("*/day-*"))


def test_files_that_are_deleted_while_they_are_read_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(tmp_path, predictions(["a"]), predictions(["b"]))
    place = folder(tmp_path, *FRAUD)
    write = retention.write

    def late(*what: object) -> object:
        other = table(tmp_path)
        (place / other.files[0].path).unlink()
        other.commit(remove=other.files[:1])
        return write(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "write", late)
    assert list(compact(tmp_path, *FRAUD, NEXT_DAY)) == []


def test_a_table_that_lacks_a_file_is_said_and_the_others_are_tidied(tmp_path: Path) -> None:
    churn = [predictions([f"{k}"], model="churn") for k in range(2)]
    committed(tmp_path, *churn, predictions(["a"]), predictions(["b"]))
    broken = Table(folder(tmp_path, "churn", "predictions"))
    (broken.path / broken.files[0].path).unlink()
    done = tidy(tmp_path, now=NEXT_DAY)
    assert (done.compacted, len(done.problems)) == (2, 1)
    assert "No such file" in done.problems[0]


def test_a_file_that_was_deleted_before_it_was_committed_is_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(tmp_path, predictions(["a"]), predictions(["b"]))
    write = retention.write

    def deleted(*what: object) -> object:
        one = write(*what)  # type: ignore[arg-type]
        assert vacuum(tmp_path, *FRAUD, hours=0) == 1
        return one

    monkeypatch.setattr(retention, "write", deleted)
    assert list(compact(tmp_path, *FRAUD, NEXT_DAY)) == []
    assert in_lake(tmp_path).num_rows == 2


def test_days_go_by_age_and_the_account_knows(tmp_path: Path) -> None:
    committed(tmp_path, *(predictions([f"{d}", "x"], time=MORNING + d * DAY) for d in range(4)))
    now = datetime(2026, 1, 4, 12, tzinfo=UTC)
    assert expire(tmp_path, *FRAUD, 3, now) == 0
    assert expire(tmp_path, *FRAUD, 1, now) == 4
    assert expire(tmp_path, *FRAUD, 1, now) == 0
    assert sorted({file.date for file in table(tmp_path).files}) == ["2026-01-03", "2026-01-04"]
    assert verify(tmp_path)[1] == []
    assert verify(tmp_path)[0][0].expired == 4


def test_what_others_write_all_the_time_is_left_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise ConflictError

    committed(tmp_path, predictions(["a"]), predictions(["b"]))
    monkeypatch.setattr(Table, "commit", never)
    with pytest.raises(LogError, match="by others all the time"):
        list(compact(tmp_path, *FRAUD, NEXT_DAY))
    with pytest.raises(LogError, match="by others all the time"):
        expire(tmp_path, *FRAUD, 0, NEXT_DAY)


def aged(path: Path, hours: float = 48) -> Path:
    os.utime(path, times=(time.time() - hours * 3600,) * 2)
    return path


def test_files_that_the_table_no_longer_has_are_deleted_after_a_day(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]), predictions(["b"]))
    place = folder(tmp_path, *FRAUD)
    old = [aged(place / file.path) for file in table(tmp_path).files]
    list(compact(tmp_path, *FRAUD, NEXT_DAY))
    (new,) = [aged(place / file.path) for file in table(tmp_path).files]
    assert vacuum(tmp_path, *FRAUD) == 0  # old files, but they have been out of the table for a moment only
    assert vacuum(tmp_path, *FRAUD, hours=0) == 2
    assert (new.exists(), [path.exists() for path in old]) == (True, [False, False])
    assert in_lake(tmp_path).num_rows == 2


def test_what_crashes_left_is_deleted_after_a_day(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]))
    place = folder(tmp_path, *FRAUD)
    day = place / "hf_date=2026-01-01"
    left = [day / "rows-1.parquet", day / ".rows-2.parquet.7.unfinished", place / "_delta_log" / f"{7:020d}.json#1"]
    for path in left:
        path.write_bytes(b"")
    assert vacuum(tmp_path, *FRAUD) == 0
    for path in left:
        aged(path)
    assert vacuum(tmp_path, *FRAUD) == 3
    assert in_lake(tmp_path).num_rows == 1


def test_folders_of_days_that_have_gone_go_too(tmp_path: Path) -> None:
    committed(tmp_path, predictions(["a"]), predictions(["b"], time=MORNING + 5 * DAY))
    expire(tmp_path, *FRAUD, 0, datetime(2026, 1, 6, 12, tzinfo=UTC))
    vacuum(tmp_path, *FRAUD, hours=0)
    assert [path.name for path in folder(tmp_path, *FRAUD).glob("hf_date=*")] == ["hf_date=2026-01-06"]


def test_all_tables_are_tidied(tmp_path: Path) -> None:
    committed(tmp_path, *(group for k in range(3) for group in (predictions([f"{k}"]), labels([f"{k}"]))))
    done = tidy(tmp_path, now=NEXT_DAY)
    assert (done.compacted, done.into, done.expired) == (6, 2, 0)
    assert tidy(tmp_path, keep_days=1, now=datetime(2026, 1, 9, tzinfo=UTC)).expired == 6
    assert verify(tmp_path)[1] == []


def test_tidying_stops_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FILE_ROWS", 4)
    committed(tmp_path, *(predictions([f"{k}"]) for k in range(12)))
    answers = iter([True, False, False])
    done = tidy(tmp_path, now=NEXT_DAY, going_on=lambda: next(answers))
    assert (done.compacted, done.into) == (4, 1)
