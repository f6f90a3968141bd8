"""Tables: what is read of one or several parts, in which types, and what is refused."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError, MissingExtraError, SettingError
from holdfast.tables import Table, clean_text, open_table

SMALL = pa.table({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, None, 2.5]})


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def error_of(source: object, **options: Any) -> str:
    """The message with which a table refuses to open or to be read."""
    with pytest.raises(InputError) as caught, open_table(source, **options) as table:
        rows_of(table)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no other text in a traceback
    return str(caught.value)


def test_batches_have_the_schema_of_the_table_in_the_asked_order() -> None:
    with open_table(pl.DataFrame({"s": ["x"], "c": pl.Series(["y"], dtype=pl.Categorical), "o": [b"z"]})) as table:
        assert [str(column.type) for column in table.schema] == [
            "string",
            "dictionary<values=string, indices=uint32, ordered=0>",
            "binary",
        ]
        (batch,) = table.batches(["o", "s"])
        assert batch.schema == pa.schema([table.schema.field("o"), table.schema.field("s")])


def test_wide_tables_come_in_smaller_batches() -> None:
    narrow, rows = pa.table({"a": np.zeros(300_000)}), 20_000
    wide = pa.table({f"c{i}": np.zeros(rows) for i in range(1_000)})
    wider = pa.table({f"c{i}": np.zeros(2_000) for i in range(20_000)})
    with open_table(narrow) as table:
        assert max(batch.num_rows for batch in table.batches()) == 131_072
    with open_table(wide) as table:
        assert max(batch.num_rows for batch in table.batches()) == 128 * 2**20 // 8_000
    with open_table(wider) as table:
        assert max(batch.num_rows for batch in table.batches()) == 1_024


@pytest.mark.parametrize("empty", [SMALL.slice(0, 0), SMALL.slice(0, 0).to_reader(), SMALL.to_pandas().head(0)])
def test_a_table_without_rows_has_columns_and_no_batches(empty: object) -> None:
    with open_table(empty) as table:
        assert table.schema.names == ["a", "b", "c"]
        assert table.rows == 0
        assert list(table.batches()) == []


def test_unknown_columns_and_batches_of_no_rows_are_refused_at_once() -> None:
    with open_table(SMALL, name="current") as table:
        with pytest.raises(InputError, match=r"^current: there is no column 'z'; check the name against the schema$"):
            table.batches(["a", "z"])
        with pytest.raises(SettingError, match=r"^expected batch_rows of at least 1, got 0$"):
            table.batches(batch_rows=0)


def test_columns_that_some_files_lack_are_null_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "s": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": [2.5], "a": [2]}), tmp_path / "2.parquet")
    pq.write_table(pa.table({"a": [3], "s": pa.nulls(1)}), tmp_path / "3.parquet")
    with open_table(tmp_path) as table:
        assert table.schema.names == ["a", "s", "b"]
        expected = [{"a": 1, "s": "x", "b": None}, {"a": 2, "s": None, "b": 2.5}, {"a": 3, "s": None, "b": None}]
        assert rows_of(table) == expected
        assert rows_of(table, ["b"]) == [{"b": row["b"]} for row in expected]
        assert {batch.schema.field("s").type for batch in table.batches()} == {pa.dictionary(pa.int32(), pa.string())}


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.float64(), pa.int64(), pa.float64()),
        (pa.int8(), pa.uint8(), pa.int16()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("ns")),
        (pa.null(), pa.int64(), pa.int64()),
        (pa.decimal128(10, 2), pa.float64(), pa.float64()),
        (pa.string(), pa.large_string(), pa.large_string()),
        (pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.string()),
        (pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.string()),
        (
            pa.dictionary(pa.int8(), pa.string()),
            pa.dictionary(pa.int32(), pa.string()),
            pa.dictionary(pa.int32(), pa.string()),
        ),
    ],
    ids=str,
)
def test_types_that_differ_between_files_are_promoted(
    tmp_path: Path, first: pa.DataType, second: pa.DataType, common: pa.DataType
) -> None:
    for number, data_type in enumerate((first, second)):
        frame = pa.table({"a": pa.nulls(1, data_type)})
        with pa.ipc.new_file(tmp_path / f"{number}.arrow", frame.schema) as writer:
            writer.write_table(frame)
    with open_table(tmp_path) as table:
        assert table.schema == pa.schema([("a", common)])
        assert [batch.schema for batch in table.batches()] == [table.schema] * 2


def test_integers_above_2_to_the_53_become_floats(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [2**53 + 1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [0.5]}), tmp_path / "2.parquet")
    with open_table(tmp_path) as table:
        assert [row["a"] for row in rows_of(table)] == [float(2**53), 0.5]


@pytest.mark.parametrize(
    ("first", "second"),
    [("int64", "string"), ("bool", "int64"), ("timestamp[us]", "timestamp[us, tz=UTC]"), ("date32[day]", "double")],
)
def test_types_that_do_not_go_together_name_the_column_and_the_files(tmp_path: Path, first: str, second: str) -> None:
    types = {
        "int64": pa.int64(),
        "string": pa.string(),
        "bool": pa.bool_(),
        "timestamp[us]": pa.timestamp("us"),
        "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"),
        "date32[day]": pa.date32(),
        "double": pa.float64(),
    }
    for number, name in enumerate((first, first, second)):
        frame = pa.table({"a": pa.nulls(1, types[name]), "b": [1]})
        with pa.ipc.new_file(tmp_path / f"{number}.arrow", frame.schema) as writer:
            writer.write_table(frame)
    assert error_of(tmp_path) == (
        f"table: column 'a' is {first} in {tmp_path}/0.arrow but {second} in {tmp_path}/2.arrow; "
        "make the types equal, or read the files apart"
    )


def test_values_that_do_not_fit_the_common_type(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([1], pa.int64())}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": pa.array([2**64 - 1], pa.uint64())}), tmp_path / "2.parquet")
    assert error_of(tmp_path) == (
        f"table: column 'a' of {tmp_path}/2.parquet holds values that do not fit int64; make the types equal"
    )


def test_a_column_that_is_nested_in_one_file_is_left_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [1], "b": [[1]]}), tmp_path / "2.parquet")
    with open_table(tmp_path) as table:
        assert table.schema.names == ["a"]
        assert list(table.left_out) == ["b"]
        assert rows_of(table) == [{"a": 1}, {"a": 1}]


def test_databases_need_a_query_and_queries_a_database(database: str) -> None:
    for address in (database, "postgresql://user:secret@host/base"):
        assert error_of(address) == "table: a database came without a query; say which rows with query='SELECT ...'"
    assert error_of("t.parquet", query="select 1") == (
        "table: expected sqlite:///path or postgresql://user@host/database as the source of the query"
    )


@pytest.mark.parametrize(
    ("module", "address", "query", "message"),
    [
        (
            "adbc_driver_sqlite",
            None,
            "select 1",
            "Reading SQLite needs the package 'adbc-driver-sqlite': pip install 'holdfast[sqlite]'",
        ),
        (
            "adbc_driver_postgresql",
            "postgresql://h/b",
            "select 1",
            "Reading PostgreSQL needs the package 'adbc-driver-postgresql': pip install 'holdfast[postgres]'",
        ),
        (
            "deltalake",
            "lake",
            None,
            "Reading a Delta table needs the package 'deltalake': pip install 'holdfast[delta]'",
        ),
    ],
)
def test_what_is_not_installed(
    tmp_path: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    address: str | None,
    query: str | None,
    message: str,
) -> None:
    (tmp_path / "lake" / "_delta_log").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"{module}.dbapi", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        open_table(address or database, query=query)
    assert str(caught.value) == message


def test_the_copy_goes_with_the_table(temporary: Path) -> None:
    table = open_table(SMALL.to_reader())
    batches = table.batches()
    del table
    gc.collect()
    assert next(batches).num_rows == 3  # whoever still reads keeps it
    del batches
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_a_closed_table_says_so(temporary: Path) -> None:
    table = open_table(SMALL.to_reader(), name="current")
    table.close()
    table.close()
    assert list(temporary.iterdir()) == []
    with pytest.raises(InputError, match=r"^current: the table is closed; open it again$"):
        table.batches()


def test_a_process_that_forgets_to_close_leaves_nothing(tmp_path: Path) -> None:
    script = """
        import sys, pathlib, pyarrow as pa
        from holdfast.tables import open_table
        kept = open_table(pa.table({"a": [1]}).to_reader())
        assert len(list(pathlib.Path(sys.argv[1]).iterdir())) == 1
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_importing_is_light() -> None:
    script = """
        import sys, pyarrow
        before = set(sys.modules)
        import holdfast.tables
        heavy = ("pyarrow.", "pandas", "polars", "duckdb", "deltalake", "adbc", "scipy", "numpy")
        print([name for name in set(sys.modules) - before if name.startswith(heavy)])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("data_type", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()])
@pytest.mark.parametrize("encoded", [False, True])
def test_clean_text(data_type: pa.DataType, encoded: bool) -> None:
    raw = pa.array([b"caf\xc3\xa9", b"caf\xe9", None, b"\xe9", b"caf\xe9"])
    # Not with a cast, which would refuse.
    array = (
        raw
        if data_type == pa.binary()
        else raw.cast(pa.large_binary()).view(data_type)
        if "large" in str(data_type)
        else raw.view(data_type)
    )
    text = pa.large_string() if "large" in str(data_type) else pa.string()
    if encoded:
        array, text = array.dictionary_encode(), pa.dictionary(pa.int32(), text)
    cleaned, invalid = clean_text(array)
    assert (cleaned.to_pylist(), invalid) == (["café", "caf\ufffd", None, "\ufffd", "caf\ufffd"], 3)
    assert cleaned.type == text
    cleaned.validate(full=True)
    again, invalid = clean_text(cleaned.slice(1, 2))
    assert (again.to_pylist(), invalid) == (["caf\ufffd", None], 0)


def test_clean_text_leaves_valid_text_as_it_is() -> None:
    array = pa.array(["a", None, "é"])
    assert clean_text(array) == (array, 0)
    assert clean_text(array)[0] is array


@given(st.lists(st.none() | st.binary(max_size=6)), st.booleans())
def test_clean_text_replaces_as_python_does(values: list[bytes | None], encoded: bool) -> None:
    array = pa.array(values, pa.binary())
    cleaned, invalid = clean_text(array.dictionary_encode() if encoded else array)
    assert cleaned.to_pylist() == [None if value is None else value.decode("utf-8", "replace") for value in values]
    assert invalid == sum(
        "\ufffd" in value.decode("utf-8", "replace") and b"\xef\xbf\xbd" not in value for value in values if value
    )
