"""Where a model's inputs, scores and answers differ from the reference: sections of plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from holdfast.numerals import number, several
from holdfast.report.evaluation_shapes import Axis, Point
from holdfast.report.monitoring_heat import MOST_COLUMNS, heat, ordered, table, windows_of_a_cell
from holdfast.report.monitoring_shapes import Course
from holdfast.report.monitoring_view import MOST_SMALL, Panel, View, joined, point
from holdfast.report.monitoring_words import POINTS, change, column_of, in_shares, signal
from holdfast.report.sections import Section, Table

if TYPE_CHECKING:
    from holdfast.watched import Shown

MOST_NOTED = 20
"""Alarms that are listed though they do not matter."""

WORTH_A_LOOK = 0.5
"""A share of missing values is drawn once it has changed by so much of what matters."""

_GREY = "in the grey band they are too small to matter."


def columns(shown: View, anchor: str) -> Panel:
    """Columns by windows."""
    found = ordered(shown.watched)
    if not found:
        return Panel(Section(anchor=anchor, title="Inputs"))
    text = ["What matters most is at the top: columns by importance times change."]
    if (together := windows_of_a_cell(shown.watched)) > 1:
        text.append(f"Each cell is the largest change of {together} windows.")
    if (left := len(found) - MOST_COLUMNS) > 0:
        text.append(f"{several(left, 'column')} further down {'is' if left == 1 else 'are'} not drawn.")
    section = Section(anchor=anchor, title="Inputs", text=tuple(text), tables=(table(shown, found),))
    return Panel(section, (heat(shown, found),))


def answers(shown: View, anchor: str) -> Panel:
    """Scores, decisions and reviews."""
    heads = {"score", "decision", "review", "interval", "fairness"}
    keys = [key for key in _keys(shown) if key.partition(":")[0] in heads]
    drawn = [key for key in keys if any(window.effects.get(key) for window in shown.watched.windows)]
    still = [signal(key) for key in keys if key not in drawn]
    text = [f"Changes from the reference, of shares in {POINTS}; {_GREY}"] if drawn else []
    text += [f"As in the reference in every window: {', '.join(still)}."] if still else []
    section = Section(anchor=anchor, title="Scores and answers", text=tuple(text))
    return Panel(section, _changes(shown, drawn[:MOST_SMALL]))


def missing(shown: View, anchor: str) -> Panel:
    """Columns that miss more or fewer values than in the reference."""
    keys = [key for key in _keys(shown) if column_of(key) is not None and key.endswith(":missing")]
    if not keys:
        return Panel(Section(anchor=anchor, title="Missing values"))
    reached = {key: _reached(shown, key) for key in keys}
    worth = sorted((key for key in keys if reached[key] >= WORTH_A_LOOK), key=lambda key: -reached[key])[:MOST_SMALL]
    text = (
        f"Changes of their share from the reference, in {POINTS}; {_GREY}"
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
        matters, factor = shown.watched.minimum.get(key), _factor(key)
        found.append(
            Course(
                title=signal(key),
                y=Axis(POINTS if in_shares(key) else "sd" if key.endswith(("location", "spread")) else ""),
                span=shown.span,
                runs=joined(shown, partial(_changed, shown, key)),
                level=(0.0, None, None) if matters is None else (0.0, -factor * matters, factor * matters),
                marks=shown.marks,
            )
        )
    return tuple(found)


def _changed(shown: View, key: str, window: Shown) -> Point | None:
    effect = window.effects.get(key)
    if effect is None or not math.isfinite(effect):
        return None
    return point(shown, window, _factor(key) * effect, change(key, effect, shown.watched.unit))


def _factor(key: str) -> float:
    """A difference of shares is no share: it is drawn in points."""
    return 100.0 if in_shares(key) else 1.0


def noted(shown: View, anchor: str) -> Panel:
    """Changes that are no chance, and too small to matter."""
    found = [
        (window, one)
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
            *([f"{window.release}"] if shown.mixed else []),
            shown.clock.told(one["since"]),
        )
        for window, one in found[-MOST_NOTED:]
    )
    text = "These changes are no chance, but they open no incident."
    head = ("Signal", "Change", "Times what matters", *(["Release"] if shown.mixed else []), "Since")
    own = Table(caption="Noted changes", head=head, rows=rows, words=frozenset({len(head) - 1}))
    return Panel(Section(anchor=anchor, title="Noted, too small to matter", text=(text,), tables=(own,)))
