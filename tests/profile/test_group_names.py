"""Groups are called by their column and value, whatever signs these have."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.profile.group_names import figure_name, figure_parts, group_name, group_parts, group_title
from holdfast.profile.groups import groups_of

SIGNS = st.text(alphabet="a=\\× \n:")


@given(SIGNS, SIGNS)
def test_both_are_read_again(column: str, value: str) -> None:
    assert group_parts(group_name(column, value)) == (column, value)


@given(SIGNS, SIGNS, SIGNS, SIGNS)
def test_no_two_groups_are_called_alike(column: str, value: str, other: str, another: str) -> None:
    assert (group_name(column, value) == group_name(other, another)) == ((column, value) == (other, another))


@pytest.mark.parametrize(("name", "parts"), [("sex=F", ("sex", "F")), ("sex=", ("sex", "")), ("sex", ("sex", ""))])
def test_plain_names_are_plain(name: str, parts: tuple[str, str]) -> None:
    assert group_parts(name) == parts


def test_columns_are_told_whole() -> None:
    rows = pa.record_batch({"age >= 25": ["yes", "a=b"], "age >": ["= 25=yes", "x"]})
    first, _ = groups_of(rows, "age >= 25", {})
    second, _ = groups_of(rows, "age >", {})
    assert not set(first) & set(second)
    assert [group_title(one) for one in first] == ["age >= 25 = yes", "age >= 25 = a=b"]


@given(SIGNS, SIGNS, SIGNS)
def test_a_figure_of_a_group_is_read_again(column: str, value: str, figure: str) -> None:
    group = group_name(column, value)
    assert figure_parts(figure_name(group, figure)) == (group, figure)
