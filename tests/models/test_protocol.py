from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError, ModelError
from holdfast.models.protocol import BATCH_ROWS, FittedModel, Task


def model(
    run: Callable[[pa.Table], Any], task: Task = "binary", classes: tuple[str, ...] = ("no", "yes")
) -> FittedModel:
    return FittedModel("callable", task, classes, ("x",), None, run)


def x(rows: pa.Table) -> Any:
    return rows["x"].to_numpy()


def test_a_model_gets_its_features_only_and_in_its_order() -> None:
    seen: list[list[str]] = []

    def run(rows: pa.Table) -> Any:
        seen.append(rows.column_names)
        return np.zeros(rows.num_rows)

    fitted = FittedModel("callable", "binary", ("0", "1"), ("b", "a"), None, run)
    fitted.predict(pa.table({"a": [1.0], "c": [3.0], "b": [2.0]}))
    assert seen == [["b", "a"]]


def test_a_missing_column_is_the_data_s_fault() -> None:
    with pytest.raises(InputError, match="'x'"):
        model(x).predict(pa.table({"y": [0.5]}))


@pytest.mark.parametrize("failing", [0, 1, 4_999, BATCH_ROWS, BATCH_ROWS + 3])
def test_the_row_at_which_a_model_raises_is_found(failing: int) -> None:
    """Among any number of batches; the message has its position, and no value."""
    values = np.full(BATCH_ROWS + 5, 0.25)
    values[failing] = 0.75

    def run(rows: pa.Table) -> Any:
        if (x(rows) > 0.5).any():
            raise ValueError("cannot score 0.75")
        return x(rows)

    with pytest.raises(ModelError, match=f"raised ValueError at row {failing} ") as caught:
        model(run).predict(pa.table({"x": values}))
    assert "0.75" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_rows_that_fail_only_together_are_named_together() -> None:
    def run(rows: pa.Table) -> Any:
        if rows.num_rows > 2:
            raise RuntimeError
        return x(rows)

    with pytest.raises(ModelError, match="at rows 0 to 3 "):
        model(run).predict(pa.table({"x": [0.1, 0.2, 0.3, 0.4]}))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.5, np.nan, np.nan], "NaN or infinite at row 1 .* and at 1 more rows"),
        ([0.5, 0.5, np.inf], "NaN or infinite at row 2"),
        ([0.5, 1.5, 0.5], "no probability in .* at row 1"),
        ([-0.1, 0.5, 0.5], "no probability in .* at row 0"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(scores: list[float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        model(x).predict(pa.table({"x": scores}))


def test_rounding_beyond_one_is_clipped() -> None:
    assert model(x).predict(pa.table({"x": [1.0000001, -1e-9]})).tolist() == [1.0, 0.0]


def test_a_regression_may_predict_anything_finite() -> None:
    fitted = model(x, "regression", ())
    assert fitted.predict(pa.table({"x": [-3.0, 1e9]})).tolist() == [-3.0, 1e9]
    with pytest.raises(ModelError, match="NaN or infinite at row 0"):
        fitted.predict(pa.table({"x": [np.nan]}))


def test_the_shape_of_the_task_is_wanted() -> None:
    with pytest.raises(ModelError, match=r"shape \(2, 3\); this one gave \(2,\)"):
        model(x, "classes", ("a", "b", "c")).predict(pa.table({"x": [0.1, 0.2]}))
    column = model(lambda rows: x(rows)[:, None])
    assert column.predict(pa.table({"x": [0.1, 0.2]})).shape == (2,)


def test_no_rows_give_no_scores_of_the_right_shape() -> None:
    none = pa.table({"x": pa.array([], pa.float64())})
    assert model(x).predict(none).shape == (0,)
    assert model(x, "classes", ("a", "b", "c")).predict(none).shape == (0, 3)
