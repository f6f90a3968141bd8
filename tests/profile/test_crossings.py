"""Columns are crossed as their rows say, however the columns are held."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.profile.crossings import crossed, crossed_columns, crossing_name, with_crossings

TEXTS = st.sampled_from([None, "a", "b", "", "a × b"])


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=30), st.booleans())
def test_each_row_has_its_pair(rows: list[tuple[str | None, str | None]], coded: bool) -> None:
    columns = [pa.array([row[k] for row in rows], pa.string()) for k in (0, 1)]
    found = crossed(*(column.dictionary_encode() if coded else column for column in columns))
    assert found.to_pylist() == [None if None in row else " × ".join(map(str, row)) for row in rows]
    assert len(set(found.dictionary.to_pylist())) == len(found.dictionary)


def test_a_null_that_stands_in_a_dictionary_is_missing() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["x", None]))
    assert crossed(column, pa.array([True, True, False])).to_pylist() == ["x × true", None, None]


def test_three_columns_of_a_table_in_pieces_and_of_a_batch_are_crossed_alike() -> None:
    first = pa.table({"a": ["x", "y"], "b": [True, False], "c": [1, 2]})
    table = pa.concat_tables([first, first.slice(1)])
    expected = ["x × true × 1", "y × false × 2", "y × false × 2"]
    assert with_crossings(table, [("a", "b", "c")])["a × b × c"].to_pylist() == expected
    (batch,) = table.combine_chunks().to_batches()
    assert with_crossings(batch, [("a", "b", "c")]).column("a × b × c").to_pylist() == expected


def test_a_crossing_of_which_a_column_is_not_there_is_left_out() -> None:
    rows = pa.record_batch({"a": ["x"], "b": ["y"]})
    assert with_crossings(rows, [("a", "d"), ("b", "a")]).schema.names == ["a", "b", "b × a"]
    assert with_crossings(rows, ()) is rows


@pytest.mark.parametrize("columns", [("a",), ("a", "b"), ("a", "b", "c")])
def test_the_name_of_a_crossing_tells_its_columns(columns: tuple[str, ...]) -> None:
    assert crossed_columns(crossing_name(columns)) == columns


@pytest.mark.parametrize("columns", [("a × b", "c"), ("a", "b × c"), ("a", "b", "c"), ("a: b", "a=b")])
def test_a_crossing_is_told_from_columns_whose_names_have_the_sign(columns: tuple[str, ...]) -> None:
    assert crossed_columns(crossing_name(columns)) == columns
