"""What is drawn of an evaluation, as plain numbers: lines, and intervals side by side. Drawn in `evaluation_charts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scale = Literal["number", "share", "time"]
"""How numbers of an axis are written; times are seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis measures."""

    title: str = ""
    scale: Scale = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A figure and its interval. `label` is what it is of, and `told` the figure, both in words."""

    label: str
    value: float
    told: str
    low: float | None = None
    high: float | None = None
    x: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Figures along an axis: joined, or each by itself with its interval.

    Attributes
    ----------
    title, x, y
        What it shows, and its axes.
    points
        With ascending `x`.
    joined
        Whether a line joins them.
    steps
        Whether the line keeps a figure back to the place before, as of a threshold between two scores.
    thin
        Further lines over the same places, such as those of single rows.
    marks
        Named places on the x axis.
    diagonal
        Whether the line on which both axes agree is drawn.
    """

    title: str
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    joined: bool = True
    steps: bool = False
    thin: tuple[tuple[float, ...], ...] = ()
    marks: tuple[tuple[str, float], ...] = ()
    diagonal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Figures of several things below one another.

    Attributes
    ----------
    title, x
        What it shows, and its axis.
    points
        From top to bottom; labels are unique.
    reference
        A number that they are to be compared with, such as 0 for differences.
    """

    title: str
    x: Axis
    points: tuple[Point, ...]
    reference: float | None = None


Picture = Lines | Intervals
