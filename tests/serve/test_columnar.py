"""Columns become the same rows, with the same problems, as records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.column import Column
from holdfast.kinds import Kind, Role
from holdfast.log.columns import type_at_rest
from holdfast.serve.columnar import MOST_PROBLEMS, Columnar, values_of
from holdfast.serve.errors import ServeError
from holdfast.serve.fields import Field, read
from holdfast.serve.records import Records
from holdfast.serve.request import LONGEST_ID, MOST_ROWS, Request


def field(name: str, kind: Kind, type_: str, *, wanted: bool = True, nullable: bool = False, **given: Any) -> Field:
    column = Column(name=name, physical=name, kind=kind, type=type_, nullable=nullable, **given)
    return Field(column, wanted, type_at_rest(column))


AMOUNT = field("amount", Kind.NUMBER, "double")
COUNT = field("count", Kind.NUMBER, "int64")
NEW = field("new", Kind.BOOLEAN, "bool", nullable=True)
CARD = field("card", Kind.CATEGORY, "string", nullable=True)
WHEN = field("when", Kind.TIME, "timestamp[us, tz=UTC]", wanted=False, role=Role.TIME)
FIELDS = (AMOUNT, COUNT, NEW, CARD, WHEN)

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([2.0, 2**53, -(2**53) - 1]),
)


@pytest.mark.parametrize(
    ("one", "raw", "told"),
    [
        (AMOUNT, "much", "expected a number, got a text"),
        (AMOUNT, True, "expected a number, got true or false"),
        (AMOUNT, [1], "expected a number, got a list"),
        (AMOUNT, {"a": 1}, "expected a number, got an object"),
        (AMOUNT, None, "expected a number, got null"),
        (COUNT, 1.5, "expected a whole number, got another number"),
        (NEW, 2, "expected true or false or null, got another number"),
        (CARD, 7, "expected a text or null, got another number"),
        (WHEN, "noon", "expected a time with its zone, such as 2025-01-31T12:00:00Z or null, got a text"),
        (
            WHEN,
            datetime(2025, 1, 31),
            "expected a time with its zone, such as 2025-01-31T12:00:00Z or null, got a time without a zone",
        ),
        (AMOUNT, b"x", "expected a number, got another type"),
    ],
)
def test_what_was_expected_and_what_came_is_told_without_the_value(one: Field, raw: object, told: str) -> None:
    value, wrong = read(one, raw)
    assert value is None
    assert wrong is not None
    assert wrong[1] == told


@pytest.mark.parametrize("one", FIELDS, ids=lambda one: one.name)
@given(values=st.one_of(*(st.lists(kind, min_size=1) for kind in (ANYTHING, st.integers(), st.floats(), st.text()))))
def test_a_column_is_read_as_its_values_are_one_by_one(one: Field, values: list[Any]) -> None:
    values = [None if value != value else value for value in values]
    expected = [read(one, value) for value in values]
    request = Columnar((one,), "id", ()).request({one.name: values}, len(values))
    assert repr(request.rows) == repr([(value,) for value, _ in expected])
    wrong = [(row, found[0]) for row, (_, found) in enumerate(expected) if found is not None]
    assert [(problem.row, problem.code) for problem in request.problems] == wrong


def test_too_long_a_text_is_of_the_wrong_type() -> None:
    column, found = values_of(CARD, ["a", "b" * 10_001])
    assert (column, found) == (
        ["a", None],
        [(1, "type", "expected a text or null, got a text of more than 10,000 characters")],
    )


def test_whole_numbers_may_come_as_floats() -> None:
    assert Columnar((COUNT,), "id", ()).request({"count": [1.0, None, -0.0]}, 3).rows == [(1,), (None,), (0,)]


def test_columns_and_records_give_the_same_request() -> None:
    rows = [
        {"amount": 1.5, "count": 3, "new": True, "card": "visa", "when": "2025-01-31T12:00:00Z"},
        {"amount": None, "count": 2.5, "new": None, "card": None, "when": None},
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    by_column = Columnar(FIELDS, "id", ()).request(columns, 2)
    by_record = Records(FIELDS, "id", ()).read(json.dumps({"rows": rows}).encode())
    assert by_column.rows == list(by_record.rows)
    assert by_column.rows[0] == (1.5, 3, True, "visa", datetime(2025, 1, 31, 12, tzinfo=UTC))
    assert sorted(map(str, by_column.problems)) == sorted(map(str, by_record.problems))
    assert by_column.ids == by_record.ids == [None, None]


def asked(columns: dict[str, list[Any]], **given: Any) -> Request:
    return Columnar((AMOUNT, WHEN), "id", ("old",)).request(columns, len(next(iter(columns.values()))), **given)


def test_a_column_that_the_model_needs_is_missing_in_each_row() -> None:
    request = Columnar((AMOUNT, COUNT, WHEN), "id", ()).request({"amount": [1.0, 2.0]}, 2)
    assert request.rows == [(1.0, None, None), (2.0, None, None)]
    assert [(problem.row, problem.field, problem.code) for problem in request.problems] == [
        (0, "count", "missing"),
        (1, "count", "missing"),
    ]
    assert str(request.problems[1]).startswith("rows[1].count: is missing; expected a whole number")


def test_names_that_nobody_knows_are_counted_and_not_told() -> None:
    (problem,) = asked({"amount": [1.0]}, strange=2).problems
    assert (problem.code, problem.message) == ("unknown", "2 fields that the model does not know")


def test_rows_are_called_as_the_request_and_by_their_place() -> None:
    assert asked({"amount": [1.0]}, own="mine").ids == ["mine"]
    assert asked({"amount": [1.0, 2.0]}, own="mine").ids == ["mine-0", "mine-1"]
    assert asked({"amount": [1.0, 2.0]}, own="").ids == [None, None]
    with pytest.raises(ServeError, match="id: expected a text of at most"):
        asked({"amount": [1.0, 2.0]}, own="x" * (LONGEST_ID - 1))


def test_a_column_of_ids_goes_before_the_request_s_own() -> None:
    request = asked({"amount": [1.0] * 6, "id": ["a", 7, None, "", 1.5, "x" * 201]}, own="mine")
    assert request.ids == ["a", "7", None, None, None, None]
    assert [(problem.row, problem.field, problem.code) for problem in request.problems] == [
        (3, "id", "type"),
        (4, "id", "type"),
        (5, "id", "type"),
    ]


def test_the_schema_s_column_of_ids_names_the_rows() -> None:
    order = field("order", Kind.NUMBER, "int64", wanted=False, role=Role.ID)
    request = Columnar((AMOUNT, order), "order", ()).request({"amount": [1.0, 2.0], "order": [12.0, None]}, 2)
    assert request.rows == [(1.0, 12), (2.0, None)]
    assert request.ids == ["12", None]
    assert request.problems == []


def test_no_rows_too_many_rows_and_too_many_problems() -> None:
    columnar = Columnar((AMOUNT, COUNT), "id", ())
    for rows, status in ((0, 400), (MOST_ROWS + 1, 413)):
        with pytest.raises(ServeError) as error:
            columnar.request({}, rows)
        assert error.value.status == status
    with pytest.raises(ServeError, match=f"More than {MOST_PROBLEMS} values") as error:
        columnar.request({}, MOST_ROWS)
    assert error.value.status == 422
