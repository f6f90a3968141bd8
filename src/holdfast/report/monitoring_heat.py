"""Where the inputs of a model changed: columns by windows, what matters most at the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.numerals import number
from holdfast.report.monitoring_shapes import Cell, Heat
from holdfast.report.monitoring_words import aspect, change, column_of
from holdfast.report.sections import Table
from holdfast.report.words import cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.report.monitoring_view import View
    from holdfast.watched import Shown, Watched

MOST_COLUMNS = 60
"""Columns that are drawn."""

MOST_TIMES = 90
"""Cells of a column that are drawn; of more windows, several make one cell."""

DRAWN = 0.5
"""So much of what matters a change must be to be drawn."""

TABLED = 10
"""Columns of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Largest:
    """The largest change of a column in a time, over the smallest that matters, and its window."""

    column: str
    key: str
    effect: float
    strength: float
    window: Shown


def largest(windows: Sequence[Shown], minimum: Mapping[str, float]) -> dict[str, Largest]:
    """The largest change of each column in some windows."""
    found: dict[str, Largest] = {}
    for window in windows:
        for key, effect in window.effects.items():
            column, matters = column_of(key), minimum.get(key, 0.0)
            if column is None or not matters > 0:
                continue
            strength = abs(effect) / matters
            if column not in found or strength > found[column].strength:
                found[column] = Largest(column=column, key=key, effect=effect, strength=strength, window=window)
    return found


def ordered(watched: Watched) -> list[Largest]:
    """The largest change of each column, by importance x effect; of a column without importance as of a usual one."""
    found = largest(watched.windows, watched.minimum)
    return sorted(found.values(), key=lambda one: -one.strength * watched.importance.get(one.column, 1.0))


def windows_of_a_cell(watched: Watched) -> int:
    """One, or so many that a column has no more cells than are drawn."""
    return max(1, -(-len(watched.windows) // MOST_TIMES))


def heat(shown: View, found: Sequence[Largest]) -> Heat:
    """The heat map of a model; `found`: the largest change of each column, in the order in which they are drawn."""
    watched, clock = shown.watched, shown.clock
    columns = tuple(one.column for one in found[:MOST_COLUMNS])
    kept = set(columns)
    cells: list[Cell] = []
    times: list[tuple[float, float]] = []
    for group in _grouped(watched.windows, windows_of_a_cell(watched)):
        start, end = clock.place(group[0].start), clock.place(group[-1].end)
        changes = largest(group, watched.minimum)
        if not changes:
            continue
        times.append((times.pop()[0] if times and times[-1][1] == start else start, end))
        cells += [
            Cell(
                column=column,
                start=start,
                end=end,
                strength=one.strength,
                label=f"{cut(column)}, {shown.told(one.window)}",
                told=_told(one),
            )
            for column, one in changes.items()
            if column in kept and one.strength >= DRAWN
        ]
    return Heat(
        title="How far each column is from the reference",
        span=shown.span,
        columns=columns,
        times=tuple(times),
        cells=tuple(cells),
        marks=shown.marks,
    )


def table(shown: View, found: Sequence[Largest]) -> Table:
    """The columns that changed most."""
    importance = shown.watched.importance
    rows = tuple(
        (
            one.column,
            number(importance[one.column], 2) if one.column in importance else "–",
            aspect(one.key),
            change(one.key, one.effect),
            number(one.strength, 2),
            shown.told(one.window),
        )
        for one in found[:TABLED]
    )
    head = ("Column", "Importance", "What changed most", "By", "Times what matters", "When")
    return Table(caption="Largest change of each column", head=head, rows=rows, words=frozenset({2, 5}), folded=True)


def _told(one: Largest) -> str:
    return f"{aspect(one.key)} {change(one.key, one.effect)}, {number(one.strength, 2)} times what matters"


def _grouped(windows: Sequence[Shown], size: int) -> list[Sequence[Shown]]:
    return [windows[start : start + size] for start in range(0, len(windows), size)]
