"""Schemas: what `infer` makes of a table, what `problems` names, and that JSON keeps all of it."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError, SettingError
from holdfast.schema import Column, Kind, Problem, Role, Schema, infer, problems
from holdfast.tables import open_table

NAN, INF = math.nan, math.inf


def schema_of(columns: dict[str, object], **options: object) -> Schema:
    return infer(open_table(pa.table(columns)), **options)


def column_of(values: object, name: str = "a") -> Column:
    return schema_of({name: values}).columns[0]


def found(column: Column, values: object) -> dict[str, list[int]]:
    """Rows by code of problem, in a batch of one column."""
    batch = pa.record_batch({column.name: values})
    return {problem.code: problem.rows.tolist() for problem in problems(Schema(columns=(column,)), batch)}


def number(**limits: object) -> Column:
    return Column(name="a", physical="a", kind=Kind.NUMBER, type="double", **limits)


def category(*categories: str, **more: object) -> Column:
    return Column(name="a", physical="a", kind=Kind.CATEGORY, type="string", categories=categories, **more)


def test_only_the_first_rows_are_looked_at() -> None:
    values = {"a": [*range(30_000), None, 10**9]}
    column = schema_of(values, rows=30_000).columns[0]
    assert (column.maximum, column.nullable) == (29_999, False)
    column = schema_of(values, rows=30_001).columns[0]
    assert (column.maximum, column.nullable) == (29_999, True)
    with pytest.raises(SettingError, match="expected rows to be at least 1"):
        schema_of(values, rows=0)


MOMENT = pa.array([3, 1], pa.timestamp("s"))


def test_every_problem_of_a_batch_is_named_at_once() -> None:
    reference = {
        "amount": [1.0, 9.0],
        "shop": ["a", "b"],
        "seen_at": pa.array([0, 1], pa.timestamp("s")),
        "gone": [True, False],
        "count": [1, 2],
    }
    schema = schema_of(reference, roles={"gone": "protected"})
    batch = pa.record_batch(
        {
            "count": ["1", "x", None, "7", ""],
            "seen_at": ["2024-02-30", "2024-03-01", "soon", None, "2024-03-01T10:00Z"],
            "shop": [1, 2, 3, 4, 5],
            "amount": [0.5, None, 5.0, NAN, 9.5],
            "extra": [1, 1, 1, 1, 1],
        }
    )
    assert [(p.column, p.code, p.rows.tolist(), p.message) for p in schema.problems(batch)] == [
        ("amount", "null", [1, 3], "column 'amount': 2 of 5 values missing, where none was"),
        ("amount", "range", [0, 4], "column 'amount': 2 of 5 values outside the known range"),
        ("shop", "type", [0, 1, 2, 3, 4], "column 'shop': expected string, got int64, which is no category"),
        ("seen_at", "unparseable", [0, 2], "column 'seen_at': 2 of 5 cells cannot be read as time"),
        ("seen_at", "null", [3], "column 'seen_at': 1 of 5 values missing, where none was"),
        ("gone", "missing_column", [0, 1, 2, 3, 4], "column 'gone' is missing"),
        ("count", "unparseable", [1], "column 'count': 1 of 5 cells cannot be read as number"),
        ("count", "null", [2, 4], "column 'count': 2 of 5 values missing, where none was"),
        ("count", "range", [3], "column 'count': 1 of 5 values outside the known range"),
    ]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (number(minimum=0, maximum=1), [0.0, 1.0, NAN, None, -0.1, INF, -INF], {"range": [4, 5, 6]}),
        (number(minimum=0), [INF, -INF, 5e300], {"range": [1]}),
        (number(), [INF, -INF], {}),
        (number(nullable=False), [1.0, NAN, None], {"null": [1, 2]}),
        (number(minimum=2.0**53, maximum=2.0**53), [2**53 + 1], {}),  # both round to the same float
        (number(maximum=3), pa.array([3, 2**64 - 1], pa.uint64()), {"range": [1]}),
        (number(maximum=3), pa.array([Decimal("3.00"), Decimal("3.01")]), {"range": [1]}),
        (number(maximum=3), pa.array(["3", "4", "3"]).dictionary_encode(), {"range": [1]}),
        (number(maximum=3), pa.array(["3", "4", "x"], pa.string_view()), {"unparseable": [2], "range": [1]}),
        (number(), [" 7 ", "1e400", "+.5", "nan", "0x10", "1,5", "7 kg"], {"unparseable": [4, 5, 6]}),
        (number(maximum=3), pa.array([3, 4]).dictionary_encode(), {"range": [1]}),
        (number(), [True, False], {"type": [0, 1]}),
        (number(), MOMENT, {"type": [0, 1]}),
        (number(nullable=False), pa.nulls(2), {"null": [0, 1]}),
        (number(minimum=5, identifier=True), [1], {}),
        (number(minimum=5, role=Role.TIME), [1], {}),
        (number(minimum=5, role=Role.IGNORE), ["x"], {}),
        (category("a", "b"), ["a", "c", None, "A"], {"category": [1, 3]}),
        (category("a", "b", nullable=False), ["a", "c", None, ""], {"null": [2], "category": [1, 3]}),
        (category("a"), pa.array(["a", "c"], pa.string_view()), {"category": [1]}),
        (category("a"), pa.DictionaryArray.from_arrays([0, 1, 0, None], ["a", "c"]), {"category": [1]}),
        (category("a"), pa.array(["a", "c"], pa.large_string()), {"category": [1]}),
        (category("a"), [True], {"type": [0]}),
        (category("a", role=Role.ID), ["b"], {}),
        (category("a"), pa.nulls(1), {}),
    ],
)
def test_problems_of_a_column(column: Column, values: object, expected: dict[str, list[int]]) -> None:
    assert found(column, values) == expected


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("boolean", ["true", "FALSE", "0", "1", "yes", None, " "], {"unparseable": [4], "null": [5, 6]}),
        ("boolean", [0, 1], {"type": [0, 1]}),
        ("time", pa.array([0, None], pa.timestamp("s", "UTC")), {"null": [1]}),
        ("time", [dt.date(1, 1, 1)], {}),
        ("time", pa.array([2**31 - 1], pa.date32()), {}),
        ("time", [1_714_500_000], {"type": [0]}),
        ("text", ["any", "thing", None], {"null": [2]}),
        ("text", [1.5], {"type": [0]}),
    ],
)
def test_problems_of_other_kinds(kind: str, values: object, expected: dict[str, list[int]]) -> None:
    assert found(Column(name="a", physical="a", kind=Kind(kind), type="?", nullable=False), values) == expected


def test_a_category_of_numbers_reads_numbers() -> None:
    """A pandas category of integers may come back as plain integers."""
    column = column_of(pa.array([7, 8, 8]).dictionary_encode())
    assert found(column, [7, 9, 8]) == {"category": [1]}
    assert found(column, ["7", "9"]) == {"category": [1]}


def test_a_column_that_was_all_null_of_no_type_could_have_been_anything() -> None:
    column = column_of(pa.nulls(2))
    assert found(column, [1, 2]) == {}
    assert found(column, ["x", None]) == {}


def test_a_batch_without_rows_has_only_problems_of_columns() -> None:
    schema = schema_of({"a": [1, 2], "b": ["x", "y"], "c": [1, 2]})
    batch = pa.record_batch({"a": pa.array([], pa.int8()), "b": pa.array([], pa.int8())})
    assert [(p.column, p.code, len(p.rows)) for p in schema.problems(batch)] == [
        ("b", "type", 0),
        ("c", "missing_column", 0),
    ]


def test_of_two_columns_with_one_name_the_first_is_looked_at() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1.0]), pa.array(["x"])], names=["a", "a"])
    assert problems(Schema(columns=(number(),)), batch) == []


ARRAYS = st.one_of(
    st.lists(st.none() | st.floats()),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.none() | st.text()),
    st.lists(st.none() | st.booleans()),
    st.lists(st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))),
    st.lists(st.none() | st.decimals(-1000, 1000, places=2)),
    st.lists(st.none() | st.sampled_from(["2024-01-01", "2024-01-01T10:00Z", "", " "])),
).map(pa.array)


@given(ARRAYS, st.booleans())
def test_no_table_has_problems_with_its_own_schema(values: pa.Array, encoded: bool) -> None:
    if encoded and not pa.types.is_null(values.type):
        values = values.dictionary_encode()
    schema = schema_of({"a": values})
    assert schema.problems(pa.record_batch({"a": values})) == []


def test_json_is_readable() -> None:
    schema = schema_of({"Amount": [1.5, None], "order_id": [2, 1], "shop": ["b", "a"]})
    text = """\
{
  "version": 1,
  "columns": [
    {
      "name": "Amount",
      "physical": "Amount",
      "kind": "number",
      "type": "double",
      "minimum": 1.5,
      "maximum": 1.5,
      "constant": true
    },
    {
      "name": "order_id",
      "physical": "order_id",
      "kind": "number",
      "type": "int64",
      "role": "id",
      "nullable": false,
      "minimum": 1.0,
      "maximum": 2.0,
      "identifier": true
    },
    {
      "name": "shop",
      "physical": "shop",
      "kind": "category",
      "type": "string",
      "nullable": false,
      "categories": [
        "a",
        "b"
      ]
    }
  ]
}
"""
    assert schema.to_json() == text
    assert Schema.from_json(text) == schema


FINITE = st.none() | st.floats(allow_nan=False, allow_infinity=False)
COLUMNS = st.builds(
    lambda bounds, **fields: Column(**dict(zip(("minimum", "maximum"), bounds, strict=True)), **fields),
    st.tuples(FINITE, FINITE).map(lambda pair: pair if None in pair else tuple(sorted(pair))),
    name=st.text(),
    physical=st.text(min_size=1).filter(lambda s: not set(s) & set(" ,;{}()\n\t=") and not s.lower().startswith("hf_")),
    kind=st.sampled_from(Kind),
    type=st.text(),
    role=st.sampled_from(Role),
    nullable=st.booleans(),
    categories=st.none() | st.lists(st.text(), max_size=3).map(tuple),
    personal=st.booleans(),
    identifier=st.booleans(),
    constant=st.booleans(),
)


@given(st.lists(COLUMNS, max_size=4, unique_by=(lambda c: c.name, lambda c: c.physical.lower())))
def test_json_round_trip(columns: list[Column]) -> None:
    schema = Schema(columns=tuple(columns))
    text = schema.to_json()
    assert Schema.from_json(text) == schema
    assert Schema.from_json(text).to_json() == text


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", InputError, "expected the JSON of a schema"),
        (b"\xff", InputError, "expected the JSON of a schema"),
        ('{"columns": []}', SettingError, "missing required field `version`"),
        (
            '{"version": 2, "columns": [{"new": 1}]}',
            InputError,
            "version 1 or lower, got version 2: .* upgrade Holdfast",
        ),
        ('{"version": 1, "columns": [], "colour": 1}', SettingError, "unknown field `colour`"),
        (
            '{"version": 1, "columns": [{"name": "a", "physical": "a", "kind": "text", "type": "string", "rôle": ""}]}',
            SettingError,
            r"unknown field `rôle` - at `\$.columns\[0\]`",
        ),
        (
            '{"version": 1, "columns": [{"name": "a", "physical": "hf_a", "kind": "number", "type": "int8"}]}',
            SettingError,
            r"at `\$.columns\[0\].physical`",
        ),
        (
            '{"version": 1, "columns": [{"name": "a", "physical": "a", "kind": "numeric", "type": "int8"}]}',
            SettingError,
            r"at `\$.columns\[0\].kind`",
        ),
    ],
)
def test_json_that_is_no_schema(text: str | bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Schema.from_json(text)


def test_save_and_load_name_the_file(tmp_path: Path) -> None:
    schema = schema_of({"größe": ["x", "y"]})
    path = tmp_path / "schema.json"
    schema.save(path)
    assert Schema.load(path) == schema
    assert "größe" in path.read_text(encoding="utf-8")

    path.write_text('{"version": 1, "columns": [], "colour": 1}')
    with pytest.raises(SettingError, match=r"schema\.json.*unknown field `colour`"):
        Schema.load(path)
    path.write_text('{"version": 3}')
    with pytest.raises(InputError, match=r"schema\.json.*got version 3"):
        Schema.load(path)
    with pytest.raises(InputError, match=r"cannot read the schema .*nowhere\.json': No such file"):
        Schema.load(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match=r"cannot write the schema .*: Is a directory"):
        schema.save(tmp_path)


def test_names_are_unique() -> None:
    with pytest.raises(SettingError, match="a name of its own; used twice: 'a'"):
        Schema(columns=(number(), number()))
    with pytest.raises(SettingError, match=r"a physical name .* used twice: 'a'"):
        Schema(columns=(number(), msgspec.structs.replace(number(), name="b", physical="A")))


def test_columns_are_found_by_name_and_by_role() -> None:
    schema = schema_of({"Amount": [1.5, 2.5], "y": [0, 1]})
    assert schema.names == ("Amount", "y")
    assert schema.column("y").role is Role.TARGET
    assert schema.by_role("target") == (schema.column("y"),)
    assert schema.by_role(Role.SCORE) == ()
    with pytest.raises(SettingError, match=r"the schema has no column 'amount': did you mean 'Amount'\?"):
        schema.column("amount")
    with pytest.raises(SettingError, match="expected one of the roles"):
        schema.by_role("tagret")


def test_a_problem_is_a_record() -> None:
    problem = Problem(column="a", code="null", rows=np.array([1]), message="")
    with pytest.raises(AttributeError):
        problem.code = "range"  # type: ignore[misc]
