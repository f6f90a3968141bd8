"""The profile of one column: counts and sums over fixed edges, whatever its kind.

Every kind lays its counts out in one integer array, so that merging, subtracting, storing and windowing are the same few
lines for all of them. What an entry means is the business of the kind's `edges` record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import ProfileError
from holdfast.profile.fresh import FreshValues

MISSING = slice(0, 2)
"""The first two entries of every layout: nulls, and what is there but is no value (NaN, text that is no number or no time)."""

Counts = NDArray[np.int64]

_NOTHING_NEW = FreshValues()


class ColumnEdges(Protocol):
    """What is fixed before counting: learned once from the reference, the same for everything compared with it."""

    @property
    def size(self) -> int:
        """Length of the counts."""
        ...

    @property
    def groups(self) -> NDArray[np.intp]:
        """Coarse group of each entry after the missing ones: the cells of tests and of windows."""
        ...

    def count(self, array: pa.Array) -> ColumnProfile:
        """Profile of one batch of the column."""
        ...

    def place(self, array: pa.Array) -> NDArray[np.intp]:
        """Cell of each row, -1 for a missing one: what `count` counts."""
        ...


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Counts of one column over its edges.

    Attributes
    ----------
    edges
        What the entries mean.
    counts
        Rows per entry; the first two are the missing ones (see `MISSING`).
    sums
        Sum and sum of squares of the finite numbers (or of the lengths of texts); empty for categories.
    low, high
        Smallest and largest finite value; NaN when there is none.
    fresh
        Values that the reference does not have, by name (categories only).
    """

    edges: ColumnEdges
    counts: Counts
    sums: NDArray[np.float64]
    low: float = np.nan
    high: float = np.nan
    fresh: FreshValues = _NOTHING_NEW

    def __add__(self, other: ColumnProfile) -> ColumnProfile:
        """Rows of both."""
        self._same_edges(other)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self.sums + other.sums
        return ColumnProfile(
            self.edges,
            self.counts + other.counts,
            sums,
            float(np.fmin(self.low, other.low)),
            float(np.fmax(self.high, other.high)),
            self.fresh + other.fresh,
        )

    def __sub__(self, other: ColumnProfile) -> ColumnProfile:
        """Rows of `self` without those of `other`; the range stays, since it cannot be taken back."""
        self._same_edges(other)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self.sums - other.sums
        return ColumnProfile(
            self.edges,
            self.counts - other.counts,
            sums,
            self.low,
            self.high,
            self.fresh - other.fresh,
        )

    def _same_edges(self, other: ColumnProfile) -> None:
        if self.edges is not other.edges and len(self.counts) != len(other.counts):
            raise ProfileError("The two profiles were counted over different edges. Make both from one reference.")

    @property
    def rows(self) -> int:
        """Rows counted, missing ones included."""
        return int(self.cells.sum() + self.missing)

    @property
    def missing(self) -> int:
        """Rows that are null or no value."""
        return int(self.counts[MISSING].sum())

    @property
    def nulls(self) -> int:
        """Rows that are null."""
        return int(self.counts[0])

    @property
    def invalid(self) -> int:
        """Rows that are NaN, or text that is no value of the column's kind."""
        return int(self.counts[1])

    @property
    def cells(self) -> Counts:
        """Rows per cell of the distribution: everything but the missing ones."""
        return self.counts[2 : 2 + len(self.edges.groups)]

    @property
    def grouped(self) -> Counts:
        """Rows per coarse group."""
        groups = self.edges.groups
        return np.bincount(groups, self.cells, minlength=int(groups.max()) + 1).astype(np.int64)
