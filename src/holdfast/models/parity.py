"""Does the converted model agree with the original, score by score and decision by decision?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.evidence import Parity
from holdfast.models.protocol import Model, Scores

LISTED = 1_000
"""Flipped rows that are listed by position; all are counted."""


def parity(
    original: Model,
    converted: Model,
    rows: pa.Table,
    decide: Callable[[Scores], NDArray[Any]],
    tolerance: float = 1e-5,
    *,
    scores: Scores | None = None,
) -> Parity:
    """Compare two models on every row.

    Parameters
    ----------
    original, converted
        Two models of the same task, such as a pipeline and the `OnnxSession` of its conversion.
    rows
        Those on which the release is judged.
    decide
        From scores to decisions, one per row; NaN or None (not decided) agrees with itself only.
    tolerance
        Allowed difference of a probability, or of a predicted value relative to the larger of 1 and its size: ONNX
        computes in float32, whose rounding is relative.
    scores
        Those of the original, where they are known already.

    Returns
    -------
    Parity
        `worst` is in the same measure as `tolerance`, `flipped` at most the first 1,000 positions, and `flips` their number.

    Raises
    ------
    ModelError
        When the two are of different tasks or classes, or one of them fails on a row.

    Examples
    --------
    >>> from holdfast.models.protocol import FittedModel
    >>> def model(scale):
    ...     return FittedModel("callable", "regression", (), ("x",), None, lambda rows: scale * rows["x"].to_numpy())
    >>> found = parity(model(1.0), model(1.001), pa.table({"x": [1.0, 2.0, 4.997]}), lambda score: score >= 5)
    >>> found.rows, found.beyond, found.flipped, round(found.worst, 6)
    (3, 3, (2,), 0.001)
    """
    if (original.task, original.classes) != (converted.task, converted.classes):
        raise ModelError(
            f"a {original.task} model of {len(original.classes)} classes is compared with a {converted.task} model of "
            f"{len(converted.classes)}; give the conversion of the same model"
        )
    first = original.predict(rows) if scores is None else scores
    second = converted.predict(rows)
    size = np.maximum(1.0, np.abs(first)) if original.task == "regression" else 1.0
    apart = np.abs(first - second) / size
    if apart.ndim == 2:
        apart = apart.max(axis=1)
    flipped = np.flatnonzero(_differ(decide(first), decide(second)))
    return Parity(
        rows=rows.num_rows,
        worst=float(apart.max(initial=0.0)),
        tolerance=tolerance,
        beyond=int((apart > tolerance).sum()),
        flips=len(flipped),
        flipped=tuple(flipped[:LISTED].tolist()),
    )


def _differ(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two decisions differ; two that are NaN do not."""
    first, second = np.asarray(first), np.asarray(second)
    different: NDArray[np.bool_] = first != second
    if first.dtype.kind == "f":
        different &= ~(np.isnan(first) & np.isnan(second))
    return different
