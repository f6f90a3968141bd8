"""Delta tables, and logs that are broken."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.tables import Table, open_table

SMALL = pa.table({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, None, 2.5]})


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def error_of(source: object, **options: Any) -> str:
    """The message with which a table refuses to open or to be read."""
    with pytest.raises(InputError) as caught, open_table(source, **options) as table:
        rows_of(table)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no other text in a traceback
    return str(caught.value)


def test_delta(tmp_path: Path) -> None:
    """Files of two schemas and a column that lives in the names of folders; a removed row stays away."""
    path = str(tmp_path / "a table")
    first = pa.table({"day": ["1/1", "2 2", None], "n": [1, 2, 3], "s": ["x", "y", "z"], "l": [[1], [2], [3]]})
    deltalake.write_deltalake(path, first, partition_by=["day"])
    second = first.slice(0, 1).drop_columns(["l"]).append_column("new", pa.array([1.5]))
    deltalake.write_deltalake(path, second, mode="append", schema_mode="merge")
    deltalake.DeltaTable(path).delete("n = 2")
    for source in (path, Path(path).as_uri()):
        with open_table(source) as table:
            assert set(table.schema.names) == {"day", "n", "s", "new"}
            assert table.schema.field("s").type == pa.dictionary(pa.int32(), pa.string())
            assert list(table.left_out) == ["l"]
            assert table.rows == 3
            key = ["day", "n", "new", "s"]
            assert sorted(map(str, rows_of(table, key))) == sorted(
                map(
                    str,
                    [
                        {"day": "1/1", "n": 1, "new": None, "s": "x"},
                        {"day": "1/1", "n": 1, "new": 1.5, "s": "x"},
                        {"day": None, "n": 3, "new": None, "s": "z"},
                    ],
                )
            )
            assert sorted(str(row["day"]) for row in rows_of(table, ["day"])) == ["1/1", "1/1", "None"]


def test_delta_partitions_keep_their_type(tmp_path: Path) -> None:
    frame = pa.table({"day": [dt.date(2024, 1, 31)], "k": [7], "n": [0.5]})
    deltalake.write_deltalake(str(tmp_path), frame, partition_by=["day", "k"])
    with open_table(tmp_path) as table:
        assert {column.name: column.type for column in table.schema} == {
            "day": pa.date32(),
            "k": pa.int64(),
            "n": pa.float64(),
        }
        assert rows_of(table, ["day", "k", "n"]) == frame.to_pylist()


def test_a_delta_table_without_rows(tmp_path: Path) -> None:
    deltalake.write_deltalake(str(tmp_path), SMALL)
    deltalake.DeltaTable(str(tmp_path)).delete()
    with open_table(tmp_path) as table:
        assert (table.schema.names, table.rows, list(table.batches())) == (["a", "b", "c"], 0, [])


def test_delta_features_that_hide_rows_are_refused(tmp_path: Path) -> None:
    deltalake.write_deltalake(str(tmp_path), SMALL)
    deltalake.DeltaTable(str(tmp_path)).alter.set_table_properties({"delta.enableDeletionVectors": "true"})
    assert re.match(rf"table: the Delta table {tmp_path} cannot be read: .*deletionVectors", error_of(tmp_path))


def test_a_delta_table_with_a_truncated_file(tmp_path: Path) -> None:
    deltalake.write_deltalake(str(tmp_path), SMALL)
    (file,) = tmp_path.glob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    assert error_of(tmp_path) == (
        f"table: {file} cannot be read: it is truncated or damaged (ArrowInvalid); write or fetch it again"
    )
    file.unlink()
    assert error_of(tmp_path) == f"table: {file} cannot be read: No such file or directory"


def test_a_delta_log_that_is_empty(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    assert error_of(tmp_path) == (
        f"table: {tmp_path} is no readable Delta table (TableNotFoundError); check its _delta_log"
    )
