"""Rows that are answered together: by row as they came, by field, and their numbers as a matrix."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Row: TypeAlias = tuple[Any, ...]
Columns: TypeAlias = Sequence[Sequence[Any]]
Array: TypeAlias = NDArray[np.float64]


class Rows:
    """Rows that are answered together.

    Parameters
    ----------
    tuples
        Values of each row, in the order of the fields; None where there is none.
    numeric
        Places of the fields that are numbers.

    Attributes
    ----------
    numbers
        Those of the numeric fields, shape (numeric fields, rows); NaN is missing.
    """

    __slots__ = ("_columns", "numbers", "tuples")

    def __init__(self, tuples: Sequence[Row], numeric: Sequence[int]) -> None:
        self.tuples = tuples
        self._columns: Columns | None = None
        if len(numeric) == len(tuples[0]):
            self.numbers = np.ascontiguousarray(_numbers(tuples).T)
        else:
            self.numbers = _numbers([self.columns[place] for place in numeric]).reshape(len(numeric), len(tuples))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.tuples)

    @property
    def columns(self) -> Columns:
        """Values of each field; turned when first asked for, which nobody does where all are numbers."""
        if self._columns is None:
            self._columns = list(zip(*self.tuples, strict=True))
        return self._columns


def _numbers(lists: Columns) -> Array:
    """Lists of numbers of one length as a matrix, shape (lists, length)."""
    length = len(lists[0]) if len(lists) else 0
    pack = struct.Struct(f"{length}d").pack
    try:
        flat = np.frombuffer(b"".join([pack(*numbers) for numbers in lists]))
    except struct.error:  # None is among them, which this way, four times as fast, does not take
        flat = np.array(lists, dtype=np.float64)
    return flat.reshape(len(lists), length)
