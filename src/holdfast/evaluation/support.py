"""The sealed background: a few rows of the train part, and how far other rows are from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.evaluation.codes import codes_of
from holdfast.profile.numeric import numbers
from holdfast.schema import Kind, Role, Schema
from holdfast.stats.support import Background, background, distances

Array: TypeAlias = NDArray[np.float64]

ROWS = 1_000
"""Rows of a background."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Background rows, ready to be compared with.

    Attributes
    ----------
    numbers, categories
        Features that are compared by rank, and by equality.
    places
        Code of each category, by feature.
    """

    known: Background
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    places: Mapping[str, Mapping[str, int]]

    def distance(self, rows: pa.Table) -> Array:
        """Distance of each row from the background, (n,); see `stats.support.distances`."""
        return distances(self.known, _matrix(rows, self.numbers), _codes(rows, self.places))


def background_of(train: pa.Table, schema: Schema, seed: int, rows: int = ROWS) -> pa.Table:
    """A seeded sample of rows, without what identifies a person: the same rows for the same seed."""
    chosen = np.sort(np.random.default_rng(seed).permutation(train.num_rows)[:rows])
    return impersonal(train.take(pa.array(chosen)), schema)


def impersonal(rows: pa.Table, schema: Schema) -> pa.Table:
    """The rows with null in place of identifiers and of what is personal, so that they may be kept.

    Examples
    --------
    >>> from holdfast.schema import infer
    >>> from holdfast.tables import open_table
    >>> rows = pa.table({"email": ["a@x", "b@x", "a@x"], "age": [30, 40, 50]})
    >>> impersonal(rows, infer(open_table(rows))).to_pydict()
    {'email': [None, None, None], 'age': [30, 40, 50]}
    """
    named = {column.name: column for column in schema.columns}
    for place, name in enumerate(rows.column_names):
        column = named.get(name)
        if column is not None and (
            column.personal or column.role is Role.ID or _names_rows(column.kind, column.identifier)
        ):
            rows = rows.set_column(place, name, pa.nulls(rows.num_rows, rows.schema.field(name).type))
    return rows


def support(known: pa.Table) -> Support:
    """The support that background rows span; features without a value in them are left out.

    Examples
    --------
    >>> found = support(pa.table({"amount": [1.0, 2.0, 4.0], "country": ["A", "A", "B"]}))
    >>> found.distance(pa.table({"country": ["A", "C"], "amount": [2.0, 2.0]})).round(2).tolist()
    [0.0, 0.71]
    """
    filled = [name for name in known.column_names if known[name].null_count < known.num_rows]
    texts = tuple(name for name in filled if _is_category(known.schema.field(name).type))
    plain = tuple(name for name in filled if name not in texts)
    places = {name: {value: code for code, value in enumerate(codes_of(_array(known, name)).values)} for name in texts}
    return Support(
        known=background(_matrix(known, plain), _codes(known, places)), numbers=plain, categories=texts, places=places
    )


def _matrix(rows: pa.Table, names: tuple[str, ...]) -> Array:
    if not names:
        return np.empty((rows.num_rows, 0))
    return np.column_stack([numbers(_array(rows, name))[0] for name in names])


def _codes(rows: pa.Table, places: Mapping[str, Mapping[str, int]]) -> NDArray[np.int64]:
    """Codes of the background; missing -1, and a value that it does not have is unlike any."""
    matrix = np.empty((rows.num_rows, len(places)), dtype=np.int64)
    for j, (name, known) in enumerate(places.items()):
        found = codes_of(_array(rows, name))
        codes = np.array([*(known.get(value, len(known)) for value in found.values), -1], dtype=np.int64)
        matrix[:, j] = codes[found.codes]
    return matrix


def _names_rows(kind: Kind, identifier: bool) -> bool:
    # A whole number without a repeat may well be a measurement; a text without one names its row.
    return identifier and kind is not Kind.NUMBER


def _is_category(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _array(rows: pa.Table, name: str) -> pa.Array:
    column = rows[name]
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
