"""Two distributions over the fine bins of a profile, and the few bins in which they are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.stats.ecdf import is_atom, quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 40
"""Most bins of a histogram."""

# A bin of a 512-quantile profile holds 0.2% of the reference; one with many more of the current rows is looked into.
_CROWDED, _MORE = 0.003, 3

# Numbers come in steps if that is so for this share of the rows, but for a tenth of a step, as from rounding.
_MOSTLY, _OFF = 0.9, 0.1

# Larger numbers count as this: differences of them, or round numbers above them, are beyond what a float can hold.
_LARGEST = 1e300

# Tails are drawn up to so many times the middle 90% beyond it.
_REACH = 3


@dataclass(frozen=True, slots=True)
class Cells:
    """Shares of two tables below the first cut, in each `[cuts[i - 1], cuts[i])`, and from the last cut on.

    Attributes
    ----------
    cuts
        Strictly increasing, shape `(m,)`.
    reference, current
        Shares of the rows that have a value, shape `(m + 1,)`.
    low, high
        Smallest and largest finite value of both; infinite where it is not known.
    whole
        Whether the values are whole numbers. They are then spread over the unit around them (a value v over
        `[v - 0.5, v + 0.5)`, and low and high lie half a unit outside), so that no cut goes through a value.
    known
        Whether it is known how the current rows lie in the outermost cells.
    """

    cuts: Floats
    reference: Floats
    current: Floats
    low: float
    high: float
    whole: bool = False
    known: bool = False

    @property
    def mixture(self) -> Floats:
        """Both sides together with equal weight: a small window counts as much as a large reference."""
        return self.reference + self.current

    @property
    def ends(self) -> Floats:
        """Ends of all cells, kept within the range of the values (the largest is inside), shape `(m + 2,)`."""
        ends = np.concatenate([[-np.inf], self.cuts, [np.inf]])
        inside: Floats = np.clip(ends, self.low, np.nextafter(self.high, np.inf))
        return inside

    @property
    def atom_ends(self) -> NDArray[np.bool_]:
        """Which cuts only end an atom, and are no values of their own."""
        return np.append(False, is_atom(self.cuts)[1:-1])[: len(self.cuts)]

    @property
    def atoms(self) -> NDArray[np.bool_]:
        """Which inner cells hold a single value."""
        if not self.whole:
            return is_atom(self.cuts)
        single: NDArray[np.bool_] = np.concatenate([[False], np.diff(self.cuts) == 1, [False]])
        return single[: len(self.cuts) + 1]

    def value(self, cell: int) -> float:
        """The value of an atom."""
        return float(self.cuts[cell - 1] + (0.5 if self.whole else 0.0))

    def without(self, cells: NDArray[np.bool_]) -> Cells:
        """The same with these cells emptied."""
        return replace(self, reference=np.where(cells, 0, self.reference), current=np.where(cells, 0, self.current))

    def between(self, borders: Floats) -> tuple[Floats, Floats]:
        """Shares of both sides below the first border, in each bin, and from the last on, shape `(bins + 2,)`.

        Rows are taken to lie evenly within a cell.
        """
        ends = self.ends
        cell = np.clip(np.searchsorted(ends, borders, side="right") - 1, 0, len(self.cuts))
        width = ends[cell + 1] - ends[cell]
        inside = np.clip(borders, ends[cell], ends[cell + 1]) - ends[cell]
        # Not `numpy.interp`: the slope over an atom, which is as narrow as a float allows, may be infinite.
        part = np.divide(inside, width, out=np.zeros(len(borders)), where=width > 0)
        reference, current = (
            np.diff(np.cumsum(shares)[cell] - (1 - part) * shares[cell], prepend=0.0, append=shares.sum())
            for shares in (self.reference, self.current)
        )
        return reference, current

    def quantiles(self, shares: Floats, levels: tuple[float, ...]) -> Floats:
        """Quantiles of one side (or of the mixture); NaN without rows."""
        at = np.asarray(quantile(self.cuts, shares, (self.low, self.high), np.array(levels)))
        return np.rint(at) if self.whole else at


def cells_of(
    cuts: Floats, reference: Floats, current: Floats, low: float, high: float, sampled: Floats | None = None
) -> Cells:
    """Cells from counts or shares over the cuts of a profile.

    Parameters
    ----------
    cuts, reference, current
        Cuts, shape `(m,)`, and the shares of both sides, shape `(m + 1,)`.
    low, high
        Smallest and largest finite value of both sides; infinite where it is not known.
    sampled
        Finite values of sampled current rows, shape `(n,)`. The cuts are quantiles of the reference and say nothing of
        how rows lie where it has few: there, cells are cut further at the values of the sample.

    Examples
    --------
    >>> import numpy as np
    >>> cells = cells_of(np.array([1.0, 1.0000000000000002, 3.0]), np.ones(4) / 4, np.ones(4) / 4, 0, 3)
    >>> cells.whole, cells.cuts.tolist(), cells.atoms.tolist()
    (True, [0.5, 1.5, 2.5], [False, True, True, False])
    """
    kept = np.abs(cuts) <= _LARGEST
    if not kept.all():
        cell = np.append(0, np.cumsum(kept))
        cuts, (reference, current) = cuts[kept], (np.bincount(cell, s).astype(np.float64) for s in (reference, current))
    low, high = (float(np.clip(x, -_LARGEST, _LARGEST)) if np.isfinite(x) else x for x in (low, high))
    sampled = None if sampled is None else np.clip(sampled, -_LARGEST, _LARGEST)
    cells = Cells(cuts=cuts, reference=reference, current=current, low=low, high=high)
    own = np.concatenate([cuts[~cells.atom_ends], [low, high], sampled if sampled is not None else []])
    own = own[np.isfinite(own)]
    if np.all(np.abs(own) < 2**50) and np.all(own == np.rint(own)):
        cells = _spread(cells, 1.0)
    return cells if sampled is None else _refined(cells, sampled)


def _spread(cells: Cells, unit: float) -> Cells:
    """Multiples of a unit as whole numbers."""
    places = cells.cuts / unit
    starts = np.where(cells.atom_ends, np.rint(places) + 0.5, np.ceil(places - _OFF) - 0.5)
    cuts = np.unique(starts)
    cell = np.append(0, np.searchsorted(cuts, starts, side="right"))
    reference, current = (
        np.bincount(cell, s, len(cuts) + 1).astype(np.float64) for s in (cells.reference, cells.current)
    )
    low, high = np.floor(cells.low / unit + _OFF) - 0.5, np.ceil(cells.high / unit - _OFF) + 0.5
    return Cells(cuts, reference, current, float(low), float(high), whole=True)


def on_grid(cells: Cells) -> tuple[Cells, float]:
    """Cells of numbers that come in steps (such as 0.5 or 0.02) as multiples of that step, and the step; else as they are.

    Bins of other widths would hold now more, now fewer of the steps, and look like a comb.
    """
    values = cells.cuts[:-1][cells.atoms[1:-1]]
    if cells.whole or len(values) < 3 or cells.mixture[cells.atoms].sum() < _MOSTLY * cells.mixture.sum():
        return cells, 1.0
    steps = np.diff(values)
    span = values[-1] - values[0]
    unit = float(span / np.rint(steps / steps.min()).sum())
    places = values / unit
    if span > 10 * BINS * unit or np.abs(places - np.rint(places)).max() > _OFF:
        return cells, 1.0
    return _spread(cells, unit), unit


def _refined(cells: Cells, sampled: Floats) -> Cells:
    crowded = (cells.current > _CROWDED) & (cells.current > _MORE * cells.reference) & ~cells.atoms
    inside = sampled[crowded[np.searchsorted(cells.cuts, sampled, side="right")]]
    values, repeats = np.unique(inside, return_counts=True)
    if cells.whole:
        extra = np.concatenate([values - 0.5, values + 0.5])
    else:
        extra = np.concatenate([values, np.nextafter(values[repeats > 1], np.inf)])
    cuts = np.union1d(cells.cuts, extra)
    parent = np.searchsorted(cells.cuts, np.append(-np.inf, cuts), side="right")
    found = np.bincount(np.searchsorted(cuts, sampled, side="right"), minlength=len(parent))
    parts = replace(cells, cuts=cuts, reference=cells.reference[parent], current=cells.current[parent], known=True)
    width = np.diff(parts.ends)
    return replace(
        parts,
        reference=parts.reference * _portions(width, parent),
        current=parts.current * _portions(found, parent),
    )


def _portions(weights: NDArray[Any], parent: NDArray[np.intp]) -> Floats:
    """Weight of each part in its parent; the parts of a parent without weight are equal."""
    total, parts = np.bincount(parent, weights), np.bincount(parent)
    even = 1 / np.maximum(parts, 1)
    portions: Floats = np.divide(weights, total[parent], out=even[parent], where=total[parent] > 0)
    return portions


def borders_for(cells: Cells) -> tuple[Floats, bool]:
    """Borders of at most 40 bins over most of the rows, and whether these are even on a logarithmic axis.

    They go from the 0.5% to the 99.5% quantile, but no further than three times the middle 90% beyond that. Positive
    values are drawn on a logarithmic axis if they go over a factor of 100 and 40% of them would be crowded into the
    first tenth of an even one.
    """
    weights = cells.mixture
    inner = np.concatenate([[0], weights[1:-1], [0]])[: len(weights)]
    if not cells.known and inner.any():
        # How rows lie in the outermost cells is a guess, which must not stretch the picture.
        first, last = _middle(cells, inner)
        reach = _REACH * (last - first)
        weights[0] *= cells.low >= first - reach
        weights[-1] *= cells.high <= last + reach
    low, usual, high = cells.quantiles(weights, (0.005, 0.4, 0.995)).tolist()
    first, last = _middle(cells, weights)
    start, end = _trimmed(low, high, first, last)
    if start > 0 and 100 * start <= end < 1e300 and usual - start < (end - start) / 10:
        start, end = _trimmed(*np.log10([low, high, first, last]).tolist())
        borders = log_borders(start, end)
        return (np.unique(np.ceil(borders) - 0.5) if cells.whole else borders), True
    borders = round_borders(start, end, whole=cells.whole)
    return (borders - 0.5 if cells.whole else borders), False


def _middle(cells: Cells, shares: Floats) -> tuple[float, float]:
    first, last = cells.quantiles(shares, (0.05, 0.95)).tolist()
    return first, last


def _trimmed(low: float, high: float, first: float, last: float) -> tuple[float, float]:
    reach = _REACH * (last - first)
    return max(low, first - reach), min(high, last + reach)


def round_borders(low: float, high: float, *, whole: bool = False) -> Floats:
    """Multiples of 1, 2 or 5 times a power of ten (of at least 1 for whole numbers) from `low` to beyond `high`.

    Examples
    --------
    >>> round_borders(0.3, 7.9)[[0, 1, -1]].tolist()
    [0.2, 0.4, 8.0]
    """
    power = math.floor(math.log10(max(high / BINS - low / BINS, max(abs(low), abs(high)) * 1e-12, 1e-300)))
    for digit in (1, 2, 5, 10, 20):
        step = max(digit * 10.0**power, float(whole))
        first, last = math.floor(low / step), math.floor(high / step) + 1
        if last - first <= BINS:
            break
    return np.round(np.arange(first, last + 1) * step, max(0, 1 - power))


def log_borders(low: float, high: float) -> Floats:
    """Preferred numbers from `10**low` to beyond `10**high`: 20, 10, 5, 4, 2 or fewer a decade, to three digits.

    Source: Renard's series, ISO 3.

    Examples
    --------
    >>> log_borders(0, 3.2)[[0, 1, 2, -1]].tolist()
    [1.0, 1.26, 1.58, 2000.0]
    """
    for each in (20, 10, 5, 4, 2, 1, 1 / 4, 1 / 20):
        first, last = math.floor(low * each), math.floor(high * each) + 1
        if last - first <= BINS:
            break
    return np.array([float(f"{10 ** (k / each):.3g}") for k in range(first, last + 1)])
