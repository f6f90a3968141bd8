"""Labelled rows: what is read, what is dropped, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.evaluation.labelled import Dropped, Labelled, codes_of, label_text, read_labelled
from holdfast.schema import infer
from holdfast.tables import open_table


def read(columns: dict[str, Any], **asked: Any) -> tuple[Labelled, Dropped]:
    roles = {
        name: role for name, role in {"y": "target", "t": "time", "w": "weight", "i": "id"}.items() if name in columns
    }
    table = open_table(pa.table(columns), name="data")
    return read_labelled(table, infer(table, roles=roles), **{"task": "binary", "features": ["x"], **asked})


def test_rows_come_in_the_order_of_time() -> None:
    stamps = pa.array([3, 1, 2], pa.timestamp("s", "UTC"))
    rows, _ = read({"x": [30.0, 10.0, 20.0], "y": [True, False, True], "t": stamps, "i": ["c", "a", "b"]})
    assert rows.features["x"].to_pylist() == [10.0, 20.0, 30.0]
    assert rows.truth.tolist() == [False, True, True]
    assert rows.ids is not None
    assert rows.ids.to_pylist() == ["a", "b", "c"]
    assert rows.time is not None
    assert rows.time.tolist() == [1.0, 2.0, 3.0]


def test_rows_that_cannot_be_judged_are_dropped_and_counted() -> None:
    stamps = pa.array([1, None, 3, 4, 5], pa.timestamp("s", "UTC"))
    rows, dropped = read(
        {"x": [1.0, 2.0, 3.0, 4.0, 5.0], "y": [1, 0, None, 0, 1], "t": stamps, "w": [1.0, 1.0, 1.0, -1.0, 2.0]}
    )
    assert (dropped.no_truth, dropped.no_time, dropped.no_weight) == (1, 1, 1)
    assert rows.features["x"].to_pylist() == [1.0, 5.0]
    assert rows.weight is not None
    assert rows.weight.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("target", "positive", "truth"),
    [
        ([True, False, True], None, [True, False, True]),
        ([1, 0, 1], None, [True, False, True]),
        ([1.0, 0.0, 1.0], None, [True, False, True]),
        (["1", "0", "1"], None, [True, False, True]),
        ([-1, 1, -1], None, [False, True, False]),
        (["bad", "good", "good"], None, [True, False, False]),
        (["bad", "good", "good"], "good", [False, True, True]),
        ([2, 1, 1], 1, [False, True, True]),
        ([True, True, True], None, [True, True, True]),
        (["no", "no", "no"], "yes", [False, False, False]),
    ],
)
def test_the_positive_class(target: list[Any], positive: Any, truth: list[bool]) -> None:
    rows, _ = read({"x": [1.0, 2.0, 3.0], "y": target}, positive=positive)
    assert rows.truth.tolist() == truth


def test_the_last_class_of_the_model_is_positive_before_the_rarer_one() -> None:
    rows, _ = read({"x": [1.0, 2.0, 3.0], "y": ["bad", "good", "good"]}, classes=("bad", "good"))
    assert rows.truth.tolist() == [False, True, True]
    assert rows.classes == ("bad", "good")


def test_classes_are_codes_in_the_order_of_the_model() -> None:
    rows, _ = read({"x": [1.0, 2.0, 3.0], "y": ["b", "a", "c"]}, task="classes", classes=("c", "b", "a"))
    assert rows.truth.tolist() == [1, 2, 0]


def test_numbers_that_are_not_finite_are_no_truth() -> None:
    rows, dropped = read({"x": [1.0, 2.0, 3.0], "y": [1.5, float("inf"), float("nan")]}, task="regression")
    assert rows.truth.tolist() == [1.5]
    assert dropped.no_truth == 2


def test_further_columns_and_groups() -> None:
    country = pa.array(["DE", None, "AT"]).dictionary_encode()
    rows, _ = read(
        {"x": [1.0, 2.0, 3.0], "y": [0, 1, 0], "amount": [5, None, 7], "country": country, "born": [1, 2, 2]},
        objective_columns=["amount", "country"],
        grouping=["country", "born"],
    )
    np.testing.assert_array_equal(rows.columns["amount"], [5.0, np.nan, 7.0])
    assert rows.columns["country"].dtype == np.float64
    assert (rows.groups["country"].codes.tolist(), rows.groups["country"].values) == ([1, -1, 0], ("AT", "DE"))
    assert rows.groups["born"].values == ("1", "2")


@pytest.mark.parametrize(
    ("columns", "asked", "told"),
    [
        ({"x": [1.0], "z": [1]}, {}, "there is no target"),
        ({"x": [1.0], "y": [1]}, {"features": ["q"]}, "there is no column 'q'"),
        ({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "c"]}, {}, "the model knows two classes, and the target has 3"),
        ({"x": [1.0, 2.0], "y": ["a", "b"]}, {"positive": "c"}, "no row of the target has the value"),
        ({"x": [1.0, 2.0], "y": ["a", "a"]}, {}, "every target has the same value"),
        ({"x": [1.0, 2.0], "y": ["a", "b"]}, {"task": "classes", "classes": ("a",)}, "the model does not know 1 "),
        ({"x": [1.0, 2.0], "y": ["a", "b"]}, {"task": "regression"}, "the model predicts a number"),
        ({"x": [1.0, 2.0], "y": [0, 1], "w": [0.0, 0.0]}, {}, "all weights in 'w' are zero"),
        ({"x": pa.array([1.0, 2.0]), "y": pa.array([None, None], pa.bool_())}, {}, "no row has a target"),
        ({"x": pa.array([], pa.float64()), "y": pa.array([], pa.bool_())}, {}, "there are no rows"),
    ],
)
def test_what_cannot_be_judged_is_refused(columns: dict[str, Any], asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(columns, **asked)


def test_no_error_shows_a_value() -> None:
    with pytest.raises(InputError) as caught:
        read({"x": [1.0, 2.0, 3.0], "y": ["secret-a", "secret-b", "secret-c"]})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (np.False_, "false"), (1, "1"), (1.0, "1"), (np.float32(2.5), "2.5"), ("Yes", "Yes")],
)
def test_a_label_as_text(value: object, text: str) -> None:
    assert label_text(value) == text


def test_missing_values_have_no_code() -> None:
    found = codes_of(pa.array([1.0, float("nan"), None, 2.0]))
    assert (found.codes.tolist(), found.values) == ([0, -1, -1, 1], ("1", "2"))
