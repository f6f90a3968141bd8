"""Columns of categories as codes, and labels as text that is the same whatever type they came in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.profile.arrays import text_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A column of categories: each row's place in `values`, -1 where the value is missing."""

    codes: NDArray[np.int64]
    values: tuple[str, ...]


def label_text(value: object) -> str:
    """A class as text, the same whether it was a boolean, an integer, or a float without a fraction.

    >>> label_text(True), label_text(1.0), label_text("yes")
    ('true', '1', 'yes')
    """
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def codes_of(column: pa.Array) -> Codes:
    """A column as codes into its sorted values; numbers, booleans and dates by their text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)):
        column = _label_texts(column)
    words, codes = text_codes(column)
    values = words.to_pylist()
    order = sorted(range(len(values)), key=lambda i: (values[i] is None, values[i] or ""))
    named = [i for i in order if values[i] is not None]
    places = np.full(len(values) + 1, -1)
    for place, i in enumerate(named):
        places[i] = place
    return Codes(codes=places[codes], values=tuple(values[i] for i in named))


def _label_texts(column: pa.Array) -> pa.Array:
    coded = pc.dictionary_encode(column) if not pa.types.is_dictionary(column.type) else column
    values = [None if value is None or value != value else label_text(value) for value in coded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array(values, pa.string()))
