"""Schemas: what `infer` finds, what `problems` names, and that JSON keeps all of it."""

from __future__ import annotations

import datetime as dt
import math
import os
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError, SettingError
from holdfast.schema import Column, Kind, Problem, Role, Schema, as_kind, infer, problems
from holdfast.tables import open_table

NAN, INF = math.nan, math.inf
DATA = Path(os.environ.get("HOLDFAST_DATA", Path(__file__).parents[1] / "../shared/data"))


def schema_of(columns: dict[str, object], **options: object) -> Schema:
    return infer(open_table(pa.table(columns)), **options)


def column_of(values: object, name: str = "a") -> Column:
    return schema_of({name: values}).columns[0]


def roles_of(columns: dict[str, object], **options: object) -> dict[str, str]:
    """The roles that are not `feature`."""
    return {c.name: str(c.role) for c in schema_of(columns, **options).columns if c.role is not Role.FEATURE}


def found(column: Column, values: object) -> dict[str, list[int]]:
    """Rows by code of problem, in a batch of one column."""
    batch = pa.record_batch({column.name: values})
    return {problem.code: problem.rows.tolist() for problem in problems(Schema(columns=(column,)), batch)}


def number(**limits: object) -> Column:
    return Column(name="a", physical="a", kind=Kind.NUMBER, type="double", **limits)


def category(*categories: str, **more: object) -> Column:
    return Column(name="a", physical="a", kind=Kind.CATEGORY, type="string", categories=categories, **more)


# --- Kinds, types, limits -------------------------------------------------------------------------------------------


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


def test_only_the_first_rows_are_looked_at() -> None:
    values = {"a": [*range(30_000), None, 10**9]}
    column = schema_of(values, rows=30_000).columns[0]
    assert (column.maximum, column.nullable) == (29_999, False)
    column = schema_of(values, rows=30_001).columns[0]
    assert (column.maximum, column.nullable) == (29_999, True)
    with pytest.raises(SettingError, match="expected rows to be at least 1"):
        schema_of(values, rows=0)


@pytest.mark.parametrize(
    ("names", "physical"),
    [
        (["Amount", "größe"], ["Amount", "größe"]),
        (["a b", "a,b", "a_b"], ["a_b_2", "a_b_3", "a_b"]),
        (["A", "a", "a_2"], ["A", "a_3", "a_2"]),
        (["hf_id", "HF_ID", ""], ["x_hf_id", "x_HF_ID_2", "column"]),
        (["x {1};(2)\n\t=3"], ["x__1___2____3"]),
    ],
)
def test_physical_names_can_be_stored_anywhere(names: list[str], physical: list[str]) -> None:
    schema = schema_of({name: [1] for name in names})
    assert [column.physical for column in schema.columns] == physical
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize(
    ("name", "personal"),
    [
        ("name", True),
        ("firstName", True),
        ("CUSTOMER_NAME", True),
        ("e-mail", True),
        ("contact_email_2", True),
        ("Home Address", True),
        ("ip", True),
        ("IBAN", True),
        ("phoneNumber", True),
        ("product_name", False),
        ("ship_mode", False),
        ("description", False),
    ],
)
def test_personal_by_name(name: str, personal: bool) -> None:
    """Values that may identify somebody are not listed; numbers are never called personal."""
    column = column_of(["x", "y", "y"], name)
    assert column.personal is personal
    assert column.categories == (None if personal else ("x", "y"))
    assert not column_of([1, 2, 2], name).personal


# --- Roles ----------------------------------------------------------------------------------------------------------

MOMENT = pa.array([3, 1], pa.timestamp("s"))
LATER = pa.array([9, None], pa.timestamp("s"))


