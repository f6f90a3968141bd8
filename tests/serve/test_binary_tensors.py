"""Raw bytes of tensors, against NumPy and the encoder of Triton's own client."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from holdfast.serve.binary_tensors import DTYPES, decode, encode, split
from holdfast.serve.errors import ServeError


@pytest.mark.parametrize("datatype", [name for name in DTYPES if name != "BOOL"])
def test_numbers_are_read_as_they_lie_in_memory(datatype: str) -> None:
    values = np.array([0, 1, 2, 100], dtype=DTYPES[datatype])
    assert decode(datatype, memoryview(values.tobytes()), 4, "x") == [0, 1, 2, 100]


def test_numbers_are_little_endian() -> None:
    assert decode("UINT32", memoryview(b"\x01\x00\x00\x00"), 1, "x") == [1]
    assert encode("FP64", [1.0]) == b"\x00\x00\x00\x00\x00\x00\xf0\x3f"


def test_booleans_are_bytes_of_zero_and_one() -> None:
    assert decode("BOOL", memoryview(b"\x01\x00"), 2, "x") == [True, False]
    assert encode("BOOL", [True, None, False]) == b"\x01\x00\x00"
    with pytest.raises(ServeError, match=r"x: expected a byte of 0 or 1"):
        decode("BOOL", memoryview(b"\x02"), 1, "x")


@given(st.lists(st.text()))
def test_texts_agree_with_the_client(texts: list[str]) -> None:
    array = np.array(texts, dtype=object)
    sent = serialize_byte_tensor(array).item() if texts else b""
    assert decode("BYTES", memoryview(sent), len(texts), "x") == texts
    received = encode("BYTES", texts)
    assert [text.decode() for text in deserialize_bytes_tensor(received)] == texts


@given(st.lists(st.floats() | st.none()))
def test_missing_numbers_are_nan(values: list[float | None]) -> None:
    expected = np.array([np.nan if value is None else value for value in values])
    np.testing.assert_array_equal(np.frombuffer(encode("FP64", values)), expected)


@pytest.mark.parametrize(
    ("datatype", "content", "count", "message"),
    [
        ("FP32", b"\x00" * 7, 2, r"inputs\[0\]: expected 2 values of FP32, 8 bytes; got 7 bytes"),
        ("BYTES", b"\x05\x00\x00\x00abc", 1, "the last is cut"),
        ("BYTES", b"\x05\x00", 1, "the last is cut"),
        ("BYTES", b"\x01\x00\x00\x00a", 2, "expected 2 texts of BYTES; got 1"),
        ("BYTES", b"\x01\x00\x00\x00\xff", 1, "in UTF-8"),
    ],
)
def test_bytes_that_are_no_such_tensor(datatype: str, content: bytes, count: int, message: str) -> None:
    with pytest.raises(ServeError, match=message) as error:
        decode(datatype, memoryview(content), count, "inputs[0]")
    assert error.value.status == 400


@pytest.mark.parametrize("datatype", ["FP64", "BYTES", "BOOL"])
def test_a_shape_of_a_million_million_values_allocates_nothing(datatype: str, peak: Callable[[], int]) -> None:
    with pytest.raises(ServeError):
        decode(datatype, memoryview(b"\x00" * 8), 10**12, "x")
    assert peak() < 100_000


def test_without_the_header_everything_is_json() -> None:
    header, tensors = split(b"{}abc", None)
    assert (bytes(header), bytes(tensors)) == (b"{}abc", b"")


@pytest.mark.parametrize("length", [b"6", b"-1", b"", b"1.0", b"0x1", b"9" * 10_000, "²".encode()])
def test_a_header_that_is_no_length_of_the_body(length: bytes) -> None:
    with pytest.raises(ServeError, match="from 0 to the body's 5") as error:
        split(b"{}abc", length)
    assert error.value.status == 400


@given(st.sampled_from([*DTYPES, "BYTES"]), st.binary(), st.integers(0, 10**15))
def test_any_bytes_are_read_or_refused(datatype: str, content: bytes, count: int) -> None:
    with suppress(ServeError):
        assert len(decode(datatype, memoryview(content), count, "x")) == count
