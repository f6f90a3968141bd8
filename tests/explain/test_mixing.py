from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError, ModelError
from holdfast.explain import mixing
from holdfast.explain.mixing import mixed_scores, scores, typed_like


def test_features_come_from_the_row_or_from_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, strings, booleans and nulls, in batches that do not divide the rows."""
    monkeypatch.setattr(mixing, "BATCH_ROWS", 3)
    rows = pa.table({"n": pa.array([1, None]), "s": ["a", None], "b": [True, False]})
    others = pa.table({"n": pa.array([10, 20, 30]), "s": ["x", "y", "z"], "b": [False, False, True]})
    own = np.array([[True, False, False], [True, True, True], [False, False, False], [False, True, False]])
    seen = []

    def predict(table: pa.Table) -> np.ndarray:
        seen.extend(table.to_pylist())
        return np.zeros(table.num_rows)

    row, other = np.array([0, 1, 0, 1]), np.array([2, 0, 1, 2])
    assert mixed_scores(predict, rows, others, own=own, row=row, other=other).shape == (4,)
    assert seen == [
        {"n": 1, "s": "z", "b": True},
        {"n": None, "s": None, "b": False},
        {"n": 20, "s": "y", "b": False},
        {"n": 30, "s": None, "b": True},
    ]


def test_dictionaries_are_unified() -> None:
    rows = pa.table({"s": pa.array(["a"]).dictionary_encode()})
    others = pa.table({"s": pa.array(["b"]).dictionary_encode()})
    seen = []

    def predict(table: pa.Table) -> np.ndarray:
        seen.extend(table["s"].to_pylist())
        return np.zeros(table.num_rows)

    mixed_scores(predict, rows, others, own=np.array([[True], [False]]), row=np.zeros(2, int), other=np.zeros(2, int))
    assert seen == ["a", "b"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0.5, np.nan], "1 of 2 that are NaN"),
        ([0.5, np.inf], "1 of 2 that are NaN or infinite"),
        ([0.5], r"expected scores of shape \(2,\)"),
        (0.5, r"got \(\)"),
        (np.zeros((2, 1, 1)), "must answer every row"),
    ],
)
def test_answers_that_are_no_scores_are_refused(answer: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        scores(lambda _: np.array(answer), pa.table({"a": [1, 2]}))


def test_columns_are_brought_into_order_and_type() -> None:
    background = pa.table({"a": [1.0], "b": ["x"]})
    rows = pa.table({"b": pa.array([None], pa.null()), "c": [1], "a": [2]})
    assert typed_like(rows, background) == pa.table({"a": [2.0], "b": pa.array([None], pa.string())})


@pytest.mark.parametrize(
    ("rows", "background", "message"),
    [
        ({"b": [1.0]}, {"a": [1.0]}, "missing: 'a'"),
        ({"a": [1.0]}, {"a": pa.array([], pa.float64())}, "at least 1 row and 1 feature, got 0 x 1"),
        ({"a": [1.0]}, {}, "at least 1 row and 1 feature, got 0 x 0"),
        ({"a": ["secret"]}, {"a": [1.0]}, r"types of the background \(a double\), got a string"),
    ],
)
def test_columns_that_do_not_fit_are_named_without_values(rows: dict, background: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        typed_like(pa.table(rows), pa.table(background))
    assert "secret" not in str(caught.value)
