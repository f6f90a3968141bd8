"""What is drawn of a model in service, as plain numbers: figures over time, and a heat map. Drawn in `monitoring_charts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from holdfast.report.evaluation_shapes import Axis, Intervals, Point

Run: TypeAlias = tuple[Point, ...]
"""Figures of windows that follow one another; a line joins them."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A release that came into force at a moment, or an incident, from when it began until it was over; None: it is not."""

    name: str
    place: float
    kind: Literal["release", "incident"]
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A figure over time, with its interval as a band. Moments are seconds of the model's own clock.

    Attributes
    ----------
    title, y
        What it shows, and its axis.
    span
        From when to when; the same for all pictures of a model, so that they can be compared.
    runs
        What was measured; lines end where windows have none.
    expected
        What was expected before the truth came.
    level
        A number that it is compared with, and the ends of the band around it.
    limit
        Where it begins to matter.
    marks
        What happened meanwhile; named where the picture is tall.
    low, high
        Ends of the axis; None: as the figures have it.
    tall
        Whether it is drawn larger than those that stand side by side.
    """

    title: str
    y: Axis
    span: tuple[float, float]
    runs: tuple[Run, ...]
    expected: tuple[Run, ...] = ()
    level: tuple[float, float | None, float | None] | None = None
    limit: float | None = None
    marks: tuple[Mark, ...] = ()
    low: float | None = None
    high: float | None = None
    tall: bool = False

    @property
    def points(self) -> Run:
        """What was measured, else what was expected."""
        return tuple(point for run in self.runs or self.expected for point in run)


@dataclass(frozen=True, slots=True)
class Cell:
    """The largest change of a column in a time: `strength` is 1 where it begins to matter; `label` and `told` are words."""

    column: str
    start: float
    end: float
    strength: float
    label: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """How far each column was away from the reference, over time.

    Attributes
    ----------
    title
        What it shows.
    span
        From when to when.
    columns
        From top to bottom.
    times
        Beginnings and ends of the times without a gap that were judged.
    cells
        Changes; a column that has none in a time was hardly changed.
    marks
        What happened meanwhile.
    """

    title: str
    span: tuple[float, float]
    columns: tuple[str, ...]
    times: tuple[tuple[float, float], ...]
    cells: tuple[Cell, ...]
    marks: tuple[Mark, ...] = ()


Picture: TypeAlias = Course | Heat | Intervals
