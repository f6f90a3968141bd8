"""A model in service as it is shown: its clock, from when to when its windows go, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdfast.profile.delays import STEPS, delay_of
from holdfast.report.evaluation_shapes import Point
from holdfast.report.monitoring_incidents import of_truth, state_of
from holdfast.report.monitoring_shapes import Mark, Picture, Run
from holdfast.report.monitoring_words import Clock
from holdfast.report.sections import Section

if TYPE_CHECKING:
    from holdfast.incident import Incident
    from holdfast.watched import Measured, Shown, Watched

MOST_MARKS = 12
"""Incidents that are marked in pictures."""

MOST_SMALL = 8
"""Small pictures of a section."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A section, and its pictures."""

    section: Section
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A model, its clock, from when to when its windows go, what happened meanwhile, and whether several releases answered."""

    watched: Watched
    clock: Clock
    span: tuple[float, float]
    marks: tuple[Mark, ...]
    mixed: bool = False

    def told(self, window: Shown) -> str:
        """A window in words: its beginning, and who answered where that was not always the same release."""
        begun = self.clock.told(window.start)
        return f"{begun}, release {window.release}" if self.mixed and window.release > 0 else begun


def view(watched: Watched) -> View:
    """A model as it is shown; it has at least one window."""
    clock, windows = clock_of(watched), watched.windows
    span = clock.place(windows[0].start), clock.place(windows[-1].end)
    releases = [
        Mark(f"release {after.release}" if after.release > 0 else "new reference", clock.place(after.start), "release")
        for before, after in pairwise(windows)
        if after.release and before.release and after.release != before.release
    ]
    marks = sorted([*releases, *(_mark(one, windows, clock) for one in _marked(watched))], key=lambda mark: mark.place)
    shown = tuple(mark for mark in marks if span[0] <= mark.place <= span[1])
    return View(watched, clock, span, shown, mixed(watched))


def mixed(watched: Watched) -> bool:
    """Whether windows of several releases stand beside one another; tables without a release have a number below 0."""
    return len({window.release for window in watched.windows if window.release > 0}) > 1


def _mark(incident: Incident, windows: Sequence[Shown], clock: Clock) -> Mark:
    """An incident, from the rows on that show it first, until it is over."""
    began = clock.place(rows_at(incident, incident.since, windows))
    if incident.resolved is None:
        return Mark(incident.id, began, "incident")
    return Mark(incident.id, began, "incident", max(clock.place(rows_at(incident, incident.resolved, windows)), began))


def rows_at(incident: Incident, moment: float, windows: Sequence[Shown]) -> float:
    """When the rows were answered that tell of a moment of an incident: the truth tells of them as much later as it takes.

    Figures stand at the window of their rows, whenever the truth came. So does what it tells: at the border of windows
    nearest to half of the truths' delay before.
    """
    counts = delays(windows)
    if not of_truth(incident.surest.key) or not counts.sum():
        return moment
    answered = moment - delay_of(counts, 0.5)
    return min((*(window.start for window in windows), windows[-1].end), key=lambda border: abs(border - answered))


def delays(windows: Iterable[Shown]) -> NDArray[np.int64]:
    """Truths of windows by the time that they took to come, as `profile.delays` has it."""
    counts = np.zeros(len(STEPS) + 1, np.int64)
    for window in windows:
        for step, rows in window.truth.delays:
            counts[step] += rows
    return counts


def _marked(watched: Watched) -> list[Incident]:
    return [one for one in watched.incidents if state_of(one) != "noted"][:MOST_MARKS]


def clock_of(watched: Watched) -> Clock:
    """The clock of a model; hours are not told where all windows begin with the day."""
    clock = Clock(watched.zone, days=False)
    return Clock(watched.zone, days=all(clock.place(window.start) % 86_400 == 0 for window in watched.windows))


def measured(window: Shown) -> Measured:
    """Where the figures of a window stand that are shown: of the time that ends with it, if such are asked for."""
    return window.rolling or window


def joined(shown: View, point: Callable[[Shown], Point | None]) -> tuple[Run, ...]:
    """Points of windows that follow one another."""
    runs: list[list[Point]] = [[]]
    for window in shown.watched.windows:
        found = point(window)
        if found is not None:
            runs[-1].append(found)
        elif runs[-1]:
            runs.append([])
    return tuple(tuple(run) for run in runs if run)


def point(
    shown: View, window: Shown, value: float, told: str, low: float | None = None, high: float | None = None
) -> Point:
    """A figure of a window, in the middle of it."""
    middle = (shown.clock.place(window.start) + shown.clock.place(window.end)) / 2
    return Point(label=shown.told(window), value=value, told=told, low=low, high=high, x=middle)
