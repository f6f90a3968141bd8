"""Partial dependence: the mean score when one feature is set to a value in all rows, and single rows beside it (ICE)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.errors import InputError, SettingError
from holdfast.evidence import Dependence
from holdfast.explain.mixing import Array, Predict, mixed_scores
from holdfast.explain.permutation import shares
from holdfast.names import no_such_column


def dependence(
    predict: Predict,
    rows: pa.Table,
    feature: str,
    *,
    weight: Array | None = None,
    points: int = 20,
    single: int = 20,
    classes: Sequence[str] = (),
) -> list[Dependence]:
    """Partial dependence of the score on a feature, and the individual curves of the first rows.

    A number is set to quantiles of its values, evenly spaced in rank from the smallest to the largest, each a value that
    occurs; a category or boolean to its commonest values, commonest first. Missing values are no point. The other
    features stay as they are: where features go together, the curve also averages over rows that cannot be.

    Parameters
    ----------
    predict
        The model; it is asked about `n * points` rows.
    rows
        Features of n rows.
    feature
        A column of numbers, strings or booleans.
    weight
        What each row stands for in the mean, shape `(n,)`, at least 0.
    points
        Values at most, at least 2.
    single
        Rows whose own curves are given, from the first on.
    classes
        Names of the K classes of the scores; their numbers by default.

    Returns
    -------
    list of Dependence
        One, or one for each class.

    Raises
    ------
    InputError
        If the feature has no value, is of another type, or there are not as many names as classes.
    SettingError
        If there is no such column, or `points` is below 2.
    ModelError
        If a score is not finite.

    Notes
    -----
    Sources: Friedman, *Greedy function approximation*, Annals of Statistics 29 (2001); Goldstein, Kapelner, Bleich &
    Pitkin, *Peeking inside the black box*, Journal of Computational and Graphical Statistics 24 (2015), for ICE.

    Examples
    --------
    >>> rows = pa.table({"a": [1.0, 2.0, 3.0], "b": [10.0, 20.0, 30.0]})
    >>> total = lambda table: table["a"].to_numpy() + table["b"].to_numpy()
    >>> [found] = dependence(total, rows, "a", single=1)
    >>> found.x, found.mean, found.single
    ((1.0, 2.0, 3.0), (21.0, 22.0, 23.0), ((11.0, 12.0, 13.0),))
    """
    if points < 2:
        raise SettingError(f"expected at least 2 points, got {points}")
    if feature not in rows.column_names:
        raise no_such_column(feature, rows.column_names, "the table of features")
    n, place = rows.num_rows, rows.column_names.index(feature)
    weights = shares(weight, n)
    at = _positions(rows[feature], points, feature)
    own = np.broadcast_to(np.arange(rows.num_columns) != place, (n * len(at), rows.num_columns))
    found = mixed_scores(predict, rows, rows, own=own, row=np.tile(np.arange(n), len(at)), other=np.repeat(at, n))
    curves = found.reshape(len(at), n, -1)
    names = tuple(classes) or (("",) if found.ndim == 1 else tuple(map(str, range(curves.shape[2]))))
    if len(names) != curves.shape[2]:
        raise InputError(f"expected a name for each of {curves.shape[2]} classes, got {len(names)}")
    values = rows[feature].take(pa.array(at))
    number = _is_number(values.type)
    return [
        Dependence(
            feature=feature,
            output=name,
            x=tuple(map(float, values.to_pylist())) if number else (),
            labels=() if number else tuple(_label(value) for value in values.to_pylist()),
            mean=tuple((curves[:, :, k] @ weights).tolist()),
            single=tuple(tuple(curve) for curve in curves[:, :single, k].T.tolist()),
        )
        for k, name in enumerate(names)
    ]


def can_depend(rows: pa.Table, feature: str) -> bool:
    """Whether `dependence` can be asked about a feature: numbers, strings or booleans, and one value at least."""
    kind = rows.schema.field(feature).type
    return (_is_number(kind) or _is_category(kind)) and bool(_present(rows[feature]).any())


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_category(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_boolean(value))


def _label(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _present(values: pa.ChunkedArray) -> NDArray[np.bool_]:
    missing = pc.is_null(values, nan_is_null=_is_number(values.type))
    return np.asarray(pc.invert(missing).to_numpy())


def _positions(values: pa.ChunkedArray, points: int, feature: str) -> NDArray[np.intp]:
    """Rows whose values of the feature are the points."""
    if not (_is_number(values.type) or _is_category(values.type)):
        raise InputError(f"expected {feature!r} to hold numbers, strings or booleans, got {values.type}")
    present = np.flatnonzero(_present(values))
    if not len(present):
        raise InputError(f"expected {feature!r} to have a value in some row; all of {len(values)} are missing")
    known = values.take(pa.array(present))
    if _is_number(values.type):
        numbers = known.to_numpy()
        order = np.argsort(numbers, kind="stable")
        _, first = np.unique(numbers[order], return_index=True)
        if len(first) > points:
            ranks = np.round(np.linspace(0, len(order) - 1, points)).astype(np.intp)
            _, which = np.unique(numbers[order][ranks], return_index=True)
            first = ranks[which]
        return present[order[first]]
    strings = known.cast(pa.string()).to_numpy()
    _, first, counts = np.unique(strings, return_index=True, return_counts=True)
    return present[first[np.argsort(-counts, kind="stable")][:points]]
