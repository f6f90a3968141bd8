"""What is seen of a column: kind, type, range, categories, identifiers."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from holdfast.schema import Column, Kind, Schema, infer
from holdfast.tables import open_table

NAN, INF = math.nan, math.inf


def schema_of(columns: dict[str, object], **options: object) -> Schema:
    return infer(open_table(pa.table(columns)), **options)


def column_of(values: object, name: str = "a") -> Column:
    return schema_of({name: values}).columns[0]


@pytest.mark.parametrize(
    ("values", "kind", "arrow_type"),
    [
        (pa.array([1, 2], pa.uint64()), "number", "uint64"),
        (pa.array([1, 2], pa.float16()), "number", "halffloat"),
        (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), "number", "decimal128(10, 2)"),
        (pa.array([Decimal("1.50")], pa.decimal256(60, 2)), "number", "decimal256(60, 2)"),
        (pa.array([dt.time(12)], pa.time64("us")), "number", "time64[us]"),
        (pa.array([dt.timedelta(1)], pa.duration("s")), "number", "duration[s]"),
        (pa.array([True, None]), "boolean", "bool"),
        (pa.array(["a", "b"], pa.large_string()), "category", "large_string"),
        (pa.array(["a", "b"]).dictionary_encode(), "category", "string"),
        (pa.array([7, 8]).dictionary_encode(), "category", "int64"),
        (pa.array([b"\x00\xff", b"a"]), "category", "binary"),
        (pa.array([0], pa.timestamp("ns")), "time", "timestamp[ns]"),
        (pa.array([0], pa.timestamp("ms", "Europe/Vienna")), "time", "timestamp[ms, tz=Europe/Vienna]"),
        (pa.array([dt.date(2024, 2, 29)]), "time", "date32[day]"),
        (pa.array([dt.date(2024, 2, 29)], pa.date64()), "time", "date64[ms]"),
        (pa.nulls(3), "category", "null"),
    ],
)
def test_kind_and_type(values: pa.Array, kind: str, arrow_type: str) -> None:
    column = column_of(values)
    assert (column.kind, column.type) == (kind, arrow_type)


@pytest.mark.parametrize(
    ("values", "minimum", "maximum"),
    [
        ([3, 1, None, 2], 1, 3),
        ([3.5, NAN, -1.0], -1, 3.5),
        ([-INF, 2.0, 5.0], None, 5),
        ([2.0, INF], 2, None),
        ([INF, INF], None, None),
        ([NAN, NAN], None, None),
        (pa.array([2**64 - 1], pa.uint64()), 2.0**64, 2.0**64),
        (pa.array([Decimal("-1.25"), Decimal("7.50")]), -1.25, 7.5),
        (pa.array([dt.timedelta(seconds=90)], pa.duration("ms")), 90_000, 90_000),
        (pa.array([None], pa.int8()), None, None),
        ([True], None, None),
        (["a"], None, None),
        (pa.array([0], pa.timestamp("s")), None, None),
    ],
)
def test_range_of_finite_numbers(values: object, minimum: float | None, maximum: float | None) -> None:
    """An infinity in the data leaves its side open."""
    column = column_of(values)
    assert (column.minimum, column.maximum) == (minimum, maximum)


@pytest.mark.parametrize(
    ("values", "nullable", "constant"),
    [
        ([1, 2], False, False),
        ([1, None, 1], True, True),
        ([1.0, NAN], True, True),
        ([NAN, NAN], True, False),
        ([INF, INF], False, True),
        ([False, False], False, True),
        ([True, False, None], True, False),
        (["x", None, "x"], True, True),
        (["", "x"], False, False),
        (pa.DictionaryArray.from_arrays([0, 1, 1], ["x", None]), True, True),
        (pa.array([1, 1], pa.timestamp("ns")), False, True),
        (pa.array([2**60, 2**60 + 1], pa.timestamp("ns")), False, False),
        (pa.array([None, None], pa.string()), True, False),
        (pa.nulls(2), True, False),
        (pa.array([], pa.int64()), True, False),
        (["2024-05-01", " "], True, False),
    ],
)
def test_nullable_and_constant(values: object, nullable: bool, constant: bool) -> None:
    """NaN is missing, and so is a blank among times; a blank among other strings is a value."""
    column = column_of(values)
    assert (column.nullable, column.constant) == (nullable, constant)


@pytest.mark.parametrize(
    ("values", "categories"),
    [
        (["b", "a", None, "b"], ("a", "b")),
        (pa.DictionaryArray.from_arrays([2, 2], ["never", "used", "x"]), ("x",)),
        (pa.array([8, 7, 8]).dictionary_encode(), ("7", "8")),
        (pa.array([b"caf\xe9", b"caf\xe9"]), ("caf\ufffd",)),
        (pa.array([None, None], pa.string()), None),
        ([f"{i % 1_000:03}" for i in range(2_000)], tuple(f"{i:03}" for i in range(1_000))),
        ([f"{i % 1_001}" for i in range(2_002)], None),
        ([f"{i % 100_000}" for i in range(200_000)], None),
        ([1, 2], None),
    ],
)
def test_categories_are_complete_or_absent(values: object, categories: tuple[str, ...] | None) -> None:
    column = column_of(values)
    assert column.categories == categories
    assert not column.identifier


def test_a_string_that_is_not_utf8_becomes_a_category_that_json_can_hold() -> None:
    offsets = pa.py_buffer(np.array([0, 4, 8], np.int32))
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"caf\xe9caf\xe9")])
    schema = Schema(columns=(column_of(broken),))
    assert schema.columns[0].categories == ("caf\ufffd",)
    assert Schema.from_json(schema.to_json()) == schema
    assert schema.problems(pa.record_batch({"a": broken})) == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"the parcel {i} came too late again" for i in range(50)], "text"),
        (["the parcel came too late again", "it never came at all"] * 25, "category"),
        ([f"the parcel {i % 600} came too late again" for i in range(1_300)], "category"),
        ([f"{i:070}" for i in range(50)], "text"),
        ([f"M-{i}" for i in range(5_000)] * 2, "category"),
        (["a single note of five words"], "category"),
        (["12.5", "7", "1e3"], "category"),
        (["01234", "00567"], "category"),
    ],
)
def test_long_strings_that_seldom_repeat_are_text(values: list[str], kind: str) -> None:
    """Codes stay categories whatever their number, and digits stay what they are: a code may start with 0."""
    column = column_of(values)
    assert column.kind == kind
    assert kind == "category" or (column.categories is None and not column.identifier)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2024-02-29", "2023-12-31 23:59"], "time"),
        (["2024-02-29T12:00:00Z", "2024-02-29 12:00:00+05:30", None], "time"),
        (["2024-02-29 12:00:00.123456789", ""], "time"),
        (["2023-02-29", "2024-02-29"], "category"),
        (["2024", "2025"], "category"),
        (["2024-05-01"] * 200 + ["n/a"], "category"),
        (["29.02.2024", "01.03.2024"], "category"),
    ],
)
def test_strings_are_times_if_all_of_them_are_iso_8601(values: list[str | None], kind: str) -> None:
    assert column_of(values).kind == kind
    assert column_of(pa.array(values).dictionary_encode()).kind == kind


@pytest.mark.parametrize(
    ("name", "values", "identifier"),
    [
        ("order_id", [907, 12, 55], True),
        ("order_id", [907, 12, 12], False),
        ("order_id", [907], False),
        ("order_id", pa.array([Decimal(907), Decimal(12)], pa.decimal128(38, 0)), True),
        ("order_id", [907.0, 12.0], False),
        ("order_id", ["A7", None, "B9"], True),
        ("order_id", ["A7", "A7"], False),
        ("a", list(range(100)), True),
        ("a", list(range(19)), False),  # 171 pairs on 19 values: 9 repeats by chance
        ("a", list(range(0, 100 * 1_000, 1_000)), False),  # a quantity that happens not to repeat
        ("a", list(range(100)) * 2, False),
        ("a", [i / 7 for i in range(100)], False),
        ("a", [f"C{i}" for i in range(100)], True),
        ("a", [f"C{i}" for i in range(99)], False),
        ("a", [f"{i:065}" for i in range(100)], False),
        ("a", pa.array([i.to_bytes(16, "big") for i in range(100)], pa.binary(16)), True),
    ],
)
def test_identifiers_are_integers_or_short_strings_without_repeats(name: str, values: object, identifier: bool) -> None:
    column = column_of(values, name)
    assert column.identifier is identifier
    assert column.categories is None or not identifier


@pytest.mark.parametrize("repeated", [0, 60_000, 140_000])
def test_a_repeat_in_a_later_batch_makes_no_identifier(repeated: int) -> None:
    """The first 65,536 values are remembered; of later ones, repeats are seen within a batch of 131,072 rows."""
    values = [f"C{i}" for i in range(200_000)]
    assert column_of(values).identifier
    assert not column_of([*values, f"C{repeated}"]).identifier


def test_integers_of_several_batches() -> None:
    values = np.random.default_rng(1).permutation(300_000)
    assert column_of(values).identifier
    values[-1] = values[7]
    column = column_of(values)
    assert not column.identifier
    assert (column.minimum, column.maximum) == (0, 299_999)


def test_an_empty_table_promises_nothing() -> None:
    columns = schema_of({"a": pa.array([], pa.float64()), "b": pa.array([], pa.string())}).columns
    assert columns == (
        Column(name="a", physical="a", kind=Kind.NUMBER, type="double"),
        Column(name="b", physical="b", kind=Kind.CATEGORY, type="string"),
    )


def test_one_row() -> None:
    columns = schema_of({"id": [5], "b": ["x"]}).columns
    assert columns == (
        Column(
            name="id",
            physical="id",
            kind=Kind.NUMBER,
            type="int64",
            nullable=False,
            minimum=5,
            maximum=5,
            constant=True,
        ),
        Column(
            name="b", physical="b", kind=Kind.CATEGORY, type="string", nullable=False, categories=("x",), constant=True
        ),
    )
