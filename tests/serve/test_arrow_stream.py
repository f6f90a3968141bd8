"""Arrow streams of clients that may mean harm."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.serve.arrow_stream import MOST_BATCHES, read_stream, values_in
from holdfast.serve.errors import ServeError
from holdfast.serve.request import MOST_ROWS


def stream(*batches: pa.RecordBatch, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def refused(body: bytes) -> ServeError:
    with pytest.raises(ServeError) as error:
        read_stream(body)
    return error.value


UTC_NOON = datetime(2025, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None], pa.int8(), [1, None]),
        ([2**64 - 1], pa.uint64(), [2**64 - 1]),
        ([1.5, None], pa.float32(), [1.5, None]),
        ([np.float16(0.5), None], pa.float16(), [0.5, None]),
        ([Decimal("1.25"), None], pa.decimal128(5, 2), [1.25, None]),
        ([True, None], pa.bool_(), [True, None]),
        (["a", None], pa.string(), ["a", None]),
        (["a", None], pa.large_string(), ["a", None]),
        (["a", None, "a"], pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"]),
        ([None, None], pa.null(), [None, None]),
        ([UTC_NOON, None], pa.timestamp("ns", "UTC"), [UTC_NOON, None]),
        ([UTC_NOON], pa.timestamp("s", "Europe/Paris"), [UTC_NOON]),
        ([datetime(2025, 1, 31)], pa.timestamp("ms"), [datetime(2025, 1, 31)]),
    ],
)
def test_values_of_each_type(values: list[Any], kind: pa.DataType, expected: list[Any]) -> None:
    batch = pa.record_batch({"x": pa.array(values, kind)})
    assert values_in(read_stream(stream(batch, batch)).column("x"), "x") == expected * 2


def test_texts_of_views_as_polars_writes_them() -> None:
    frame = pl.DataFrame({"x": ["a", None, "a long text that is kept apart"]})
    body = frame.write_ipc_stream(None, compat_level=pl.CompatLevel.newest()).getvalue()
    table = read_stream(body)
    assert pa.types.is_string_view(table.schema.field("x").type)
    assert values_in(table.column("x"), "x") == ["a", None, "a long text that is kept apart"]


def test_dictionaries_that_differ_between_batches() -> None:
    batches = [pa.record_batch({"x": pa.array(values).dictionary_encode()}) for values in (["a", "b"], ["c", "a"])]
    assert values_in(read_stream(stream(*batches)).column("x"), "x") == ["a", "b", "c", "a"]


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_stream_is_refused(compression: str) -> None:
    plain = pa.record_batch({"x": np.zeros(1_000)})
    texts = pa.record_batch({"x": pa.array(["a" * 100] * 5).dictionary_encode()})
    for batch in (plain, texts):
        assert "without compression" in refused(stream(batch, compression=compression)).message


def test_a_dictionary_that_grows_is_refused() -> None:
    batches = [pa.record_batch({"x": pa.array(values).dictionary_encode()}) for values in (["a"], ["a", "b"])]
    assert "dictionaries in one piece" in refused(stream(*batches, emit_dictionary_deltas=True)).message


def test_rows_without_any_bytes_are_refused_before_they_are_made(peak: Callable[[], int]) -> None:
    for array in (pa.nulls(10**9), pa.nulls(MOST_ROWS + 1)):
        error = refused(stream(pa.record_batch({"x": array})))
        assert error.status == 413
    assert peak() < 1_000_000


def test_many_small_batches_are_refused() -> None:
    batch = pa.record_batch({"x": [1]})
    assert read_stream(stream(*[batch] * MOST_BATCHES)).num_rows == MOST_BATCHES
    assert "combine them" in refused(stream(*[batch] * (MOST_BATCHES + 1))).message


def test_one_text_that_many_views_show_is_refused() -> None:
    text = b"x" * 100_000
    view = struct.pack("<i4sii", len(text), text[:4], 0, 0)
    buffers = [None, pa.py_buffer(view * 1_000), pa.py_buffer(text)]
    table = read_stream(stream(pa.record_batch({"x": pa.Array.from_buffers(pa.string_view(), 1_000, buffers)})))
    with pytest.raises(ServeError, match="bytes of text in a column: 'x' has more") as error:
        values_in(table.column("x"), "x")
    assert error.value.status == 413


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (pa.array([[1]]), "'x' has another Arrow type"),
        (pa.array([b"a"]), "'x' has another Arrow type"),
        (pa.array([1], pa.time32("s")), "'x' has another Arrow type"),
        (pa.array([2**62], pa.timestamp("us", "UTC")), "years 1 to 9999 in a known zone: 'x' has others"),
        (pa.array([2**62], pa.timestamp("s")), "years 1 to 9999 in a known zone: 'x' has others"),
    ],
)
def test_columns_that_no_field_is_like(array: pa.Array, message: str) -> None:
    table = read_stream(stream(pa.record_batch({"x": array})))
    with pytest.raises(ServeError, match=message) as error:
        values_in(table.column("x"), "x")
    assert error.value.status == 400


def test_offsets_that_point_outside_are_refused() -> None:
    body = stream(pa.record_batch({"x": ["abcd", "efgh"]}))
    offsets = np.array([0, 4, 8], dtype=np.int32).tobytes()
    assert body.count(offsets) == 1
    assert refused(body.replace(offsets, np.array([0, 4, 10**6], dtype=np.int32).tobytes())).status == 400


def test_names_and_zones_that_are_no_utf_8_are_refused() -> None:
    time = pa.array([0], pa.timestamp("us", "Asia/Tokyo"))
    for array in (time, time.dictionary_encode()):
        body = stream(pa.record_batch({"amount": array}))
        assert refused(body.replace(b"amount", b"\xff" * 6)).status == 400
        table = read_stream(body.replace(b"Asia", b"\xff" * 4))
        with pytest.raises(ServeError, match="in a known zone: 'amount'"):
            values_in(table.column("amount"), "amount")


BODIES = [
    stream(pa.record_batch({"x": [1.5, None], "y": ["a", "bc"]})),
    stream(pa.record_batch({"x": pa.array(["a", None, "b"]).dictionary_encode(), "y": pa.array([None, True, False])})),
    stream(pa.record_batch({"x": pa.array(["a" * 20, "b"], pa.string_view())})),
    stream(pa.record_batch({"x": pa.array([[1], [2, 3]]), "y": pa.array([{"a": 1}, None])})),
]


@given(st.data())
def test_a_stream_with_some_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(data.draw(st.sampled_from(BODIES)))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ServeError):
        table = read_stream(bytes(changed))
        for column in table.columns:
            assert len(values_in(column, "x")) == table.num_rows


@given(st.binary())
def test_anything_at_all_is_refused(body: bytes) -> None:
    assert refused(body).status == 400
