"""Rows whose features come from two others, and their scores: what every explanation of a black box asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError, ModelError
from holdfast.names import listed

Array = NDArray[np.float64]
Predict = Callable[[pa.Table], Array]
"""Scores of rows: shape `(n,)`, or `(n, K)` with a column for each of K classes."""

BATCH_ROWS = 50_000
"""Rows that are mixed and scored in one call: 12 MB of 30 numbers each."""


def scores(predict: Predict, rows: pa.Table) -> Array:
    """The scores of rows, held against what they must be.

    Returns
    -------
    array
        Shape `(n,)` or `(n, K)`.

    Raises
    ------
    ModelError
        If there is not one finite score (or K of them) for each row.
    """
    found = np.asarray(predict(rows), dtype=np.float64)
    if found.ndim not in (1, 2) or len(found) != rows.num_rows:
        raise ModelError(
            f"expected scores of shape ({rows.num_rows},) or ({rows.num_rows}, classes), got {found.shape}: "
            "the model must answer every row"
        )
    if bad := int((~np.isfinite(found)).sum()):
        raise ModelError(
            f"expected finite scores, got {bad} of {found.size} that are NaN or infinite: explanations ask about "
            "combinations of features that are in no row, and the model must answer these, too"
        )
    return found


def mixed_scores(
    predict: Predict,
    rows: pa.Table,
    others: pa.Table,
    *,
    own: NDArray[np.bool_],
    row: NDArray[Any],
    other: NDArray[Any],
) -> Array:
    """Scores of rows that keep some features, and take the others from another row.

    Parameters
    ----------
    predict
        The model.
    rows, others
        The rows, and those that replacements come from; of equal columns.
    own
        Which features row m keeps, shape `(m, columns)`.
    row, other
        Positions in `rows` and in `others`, shape `(m,)`.

    Returns
    -------
    array
        Shape `(m,)` or `(m, K)`.

    Examples
    --------
    >>> rows, others = pa.table({"a": [1.0], "b": [2.0]}), pa.table({"a": [10.0], "b": [20.0]})
    >>> total = lambda table: table["a"].to_numpy() + table["b"].to_numpy()
    >>> own = np.array([[True, True], [True, False], [False, False]])
    >>> zero = np.zeros(3, dtype=int)
    >>> mixed_scores(total, rows, others, own=own, row=zero, other=zero).tolist()
    [3.0, 21.0, 30.0]
    """
    pairs = zip(rows.columns, others.columns, strict=True)
    columns = [pa.chunked_array([*a.chunks, *b.chunks], a.type).combine_chunks() for a, b in pairs]
    parts = []
    for start in range(0, len(own), BATCH_ROWS):
        part = slice(start, start + BATCH_ROWS)
        index = np.where(own[part].T, row[part], other[part] + rows.num_rows)
        taken = [column.take(pa.array(places)) for column, places in zip(columns, index, strict=True)]
        parts.append(scores(predict, pa.table(taken, names=rows.column_names)))
    return np.concatenate(parts)


def typed_like(rows: pa.Table, background: pa.Table) -> pa.Table:
    """The rows with the columns of the background, in their order and of their types.

    Raises
    ------
    InputError
        If the background has no row or no column, or if a column of the rows is missing or cannot have the type.
    """
    if not (background.num_rows and background.num_columns):
        raise InputError(
            f"expected a background of at least 1 row and 1 feature, got {background.num_rows} x {background.num_columns}"
        )
    if missing := [name for name in background.column_names if name not in rows.column_names]:
        raise InputError(f"expected the rows to have the columns of the background; missing: {listed(missing)}")
    try:
        return rows.select(background.column_names).cast(background.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"expected the rows to have the types of the background ({_types(background)}), got {_types(rows)}"
        ) from None  # Arrow's message holds the value


def _types(rows: pa.Table) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in list(rows.schema)[:20])
