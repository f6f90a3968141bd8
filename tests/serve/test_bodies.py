"""CSV and Arrow bodies in, and answers out."""

from __future__ import annotations

import csv
import io
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.column import Column
from holdfast.kinds import Kind, Role
from holdfast.log.columns import type_at_rest
from holdfast.serve.bodies import read_arrow, read_csv, write_arrow, write_csv
from holdfast.serve.columnar import Columnar
from holdfast.serve.engine import Answered
from holdfast.serve.errors import ServeError
from holdfast.serve.fields import Field, Problem
from holdfast.serve.outputs import outputs_of
from holdfast.serve.request import MOST_ROWS, Reply


def field(name: str, kind: Kind, type_: str, **given: Any) -> Field:
    column = Column(name=name, physical=name, kind=kind, type=type_, **given)
    return Field(column, name != "when", type_at_rest(column))


FIELDS = (
    field("amount", Kind.NUMBER, "double"),
    field("count", Kind.NUMBER, "int64"),
    field("new", Kind.BOOLEAN, "bool"),
    field("card", Kind.CATEGORY, "string"),
    field("when", Kind.TIME, "timestamp[us, tz=UTC]", role=Role.TIME),
)
COLUMNAR = Columnar(FIELDS, "id", ("old",))
NOON = datetime(2025, 1, 31, 12, tzinfo=UTC)


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


# CSV


def test_rows_of_csv_in_any_order_of_columns() -> None:
    body = b'id,card,amount,count,new,when,old\na,visa,1.5,3,true,2025-01-31T12:00:00Z,x\n,"a ""b"", c",2,4.0,0,,\n'
    request = read_csv(body, COLUMNAR, explain=True)
    assert request.rows == [(1.5, 3, True, "visa", NOON), (2.0, 4, False, 'a "b", c', None)]
    assert request.ids == ["a", None]
    assert request.problems == []
    assert request.explain


def test_empty_cells_are_missing_and_spaces_around_numbers_are_not_minded() -> None:
    request = read_csv(b"amount,count,new,card\n,,,\n 1.5 , 2 , True , \n", COLUMNAR)
    assert request.rows == [(None, None, None, None, None), (1.5, 2, True, " ", None)]
    assert request.problems == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\n\r\n\r\n"])
def test_ends_of_lines_and_a_mark_of_the_byte_order(end: str) -> None:
    body = f"\ufeffamount{end}1.5{end}2.5{end}".encode()
    assert [row[0] for row in read_csv(body, Columnar(FIELDS[:1], "id", ())).rows] == [1.5, 2.5]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1e3", 1000.0),
        ("-0.5", -0.5),
        ("nan", None),
        ("9007199254740993", 9007199254740992.0),
        ("x", "type"),
        ("1_000", "type"),
        ("inf", "type"),
        ("-Infinity", "type"),
        ("1e999", "type"),
        ("9" * 5_000, "type"),
        ("1,5", "type"),
    ],
)
def test_cells_of_a_number(cell: str, value: float | str | None) -> None:
    request = read_csv(f'amount\n"{cell}"\n'.encode(), Columnar(FIELDS[:1], "id", ()))
    expected = (None, ["type"]) if value == "type" else (value, [])
    assert (request.rows[0][0], [problem.code for problem in request.problems]) == expected


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12),
        ("-12.0", -12),
        ("9007199254740992", 2**53),
        ("nan", None),
        ("1.5", "type"),
        ("x", "type"),
        ("1_0", "type"),
        ("9007199254740993", "type"),
        ("9007199254740993.0", "type"),
        ("9" * 5_000, "type"),
        ("inf", "type"),
    ],
)
def test_cells_of_a_whole_number(cell: str, value: float | str | None) -> None:
    request = read_csv(f"count\n{cell}\n".encode(), Columnar(FIELDS[1:2], "id", ()))
    expected = (None, ["type"]) if value == "type" else (value, [])
    assert (request.rows[0][0], [problem.code for problem in request.problems]) == expected


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "at least one row"),
        (b"amount\n", 400, "at least one row"),
        (b"amount,count\n1,2\n3\n", 400, "CSV, line 3: expected 2 cells, as in the first line; got 1"),
        (b"amount,amount\n1,2\n", 400, "The field 'amount' is named more than once"),
        (b'amount\n"1\n', 400, "CSV, line 2: unexpected end of data"),
        (b'amount\n"1"2\n', 400, "CSV, line 2: ',' expected after"),
        (b"amount\n\xff\n", 400, "in UTF-8"),
        (b"card\n" + b"x" * 200_000 + b"\n", 400, "field larger than field limit"),
        (b"amount\n" + b"1\n" * (MOST_ROWS + 1), 413, f"at most {MOST_ROWS} rows"),
    ],
    ids=range(9),
)
def test_csv_that_cannot_be_read(body: bytes, status: int, message: str) -> None:
    with pytest.raises(ServeError, match=message) as error:
        read_csv(body, COLUMNAR)
    assert error.value.status == status


def test_names_of_csv_that_nobody_knows_are_a_problem() -> None:
    request = read_csv(b"amuont,secret,amount\n1,2,3\n", Columnar(FIELDS[:1], "id", ()))
    assert [str(problem) for problem in request.problems] == ["rows[0].: 2 fields that the model does not know"]


