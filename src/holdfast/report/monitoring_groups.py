"""How groups of rows fare beside everyone: the loss of each segment over the newest windows, and its gap."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.evidence import Estimate
from holdfast.profile.group_names import group_parts
from holdfast.report import estimates
from holdfast.report.evaluation_shapes import Axis, Intervals, Point
from holdfast.report.monitoring_view import Panel, View
from holdfast.report.monitoring_words import POINTS
from holdfast.report.sections import Section, Table

if TYPE_CHECKING:
    from holdfast.watched import Figure, Shown, Watched

NEWEST = 28
"""Windows that are taken together."""

MOST_GROUPS = 20
"""Groups of a column that are drawn, the largest ones; the table has all."""

Z = 1.959963984540054

FEWEST = 30
"""Labelled rows of a segment, below which no figure of it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A segment beside everyone.

    Attributes
    ----------
    column, value
        The segment.
    rows, labelled
        In the windows that are taken together.
    loss, gap
        Mean loss, and by how much it is above that of all rows; None of too few labelled rows.
    """

    column: str
    value: str
    rows: int
    labelled: int
    loss: Estimate | None
    gap: Estimate | None


def groups_panel(shown: View, anchor: str) -> Panel:
    """The gap of each group, and a table of all of them."""
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
            estimates.cell(one.loss, bare=False),
            estimates.cell(one.gap, signed=True, bare=False),
        )
        for one in found
    )
    text = f"{watched.loss_title} of each group less that of all rows, from {when}, with 95% intervals."
    if any(one.gap is None for one in found):
        text += " Groups with too few labelled rows have no figure."
    pictures = tuple(
        Intervals(
            title=f"By {column}",
            x=Axis(POINTS if watched.unit == "share" else watched.unit),
            points=points,
            reference=0.0,
        )
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


def newest(watched: Watched) -> list[Shown]:
    """The newest windows with a labelled segment, else the newest ones with any."""
    segmented = [window for window in watched.windows if window.segments]
    labelled = [window for window in segmented if window.labelled]
    return (labelled or segmented)[-NEWEST:]


def groups(watched: Watched) -> list[Group]:
    """Segments, by column and size."""
    windows = newest(watched)
    whole = _pooled((window.labelled, window.figures.get("loss")) for window in windows)
    parts: dict[str, list[tuple[int, int, Figure | None]]] = defaultdict(list)
    for window in windows:
        for name, one in window.segments.items():
            parts[name].append((one["rows"], one["labelled"], one["figures"].get("loss")))
    found = []
    for name, some in parts.items():
        column, value = group_parts(name)
        own = _pooled((labelled, loss) for _, labelled, loss in some)
        enough = own is not None and own.rows >= FEWEST
        found.append(
            Group(
                column=column,
                value=value,
                rows=sum(rows for rows, _, _ in some),
                labelled=sum(labelled for _, labelled, _ in some),
                loss=own.estimate(watched.unit) if own and enough else None,
                gap=_gap(own, whole, watched.unit) if own and whole and enough else None,
            )
        )
    return sorted(found, key=lambda one: (one.column, -one.rows, one.value))


@dataclass(frozen=True, slots=True)
class _Mean:
    value: float
    variance: float
    rows: int

    def estimate(self, unit: str) -> Estimate:
        return _estimate(self.value, self.variance, unit, self.rows)


def _pooled(parts: Iterable[tuple[int, Figure | None]]) -> _Mean | None:
    """The mean over several windows, from those of each and their intervals."""
    some = [(n, figure) for n, figure in parts if n and figure is not None]
    total = sum(n for n, _ in some)
    if not total:
        return None
    mean = sum(n * value for n, (value, _, _) in some) / total
    # By the upper ends: the lower ones stop at 0 where no row can lose less.
    variance = sum((n * (high - value) / Z) ** 2 for n, (value, _, high) in some) / total**2
    return _Mean(mean, variance, total)


def _gap(own: _Mean, whole: _Mean, unit: str) -> Estimate:
    """A segment's mean less that of all rows, which hold it.

    With the share w of the rows, the gap is (1 - w) times the difference to the others, of which the segment is independent:
    its variance is that of the whole plus (1 - 2w) times that of the segment.
    """
    share = min(own.rows / whole.rows, 1.0)
    variance = max(whole.variance + (1 - 2 * share) * own.variance, 0.0)
    return estimates.in_points(_estimate(own.value - whole.value, variance, unit, own.rows))


def _estimate(value: float, variance: float, unit: str, rows: int) -> Estimate:
    half = Z * math.sqrt(variance)
    return Estimate(value=value, low=value - half, high=value + half, unit=unit, rows=rows)
