"""Rows that are answered together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.column import Column
from holdfast.kinds import Kind
from holdfast.log.frames import Type
from holdfast.serve.fields import Field
from holdfast.serve.rows import Places, Row, Rows


def field(name: str, kind: Kind, at_rest: Type) -> Field:
    return Field(Column(name=name, physical=name, kind=kind, type="double"), True, at_rest)


FIELDS = (
    field("country", Kind.CATEGORY, "string"),
    field("amount", Kind.NUMBER, "float64"),
    field("visits", Kind.NUMBER, "int64"),
    field("known", Kind.BOOLEAN, "bool"),
    field("rate", Kind.NUMBER, "float64"),
)
VALUES = (
    st.text(max_size=3),
    st.floats(allow_nan=False),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.floats(allow_nan=False),
)
ROWS = st.lists(st.tuples(*[st.none() | one for one in VALUES]), min_size=1, max_size=6)


def taken(tuples: Sequence[Row], fields: Sequence[Field] = FIELDS) -> Rows:
    return Rows.of(Places(fields), tuples)


@given(ROWS)
def test_what_goes_in_comes_out_by_field_by_row_and_as_numbers(tuples: list[Row]) -> None:
    rows = taken(tuples)
    assert len(rows) == len(tuples)
    assert repr(rows.tuples()) == repr(tuples)  # also the types, and the sign of zero
    assert [rows.column(place) for place in range(5)] == [list(column) for column in zip(*tuples, strict=True)]
    numbers = [[math.nan if row[place] is None else float(row[place]) for place in (1, 2, 3, 4)] for row in tuples]
    np.testing.assert_array_equal(rows.matrix, numbers)
    assert rows.packed == np.array(numbers).tobytes()


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_rows_of_several_requests_are_joined_in_their_order(some: list[list[Row]]) -> None:
    places = Places(FIELDS)
    joined = Rows.joined([Rows.of(places, tuples) for tuples in some])
    together = Rows.of(places, [row for tuples in some for row in tuples])
    assert repr(joined.tuples()) == repr(together.tuples())
    assert joined.packed == together.packed


def test_what_follows_the_fields_of_a_row_is_not_looked_at() -> None:
    row = ("PT", 1.5, 3, True, 0.5)
    assert taken([(*row, "its own id")]).tuples() == [row]


@pytest.mark.parametrize(("places", "expected"), [((1, 4), [[1.5, 0.5]]), ((1,), [[1.5]]), ((0,), [[]])])
def test_there_may_be_many_numbers_one_or_none(places: tuple[int, ...], expected: list[list[float]]) -> None:
    row: tuple[Any, ...] = ("PT", 1.5, 3, True, 0.5)
    rows = taken([tuple(row[place] for place in places)], [FIELDS[place] for place in places])
    assert rows.matrix.tolist() == expected
    assert rows.matrix.shape == (1, len(expected[0]))
    assert len(rows) == 1
