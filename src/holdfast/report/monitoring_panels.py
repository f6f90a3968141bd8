"""What a report shows of a model in service: sections of plain numbers, computed here from its windows, drawn elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from holdfast.evidence import Estimate
from holdfast.numerals import number, several
from holdfast.report import estimates
from holdfast.report.evaluation_shapes import Axis, Intervals, Point
from holdfast.report.monitoring_groups import Group, groups, newest
from holdfast.report.monitoring_heat import MOST_COLUMNS, heat, ordered, table, windows_of_a_cell
from holdfast.report.monitoring_incidents import state_of
from holdfast.report.monitoring_shapes import Course, Mark, Picture, Run
from holdfast.report.monitoring_words import (
    TITLES,
    Clock,
    change,
    column_of,
    figure_is_share,
    figure_title,
    in_shares,
    signal,
)
from holdfast.report.sections import Section, Table
from holdfast.report.words import share

if TYPE_CHECKING:
    from holdfast.report.monitoring_records import Figure, Incident, Watched, Window

MOST_SMALL = 8
"""Small pictures of a section."""

MOST_MARKS = 12
"""Incidents that are marked in pictures."""

MOST_GROUPS = 20
"""Groups of a column that are drawn, the largest ones; the table has all."""

MOST_NOTED = 20
"""Alarms that are listed though they do not matter."""

WORTH_A_LOOK = 0.5
"""A share of missing values is drawn once it has changed by so much of what matters."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A section, and its pictures."""

    section: Section
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A model, its clock, from when to when its windows go, and what happened meanwhile."""

    watched: Watched
    clock: Clock
    span: tuple[float, float]
    marks: tuple[Mark, ...]


def view(watched: Watched) -> View:
    """A model as it is shown; it has at least one window."""
    clock, windows = clock_of(watched), watched.windows
    span = clock.place(windows[0].start), clock.place(windows[-1].end)
    releases = [
        Mark(f"release {after.release}", clock.place(after.start), "release")
        for before, after in pairwise(windows)
        if after.release and before.release and after.release != before.release
    ]
    begun = [Mark(one.id, clock.place(one.since), "incident") for one in _marked(watched)]
    marks = sorted([*releases, *begun], key=lambda mark: mark.place)
    return View(watched, clock, span, tuple(mark for mark in marks if span[0] <= mark.place <= span[1]))


def _marked(watched: Watched) -> list[Incident]:
    return [one for one in watched.incidents if state_of(one) != "noted"][:MOST_MARKS]


def clock_of(watched: Watched) -> Clock:
    """The clock of a model; hours are not told where all windows begin with the day."""
    clock = Clock(watched.zone, days=False)
    return Clock(watched.zone, days=all(clock.place(window.start) % 86_400 == 0 for window in watched.windows))


def panels(watched: Watched, prefix: str) -> tuple[Panel, ...]:
    """The sections of a model that have something to say; `prefix`: of their addresses."""
    if not watched.windows:
        return ()
    shown = view(watched)
    found = (
        _objective(shown, f"{prefix}objective"),
        _columns(shown, f"{prefix}columns"),
        _figures(shown, f"{prefix}figures"),
        _answers(shown, f"{prefix}answers"),
        _rows(shown, f"{prefix}rows"),
        _missing(shown, f"{prefix}missing"),
        _groups(shown, f"{prefix}groups"),
        _noted(shown, f"{prefix}noted"),
    )
    return tuple(panel for panel in found if panel.pictures or not panel.section.empty)


# --- The objective --------------------------------------------------------------------------------------------------


def _objective(shown: View, anchor: str) -> Panel:
    watched = shown.watched
    title, unit = watched.loss_title, watched.unit
    realised, expected = _measured(shown, "loss", unit), _expected(shown, "loss", unit)
    usual, matters = watched.usual, watched.minimum.get("loss")
    text = []
    if usual is not None:
        told = estimates.told(Estimate(value=usual[0], low=usual[1], high=usual[2], unit=unit))
        text.append(f"In the reference, it was {told}. Lower is better.")
    if not realised:
        text.append("No truth is known yet, so nothing was measured.")
    text += _unknown(shown)
    section = Section(anchor=anchor, title=f"{title} over time", text=tuple(text))
    if not realised and not expected:
        return Panel(section)
    course = Course(
        title=title,
        y=Axis(unit if unit != "share" else "", "share" if unit == "share" else "number"),
        span=shown.span,
        runs=realised,
        expected=expected,
        level=usual,
        limit=usual[0] + matters if usual is not None and matters is not None else None,
        marks=shown.marks,
        tall=True,
    )
    return Panel(section, (course,))


def _unknown(shown: View) -> list[str]:
    """How often it was unknown what to expect, and why it was so last."""
    windows = [window for window in shown.watched.windows if window.unknown]
    if not windows:
        return []
    why = windows[-1].unknown.get("loss") or next(iter(windows[-1].unknown.values()))
    often = f"{len(windows):,} of {several(len(shown.watched.windows), 'window')}"
    return [f"What to expect is unknown in {often}, last on {shown.clock.told(windows[-1].start)}: {why}."]


def _figures(shown: View, anchor: str) -> Panel:
    """Other figures, those that are measured first."""
    windows = shown.watched.windows
    measured = {key for window in windows for key in window.figures}
    known = measured | {key for window in windows for key in window.estimates}
    # The cost and the objective are the loss in other words.
    keys = [key for key in (*TITLES, *sorted(known - set(TITLES))) if key in known - {"loss", "cost", "objective"}]
    keys.sort(key=lambda key: key not in measured)
    found = []
    for key in keys[:MOST_SMALL]:
        unit = "share" if figure_is_share(key) else ""
        found.append(
            Course(
                title=figure_title(key),
                y=Axis("", "share" if unit else "number"),
                span=shown.span,
                runs=_measured(shown, key, unit),
                expected=_expected(shown, key, unit),
                marks=shown.marks,
            )
        )
    text = ("Line: measured. Dashed: expected before the truth came. Bands: 95% intervals.",) if found else ()
    return Panel(Section(anchor=anchor, title="Other figures", text=text), tuple(found))


# --- Inputs and answers ---------------------------------------------------------------------------------------------


def _columns(shown: View, anchor: str) -> Panel:
    found = ordered(shown.watched)
    if not found:
        return Panel(Section(anchor=anchor, title="Inputs"))
    text = ["What matters most is at the top: columns by importance times change."]
    if (together := windows_of_a_cell(shown.watched)) > 1:
        text.append(f"Each cell is the largest change of {together} windows.")
    if (left := len(found) - MOST_COLUMNS) > 0:
        text.append(f"{several(left, 'column')} further down {'is' if left == 1 else 'are'} not drawn.")
    section = Section(
        anchor=anchor, title="Inputs", text=tuple(text), tables=(table(shown.watched, found, shown.clock),)
    )
    return Panel(section, (heat(shown.watched, found, shown.clock, shown.span, shown.marks),))


def _answers(shown: View, anchor: str) -> Panel:
    heads = {"score", "decision", "review", "interval", "fairness"}
    keys = [key for key in _keys(shown) if key.partition(":")[0] in heads]
    text = ("Changes from the reference; in the grey band they are too small to matter.",) if keys else ()
    return Panel(Section(anchor=anchor, title="Scores and answers", text=text), _changes(shown, keys[:MOST_SMALL]))


def _missing(shown: View, anchor: str) -> Panel:
    keys = [key for key in _keys(shown) if column_of(key) is not None and key.endswith(":missing")]
    if not keys:
        return Panel(Section(anchor=anchor, title="Missing values"))
    reached = {key: _reached(shown, key) for key in keys}
    worth = sorted((key for key in keys if reached[key] >= WORTH_A_LOOK), key=lambda key: -reached[key])[:MOST_SMALL]
    text = (
        "Changes of their share from the reference; in the grey band they are too small to matter."
        if worth
        else "No column misses more or fewer values than in the reference, as far as it would matter."
    )
    return Panel(Section(anchor=anchor, title="Missing values", text=(text,)), _changes(shown, worth))


def _keys(shown: View) -> list[str]:
    return list(dict.fromkeys(key for window in shown.watched.windows for key in window.effects))


def _reached(shown: View, key: str) -> float:
    """The largest change of a signal, over the smallest that matters."""
    matters = shown.watched.minimum.get(key, math.inf)
    return max(abs(window.effects.get(key, 0.0)) for window in shown.watched.windows) / matters


def _changes(shown: View, keys: Sequence[str]) -> tuple[Course, ...]:
    """Changes of signals from the reference."""
    found = []
    for key in keys:
        matters = shown.watched.minimum.get(key)
        found.append(
            Course(
                title=signal(key),
                y=Axis("", "share") if in_shares(key) else Axis("sd" if key.endswith(("location", "spread")) else ""),
                span=shown.span,
                runs=_joined(shown, partial(_changed, shown, key)),
                level=(0.0, None, None) if matters is None else (0.0, -matters, matters),
                marks=shown.marks,
            )
        )
    return tuple(found)


def _changed(shown: View, key: str, window: Window) -> Point | None:
    effect = window.effects.get(key)
    if effect is None or not math.isfinite(effect):
        return None
    return _point(shown, window, effect, change(key, effect, shown.watched.unit))


# --- Rows and truth -------------------------------------------------------------------------------------------------


def _rows(shown: View, anchor: str) -> Panel:
    windows = shown.watched.windows
    rows, labelled = sum(window.rows for window in windows), sum(window.labelled for window in windows)
    known = f"The truth is known of {labelled:,} of {several(rows, 'row')}" + (
        f" ({share(labelled / rows)})." if rows else "."
    )
    volume = Course(
        title="Rows of each window",
        y=Axis(""),
        span=shown.span,
        runs=_joined(shown, lambda window: _point(shown, window, window.rows, several(window.rows, "row"))),
        level=_usual_rows(windows),
        marks=shown.marks,
        low=0.0,
    )
    truth = Course(
        title="Share whose truth is known",
        y=Axis("", "share"),
        span=shown.span,
        runs=_joined(shown, lambda window: _truth(shown, window)),
        marks=shown.marks,
        low=0.0,
        high=1.0,
    )
    pictures = (volume, truth) if labelled else (volume,)
    return Panel(Section(anchor=anchor, title="Rows and truth", text=(known,)), pictures)


def _usual_rows(windows: Sequence[Window]) -> tuple[float, None, None] | None:
    """Rows of a usual window: the signal is the logarithm of one more than them, less its mean."""
    means = sorted(
        math.log1p(window.rows) - window.effects["volume"] for window in windows if "volume" in window.effects
    )
    return (math.expm1(means[len(means) // 2]), None, None) if means else None


def _truth(shown: View, window: Window) -> Point | None:
    if not window.rows:
        return None
    told = f"{share(window.labelled / window.rows)}: {window.labelled:,} of {several(window.rows, 'row')}"
    return _point(shown, window, window.labelled / window.rows, told)


# --- Groups ---------------------------------------------------------------------------------------------------------


def _groups(shown: View, anchor: str) -> Panel:
    watched, found = shown.watched, groups(shown.watched)
    if not found:
        return Panel(Section(anchor=anchor, title="Groups of rows"))
    over = newest(watched)
    when = shown.clock.between(over[0].start, over[-1].start)
    head = ("Group", "Rows", "Truth known", watched.loss_title, "Less that of all rows")
    rows = tuple(
        (
            f"{one.column} = {one.value}",
            f"{one.rows:,}",
            f"{one.labelled:,}",
            estimates.cell(one.loss),
            estimates.cell(one.gap, signed=True),
        )
        for one in found
    )
    text = f"{watched.loss_title} of each group less that of all rows, from {when}, with 95% intervals."
    if any(one.gap is None for one in found):
        text += " Groups with too few labelled rows have no figure."
    pictures = tuple(
        Intervals(title=f"By {column}", x=Axis(watched.unit), points=points, reference=0.0)
        for column in dict.fromkeys(one.column for one in found)
        if (points := _gaps(one for one in found if one.column == column))
    )
    own = Table(caption=f"Groups, {when}", head=head, rows=rows, folded=bool(pictures))
    return Panel(Section(anchor=anchor, title="Groups of rows", text=(text,), tables=(own,)), pictures)


def _gaps(some: Iterable[Group]) -> tuple[Point, ...]:
    largest = sorted(some, key=lambda one: -one.rows)[:MOST_GROUPS]
    return tuple(
        Point(
            label=one.value,
            value=one.gap.value,
            low=one.gap.low,
            high=one.gap.high,
            told=estimates.told(one.gap, signed=True),
        )
        for one in largest
        if one.gap is not None and one.gap.value is not None
    )


# --- Alarms that do not matter --------------------------------------------------------------------------------------


def _noted(shown: View, anchor: str) -> Panel:
    """Changes that are no chance, and too small to matter."""
    found = [
        (window.start, one)
        for window in shown.watched.windows
        for alarm in window.alarms
        for one in alarm.get("changes", ())
        if not one.get("material", True)
    ]
    if not found:
        return Panel(Section(anchor=anchor, title="Noted, too small to matter"))
    unit = shown.watched.unit
    rows = tuple(
        (
            signal(one["signal"]),
            change(one["signal"], one["effect"], unit),
            number(abs(one["effect"]) / one["minimum"], 2) if one.get("minimum") else "–",
            shown.clock.told(one["since"]),
        )
        for _, one in found[-MOST_NOTED:]
    )
    text = "These changes are no chance, but they open no incident."
    head = ("Signal", "Change", "Times what matters", "Since")
    own = Table(caption="Noted changes", head=head, rows=rows, words=frozenset({3}))
    return Panel(Section(anchor=anchor, title="Noted, too small to matter", text=(text,), tables=(own,)))


# --- Figures over time ----------------------------------------------------------------------------------------------


def _measured(shown: View, key: str, unit: str) -> tuple[Run, ...]:
    """A figure over time, as far as the truth is known."""
    return _joined(shown, lambda window: _figure_point(shown, window, window.figures.get(key), unit))


def _expected(shown: View, key: str, unit: str) -> tuple[Run, ...]:
    """A figure over time, as it was expected before the truth came."""
    return _joined(shown, lambda window: _figure_point(shown, window, window.estimates.get(key), unit))


def _figure_point(shown: View, window: Window, figure: Figure | None, unit: str) -> Point | None:
    if figure is None or not math.isfinite(figure[0]):
        return None
    estimate = Estimate(value=figure[0], low=figure[1], high=figure[2], unit=unit)
    return _point(shown, window, figure[0], estimates.told(estimate), estimate.low, estimate.high)


def _joined(shown: View, point: Callable[[Window], Point | None]) -> tuple[Run, ...]:
    """Points of windows that follow one another."""
    runs: list[list[Point]] = [[]]
    for window in shown.watched.windows:
        found = point(window)
        if found is not None:
            runs[-1].append(found)
        elif runs[-1]:
            runs.append([])
    return tuple(tuple(run) for run in runs if run)


def _point(
    shown: View, window: Window, value: float, told: str, low: float | None = None, high: float | None = None
) -> Point:
    middle = (shown.clock.place(window.start) + shown.clock.place(window.end)) / 2
    return Point(label=shown.clock.told(window.start), value=value, told=told, low=low, high=high, x=middle)
