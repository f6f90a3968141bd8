"""The data of JSON tensors."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.serve.errors import ServeError
from holdfast.serve.json_tensors import ELEMENTS, decode, unpack


def data(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", [True, False]),
        ("UINT8", [0, 255]),
        ("INT8", [-128, 127]),
        ("UINT64", [0, 2**64 - 1]),
        ("INT64", [-(2**63), 2**63 - 1]),
        ("FP16", [0.5, -1.0]),
        ("BYTES", ["a", "é"]),
    ],
)
def test_values_of_each_datatype_flat_and_nested(datatype: str, values: list[Any]) -> None:
    assert decode(datatype, data([*values, None]), 3, 1, "x") == [*values, None]
    assert decode(datatype, data([[value] for value in values]), 2, 1, "x") == values
    assert decode(datatype, data([values]), 1, 2, "x") == values


def test_whole_numbers_are_floats_where_those_are_said() -> None:
    assert [type(value) for value in decode("FP32", data([1, 2.5]), 2, 1, "x")] == [float, float]


def test_a_single_text_needs_no_list() -> None:
    assert decode("BYTES", data("hello"), 1, 1, "x") == ["hello"]


@pytest.mark.parametrize(
    ("datatype", "value", "message"),
    [
        ("INT8", [128], r"inputs\[0\].data: Expected `int` <= 127 - at `\$\[0\]`"),
        ("INT32", [1.5], r"Expected `int \| null`, got `float`"),
        ("BOOL", [1], r"Expected `bool \| null`, got `int`"),
        ("FP64", ["1"], r"Expected `float \| null`, got `str`"),
        ("FP64", [[1.0], ["1"]], r"got `str` - at `\$\[1\]\[0\]`"),
        ("FP64", [1.0, [2.0]], "Expected `array`, got `float`"),
        ("FP64", None, "Expected `array`, got `null`"),
        ("BYTES", [1], r"Expected `str \| null`, got `int`"),
        ("FP64", [1.0, 2.0, 3.0], "expected 2 values, as the shape says, .*; got 3"),
        ("FP64", [[1.0, 2.0]], "expected 2 values, as the shape says, .*; got 1 lists"),
        ("FP64", [[1.0], [2.0, 3.0]], "expected lists of the same length"),
    ],
)
def test_data_that_are_no_such_tensor(datatype: str, value: Any, message: str) -> None:
    with pytest.raises(ServeError, match=message) as error:
        decode(datatype, data(value), 2, 1, "inputs[0]")
    assert error.value.status == 400


@pytest.mark.parametrize("content", [b'["\xff"]', b'["\\ud800"]', b"[" * 100_000, b"[" + b"9" * 10_000 + b"]"])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    for datatype in ELEMENTS:
        with pytest.raises(ServeError):
            decode(datatype, msgspec.Raw(content), 1, 1, "x")


def test_no_message_holds_a_value() -> None:
    for datatype in ELEMENTS:
        with pytest.raises(ServeError) as error:
            decode(datatype, data(["secret", {"secret": "secret"}]), 3, 1, "x")
        assert "secret" not in str(error.value)


@given(
    st.lists(st.none() | st.integers() | st.text() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
)
def test_what_pandas_packed_is_unpacked(values: list[Any]) -> None:
    assert unpack("pd_json", [json.dumps(value) for value in values], "x") == values


@given(st.lists(st.text()))
def test_base64_is_unpacked(texts: list[str]) -> None:
    assert unpack("base64", [base64.b64encode(text.encode()).decode() for text in texts], "x") == texts


@pytest.mark.parametrize("codec", ["pd_json", "base64"])
@pytest.mark.parametrize("text", ["§", "[" * 100_000, "/w==!"])
def test_texts_that_are_not_of_their_codec(codec: str, text: str) -> None:
    with pytest.raises(ServeError, match=f"x: expected texts of the content_type {codec}"):
        unpack(codec, [text], "x")


@pytest.mark.parametrize("codec", [None, "str", "np", "pd", "datetime", 1])
def test_other_codecs_leave_texts_as_they_are(codec: object) -> None:
    assert unpack(codec, ["a", None], "x") == ["a", None]