@given(
    st.lists(
        st.tuples(
            st.floats(allow_infinity=False) | st.none(), st.integers(-(2**53), 2**53) | st.none(), st.text() | st.none()
        ),
        min_size=1,
    )
)
def test_what_is_written_as_csv_is_read_again(rows: list[tuple[Any, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("amount", "count", "card"), *rows])
    request = read_csv(text.getvalue().encode(), Columnar(FIELDS[:2] + FIELDS[3:4], "id", ()))
    # CSV tells an empty text from a missing one only by quotes, which nobody minds.
    expected = [(None if a is None or math.isnan(a) else a, b, c or None) for a, b, c in rows]
    assert repr(request.rows) == repr(expected)


@given(st.binary() | st.text().map(lambda text: b"amount,card\n" + text.encode()))
def test_any_bytes_are_rows_of_csv_or_refused(body: bytes) -> None:
    with suppress(ServeError):
        assert {len(row) for row in read_csv(body, COLUMNAR).rows} == {len(FIELDS)}


# Arrow


def test_rows_of_an_arrow_stream() -> None:
    table = pa.table(
        {
            "id": [7, 8],
            "card": pa.array(["visa", None]).dictionary_encode(),
            "amount": pa.array([1.5, None], pa.float32()),
            "when": pa.array([NOON, None], pa.timestamp("ns", "UTC")),
            "count": pa.array([3, 4], pa.uint8()),
            "new": [True, False],
            "old": [[1], [2]],
        }
    )
    request = read_arrow(stream(table), COLUMNAR)
    assert request.rows == [(1.5, 3, True, "visa", NOON), (None, 4, False, None, None)]
    assert request.ids == ["7", "8"]
    assert request.problems == []


def test_rows_of_a_pandas_frame() -> None:
    frame = pd.DataFrame({"amount": [1.5, None], "count": [3, 4], "new": [True, False], "card": ["visa", None]})
    request = read_arrow(stream(pa.Table.from_pandas(frame)), COLUMNAR)
    assert request.rows == [(1.5, 3, True, "visa", None), (None, 4, False, None, None)]


def test_arrow_that_cannot_be_read() -> None:
    twice = pa.table([pa.array([1.0]), pa.array([1.0])], names=["amount", "amount"])
    for table, message in (
        (twice, "The field 'amount' is named more than once"),
        (pa.table({"amount": pa.array([], pa.float64())}), "at least one row"),
        (pa.table({"amount": [[1.0]]}), "'amount' has another Arrow type"),
    ):
        with pytest.raises(ServeError, match=message) as error:
            read_arrow(stream(table), COLUMNAR)
        assert error.value.status == 400


@given(
    st.lists(
        st.tuples(st.floats() | st.none(), st.integers(-(2**53), 2**53) | st.none(), st.text() | st.none()), min_size=1
    )
)
def test_what_is_written_as_arrow_is_read_again(rows: list[tuple[Any, ...]]) -> None:
    amount, count, card = zip(*rows, strict=True)
    table = pa.table(
        {"amount": pa.array(amount, pa.float64()), "count": pa.array(count, pa.int64()), "card": pa.array(card)}
    )
    request = read_arrow(stream(table), Columnar(FIELDS[:2] + FIELDS[3:4], "id", ()))
    assert repr(request.rows) == repr([(None if a is None or math.isnan(a) else a, b, c) for a, b, c in rows])


# Answers


def reply(*, explained: bool = False) -> Reply:
    answered = Answered(
        score=[[0.25, 0.75], [math.nan, math.nan]],
        classes=("a", "b"),
        decision=["b", None],
        confidence=[0.75, math.nan],
        sets=[["b"], ["a", "b"]],
        review=[False, True],
        reason=["", "unknown"],
        loss=[None, None],
        propensity=[1.0, 1.0],
    )
    return Reply(
        model="fraud",
        version=3,
        ids=["x,1", "y"],
        answered=answered,
        first=0,
        rows=2,
        problems=[Problem(1, "count", "range", "x")],
        contributions=[{"amount": 0.5, "base": 0.25}, {"base": 0.5}] if explained else None,
    )


OUTPUTS = outputs_of("classes", ("a", "b"), ("amount",), sets=True)


def test_answers_as_csv() -> None:
    assert write_csv(reply(), OUTPUTS).decode() == (
        "id,score_a,score_b,decision,confidence,classes,review,reason,warnings\n"
        '"x,1",0.25,0.75,b,0.75,"[""b""]",false,,\n'
        'y,,,,,"[""a"",""b""]",true,unknown,"[""range:count""]"\n'
    )


def test_answers_as_arrow() -> None:
    table = pa.ipc.open_stream(write_arrow(reply(explained=True), OUTPUTS)).read_all()
    assert table.to_pydict() == {
        "id": ["x,1", "y"],
        "score_a": [0.25, None],
        "score_b": [0.75, None],
        "decision": ["b", None],
        "confidence": [0.75, None],
        "classes": ['["b"]', '["a","b"]'],
        "review": [False, True],
        "reason": ["", "unknown"],
        "warnings": ["", '["range:count"]'],
        "contributions_amount": [0.5, None],
        "contributions_base": [0.25, 0.5],
    }
    assert [str(kind) for kind in table.schema.types[:4]] == ["string", "double", "double", "string"]


def test_pandas_reads_both_alike() -> None:
    by_csv = pd.read_csv(
        io.BytesIO(write_csv(reply(), OUTPUTS)),
        keep_default_na=False,
        na_values={"score_a": "", "score_b": "", "confidence": ""},
    )
    by_arrow = pa.ipc.open_stream(write_arrow(reply(), OUTPUTS)).read_all().to_pandas()
    numbers = ["score_a", "score_b", "confidence", "review"]
    pd.testing.assert_frame_equal(by_csv[numbers], by_arrow[numbers])
