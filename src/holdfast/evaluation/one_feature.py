"""The best single feature: the mean of the target in each part of its range, as the simplest model there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.codes import codes_of
from holdfast.evaluation.labelled import Labelled
from holdfast.profile.numeric import numbers

Array: TypeAlias = NDArray[np.float64]

PARTS = 32
"""Parts of a number's range, alike in rows."""

PRIOR_ROWS = 20.0
"""Rows of the overall mean that each part begins with, so that a rare category says little."""

MOST_ROWS = 200_000
"""Rows of train that are looked at; more would not change the means to speak of."""


def best_feature(train: Labelled, validation: Labelled, test: Labelled) -> tuple[str, Array, Array] | None:
    """The feature whose means, learned on train, have the least squared error on validation.

    Returns
    -------
    tuple or None
        Its name, and the scores of validation and test: (n,), or (n, K) for several classes. None without features.

    Source: Micci-Barreca, *A preprocessing scheme for high-cardinality categorical attributes*, SIGKDD Explorations 3
    (2001), for the shrunk means.

    Examples
    --------
    >>> def rows(x: list[float]) -> Labelled:
    ...     table = pa.table({"noise": [0.0] * len(x), "x": x})
    ...     return Labelled(task="regression", classes=(), features=table, truth=np.array(x) * 10)
    >>> name, _, score = best_feature(rows([1.0] * 50 + [2.0] * 50), rows([1.0, 2.0]), rows([2.0]))
    >>> name, score.round(1).tolist()
    ('x', [18.6])
    """
    kept = np.linspace(0, len(train) - 1, min(len(train), MOST_ROWS)).astype(np.intp)
    learned = train.take(kept)
    target, judged = _target(learned), _target(validation)
    weight = np.ones(len(learned)) if learned.weight is None else learned.weight
    best: tuple[float, str, Array, Array] | None = None
    for name in learned.features.column_names:
        place, *others = _places(part.features[name] for part in (learned, validation, test))
        means = _means(place, target, weight)
        scores = [means[other] for other in others]
        error = float(np.average(((scores[0] - judged) ** 2).sum(axis=1), weights=validation.weight))
        if best is None or error < best[0]:
            best = error, name, scores[0], scores[1]
    if best is None:
        return None
    _, name, of_validation, of_test = best
    return (name, of_validation, of_test) if train.task == "classes" else (name, of_validation[:, 0], of_test[:, 0])


def _target(rows: Labelled) -> Array:
    """What the means are of: (n, K) for several classes, else (n, 1)."""
    if rows.task == "classes":
        return np.asarray(rows.truth[:, None] == np.arange(len(rows.classes)), dtype=np.float64)
    return np.asarray(rows.truth, dtype=np.float64)[:, None]


def _means(place: NDArray[np.intp], target: Array, weight: Array) -> Array:
    """Mean of the target in each place, (places, K), shrunk to the mean of all; that of an unseen place is the latter."""
    overall = np.average(target, axis=0, weights=weight)
    size = int(place.max()) + 1
    mass = np.bincount(place, weights=weight, minlength=size)
    sums = np.stack([np.bincount(place, weights=weight * column, minlength=size) for column in target.T], axis=1)
    means = (sums + PRIOR_ROWS * overall) / (mass[:, None] + PRIOR_ROWS)
    # Places that train has not seen lie beyond the last: see `_places`.
    return np.concatenate([means, np.repeat(overall[None], PARTS + 2, axis=0)])


def _places(columns: Iterable[pa.ChunkedArray]) -> list[NDArray[np.intp]]:
    """Where each row lies: a part of the range of the first column's numbers, or one of its values."""
    first, *others = (_whole(column) for column in columns)
    if pa.types.is_integer(first.type) or pa.types.is_floating(first.type) or pa.types.is_decimal(first.type):
        values = numbers(first)[0]
        present = values[np.isfinite(values)]
        edges = np.unique(np.quantile(present, np.arange(1, PARTS) / PARTS)) if len(present) else np.empty(0)
        found = [values, *(numbers(other)[0] for other in others)]
        return [np.where(np.isnan(v), 0, 1 + np.searchsorted(edges, v, side="right")) for v in found]
    known = codes_of(first)
    number = {value: code + 1 for code, value in enumerate(known.values)}
    places = [known.codes + 1]
    for other in others:
        codes = codes_of(other)
        at = np.array([0, *(number.get(value, len(number) + 1) for value in codes.values)], dtype=np.intp)
        places.append(at[codes.codes + 1])
    return places


def _whole(column: pa.ChunkedArray) -> pa.Array:
    unified = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    return pa.concat_arrays(unified.chunks) if unified.num_chunks else pa.array([], type=column.type)
