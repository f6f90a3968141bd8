"""One table: commits that are all or nothing, its columns, its files, its accounts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from holdfast.errors import LogError
from holdfast.log.parquet import write
from holdfast.log.physical import Place
from holdfast.log.table import CHECKPOINT_EVERY, Account, Added, ConflictError, Table, create
from holdfast.log.tail import LOG, entry

COLUMNS = (("hf_id", "string"), ("hf_time", "timestamp"), ("amount", "float64"))


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return create(tmp_path / "lake" / "fraud" / "predictions", "predictions", COLUMNS)


def rows(table: Table, *ids: str) -> pa.Table:
    schema = table.arrow
    return pa.table({f.name: list(ids) if f.name == "hf_id" else pa.nulls(len(ids), f.type) for f in schema}, schema)


def added(table: Table, name: str, *ids: str, day: str = "2026-01-01") -> Added:
    return write(table.path, day, name, [rows(table, *ids)], table.arrow)


def test_a_new_table_has_the_columns_of_the_layout_and_our_own(table: Table) -> None:
    own = ["hf_writer", "hf_seq", "hf_row", "hf_conflict", "hf_date"]
    assert [place.physical for place in table.places] == ["hf_id", "hf_time", "amount", *own]
    assert table.arrow.field("hf_time").type == pa.timestamp("us", "UTC")
    assert (table.version, table.files) == (0, [])


def test_labels_have_no_conflicts(tmp_path: Path) -> None:
    assert "hf_conflict" not in create(tmp_path, "labels", (("hf_id", "string"),)).arrow.names


def test_any_reader_of_the_first_protocol_can_read_it(table: Table) -> None:
    protocol = DeltaTable(table.path).protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)
    assert DeltaTable(table.path).metadata().partition_columns == ["hf_date"]


def test_creating_it_again_changes_nothing(table: Table) -> None:
    table.commit(transactions={"w": 1})
    assert create(table.path, "predictions", COLUMNS).version == 1


def test_what_is_no_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be used"):
        Table(tmp_path)


def test_a_commit_adds_files_and_records_transactions(table: Table) -> None:
    table.commit(add=[added(table, "a", "x", "y")], transactions={"w": 7, "w/committed": 2, "w/conflicts": 1})
    (file,) = Table(table.path).files
    assert (file.path, file.rows, file.date) == ("hf_date=2026-01-01/a.parquet", 2, "2026-01-01")
    assert file.size == (table.path / file.path).stat().st_size
    assert (table.transaction("w"), table.transaction("other")) == (7, 0)
    assert table.account("w") == Account(committed=2, conflicts=1)
    assert DeltaTable(table.path).to_pyarrow_table().column("hf_id").to_pylist() == ["x", "y"]


def test_a_commit_removes_files(table: Table) -> None:
    table.commit(add=[added(table, "a", "x"), added(table, "b", "y", day="2026-01-02")])
    first, second = table.files
    table.commit(remove=[first])
    assert table.files == [second]
    assert table.removed(0) == [first.path]
    assert table.removed(1) == []


def test_of_two_commits_on_the_same_state_one_fails(table: Table) -> None:
    other = Table(table.path)
    table.commit(transactions={"w": 1})
    with pytest.raises(ConflictError):
        other.commit(transactions={"w": 1})
    # The one that failed knows now what the other one wrote.
    assert other.transaction("w") == 1
    other.commit(transactions={"w": 2})
    with pytest.raises(ConflictError):
        table.add_columns([Place("age", "int64", "age")])


def test_columns_are_added_and_say_what_they_stand_for(table: Table) -> None:
    new = [Place("age", "int64", "age"), Place("amount_string", "string", "amount")]
    table.add_columns(new)
    assert table.places[-2:] == Table(table.path).places[-2:] == new
    assert table.version == 1


def test_new_rows_of_later_entries_are_told_from_rows_that_moved(table: Table) -> None:
    table.commit(add=[added(table, "a", "x"), added(table, "b", "y")])
    table.commit(transactions={"w": 1})
    table.commit(add=[added(table, "c", "x", "y")], remove=table.files, same_rows=True)
    both = ["hf_date=2026-01-01/a.parquet", "hf_date=2026-01-01/b.parquet"]
    assert table.added_since(0) == [(1, both), (2, []), (3, [])]
    assert table.added_since(3) == []
    entry(table.path, 2).unlink()
    assert table.added_since(0) is None


def test_the_state_is_written_in_one_file_from_time_to_time(table: Table) -> None:
    for version in range(1, CHECKPOINT_EVERY + 1):
        table.commit(transactions={"w": version})
    assert (table.path / LOG / f"{CHECKPOINT_EVERY:020d}.checkpoint.parquet").exists()
    for path in (table.path / LOG).glob("*.json"):
        path.unlink()
    assert Table(table.path).transaction("w") == CHECKPOINT_EVERY


def test_a_table_with_types_of_others_is_an_error(tmp_path: Path) -> None:
    DeltaTable.create(tmp_path, pa.schema([("a", pa.int32())]))
    with pytest.raises(LogError, match="column of the type integer"):
        _ = Table(tmp_path).places
