from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import ModelError
from holdfast.models.parity import parity
from holdfast.models.protocol import FittedModel, Task


def model(column: str, task: Task = "binary") -> FittedModel:
    return FittedModel(
        "callable", task, ("0", "1") if task == "binary" else (), (column,), None, lambda rows: rows[column]
    )


def at_half(score: Any) -> Any:
    return score >= 0.5


def test_a_decision_that_a_tiny_difference_flips_is_listed() -> None:
    rows = pa.table({"a": [0.1, 0.5, 0.9], "b": [0.1, 0.4999999, 0.9]})
    found = parity(model("a"), model("b"), rows, at_half)
    assert (found.rows, found.beyond, found.flips, found.flipped) == (3, 0, 1, (1,))
    assert found.worst == pytest.approx(1e-7)


def test_the_tolerance_of_a_regression_is_relative() -> None:
    rows = pa.table({"a": [1e6, 0.0], "b": [1e6 + 1, 1e-6]})
    found = parity(model("a", "regression"), model("b", "regression"), rows, np.round)
    assert (found.beyond, found.flips) == (0, 1)
    assert found.worst == pytest.approx(1e-6)


def test_undecided_agrees_with_undecided() -> None:
    rows = pa.table({"a": [0.2, 0.9], "b": [0.2, 0.9]})
    found = parity(model("a"), model("b"), rows, lambda score: np.where(score > 0.5, np.nan, 0.0))
    assert found.flips == 0


def test_all_flips_are_counted_and_the_first_listed() -> None:
    rows = pa.table({"a": np.full(1500, 0.4), "b": np.full(1500, 0.6)})
    found = parity(model("a"), model("b"), rows, at_half)
    assert (found.flips, found.beyond, found.flipped) == (1500, 1500, tuple(range(1000)))


def test_no_rows_agree() -> None:
    none = pa.table({"a": pa.array([], pa.float64()), "b": pa.array([], pa.float64())})
    assert parity(model("a"), model("b"), none, at_half).worst == 0.0


def test_models_of_different_tasks_are_not_compared() -> None:
    with pytest.raises(ModelError, match="binary model of 2 classes is compared with a regression model"):
        parity(model("a"), model("a", "regression"), pa.table({"a": [0.5]}), at_half)
