from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.explain.protobuf import field, fields, varints

# `NodeProto`, `TensorProto` and `AttributeProto` of the package onnx write the messages that are read here.
onnx = pytest.importorskip("onnx")


def numbers(message: bytes, number: int) -> list[list[int]]:
    return [one.value.tolist() for one in fields(memoryview(message)) if one.number == number]  # type: ignore[union-attr]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
def test_lists_of_whole_numbers_are_read(values: list[int]) -> None:
    written = onnx.AttributeProto(name="ints", ints=values, type=7).SerializeToString()
    (found,) = [one.value for one in fields(memoryview(written)) if one.number == 8]
    assert np.asarray(found).view(np.int64).tolist() == values


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_lists_of_floats_are_read(values: list[float]) -> None:
    written = onnx.AttributeProto(name="floats", floats=values, type=6).SerializeToString()
    (found,) = [one.value for one in fields(memoryview(written)) if one.number == 7]
    np.testing.assert_array_equal(np.ascontiguousarray(found).view("<f4").ravel(), np.array(values, np.float32))


@pytest.mark.parametrize("count", [1, 2, 2_047, 2_048, 2_049, 100_000])
def test_a_list_may_be_longer_than_what_is_looked_at_first(count: int) -> None:
    values = (np.arange(count) * 37 % 1000).tolist()
    whole = onnx.AttributeProto(name="x", ints=values, floats=values, type=7).SerializeToString()
    assert numbers(whole, 8) == [values]
    (floats,) = [one.value for one in fields(memoryview(whole)) if one.number == 7]
    assert np.ascontiguousarray(floats).view("<f4").ravel().tolist() == values


def test_all_bytes_of_a_message_are_in_its_fields() -> None:
    node = onnx.helper.make_node("Split", ["a"], ["b", "c"], axis=1, num_outputs=2, floats=[1.0, 2.0])
    written = node.SerializeToString()
    assert b"".join(one.whole for one in fields(memoryview(written))) == written


def test_packed_lists_are_read() -> None:
    written = onnx.TensorProto(int64_data=[1, 300, 70_000]).SerializeToString()
    (packed,) = [one.value for one in fields(memoryview(written)) if one.number == 7]
    assert isinstance(packed, memoryview)
    assert varints(packed).tolist() == [1, 300, 70_000]


@given(st.integers(1, 2000), st.binary(max_size=400))
def test_what_is_written_is_read(number: int, content: bytes) -> None:
    (found,) = fields(memoryview(field(number, content)))
    assert (found.number, bytes(found.value)) == (number, content)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_refused_and_nothing_else_happens(content: bytes) -> None:
    try:
        found = list(fields(memoryview(content)))
    except ValueError:
        return
    assert b"".join(one.whole for one in found) == content


@pytest.mark.parametrize("content", [b"\x0a\x05ab", b"\x08", b"\x0d\x01\x02", b"\x0b", b"\xff" * 12])
def test_a_message_that_ends_too_early_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"field|number"):
        list(fields(memoryview(content)))
