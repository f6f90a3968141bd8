"""What every source gives: parts, each a file, a temporary copy or a table in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.sources.arrow_types import kind_of, plain_type

Read = Callable[[list[str], int], Iterator[pa.RecordBatch]]
"""(columns, rows) -> batches that have these columns, and more rows where they were stored so."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file, temporary copy or table in memory."""

    where: str  # what messages call it
    types: Mapping[str, pa.DataType]  # of the columns that can be read
    left_out: Mapping[str, str]
    read: Read
    mixed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rows: int | None = None
    fixed: Mapping[str, pa.Scalar] = field(default_factory=dict)  # columns of one value, which the file does not hold
    widths: Mapping[str, float] = field(default_factory=dict)  # bytes of a value, where they were measured


def part_of(where: str, schema: pa.Schema, read: Read, **more: Any) -> Part:
    """The part whose batches, as they are stored, have this schema."""
    types, left_out = readable(where, schema)
    return Part(where=where, types=types, left_out=left_out, read=read, **more)


def named(names: Sequence[str]) -> list[str]:
    """The names of columns; one without is called as pandas calls it, which writes its index so.

    >>> named(["", "amount"]), named(["", "Unnamed: 0"])
    (['Unnamed: 0', 'amount'], ['Unnamed: 0.1', 'Unnamed: 0'])
    """
    given = list(names)
    for place, name in enumerate(names):
        if not name:
            free = (f"Unnamed: {place}{end}" for end in ("", *(f".{i}" for i in range(1, len(names) + 1))))
            given[place] = next(candidate for candidate in free if candidate not in given)
    return given


def readable(where: str, schema: pa.Schema) -> tuple[dict[str, pa.DataType], dict[str, str]]:
    """The types in which columns are given, and the columns that are left out, each with the reason."""
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        raise InputError(f"{where} has several columns named {', '.join(map(repr, twice))}; give each its own name")
    if not schema.names:
        raise InputError(f"{where} has no columns; expected at least one")
    left_out = {
        column.name: f"values of type {str(column.type).partition('<')[0]} are not read; give them columns of their own"
        for column in schema
        if kind_of(column.type) == "nested"
    }
    types = {column.name: plain_type(column) for column in schema if column.name not in left_out}
    if not types:
        raise InputError(f"{where} has only nested columns; give their values columns of their own")
    return types, left_out
