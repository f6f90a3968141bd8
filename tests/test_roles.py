"""Roles: guessed if name and content agree, or given."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pyarrow as pa
import pytest

from holdfast.errors import SettingError
from holdfast.schema import Kind, Role, Schema, infer
from holdfast.tables import open_table

NAN, INF = math.nan, math.inf
DATA = Path(os.environ.get("HOLDFAST_DATA") or Path(__file__).parents[1] / "../shared/data")


def schema_of(columns: dict[str, object], **options: object) -> Schema:
    return infer(open_table(pa.table(columns)), **options)


def roles_of(columns: dict[str, object], **options: object) -> dict[str, str]:
    """The roles that are not `feature`."""
    return {c.name: str(c.role) for c in schema_of(columns, **options).columns if c.role is not Role.FEATURE}


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
