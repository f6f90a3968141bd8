from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.models.columns import frame, numbers, select, table_of, text, texts


def test_columns_are_picked_by_name() -> None:
    rows = pa.table({"b": [1.0], "spare": [9], "a": [2.0]})
    assert numbers(rows, ["a", "b"]).tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize(
    "make",
    [
        pa.table,
        pd.DataFrame,
        pl.DataFrame,
        dict,
        lambda columns: pa.table(columns).to_batches()[0],
        lambda columns: pd.DataFrame(columns, index=[7, 9]),
    ],
    ids=["arrow", "pandas", "polars", "mapping", "batch", "index"],
)
def test_rows_may_be_of_any_library(make: Callable[[dict[str, list[float]]], Any]) -> None:
    rows = make({"b": [1.0, 3.0], "a": [2.0, 4.0]})
    assert numbers(table_of(rows), ["a", "b"]).tolist() == [[2.0, 1.0], [4.0, 3.0]]


@pytest.mark.parametrize("rows", [np.zeros((2, 2)), [1.0], None, {"a": 77123}, {"a": [1], "b": [1, 2]}])
def test_what_is_no_table_is_refused(rows: Any) -> None:
    with pytest.raises(InputError, match="table") as caught:
        table_of(rows)
    assert "77123" not in str(caught.value)


def test_a_missing_column_is_named_and_no_value_is_shown() -> None:
    with pytest.raises(InputError, match="wants the column 'income', and the data have none") as caught:
        select(pa.table({"age": [77123]}), ["age", "income"])
    assert "77123" not in str(caught.value)


def test_a_name_that_is_there_twice_is_refused() -> None:
    rows = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InputError, match="several columns named 'a'"):
        select(rows, ["a"])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None], pa.int8()), [1.0, np.nan]),
        (pa.array([True, None]), [1.0, np.nan]),
        (pa.array([0.5, None], pa.float32()), [0.5, np.nan]),
        (pa.array(["1.5", None]).cast(pa.decimal128(5, 2)), [1.5, np.nan]),
        (pa.array([7, None]).dictionary_encode(), [7.0, np.nan]),
        (pa.nulls(2), [np.nan, np.nan]),
    ],
)
def test_numbers_of_every_type_with_nan_for_null(column: pa.Array, expected: list[float]) -> None:
    assert np.array_equal(numbers(pa.table({"x": column}), ["x"])[:, 0], expected, equal_nan=True)


@pytest.mark.parametrize("column", [pa.array(["a"]), pa.array([dt.date(2026, 1, 1)])])
def test_what_is_no_number_is_refused(column: pa.Array) -> None:
    with pytest.raises(InputError, match="wants numbers in 'x'"):
        numbers(pa.table({"x": column}), ["x"])


@pytest.mark.parametrize("data_type", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_text_of_every_type_with_a_token_for_null(data_type: pa.DataType) -> None:
    column = pa.chunked_array([pa.array(["a", None, "b"]).cast(data_type)])
    assert text(column, "x", None).tolist() == ["a", None, "b"]
    assert texts(pa.table({"x": column}), ["x"], "-").tolist() == [["a"], ["-"], ["b"]]


def test_numbers_are_not_taken_for_text() -> None:
    with pytest.raises(InputError, match="wants text in 'x'"):
        text(pa.chunked_array([[1, 2]]), "x", None)


def test_a_frame_keeps_whole_numbers_whole_and_text_as_objects() -> None:
    found = frame(pa.table({"n": [1, 2], "gap": [1, None], "s": ["a", None]}), ["s", "n", "gap"], np.nan)
    assert found.dtypes.astype(str).to_dict() == {"s": "object", "n": "int64", "gap": "float64"}
    assert np.isnan(found["s"][1])


def test_no_rows_are_no_error() -> None:
    assert numbers(pa.table({"x": pa.array([], pa.float64())}), ["x"]).shape == (0, 1)
