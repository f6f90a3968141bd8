"""What each Arrow type is to statistics, and in which type it is given."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.tables import KINDS, Table, kind_of, open_table


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def test_types_pass_through() -> None:
    moment = dt.datetime(2024, 1, 31, 12)
    frame = pa.table(
        {
            "half": pa.array(np.array([1.5], "f2")),
            "decimal": [Decimal("1.50")],
            "unsigned": pa.array([2**64 - 1], pa.uint64()),
            "date": [moment.date()],
            "clock": [moment.time()],
            "duration": [dt.timedelta(seconds=1)],
            "naive": [moment],
            "zoned": pa.array([moment], pa.timestamp("us", "Europe/Paris")),
            "large": pa.array(["x"], pa.large_string()),
            "binary": [b"\xff"],
            "null": pa.nulls(1),
        }
    )
    for source in (frame, frame.to_reader()):
        with open_table(source) as table:
            assert table.schema == frame.schema
            assert pa.Table.from_batches(table.batches()) == frame


def test_extension_types_come_as_what_they_hold() -> None:
    key = uuid.UUID(int=1)
    frame = pa.table({"u": pa.array([key.bytes], pa.uuid()), "j": pa.array(['{"a": 1}'], pa.json_())})
    for source in (frame, frame.to_reader()):
        with open_table(source) as table:
            assert table.schema == pa.schema([("u", pa.binary()), ("j", pa.string())])
            assert rows_of(table) == [{"u": key.bytes, "j": '{"a": 1}'}]


@pytest.mark.parametrize(
    ("data_type", "kind"),
    [
        *[(data_type, "number") for data_type in (pa.int8(), pa.uint64(), pa.float16(), pa.float64())],
        *[(data_type, "number") for data_type in (pa.decimal128(5, 2), pa.decimal256(50, 2))],
        *[(data_type, "number") for data_type in (pa.time32("s"), pa.time64("ns"), pa.duration("us"))],
        (pa.bool_(), "boolean"),
        *[
            (data_type, "time")
            for data_type in (pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns", "UTC"))
        ],
        *[(data_type, "category") for data_type in (pa.string(), pa.large_string(), pa.string_view())],
        *[(data_type, "category") for data_type in (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(16))],
        *[(data_type, "category") for data_type in (pa.null(), pa.uuid(), pa.json_())],
        *[(pa.dictionary(pa.int8(), value), "category") for value in (pa.string(), pa.int64(), pa.bool_())],
        *[
            (data_type, "nested")
            for data_type in (pa.list_(pa.int8()), pa.large_list(pa.int8()), pa.list_(pa.int8(), 2))
        ],
        *[
            (data_type, "nested")
            for data_type in (pa.struct([]), pa.map_(pa.int8(), pa.int8()), pa.month_day_nano_interval())
        ],
        (pa.dense_union([pa.field("a", pa.int8())]), "nested"),
        (pa.run_end_encoded(pa.int32(), pa.int8()), "nested"),
        (pa.dictionary(pa.int8(), pa.list_(pa.int8())), "nested"),
    ],
    ids=str,
)
def test_kind_of(data_type: pa.DataType, kind: str) -> None:
    assert kind_of(data_type) == kind
    assert kind in KINDS