@pytest.mark.parametrize(
    ("columns", "time"),
    [
        ({"TX_DATETIME": MOMENT}, "TX_DATETIME"),
        ({"whenever": MOMENT}, "whenever"),
        ({"whenever": MOMENT, "closed_at": LATER}, "whenever"),
        ({"whenever": MOMENT, "seenAt": MOMENT}, "seenAt"),
        ({"sold_at": MOMENT, "seen_at": MOMENT}, None),
        ({"sold_at": MOMENT, "seen_at": MOMENT, "created_at": MOMENT}, "created_at"),
        ({"timestamp": LATER, "date": MOMENT}, "timestamp"),
        ({"eventTime": MOMENT, "Date": MOMENT}, "eventTime"),
        ({"birth_date": MOMENT, "updated_at": MOMENT}, None),
        ({"date": ["2024-05-01", "2024-05-02"]}, "date"),
        ({"whenever": LATER}, None),
        ({"Time": [0, 4, 4, 90]}, "Time"),
        ({"time": [12.5, 7.0, 9.1]}, None),
        ({"time": [1, None, 2]}, None),
        ({"timestamp": [1_714_500_000_000, 1_714_400_000_000]}, "timestamp"),
        ({"epoch_seconds": [1_714_500_000, 1_714_500_001]}, None),
        ({"TX_TIME_SECONDS": [1, 2, 3]}, None),
        ({"date": [20240501, 20240502]}, None),
        ({"time": [1, 2], "seen_at": MOMENT}, "seen_at"),
    ],
)
def test_time_is_guessed_if_one_column_is_the_clearest(columns: dict[str, object], time: str | None) -> None:
    rows = max(map(len, columns.values()))
    assert roles_of(columns | {"feature": [1.5] * rows}) == ({time: "time"} if time else {})


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ({"target": [1.5, 2.5]}, "target"),
        ({"Label": ["a", "b"]}, "Label"),
        ({"y_true": [0, 1], "outcome": [0, 1]}, "y_true"),
        ({"y": [1.5, 2.5], "x1": [1.5, 2.5]}, "y"),
        ({"y": [1.5, 2.5], "x": [1.5, 2.5]}, None),
        ({"y": [1.5, 2.5], "target": [1.5, 2.5]}, None),
        ({"TX_FRAUD": [0, 1], "TX_FRAUD_SCENARIO": [0, 1]}, "TX_FRAUD"),
        ({"isFraud": [True, False]}, "isFraud"),
        ({"Churned": ["yes", "no"]}, "Churned"),
        ({"repaid": [0.0, 1.0], "class": ["a", "b"]}, "repaid"),
        ({"is_fraud": [0.2, 0.7]}, None),
        ({"Class": [0, 1]}, "Class"),
        ({"class": ["a", "b"]}, "class"),
        ({"first_class": ["a", "b"]}, None),
        ({"target": pa.array([1, 2], pa.timestamp("s")), "t": pa.array([1, 2], pa.timestamp("s"))}, None),
        ({"target": pa.array([None, None], pa.int8())}, None),
    ],
)
def test_target_is_guessed_if_one_column_is_the_clearest(columns: dict[str, object], target: str | None) -> None:
    assert roles_of(columns) == ({target: "target"} if target else {})


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("prediction", [1, 0], "prediction"),
        ("yPred", ["a", "b"], "prediction"),
        ("PREDICTED_LABEL", [True, False], "prediction"),
        ("predicted_delivery_days", [1.5, 2.5], None),
        ("score", [0.5, 1.0], "score"),
        ("score", [0.5, 17.0], None),
        ("credit_score", [0.5, 0.7], None),
        ("y_pred_proba", [0.5, NAN], "score"),
        ("predictedProbability", [0.5, 0.7], "score"),
        ("probability", [0, 1], None),
        ("y_score", [-3.5, 8.1], "score"),
        ("sample_weight", [0.5, 17.0], "weight"),
        ("sample_weight", [0.5, 0.0], None),
        ("sample_weight", [0.5, None], None),
        ("sample_weight", [0.5, INF], None),
        ("weight", [71.5, 64.0], None),
    ],
)
def test_prediction_score_and_weight(name: str, values: object, role: str | None) -> None:
    """A plain weight may be in kilograms, and 0 and 1 are no probabilities."""
    assert roles_of({name: values}) == ({name: role} if role else {})


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("TRANSACTION_ID", [7, 9], "id"),
        ("customerId", [7, 7], None),
        ("uuid", ["a-b", "c-d"], "id"),
        ("Unnamed: 0", [0, 1], "id"),
        ("instant", list(range(100)), None),
        ("merchant", [f"M{i}" for i in range(100)], "id"),
        ("merchant", [f"M{i}" for i in range(50)] * 2, None),
        ("liquid", [7, 9], None),
    ],
)
def test_id(name: str, values: object, role: str | None) -> None:
    """Integers need the name, too: a row number among the features is for a check to report."""
    assert roles_of({name: values}) == ({name: role} if role else {})


def test_given_roles_win_and_are_not_guessed_elsewhere() -> None:
    columns = {"target": [0, 1], "outcome": [0, 1], "seen_at": MOMENT, "amount": [1.5, 2.5], "id": [1, 2]}
    assert roles_of(columns) == {"target": "target", "seen_at": "time", "id": "id"}
    given = {"outcome": "target", "seen_at": Role.FEATURE, "amount": Role.COST}
    assert roles_of(columns, roles=given) == {"outcome": "target", "amount": "cost", "id": "id"}


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"Amonut": "cost"}, "roles: the table table has no column 'Amonut': did you mean 'amount'\\?"),
        ({"zzz": "cost"}, "has no column 'zzz': it has 'amount', 'kind', 'shade'"),
        ({"nested": "cost"}, "column 'nested' is left out: "),
        ({"amount": "costs"}, "expected one of the roles feature, time, .*, got 'costs'"),
        ({"amount": "time", "kind": "time"}, "expected one column with the role time, got 'amount', 'kind': keep one"),
        ({"shade": "cost"}, "the role cost needs a column of the kind number, but 'shade' is of the kind category"),
        ({"kind": "time"}, "the role time needs a column of the kind time or number"),
    ],
)
def test_roles_that_make_no_sense(roles: dict[str, str], message: str) -> None:
    columns = {"amount": [1.5, 2.5], "kind": ["a", "b"], "shade": ["a", "b"], "nested": [[1], [2]]}
    with pytest.raises(SettingError, match=message):
        schema_of(columns, roles=roles)


