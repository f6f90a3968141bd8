"""Values as their kind; Arrow itself is the oracle."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.schema import Kind, as_kind

CELLS = st.one_of(
    st.text(max_size=6),
    st.text("0123456789+-.eE infatyNIF", max_size=8),
    st.floats().map(str),
    st.datetimes().map(str),
    st.dates().map(str),
    st.from_regex(r"\A[0-2]0[0-9]{2}-[0-1][0-9]-[0-3][0-9]([T ][0-2][0-9](:[0-6][0-9]){0,2}(\.[0-9]{1,3})?Z?)?\Z"),
    st.from_regex(r"\A20[0-9]{2}-02-29 [0-2][0-9]:[0-6][0-9][+-][0-2][0-9]:?[0-6][0-9]\Z"),
    st.sampled_from(["true", "False", "0", "1", "inf", "-Infinity", "nan", "1900-02-29", "2000-02-29"]),
)


@given(st.lists(CELLS, max_size=5), st.sampled_from([Kind.NUMBER, Kind.BOOLEAN, Kind.TIME]))
def test_what_arrow_parses_alone_is_parsed_in_bad_company(cells: list[str], kind: Kind) -> None:
    """Arrow's cast of a single cell is the oracle for cells in a column that cannot be cast as a whole."""
    types = {
        Kind.NUMBER: [pa.float64()],
        Kind.BOOLEAN: [pa.bool_()],
        Kind.TIME: [pa.timestamp("us"), pa.timestamp("us", "UTC")],
    }[kind]

    def alone(cell: str) -> str:
        for arrow_type in types:
            try:
                return str(pa.array([cell.strip(" \t\n\r\v\f")]).cast(arrow_type).cast(types[0]))
            except pa.ArrowInvalid:
                continue
        return str(pa.nulls(1, types[0]))

    read = as_kind(pa.array([*cells, "not a value"]), kind)
    assert [str(read[i : i + 1]) for i in range(len(cells))] == [alone(cell) for cell in cells]


def test_as_kind_refuses_a_type_that_is_another_kind() -> None:
    with pytest.raises(InputError, match="expected values that can be read as time, got int64"):
        as_kind(pa.array([1]), Kind.TIME)


def test_times_with_nanoseconds_are_cut_to_microseconds() -> None:
    read = as_kind(pa.array(["2024-01-01T00:00:00.123456789", "2024-01-01T02:00:00.5+02:00"]), Kind.TIME)
    assert read.type == pa.timestamp("us")
    assert read.to_pylist() == [
        dt.datetime(2024, 1, 1, 0, 0, 0, 123456),
        dt.datetime(2024, 1, 1, 0, 0, 0, 500000),
    ]
