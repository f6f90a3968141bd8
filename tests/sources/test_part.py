"""What columns a part may have."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.tables import Table, open_table


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def error_of(source: object, **options: Any) -> str:
    """The message with which a table refuses to open or to be read."""
    with pytest.raises(InputError) as caught, open_table(source, **options) as table:
        rows_of(table)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no other text in a traceback
    return str(caught.value)


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
