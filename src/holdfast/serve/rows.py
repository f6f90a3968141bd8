"""Rows that are answered together: their numbers as a matrix, and their other values by row."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from itertools import chain, starmap
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.kinds import Kind
from holdfast.serve.fields import Field

Row: TypeAlias = tuple[Any, ...]
Array: TypeAlias = NDArray[np.float64]


class Places:
    """Where the values of fields go.

    Parameters
    ----------
    fields
        In the order of a row.

    Attributes
    ----------
    width
        How many fields there are.
    numeric
        Places of the fields that are numbers or truth values: the columns of the matrix.
    column_of
        Their columns, by place.
    kept_of
        By place, where those lie that a matrix does not tell, in what is kept of a row.
    numbers_in, kept_in
        Take the ones and the others out of a row.
    pack
        Makes bytes of the numbers of a row.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self.width = len(fields)
        self.numeric = [i for i, one in enumerate(fields) if one.column.kind in (Kind.NUMBER, Kind.BOOLEAN)]
        self.column_of = {place: column for column, place in enumerate(self.numeric)}
        # Whole numbers and truth values are in both: the matrix does not tell them from other numbers.
        kept = [i for i, one in enumerate(fields) if one.at_rest != "float64" or i not in self.column_of]
        self.kept_of = {place: column for column, place in enumerate(kept)}
        self.numbers_in, self.kept_in = _taking(self.numeric), _taking(kept)
        self.pack = struct.Struct(f"{len(self.numeric)}d").pack


class Rows:
    """Rows as they are answered and logged.

    The numbers of a row take a quarter of the room that they take as a tuple of Python's numbers, and one copy instead of a
    walk over all of them.

    Attributes
    ----------
    packed
        The numbers, row after row, as they lie in memory; NaN is missing.
    """

    __slots__ = ("_columns", "_kept", "_matrix", "_places", "packed")

    def __init__(self, places: Places, packed: bytes, kept: Sequence[Row]) -> None:
        self._places, self.packed, self._kept = places, packed, kept
        self._columns: dict[int, list[Any]] = {}
        self._matrix: Array | None = None

    @classmethod
    def of(cls, places: Places, tuples: Sequence[Row]) -> Rows:
        """Rows out of tuples in the order of the fields; None where there is no value. What follows is not looked at."""
        try:
            packed = b"".join(starmap(places.pack, map(places.numbers_in, tuples)))
        except struct.error:  # None is among them, which this way, four times as fast, does not take
            packed = np.array(list(map(places.numbers_in, tuples)), dtype=np.float64).tobytes()
        kept = list(map(places.kept_in, tuples)) if places.kept_of else [()] * len(tuples)
        return cls(places, packed, kept)

    @classmethod
    def joined(cls, some: Sequence[Rows]) -> Rows:
        """Rows of several requests, in their order."""
        if len(some) == 1:
            return some[0]
        kept = list(chain.from_iterable([one._kept for one in some]))
        return cls(some[0]._places, b"".join([one.packed for one in some]), kept)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    @property
    def matrix(self) -> Array:
        """Numbers, shape (rows, numeric fields)."""
        if self._matrix is None:
            self._matrix = np.frombuffer(self.packed).reshape(len(self), len(self._places.numeric))
        return self._matrix

    def column(self, place: int) -> list[Any]:
        """Values of one field; None where there is none."""
        found = self._columns.get(place)
        if found is None:
            found = self._columns[place] = self._column(place)
        return found

    def tuples(self) -> list[Row]:
        """Values of each row, in the order of the fields."""
        return list(zip(*map(self.column, range(self._places.width)), strict=True))

    def _column(self, place: int) -> list[Any]:
        kept = self._places.kept_of.get(place)
        if kept is not None:
            return list(map(itemgetter(kept), self._kept))
        values = self.matrix[:, self._places.column_of[place]].tolist()
        return [None if math.isnan(value) else value for value in values]


def _taking(places: Sequence[int]) -> Callable[[Row], Row]:
    """Takes the values at some places out of a row, as a tuple; the places are in order.

    Examples
    --------
    >>> _taking([0, 1])(("a", "b", "c")), _taking([0, 2])(("a", "b", "c")), _taking([1])(("a", "b", "c"))
    (('a', 'b'), ('a', 'c'), ('b',))
    """
    if len(places) > 1 and places[-1] >= places[0] + len(places):
        return itemgetter(*places)
    # A cut takes a third of the time.
    return itemgetter(slice(places[0], places[-1] + 1) if places else slice(0))
