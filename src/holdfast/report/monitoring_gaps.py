"""How protected groups fare beside all others, over time: gaps of answers and errors with their intervals, and what is silent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from holdfast.evidence import Estimate
from holdfast.profile.group_names import group_title
from holdfast.report import estimates
from holdfast.report.evaluation_shapes import Axis, Point
from holdfast.report.monitoring_shapes import Course
from holdfast.report.monitoring_view import MOST_SMALL, Panel, View, joined, point
from holdfast.report.monitoring_words import POINTS, gap_title, gap_unit
from holdfast.report.sections import Section, Table

if TYPE_CHECKING:
    from holdfast.watched import Figure, Shown, Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What a group is held against all others by.

    Attributes
    ----------
    group, figure
        `column=value`, and the answer, rate or mean.
    windows, of
        Windows that have it, and those that have the group.
    newest
        Window that has it last, and the gap.
    silent
        Why the newest window of the group without it has none.
    """

    group: str
    figure: str
    windows: int
    of: int
    newest: tuple[Shown, Figure] | None
    silent: str

    @property
    def title(self) -> str:
        """What it is a gap of, and of whom."""
        return f"{gap_title(self.figure)}: {group_title(self.group)}"


def gaps_panel(shown: View, anchor: str) -> Panel:
    """Gaps over time, those that lie the farthest from none first, and a table of all of them."""
    watched, found = shown.watched, gaps(shown.watched)
    if not found:
        return Panel(Section(anchor=anchor, title="Protected groups"))
    told = sorted((one for one in found if one.newest), key=_sureness, reverse=True)
    pictures = tuple(
        Course(
            title=one.title,
            y=_axis(gap_unit(one.figure, watched.unit)),
            span=shown.span,
            runs=joined(shown, partial(_point, shown, one)),
            level=(0.0, None, None),
            marks=shown.marks,
        )
        for one in told[:MOST_SMALL]
    )
    rows = tuple(
        (
            group_title(one.group),
            gap_title(one.figure),
            estimates.cell(one.newest and _estimate(one, one.newest[1], watched.unit), signed=True, bare=False),
            shown.told(one.newest[0]) if one.newest else "–",
            f"{one.windows:,} of {one.of:,}",
            one.silent or "–",
        )
        for one in found
    )
    text = (
        "A figure of each group less that of all other rows, with 95% intervals. Of too few rows nothing is said, which is "
        "not the same as that nothing is wrong."
    )
    own = Table(
        caption="Gaps of protected groups",
        head=("Group", "Figure", "Newest gap", "Of", "Windows that have it", "Why others have none"),
        rows=rows,
        words=frozenset({1, 3, 5}),
        folded=bool(pictures),
    )
    return Panel(Section(anchor=anchor, title="Protected groups", text=(text,), tables=(own,)), pictures)


def gaps(watched: Watched) -> list[Gap]:
    """Gaps of all groups, by group and figure."""
    places = dict.fromkeys(
        (group, figure)
        for window in watched.windows
        for group, one in window.segments.items()
        for figure in (*one.get("gaps", {}), *one.get("left_out", {}))
    )
    found = []
    for group, figure in places:
        own = [(window, window.segments[group]) for window in watched.windows if group in window.segments]
        have = [(window, one["gaps"][figure]) for window, one in own if figure in one.get("gaps", {})]
        silent = [one["left_out"][figure] for _, one in own if figure in one.get("left_out", {})]
        found.append(
            Gap(
                group=group,
                figure=figure,
                windows=len(have),
                of=len(own),
                newest=have[-1] if have else None,
                silent=silent[-1] if silent else "",
            )
        )
    return sorted(found, key=lambda one: one.group)


def _sureness(one: Gap) -> float:
    """How many half widths of its interval the newest gap lies from none."""
    assert one.newest is not None
    value, low, high = one.newest[1]
    return abs(value) / max((high - low) / 2, 1e-12)


def _estimate(one: Gap, gap: Figure, unit: str) -> Estimate:
    value, low, high = gap
    return estimates.in_points(Estimate(value=value, low=low, high=high, unit=gap_unit(one.figure, unit)))


def _axis(unit: str) -> Axis:
    return Axis(POINTS if unit == "share" else unit)


def _point(shown: View, one: Gap, window: Shown) -> Point | None:
    gap = window.segments.get(one.group, {}).get("gaps", {}).get(one.figure)
    if gap is None:
        return None
    told = _estimate(one, gap, shown.watched.unit)
    assert told.value is not None
    return point(shown, window, told.value, estimates.told(told, signed=True), told.low, told.high)
