"""Numbers: counts between fixed cuts, which are the quantiles of the reference.

Equal-width bins collapse when one value is huge; quantiles of the reference do not. A value that the reference repeats
heavily has a bin of its own, `[v, nextafter(v))`, so that zero-inflated and integer columns keep their atoms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.profile.arrays import cuts_below, floats, null_rows
from holdfast.profile.column import ColumnProfile
from holdfast.schema import Kind, as_kind
from holdfast.stats.ecdf import is_atom

BINS = 512
"""Quantile bins of a reference column."""

TAILS = 0.5 ** np.arange(1, 9) / BINS
"""Levels of further cuts within the outermost bins: long tails would otherwise be one bin wide."""

GROUPS = 32
"""Coarse groups of near-equal reference rows: cells of tests and of windows."""

NEGATIVE_INFINITE, POSITIVE_INFINITE = -2, -1
"""Places of the two counts of infinities, which also stand in the outermost bins."""


@dataclass(frozen=True, eq=False)
class NumberEdges:
    """Cuts between bins: `counts = [null, NaN, below cuts[0], ..., from cuts[-1] on, -inf, +inf]`.

    Attributes
    ----------
    cuts
        Strictly increasing, shape `(m,)`; there are `m + 1` bins, the first and last hold what the reference never had.
    learned
        Rows of the reference in each bin when the cuts were learned, shape `(m + 1,)`.
    """

    cuts: NDArray[np.float64]
    learned: NDArray[np.int64]

    @staticmethod
    def learn(values: NDArray[np.float64]) -> NumberEdges:
        """Cuts at the quantiles of `values`, shape `(rows,)`; NaN and infinities are left out.

        Examples
        --------
        >>> import numpy as np
        >>> NumberEdges.learn(np.array([0.0, 0.0, 0.0, 1.5, np.nan])).cuts.tolist()
        [0.0, 5e-324, 1.5, 1.5000000000000002]
        """
        ordered = np.sort(values[np.isfinite(values)])
        rows = len(ordered)
        if rows == 0:
            return NumberEdges(np.empty(0), np.zeros(1, dtype=np.int64))
        levels = np.concatenate([np.linspace(0, 1, min(BINS, rows) + 1), TAILS, 1 - TAILS])
        places = np.unique((levels * (rows - 1)).round().astype(np.intp))
        quantiles = ordered[places]
        repeated = quantiles[1:][quantiles[1:] == quantiles[:-1]]
        atoms = np.append(repeated, quantiles[-1])
        with np.errstate(over="ignore"):
            ends = np.nextafter(atoms, np.inf)
        # Nothing but infinity comes after the largest float: the last bin is its own.
        cuts = np.unique(np.concatenate([quantiles, ends[np.isfinite(ends)]]))
        return NumberEdges(cuts, np.diff(np.searchsorted(ordered, cuts), prepend=0, append=rows))

    @property
    def size(self) -> int:
        """Length of the counts."""
        return len(self.cuts) + 5

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Groups of neighbouring bins, by the middle of the reference rows that each bin covers."""
        middle = np.cumsum(self.learned) - self.learned / 2
        group = np.minimum(middle * (GROUPS / max(int(self.learned.sum()), 1)), GROUPS - 1).astype(np.intp)
        return np.asarray(np.unique(group, return_inverse=True)[1])

    @cached_property
    def atoms(self) -> NDArray[np.bool_]:
        """Which bins hold a single value."""
        return is_atom(self.cuts)

    @cached_property
    def centre(self) -> float:
        """A middle value: sums are taken around it, so that a large mean does not drown a small spread."""
        return float(self.cuts[len(self.cuts) // 2]) if len(self.cuts) else 0.0

    def count(self, array: pa.Array) -> ColumnProfile:
        """Profile of one batch: sort it, then look the few cuts up in it, which is faster than looking up each value."""
        values, nulls = numbers(array)
        ordered = np.sort(values)
        valid = int(np.searchsorted(ordered, np.nan))
        ordered = ordered[:valid]
        first = int(np.searchsorted(ordered, -np.inf, side="right"))
        last = int(np.searchsorted(ordered, np.inf))
        places = np.searchsorted(ordered, self.cuts)
        counts = np.empty(self.size, dtype=np.int64)
        counts[:2] = nulls, len(values) - valid - nulls
        counts[2:-2] = np.diff(places, prepend=0, append=valid)
        counts[-2:] = first, valid - last
        finite = ordered[first:last]
        if len(finite) == 0:
            return ColumnProfile(self, counts, np.zeros(2))
        with np.errstate(over="ignore", invalid="ignore"):
            around = finite - self.centre
            sums = np.array([around.sum(), np.einsum("i,i", around, around)])
        return ColumnProfile(self, counts, sums, float(finite[0]), float(finite[-1]))

    def group(self, array: pa.Array) -> NDArray[np.uint8]:
        """The coarse group of each row, counted from 1; 0 for a missing one."""
        values, _ = numbers(array)
        found = cuts_below(self._group_cuts, values)
        found += ~np.isnan(values)
        return found

    @cached_property
    def _group_cuts(self) -> NDArray[np.float64]:
        """The cuts between groups."""
        return self.cuts[np.flatnonzero(np.diff(self.groups))]

    def place(self, array: pa.Array) -> NDArray[np.intp]:
        """Cell of each row, -1 for a missing one."""
        values, _ = numbers(array)
        return np.where(np.isnan(values), -1, np.searchsorted(self.cuts, values, side="right"))


def mean_and_deviation(profile: ColumnProfile) -> tuple[float, float]:
    """Mean and sample standard deviation of the finite numbers; NaN where there are too few or their squares overflow."""
    assert isinstance(profile.edges, NumberEdges)
    rows = finite_rows(profile)
    if rows == 0:
        return np.nan, np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        shift = profile.sums[0] / rows
        variance = (profile.sums[1] - rows * shift**2) / (rows - 1) if rows > 1 else np.nan
        return float(profile.edges.centre + shift), float(np.sqrt(np.maximum(variance, 0.0)))


def finite_rows(profile: ColumnProfile) -> int:
    """Rows that hold a finite number."""
    return int(profile.cells.sum() - profile.counts[NEGATIVE_INFINITE] - profile.counts[POSITIVE_INFINITE])


def infinite_rows(profile: ColumnProfile) -> int:
    """Rows that hold an infinity."""
    return int(profile.counts[NEGATIVE_INFINITE] + profile.counts[POSITIVE_INFINITE])


def numbers(array: pa.Array) -> tuple[NDArray[np.float64], int]:
    """Numbers of a column that may have come as text, and how many cells are null; what is no number becomes NaN."""
    try:
        return floats(as_kind(array, Kind.NUMBER) if _is_text(array.type) else array), null_rows(array)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return np.full(len(array), np.nan), null_rows(array)


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values) or pa.types.is_string_view(values))
