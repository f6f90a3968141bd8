"""Rows that are answered together: by row as they came, by field, and their numbers as a matrix."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Row: TypeAlias = tuple[Any, ...]
Array: TypeAlias = NDArray[np.float64]


class Rows:
    """Rows that are answered together.

    Parameters
    ----------
    tuples
        Values of each row, in the order of the fields; None where there is none. What follows them is not looked at.
    numbers_of
        Takes the numbers out of a row: what `numbers_of` makes.

    Attributes
    ----------
    matrix
        Numbers of the numeric fields, shape (rows, numeric fields); NaN is missing.
    numbers
        The same by field, shape (numeric fields, rows).
    """

    __slots__ = ("_columns", "matrix", "numbers", "tuples")

    def __init__(self, tuples: Sequence[Row], numbers_of: Callable[[Row], Row]) -> None:
        self.tuples = tuples
        self._columns: dict[int, list[Any]] = {}
        self.matrix = _numbers(list(map(numbers_of, tuples)))
        self.numbers = np.ascontiguousarray(self.matrix.T)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.tuples)

    def column(self, place: int) -> list[Any]:
        """Values of one field."""
        found = self._columns.get(place)
        if found is None:
            found = self._columns[place] = list(map(itemgetter(place), self.tuples))
        return found


def numbers_of(places: Sequence[int]) -> Callable[[Row], Row]:
    """Takes the values at some places out of a row, as a tuple; the places are in order.

    Examples
    --------
    >>> numbers_of([0, 1])(("a", "b", "c")), numbers_of([0, 2])(("a", "b", "c")), numbers_of([1])(("a", "b", "c"))
    (('a', 'b'), ('a', 'c'), ('b',))
    """
    if len(places) > 1 and places[-1] >= len(places):
        return itemgetter(*places)
    # A cut takes a third of the time.
    return itemgetter(slice(places[0], places[-1] + 1) if places else slice(0))


def _numbers(rows: list[Row]) -> Array:
    """Numbers of rows as a matrix."""
    length = len(rows[0])
    pack = struct.Struct(f"{length}d").pack
    try:
        flat = np.frombuffer(b"".join(starmap(pack, rows)))
    except struct.error:  # None is among them, which this way, four times as fast, does not take
        flat = np.array(rows, dtype=np.float64)
    return flat.reshape(len(rows), length)
