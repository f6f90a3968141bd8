"""What is drawn, as plain numbers: bars, histograms and points. Computed apart from it, and drawn elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """Shares of the rows that have a value, 0 to 1, on both sides; `new` marks what the reference does not have."""

    label: str
    reference: float
    current: float
    new: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """A distribution over single values or groups of them.

    Attributes
    ----------
    title
        What the bars count.
    bars
        In the order in which they are drawn; labels are unique.
    ordered
        Whether that is a natural order (hours, numbers), not one of size.
    apart
        What is not among the bars, because together it would dwarf them: all rarer values.
    """

    title: str
    bars: tuple[Bar, ...]
    ordered: bool = False
    apart: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """A distribution over bins.

    Attributes
    ----------
    title
        What the axis measures.
    borders
        Of the bins, increasing, one more than there are bins.
    reference, current
        Share of the rows with a value that lie in each bin, 0 to 1.
    apart
        What is not in the bins: below them, above them, infinite, and single values that would dwarf all the rest.
    whole
        Whether all values are whole numbers; the borders then lie half-way between two.
    logarithmic
        Whether the bins are of equal width on a logarithmic axis.
    """

    title: str
    borders: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    apart: tuple[Bar, ...] = ()
    whole: bool = False
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Sampled rows of one table by their ranks in two numbers: how these depend on each other, whatever their scales.

    Attributes
    ----------
    axes
        Names of the two columns.
    rows
        Ranks of each row in both, as shares of the rows: 0 is the smallest value, 1 the largest; ties are spread.
    current
        Whether it is the current table.
    """

    axes: tuple[str, str]
    rows: tuple[tuple[float, float], ...]
    current: bool


Picture = Histogram | Bars
