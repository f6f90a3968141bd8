"""Crossings: columns that are taken together, as one whose values are those that occur side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.profile.arrays import text_codes
from holdfast.profile.categorical import as_text

SIGN = " × "
"""Between the names of crossed columns, and between their values."""

_OWN = " \\× "

Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)


def crossing_name(columns: Iterable[str]) -> str:
    r"""What a crossing is called; a sign that is part of a column's own name has a backslash before it.

    >>> crossing_name(["country", "channel"]), crossing_name(["a × b", "c"])
    ('country × channel', 'a \\× b × c')
    """
    return SIGN.join(name.replace(SIGN, _OWN) for name in columns)


def crossed_columns(name: str) -> tuple[str, ...]:
    r"""The columns of a crossing, by its name; of a column that is none, itself.

    >>> crossed_columns("country × channel"), crossed_columns("a \\× b × c"), crossed_columns("country")
    (('country', 'channel'), ('a × b', 'c'), ('country',))
    """
    return tuple(one.replace(_OWN, SIGN) for one in name.split(SIGN))


def with_crossings(rows: Rows, crossings: Collection[Sequence[str]]) -> Rows:
    """Rows with a column more for each crossing, where all of its columns are there.

    Examples
    --------
    >>> rows = pa.record_batch({"country": ["DE", "FR", None], "new": [True, True, False]})
    >>> with_crossings(rows, [("country", "new"), ("country", "channel")]).to_pydict()["country × new"]
    ['DE × true', 'FR × true', None]
    """
    there = set(rows.schema.names)
    for names in crossings:
        if there.issuperset(names):
            rows = rows.append_column(crossing_name(names), reduce(crossed, map(_whole, map(rows.column, names))))
    return rows


def crossed(one: pa.Array, other: pa.Array) -> pa.DictionaryArray:
    """Two columns as one; null where a value is missing. Each pair is made to a text once, and not for each of its rows."""
    (words, codes), (more, places) = (text_codes(as_text(column)) for column in (one, other))
    pairs = pc.dictionary_encode(pa.array(codes * len(more) + places, mask=(codes < 0) | (places < 0)))
    first, second = np.divmod(pairs.dictionary.to_numpy(), max(len(more), 1))
    texts = pc.binary_join_element_wise(words.take(pa.array(first)), more.take(pa.array(second)), SIGN)
    # Two pairs may read alike, where values have the sign themselves.
    texts = pc.dictionary_encode(texts)
    return pa.DictionaryArray.from_arrays(texts.indices.take(pairs.indices), texts.dictionary)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
