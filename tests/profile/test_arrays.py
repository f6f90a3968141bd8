"""Arrow columns as NumPy arrays."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.profile.arrays import floats, null_rows, places_among, seconds, text_codes, valid_text

NAN = np.nan


def dictionary(codes: list[int | None], words: list[object]) -> pa.DictionaryArray:
    """A dictionary-encoded column as some writers store it: nulls as codes, as words, or both."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(words))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1.5, None, NAN, np.inf]), [1.5, NAN, NAN, np.inf]),
        (pa.array([1.5, None], pa.float32()), [1.5, NAN]),
        (pa.array(np.array([1.5, -2.0], np.float16)), [1.5, -2.0]),
        (pa.array([-3, None], pa.int8()), [-3, NAN]),
        (pa.array([2**64 - 1, 0], pa.uint64()), [float(2**64), 0]),
        (pa.array([Decimal("1.25"), None]), [1.25, NAN]),
        (pa.array([Decimal("1.25"), None], pa.decimal256(60, 2)), [1.25, NAN]),
        (pa.array([True, False, None]), [1, 0, NAN]),
        (pa.array([dt.time(0, 1), None], pa.time32("s")), [60, NAN]),
        (pa.array([dt.time(0, 1), None], pa.time64("us")), [60e6, NAN]),
        (pa.array([dt.timedelta(seconds=2), None], pa.duration("ms")), [2000, NAN]),
        (pa.nulls(2), [NAN, NAN]),
        (pa.array([], pa.int64()), []),
        (dictionary([0, 1, None, 0], [7.0, None]), [7, NAN, NAN, 7]),
    ],
    ids=lambda x: str(x.type) if isinstance(x, pa.Array) else "",
)
def test_numbers_of_any_type_are_floats_with_nan_for_null(array: pa.Array, expected: list[float]) -> None:
    values = floats(array)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, expected)


def test_a_slice_is_read_from_its_own_start() -> None:
    np.testing.assert_array_equal(floats(pa.array([1.0, 2.0, None, 4.0])[1:3]), [2.0, NAN])
    np.testing.assert_array_equal(floats(pa.array([True, False, True])[1:]), [0.0, 1.0])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_moment_has_the_same_seconds_in_every_unit(unit: str) -> None:
    moment = dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)
    naive = pa.array([moment.replace(tzinfo=None), None], pa.timestamp(unit))
    np.testing.assert_array_equal(seconds(naive), [moment.timestamp(), NAN])
    zoned = pa.array([moment, None], pa.timestamp(unit, "America/New_York"))
    np.testing.assert_array_equal(seconds(zoned), [moment.timestamp(), NAN])


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_is_its_midnight(kind: pa.DataType) -> None:
    dates = pa.array([dt.date(1970, 1, 2), dt.date(1969, 12, 31), None], kind)
    np.testing.assert_array_equal(seconds(dates), [86_400, -86_400, NAN])


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["b", None, "a", "b"]),
        pa.array(["b", None, "a", "b"], pa.large_string()),
        pa.array([b"b", None, b"a", b"b"]),
        pa.array(["b", None, "a", "b"]).dictionary_encode(),
        dictionary([1, 2, 0, 1], ["a", "b", None]),
        dictionary([2, None, 0, 1], ["a", "b", "b"]),
    ],
    ids=["string", "large string", "binary", "dictionary", "null among the words", "a word twice"],
)
def test_texts_are_words_and_codes(array: pa.Array) -> None:
    words, codes = text_codes(array)
    assert words.type == pa.string()
    looked_up = [*words.to_pylist(), None]
    assert [looked_up[code] for code in codes] == ["b", None, "a", "b"]


def test_a_column_of_nulls_has_no_words() -> None:
    words, codes = text_codes(pa.nulls(2))
    assert (words.to_pylist(), codes.tolist()) == ([], [-1, -1])


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    broken = pa.array([b"left out", b"caf\xe9", None, "café".encode()]).view(pa.string())[1:]
    assert valid_text(broken).to_pylist() == ["caf\ufffd", None, "café"]
    large = pa.array([b"\xff"], pa.large_binary()).view(pa.large_string())
    assert valid_text(large).to_pylist() == ["\ufffd"]


def test_nulls_are_counted_where_a_dictionary_hides_them() -> None:
    assert null_rows(pa.array([1, None, None])) == 2
    assert null_rows(dictionary([0, 1, None, 1], ["a", None])) == 3
    assert null_rows(dictionary([0, 1, None, 1], ["a", "b"])) == 1
    assert null_rows(pa.nulls(4)) == 4


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40),
    st.sampled_from(["left", "right"]),
)
def test_places_among_cuts_are_those_of_a_search(cuts: list[float], values: list[float], side: Any) -> None:
    """Also of values that equal a cut, and of cuts whose range is no number or next to nothing."""
    ordered, looked = np.unique(cuts), np.array([*values, *cuts], dtype=np.float64)
    assert places_among(ordered, looked, side).tolist() == np.searchsorted(ordered, looked, side).tolist()


def test_places_among_close_cuts_are_those_of_a_search() -> None:
    """Many cuts in one part of their range, and values on both sides of each."""
    cuts = np.concatenate([[-1e9], np.arange(100) / 7, [1e9]])
    values = np.concatenate([np.nextafter(cuts, -np.inf), cuts, np.nextafter(cuts, np.inf)])
    assert places_among(cuts, values).tolist() == [*range(102), *range(102), *range(1, 103)]