def test_a_column_without_values_may_be_given_any_role() -> None:
    assert roles_of({"when": pa.nulls(2)}, roles={"when": "time"}) == {"when": "time"}


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}; set HOLDFAST_DATA to its folder")
@pytest.mark.parametrize("rows", [20_000, None])
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("adult", {"class": "target"}),
        ("bike_sharing_hour", {"dteday": "time"}),
        ("california_housing_raw", {}),
        ("fdh_transactions_transformed", {"TRANSACTION_ID": "id", "TX_DATETIME": "time", "TX_FRAUD": "target"}),
        *(
            (
                f"nannyml_synthetic_car_loan_{part}",
                {"timestamp": "time", "repaid": "target", "y_pred": "prediction", "y_pred_proba": "score"},
            )
            for part in ("reference", "monitoring")
        ),
        *(
            (
                f"nannyml_synthetic_car_price_{part}",
                {"timestamp": "time", "y_true": "target", "y_pred": "prediction", "id": "id"},
            )
            for part in ("reference", "monitoring")
        ),
        ("ulb_creditcard_casecontrol", {"Time": "time", "Class": "target", "sample_weight": "weight"}),
    ],
)
def test_guesses_on_real_tables_are_right_or_absent(file: str, expected: dict[str, str], rows: int | None) -> None:
    """And a table has no problems with its own schema."""
    with open_table(DATA / f"{file}.parquet") as table:
        schema = infer(table, rows=rows)
        assert {c.name: c.role for c in schema.columns if c.role is not Role.FEATURE} == expected
        assert not any(column.kind is Kind.TEXT or column.personal for column in schema.columns)
        if rows is None:
            assert [problem for batch in table.batches() for problem in schema.problems(batch)] == []


# --- Problems -------------------------------------------------------------------------------------------------------


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


CELLS = st.one_of(
    st.text(max_size=6),
    st.text("0123456789+-.eE infatyNIF", max_size=8),
    st.floats().map(str),
    st.datetimes().map(str),
    st.dates().map(str),
    st.from_regex(r"\A[0-2]0[0-9]{2}-[0-1][0-9]-[0-3][0-9]([T ][0-2][0-9](:[0-6][0-9]){0,2}(\.[0-9]{1,3})?Z?)?\Z"),
    st.from_regex(r"\A20[0-9]{2}-02-29 [0-2][0-9]:[0-6][0-9][+-][0-2][0-9]:?[0-6][0-9]\Z"),
    st.sampled_from(["true", "False", "0", "1", "inf", "-Infinity", "nan", "1900-02-29", "2000-02-29"]),
)


@given(st.lists(CELLS, max_size=5), st.sampled_from([Kind.NUMBER, Kind.BOOLEAN, Kind.TIME]))
def test_what_arrow_parses_alone_is_parsed_in_bad_company(cells: list[str], kind: Kind) -> None:
    """Arrow's cast of a single cell is the oracle for cells in a column that cannot be cast as a whole."""
    types = {
        Kind.NUMBER: [pa.float64()],
        Kind.BOOLEAN: [pa.bool_()],
        Kind.TIME: [pa.timestamp("us"), pa.timestamp("us", "UTC")],
    }[kind]

    def alone(cell: str) -> str:
        for arrow_type in types:
            try:
                return str(pa.array([cell.strip(" \t\n\r\v\f")]).cast(arrow_type).cast(types[0]))
            except pa.ArrowInvalid:
                continue
        return str(pa.nulls(1, types[0]))

    read = as_kind(pa.array([*cells, "not a value"]), kind)
    assert [str(read[i : i + 1]) for i in range(len(cells))] == [alone(cell) for cell in cells]


def test_as_kind_refuses_a_type_that_is_another_kind() -> None:
    with pytest.raises(InputError, match="expected values that can be read as time, got int64"):
        as_kind(pa.array([1]), Kind.TIME)


def test_times_with_nanoseconds_are_cut_to_microseconds() -> None:
    read = as_kind(pa.array(["2024-01-01T00:00:00.123456789", "2024-01-01T02:00:00.5+02:00"]), Kind.TIME)
    assert read.type == pa.timestamp("us")
    assert read.to_pylist() == [
        dt.datetime(2024, 1, 1, 0, 0, 0, 123456),
        dt.datetime(2024, 1, 1, 0, 0, 0, 500000),
    ]


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


# --- JSON -----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("limits", [{"minimum": INF}, {"maximum": NAN}, {"minimum": 2.0, "maximum": 1.0}])
def test_limits_are_finite_and_in_order(limits: dict[str, float]) -> None:
    """JSON has no infinity, and would keep it as null."""
    with pytest.raises(SettingError, match="column 'a': expected a finite minimum"):
        number(**limits)


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
