"""What every model offers, and what holds of the scores of each: finite, of the right shape, probabilities in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import HoldfastError, ModelError
from holdfast.models.columns import select, table_of

Task = Literal["binary", "classes", "regression"]
Scores = NDArray[np.float64]

BATCH_ROWS = 65_536
"""Rows that a model is given at once: bounds memory, and costs nothing measurable in speed."""

ROUNDING = 1e-5
"""How far a probability may leave [0, 1] before it is refused: sums in float32 end that far off at most."""


class RowError(Exception):
    """Raised by a model that knows itself which of its rows failed, and how.

    Attributes
    ----------
    kind
        Name of the exception's type.
    row
        Position among the rows that it was given; None when several together made it fail.
    """

    def __init__(self, kind: str, row: int | None) -> None:
        super().__init__(kind, row)
        self.kind = kind
        self.row = row


class Model(Protocol):
    """A fitted model of any family.

    Attributes
    ----------
    family
        `"sklearn"`, `"lightgbm"`, `"xgboost"`, `"torch"`, `"tabnet"`, `"savedmodel"`, `"onnx"` or `"callable"`.
    task
        `"binary"`, `"classes"` or `"regression"`.
    classes
        Names of the classes, as Arrow writes the labels as text; of two, the positive one is last. Empty for regression.
    features
        Columns that the model wants, in its order.
    """

    @property
    def family(self) -> str:
        """Which library fitted it, or `callable`."""

    @property
    def task(self) -> Task:
        """What its scores are."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""

    @property
    def features(self) -> tuple[str, ...]:
        """Columns that it wants."""

    def predict(self, rows: pa.Table) -> Scores:
        """Score rows: probability of the positive class (n,), of each class (n, K), or the predicted value (n,)."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model that Python runs itself.

    Attributes
    ----------
    native
        What was loaded: the estimator, booster or module. Conversion and exact Shapley values use it.
    run
        From a table with exactly `features` to scores.
    positive
        Place of the positive class among the two as `native` orders them.
    """

    family: str
    task: Task
    classes: tuple[str, ...]
    features: tuple[str, ...]
    native: Any
    run: Callable[[pa.Table], Any]
    positive: int = 1

    def predict(self, rows: pa.Table) -> Scores:
        """Scores of rows, whose columns may come in any order.

        Parameters
        ----------
        rows
            Has the columns `features`, and maybe more: an Arrow table, or what `columns.table_of` makes one of.

        Returns
        -------
        ndarray of float64
            Shape (n,), or (n, K) for several classes.

        Raises
        ------
        InputError
            When a column is missing or of another type than the model wants.
        ModelError
            When the model raises, or its scores are NaN, no probabilities or of the wrong shape; says at which row.
        """
        rows = select(table_of(rows), self.features)
        starts = range(0, rows.num_rows, BATCH_ROWS)
        return joined(self, (self._scored(rows.slice(start, BATCH_ROWS), start) for start in starts))

    def _scored(self, rows: pa.Table, start: int) -> Scores:
        try:
            scores = self.run(rows)
        except HoldfastError:
            raise
        except Exception as error:
            failure = (
                error if isinstance(error, RowError) else RowError(type(error).__name__, failing_row(self.run, rows))
            )
            at = failure.row
            where = f"rows {start} to {start + rows.num_rows - 1}" if at is None else f"row {start + at}"
            raise ModelError(
                f"the {self.family} model raised {failure.kind} at {where} (counted from 0); "
                "look at that row's missing values, types and unseen categories",
                row=None if at is None else start + at,
            ) from error
        return checked(self, scores, rows.num_rows, start)


def joined(model: Model, parts: Iterable[Scores]) -> Scores:
    """Scores of batches as one array; the right kind of empty when there are none."""
    held = list(parts)
    if len(held) == 1:
        return held[0]
    return np.concatenate([np.empty((0, len(model.classes)) if model.task == "classes" else 0), *held])


def checked(model: Model, scores: Any, count: int, start: int = 0) -> Scores:
    """Scores as float64, refused where they are not what the task promises.

    Parameters
    ----------
    scores
        What the model gave for `count` rows.
    start
        Position of the first of them, for messages.

    Raises
    ------
    ModelError
        For another shape, NaN, infinities, and probabilities outside [0, 1].
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim == 2 and array.shape[1] == 1 and model.task != "classes":
        array = array[:, 0]
    shape = (count, len(model.classes)) if model.task == "classes" else (count,)
    if array.shape != shape:
        raise ModelError(f"a {model.task} model gives scores of shape {shape}; this one gave {array.shape}")
    _refuse(~np.isfinite(array), "NaN or infinite", start)
    if model.task == "regression":
        return array
    low, high = -ROUNDING, 1 + ROUNDING
    outside = (array < low) | (array > high)
    _refuse(outside, "no probability in [0, 1] (end the model with a sigmoid or softmax)", start)
    return np.clip(array, 0.0, 1.0)


def _refuse(bad: NDArray[np.bool_], what: str, start: int) -> None:
    """Raise for the first bad row, if there is one."""
    if not bad.any():
        return
    rows = np.flatnonzero(bad if bad.ndim == 1 else bad.any(axis=1))
    more = f" and at {len(rows) - 1} more rows" if len(rows) > 1 else ""
    row = int(start + rows[0])
    raise ModelError(f"the score is {what} at row {row} (counted from 0){more}", row=row)


def failing_row(run: Callable[[pa.Table], Any], rows: pa.Table) -> int | None:
    """Position of a row at which the model raises alone; None when only several rows together make it raise."""
    start, count = 0, rows.num_rows
    while count > 1:
        half = count // 2
        if _raises(run, rows.slice(start, half)):
            count = half
        elif _raises(run, rows.slice(start + half, count - half)):
            start, count = start + half, count - half
        else:
            return None
    return start


def _raises(run: Callable[[pa.Table], Any], rows: pa.Table) -> bool:
    try:
        run(rows)
    except Exception:  # noqa: BLE001  # a foreign model may raise anything
        return True
    return False
