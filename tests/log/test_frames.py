"""Frames hold rows exactly, packed or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import LogError
from holdfast.log.frames import Layout, encode, pack, to_arrow, to_arrow_many, to_rows

PLAIN = Layout(model="fraud", kind="predictions", columns=(("id", "string"), ("x", "float64"), ("y", "float64")))
PACKED = msgspec.structs.replace(PLAIN, packed=("y",))

numbers = st.one_of(st.none(), st.floats(allow_nan=False))


def packed(values: Sequence[float | None]) -> bytes:
    return np.array(values, dtype="<f8").tobytes()


@given(st.lists(st.lists(st.tuples(st.text(max_size=3), numbers, numbers), min_size=1, max_size=5), max_size=5))
def test_packed_numbers_are_those_that_went_in(groups: list[list[tuple[str, float | None, float | None]]]) -> None:
    frames = []
    for rows in groups:
        ids, x, y = (list(column) for column in zip(*rows, strict=True))
        frames.append((len(rows), encode([ids, x, packed(y)])))
    expected = [row for rows in groups for row in rows]
    found = to_arrow_many(PACKED, frames)
    assert [tuple(row.values()) for row in found.to_pylist()] == expected
    assert found.schema == PACKED.arrow
    assert [row for rows, content in frames for row in to_rows(PACKED, rows, content)] == expected


def test_packed_columns_are_one_matrix_wherever_they_stand() -> None:
    columns = (("a", "float64"), ("id", "string"), ("b", "float64"))
    layout = Layout(model="fraud", kind="predictions", columns=columns, packed=("b", "a"))
    content = encode([["one", "two"], pack([[1.0, 3.0], [None, 4.0]])])
    expected = [(3.0, "one", 1.0), (4.0, "two", None)]
    assert to_rows(layout, 2, content) == expected
    assert [tuple(row.values()) for row in to_arrow_many(layout, [(2, content)] * 2).to_pylist()] == expected * 2
    assert to_arrow_many(layout, []).num_rows == 0
    assert to_arrow_many(layout, []).schema == layout.arrow


def test_a_number_that_is_none_is_not_one_that_is_missing_unless_it_is_packed() -> None:
    found = to_arrow(PACKED, 2, encode([["a", "b"], [math.nan, None], packed([math.nan, None])]))
    assert found.column("x").null_count == 1
    assert found.column("y").null_count == 2


def test_a_single_value_is_that_of_all_rows() -> None:
    content = encode([["a"], [None], packed([2.5, 2.5])])
    assert to_arrow(PACKED, 2, content).to_pylist() == [{"id": "a", "x": None, "y": 2.5}] * 2
    assert to_rows(PACKED, 2, content) == [("a", None, 2.5)] * 2


@pytest.mark.parametrize(
    "columns",
    [
        [["a", "b"], [1.0, 2.0], [1.0, 2.0]],  # not packed
        [["a", "b"], packed([1.0, 2.0]), packed([1.0, 2.0])],  # packed, and not to be
        [["a", "b"], [1.0, 2.0], packed([1.0, 2.0, 3.0])],
        [["a", "b"], [1.0, 2.0], packed([1.0, 2.0])[:-1]],
        [["a", "b"], [1.0, 2.0], b""],
        [["a", "b"], [1.0, 2.0]],
        [["a", "b"], [1.0, 2.0], packed([1.0, 2.0]), [1]],
    ],
)
def test_what_is_no_frame_of_the_layout_is_refused(columns: Sequence[Any]) -> None:
    with pytest.raises(LogError, match="fraud cannot be read"):
        to_arrow(PACKED, 2, encode(columns))


@pytest.mark.parametrize("content", [b"", b"\x01", encode([["a", "b"]]), encode([["a", "b"], [1.0], b"12345"])])
def test_what_has_no_rows_of_the_layout_is_refused(content: bytes) -> None:
    with pytest.raises(LogError, match="fraud"):
        to_rows(PACKED, 2, content)
