"""Features as small whole numbers, which the boosted corrections split on: quantile bins, and categories by frequency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.codes import codes_of
from holdfast.profile.numeric import numbers

Codes: TypeAlias = NDArray[np.intp]


class Feature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a column becomes codes: 0 where it is missing.

    Attributes
    ----------
    name
        Of the column; empty: the model's score itself.
    cuts
        Of a number: code i + 1 is what lies above the first i of them.
    values
        Of a category: its values by falling frequency in the reference. Those that are rarer or new share a last code.
    """

    name: str
    cuts: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Codes that rows may have."""
        return max(len(self.cuts), len(self.values)) + 2


def learn(rows: pa.Table, score: NDArray[np.float64], bins: int = 32) -> tuple[Feature, ...]:
    """Features of the reference's rows, each in at most so many bins, and the score as the last; what never varies is left out.

    Examples
    --------
    >>> learn(pa.table({"city": ["B", "A", "B"], "same": [1, 1, 1]}), np.array([0.1, 0.2, 0.3]))[0]
    Feature(name='city', cuts=(), values=('B', 'A'))
    """
    found = []
    for name in rows.column_names:
        column = _array(rows, name)
        if _is_category(column.type):
            codes = codes_of(column)
            counts = np.bincount(codes.codes[codes.codes >= 0], minlength=len(codes.values))
            order = np.argsort(-counts, kind="stable")[: bins - 1]
            feature = Feature(name=name, values=tuple(codes.values[i] for i in order))
        else:
            feature = Feature(name=name, cuts=_quantiles(numbers(column)[0], bins))
        if feature.cuts or feature.values:
            found.append(feature)
    return (*found, Feature(name="", cuts=_quantiles(score, bins)))


def coded(features: tuple[Feature, ...], rows: pa.Table, score: NDArray[np.float64]) -> Codes:
    """Codes of rows, shape (features, n).

    Examples
    --------
    >>> city = Feature(name="city", values=("B", "A"))
    >>> coded((city,), pa.table({"city": ["A", None, "C"]}), np.zeros(3)).tolist()
    [[2, 0, 3]]
    """
    codes = np.zeros((len(features), len(score)), dtype=np.intp)
    for place, feature in enumerate(features):
        if feature.name and feature.name not in rows.column_names:
            continue  # a column that is not there is missing in every row
        if feature.values:
            codes[place] = _by_frequency(_array(rows, feature.name), feature.values)
        else:
            values = numbers(_array(rows, feature.name))[0] if feature.name else score
            # "left": a value that equals a cut lies below it, so that a cut can part whole numbers.
            codes[place] = np.where(np.isnan(values), 0, 1 + np.searchsorted(feature.cuts, values))
    return codes


def _quantiles(values: NDArray[np.float64], bins: int) -> tuple[float, ...]:
    """Cuts between the values of a number into at most so many bins of about as many rows."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ()
    inner = np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf")
    cuts = np.unique(inner)
    return tuple(cuts[cuts < known.max()].tolist())


def _by_frequency(column: pa.Array, values: tuple[str, ...]) -> Codes:
    places: Mapping[str, int] = {value: place + 1 for place, value in enumerate(values)}
    found = codes_of(column)
    table = np.array([*(places.get(value, len(values) + 1) for value in found.values), 0], dtype=np.intp)
    return np.asarray(table[found.codes])


def _is_category(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _array(rows: pa.Table, name: str) -> pa.Array:
    column = rows[name]
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
