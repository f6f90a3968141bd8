"""From the scores and features of a window to the table of what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.estimation import features
from holdfast.estimation.class_table import ExpectedClasses
from holdfast.estimation.corrected import Corrected, class_probabilities
from holdfast.estimation.fitted import Fitted, main_score
from holdfast.estimation.loss_table import ExpectedLosses
from holdfast.estimation.parts import Seen
from holdfast.estimation.table import ExpectedTable
from holdfast.estimation.tables import Expected
from holdfast.profile.arrays import places_among

Array: TypeAlias = NDArray[np.float64]

LOOKED = 5_000
"""Rows of a batch whose features are looked at; of more, every so many-th."""
GROUPS = 100
"""Groups of rows by score, in which the rows that are looked at stand for the others."""


def expected(
    fitted: Fitted,
    score: Array,
    answer: NDArray[Any] | None,
    rows: pa.Table,
    columns: Mapping[str, Array] | None = None,
    distance: Array | None = None,
) -> Expected:
    """What is expected of a batch of n rows, as a table of the model's task.

    Parameters
    ----------
    fitted
        As sealed with the release.
    score
        As the model gives it: (n,), or (n, K) of several classes; rows without one are counted apart.
    answer
        Of two classes: True where answered positive; of several: codes; of numbers None, (n,).
    rows
        The rows' features.
    columns
        Numbers that costs of two classes are made of, finite, (n,) each.
    distance
        Of the rows from the release's background, (n,), NaN where it was not measured; None: of none.

    Raises
    ------
    InputError
        If the numbers of rows differ.
    """
    score, columns = np.asarray(score, dtype=np.float64), dict(columns or {})
    for name, values in {"answer": answer, "rows": rows, "distance": distance, **columns}.items():
        if values is not None and len(values) != len(score):
            raise InputError(f"Expected {len(score):,} rows in {name!r}, one for each score; got {len(values):,}.")
    usable = np.isfinite(score) if fitted.task == "regression" else (score >= 0) & (score <= 1)
    inside = usable if score.ndim == 1 else usable.all(axis=1)
    missing = len(score) - int(inside.sum())
    if missing:
        score, rows = score[inside], rows.filter(pa.array(inside))
        answer = None if answer is None else answer[inside]
        columns = {name: values[inside] for name, values in columns.items()}
        distance = None if distance is None else distance[inside]
    main = main_score(score)
    looked = np.arange(0, len(score), max(1, -(-len(score) // LOOKED)))
    codes = features.coded(fitted.features, rows.take(pa.array(looked)), main[looked])
    each = each_of(fitted, score[looked], codes)
    if len(looked) < len(score):
        curves = tuple(Corrected(link=one.link, plain=one.plain) for one in fitted.corrected)
        plain = each_of(msgspec.structs.replace(fitted, corrected=curves), score, codes)[0]
        each = _carried(each, main[looked], main, plain)
        each = np.clip(each, 0.0, None if fitted.task == "regression" else 1.0)
    seen = Seen.count(codes, distance, fitted.support_limit)
    match fitted.task:
        case "binary":
            return ExpectedTable.count(fitted.identity, score, _known(answer) == 1, each, columns, seen, missing)
        case "classes":
            return ExpectedClasses.count(fitted.identity, score, _known(answer), each, seen, missing)
        case "regression":
            return ExpectedLosses.count(fitted.identity, each, fitted.kurtosis, seen, missing)


def _known(answer: NDArray[Any] | None) -> NDArray[Any]:
    if answer is None:
        raise InputError("Expected the answers of a model of classes; got none.")
    return np.asarray(answer)


def each_of(fitted: Fitted, score: Array, codes: NDArray[np.intp]) -> Array:
    """What each member expects, plain curves last: (members + 1, n), (members + 1, K, n), or (members + 1, 2, n) of errors."""
    match fitted.task:
        case "binary":
            return fitted.corrected[0].each(score, codes)
        case "classes":
            return class_probabilities(fitted.corrected, score, codes)
        case "regression":
            return np.stack([one.each(score, codes) for one in fitted.corrected], axis=1)


def _carried(each: Array, looked: Array, score: Array, plain: Array) -> Array:
    """Values of all rows: those of the plain curve, (..., n), and the mean correction of looked-at rows with such scores.

    Source: the difference estimator, Cochran, *Sampling Techniques*, 3rd ed. (1977), section 12.2.
    """
    edges = np.unique(np.quantile(looked, np.arange(1, GROUPS) / GROUPS))
    place, size = np.searchsorted(edges, looked), len(edges) + 1
    rows = np.maximum(np.bincount(place, minlength=size), 1)
    corrections = (each - each[-1]).reshape(-1, each.shape[-1])
    means = np.stack([np.bincount(place, one, size) / rows for one in corrections])
    moved: Array = plain + means[:, places_among(edges, score)].reshape(*each.shape[:-1], -1)
    return moved
