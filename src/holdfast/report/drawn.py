"""Sections and pictures as they stand on a page, whatever the pictures are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.report.sections import Section, Table

AXIS = 36
"""Pixels under a chart, for the labels of its axis."""

DESCRIBED = 12
"""Figures of a picture that are told in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture on the page.

    Attributes
    ----------
    number
        Its place in the data of the script.
    title, upwards, across
        What stands above it and what its axes measure.
    height
        Pixels.
    described
        The picture in words, for those who cannot see it.
    numbers
        What is there without it.
    legend
        Kinds of what is drawn, and what they mean.
    wide
        Whether it has the width of the page for itself.
    """

    number: int
    title: str
    upwards: str
    across: str
    height: int
    described: str
    numbers: Table | None
    legend: tuple[tuple[str, str], ...] = ()
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A section on the page, with its pictures."""

    section: Section
    figures: Sequence[Figure]


def described(title: str, told: Sequence[tuple[str, str]], more: int) -> str:
    """Figures of a picture in words.

    >>> described("Cost", [("today", "2 EUR"), ("tomorrow", "3 EUR")], 8)
    'Cost. today: 2 EUR; tomorrow: 3 EUR; and 8 more.'
    """
    figures = "; ".join(f"{label}: {figure}" for label, figure in told)
    return f"{title}. {figures}{f'; and {more:,} more' if more > 0 else ''}."


def evenly(n: int) -> list[int]:
    """Places of at most a dozen of so many things, evenly from the first to the last.

    >>> evenly(3), evenly(23)
    ([0, 1, 2], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22])
    """
    if n <= DESCRIBED:
        return list(range(n))
    return [round(place * (n - 1) / (DESCRIBED - 1)) for place in range(DESCRIBED)]
