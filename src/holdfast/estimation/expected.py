"""From the scores and features of a window to the table of what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.estimation import features
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.table import ExpectedTable, Seen
from holdfast.stats.boosting import BINS

Array: TypeAlias = NDArray[np.float64]

LOOKED = 20_000
"""Rows of a batch whose features are looked at; of more, every so many-th."""


def expected(
    fitted: Fitted,
    score: Array,
    answer: NDArray[np.bool_],
    rows: pa.Table,
    columns: Mapping[str, Array] | None = None,
    distance: Array | None = None,
) -> ExpectedTable:
    """What is expected of a batch of n rows of two classes.

    Parameters
    ----------
    fitted
        As sealed with the release.
    score
        The model's probability of the positive class, shape (n,); rows without one are counted apart.
    answer
        True where answered positive, shape (n,).
    rows
        The rows' features.
    columns
        Numbers that costs are made of, finite, each of shape (n,).
    distance
        Of some of the rows from the release's background, NaN where it was not measured; None: of none.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    score, columns = np.asarray(score, dtype=np.float64), dict(columns or {})
    for name, values in {"answer": answer, "features": rows, **columns}.items():
        if len(values) != len(score):
            raise InputError(f"Expected {len(score):,} rows in {name!r}, one for each score; got {len(values):,}.")
    inside = (score >= 0) & (score <= 1)
    missing = len(score) - int(inside.sum())
    if missing:
        score, answer, rows = score[inside], answer[inside], rows.filter(pa.array(inside))
        columns = {name: values[inside] for name, values in columns.items()}
        distance = None if distance is None else distance[inside]
    looked = slice(None, None, max(1, -(-len(score) // LOOKED)))
    codes = features.coded(fitted.features, rows.take(pa.array(np.arange(len(score))[looked])), score[looked])
    each = fitted.corrected[0].each(score[looked], codes)
    if each.shape[1] < len(score):
        each = _carried(each, score[looked], score, fitted.corrected[0].plain.at(score))
    return ExpectedTable.count(
        fitted.identity, score, np.asarray(answer, dtype=bool), each, columns, seen(fitted, codes, distance), missing
    )


def seen(fitted: Fitted, codes: NDArray[np.intp], distance: Array | None) -> Seen:
    """How rows lie beside the reference."""
    measured = np.empty(0) if distance is None else distance[~np.isnan(distance)]
    limit = np.inf if fitted.support_limit is None else fitted.support_limit
    return Seen(
        codes=np.array([np.bincount(column, minlength=BINS) for column in codes], dtype=np.int64).reshape(-1, BINS),
        looked=len(measured) if fitted.support_limit is not None else 0,
        outside=int((measured > limit).sum()),
    )


def _carried(each: Array, looked: Array, score: Array, plain: Array) -> Array:
    """Values of all rows, from those of some: the plain curve, and the mean correction of rows with such scores.

    A difference estimator: Cochran, *Sampling Techniques*, 3rd ed. (1977), section 7.
    """
    edges = np.unique(np.quantile(looked, np.arange(1, 100) / 100))
    place, all_places = np.searchsorted(edges, looked), np.searchsorted(edges, score)
    size = len(edges) + 1
    rows = np.maximum(np.bincount(place, minlength=size), 1)
    moved = np.stack([np.bincount(place, one - each[-1], size) / rows for one in each])
    return np.clip(plain + moved[:, all_places], 0.0, 1.0)
