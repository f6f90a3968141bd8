"""Tables in memory and streams, of every library that makes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.tables import Table, open_table

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


def test_batches_without_rows_are_passed_over() -> None:
    batches = [SMALL.to_batches()[0].slice(0, n) for n in (0, 3, 0)]
    with open_table(pa.Table.from_batches(batches)) as table:
        assert [batch.num_rows for batch in table.batches()] == [3]


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


@pytest.mark.parametrize("make", [lambda x: x, pd.DataFrame, pa.table], ids=["mapping", "pandas", "arrow"])
def test_a_column_without_a_name_is_called_by_its_place(make) -> None:
    with open_table(make({"a": [1], "": [2]})) as table:
        assert rows_of(table) == [{"a": 1, "Unnamed: 1": 2}]
