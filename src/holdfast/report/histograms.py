"""Distributions of numbers: in bins, or value by value where these are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holdfast.numerals import number
from holdfast.profile.column import ColumnProfile
from holdfast.profile.numeric import NEGATIVE_INFINITE, POSITIVE_INFINITE, NumberEdges
from holdfast.report.cells import Cells, borders_for, cells_of, on_grid
from holdfast.report.shapes import Bar, Bars, Histogram, Picture
from holdfast.report.shares import NOTHING, share_of
from holdfast.report.words import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

POINTS = 24
"""A number with at most so many different values is drawn value by value."""

# A single value with at least this share, and so many times the tallest bin of the others, leaves no room for them.
_SPIKE, _DWARFS = 0.25, 4


def histogram(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None = None) -> Picture:
    """Distribution of a number: at most 40 bins between the 0.5% and 99.5% quantiles of both sides together.

    What lies beyond is given as a share, so that a value of 1e9 spoils nothing. A number of few different values is
    drawn value by value; positive numbers over several orders of magnitude get bins of equal width on a logarithmic
    axis; a single value that would dwarf all others stands apart. Rows are taken to lie evenly within the (much finer)
    bins of the profile.

    Parameters
    ----------
    current, reference
        Over the same edges.
    sampled
        Finite values of sampled current rows, shape `(n,)`: they tell how rows lie where the reference has few or none.

    Examples
    --------
    >>> import pyarrow as pa
    >>> edges = NumberEdges.learn(np.repeat([0.0, 1.0, 2.0], [60, 30, 10]))
    >>> before, now = (edges.count(pa.array(v)) for v in ([0.0] * 6 + [1.0] * 3 + [2.0], [0.0, 1.0, 1.0, 1.0]))
    >>> for bar in histogram(now, before).bars:
    ...     print(bar.label, bar.reference, bar.current)
    0 0.6 0.25
    1 0.3 0.75
    2 0.1 0.0
    """
    infinite = [
        Bar(label, share_of(reference.counts[place], reference), share_of(current.counts[place], current))
        for label, place in (("−∞", NEGATIVE_INFINITE), ("∞", POSITIVE_INFINITE))
    ]
    apart = tuple(bar for bar in infinite if bar.reference or bar.current)
    return drawn("Value", cells_between(current, reference, sampled), apart)


def cells_between(current: ColumnProfile, reference: ColumnProfile, sampled: Floats | None) -> Cells:
    """Shares of the finite rows of both sides over the bins of the profiles; parameters as of `histogram`."""
    assert isinstance(reference.edges, NumberEdges)
    sides = []
    for profile in (reference, current):
        finite = profile.cells.astype(np.float64)
        finite[0] -= profile.counts[NEGATIVE_INFINITE]
        finite[-1] -= profile.counts[POSITIVE_INFINITE]
        sides.append(finite / max(int(profile.cells.sum()), 1))
    low, high = np.fmin(current.low, reference.low), np.fmax(current.high, reference.high)
    return cells_of(reference.edges.cuts, sides[0], sides[1], float(low), float(high), sampled)


def drawn(title: str, cells: Cells, infinite: tuple[Bar, ...] = ()) -> Picture:
    """Value by value if they are few, else in bins."""
    atoms, used = cells.atoms, np.flatnonzero(cells.mixture).tolist()
    if len(used) <= POINTS and 2 * cells.mixture[atoms].sum() >= cells.mixture.sum():
        points = (Bar(_label(cells, i), float(cells.reference[i]), float(cells.current[i])) for i in used)
        return Bars(title, (*points, *infinite), ordered=True)
    cells, unit = on_grid(cells)
    atoms = cells.atoms
    size = np.maximum(cells.reference, cells.current)
    rest = cells.without(atoms & (size >= _SPIKE))
    borders, logarithmic = borders_for(rest)
    tallest = max(shares[1:-1].max() for shares in rest.between(borders))
    spikes = atoms & (size >= _SPIKE) & (size > _DWARFS * tallest)
    reference, current = cells.without(spikes).between(borders)
    first, last = unit * np.ceil(borders[[0, -1]]) if cells.whole else borders[[0, -1]]
    apart = [
        Bar(f"< {number(first, 4)}", float(reference[0]), float(current[0])),
        *(
            Bar(f"= {number(unit * cells.value(i), 4)}", float(cells.reference[i]), float(cells.current[i]))
            for i in np.flatnonzero(spikes).tolist()
        ),
        Bar(f"≥ {number(last, 4)}", float(reference[-1]), float(current[-1])),
    ]
    return Histogram(
        title=title,
        borders=tuple((unit * borders).tolist()),
        reference=tuple(reference[1:-1].tolist()),
        current=tuple(current[1:-1].tolist()),
        apart=(*(bar for bar in apart if max(bar.reference, bar.current) > NOTHING), *infinite),
        whole=cells.whole and unit == 1,
        logarithmic=logarithmic,
    )


def _label(cells: Cells, cell: int) -> str:
    """What a cell holds: a value, the values between two, or what lies beyond."""
    if not len(cells.cuts):
        return "any"
    half = 0.5 if cells.whole else 0.0
    if cell == 0:
        return f"< {plain(cells.cuts[0] + half)}"
    if cell == len(cells.cuts):
        return f"> {plain(cells.cuts[-1] - half)}"
    if cells.atoms[cell]:
        return plain(cells.value(cell))
    return f"{plain(cells.cuts[cell - 1] + half)} – {plain(cells.cuts[cell] - half)}"
