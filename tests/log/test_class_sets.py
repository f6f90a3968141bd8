"""Classes in doubt, as the log has them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from holdfast.log.class_sets import joined, sizes

NAMES = st.lists(st.text(alphabet="ab|\\\n", min_size=1), max_size=4)


@given(st.lists(NAMES, min_size=1))
def test_sizes_are_those_of_the_sets_whatever_signs_names_have(sets: list[list[str]]) -> None:
    assert sizes(pa.array([joined(names) for names in sets])).to_pylist() == [len(names) for names in sets]


@given(NAMES, NAMES)
def test_no_two_sets_read_alike(one: list[str], other: list[str]) -> None:
    assert (joined(one) == joined(other)) == (one == other)


def test_rows_without_a_set_have_no_size() -> None:
    assert sizes(pa.array([None, "a"], pa.string())).to_pylist() == [None, 1]
    assert sizes(pa.array([None], pa.null()).cast(pa.string())).to_pylist() == [None]
