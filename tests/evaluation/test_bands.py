"""Groups of a column, and the same groups of rows that come later."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.evaluation.bands import grouped, regrouped


@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.4g}")), min_size=1, max_size=60))
def test_rows_that_come_later_are_put_into_the_same_bands(values: list[float]) -> None:
    column = pa.array(values)
    found = grouped(column)
    assert regrouped(column, found.values).to_pylist() == [found.values[code] for code in found.codes]


def test_values_beyond_those_that_were_seen_are_in_the_outer_bands() -> None:
    bands = grouped(pa.array(range(20))).values
    assert regrouped(pa.array([-100, 100]), bands).to_pylist() == ["below 5", "15 or more"]


@pytest.mark.parametrize(
    ("column", "values", "texts"),
    [
        (pa.array([True, None]), ("false", "true"), ["true", None]),
        (pa.array([1.0, 3.0]), ("1", "2"), ["1", "3"]),
        (pa.array([5]), ("all",), ["all"]),
        (pa.array(["below 5"]), ("below 5", "5 or more"), ["below 5"]),
        (pa.array([4]), (), ["4"]),
    ],
)
def test_what_is_no_band_is_told_by_its_value(column: pa.Array, values: tuple[str, ...], texts: list[str]) -> None:
    assert regrouped(column, values).to_pylist() == texts
