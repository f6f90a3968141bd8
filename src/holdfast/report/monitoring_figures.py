"""Pictures of the monitor as they stand on the page: with a legend, and their numbers in words for where they are not drawn."""

from __future__ import annotations

from holdfast.report.drawn import AXIS, Figure, described, evenly
from holdfast.report.evaluation_shapes import Intervals
from holdfast.report.monitoring_charts import height
from holdfast.report.monitoring_shapes import Course, Heat, Picture
from holdfast.report.monitoring_view import Panel
from holdfast.report.sections import Table


def figure(picture: Picture, number: int, panel: Panel) -> Figure:
    """A picture of a section; `number`: its place in the data of the script."""
    some = _told(picture)
    title = picture.title
    wide = isinstance(picture, Heat) or (isinstance(picture, Course) and picture.tall)
    tabled = bool(panel.section.tables)
    return Figure(
        number=number,
        title=title,
        upwards=picture.y.title if isinstance(picture, Course) else "",
        across=picture.x.title if isinstance(picture, Intervals) else "",
        height=height(picture) + AXIS,
        described=described(title, some, _figures_of(picture) - len(some)),
        numbers=None if tabled or not isinstance(picture, Course) else _numbers(picture),
        legend=_legend(picture) if wide else (),
        wide=wide,
    )


def _numbers(picture: Course) -> Table:
    """What was measured and expected, of at most a dozen windows."""
    measured, expected = (
        {point.x: point for run in runs for point in run} for runs in (picture.runs, picture.expected)
    )
    sides = [(title, side) for title, side in (("Measured", measured), ("Expected", expected)) if side]
    places = sorted({*measured, *expected})
    chosen = [places[place] for place in evenly(len(places))]
    return Table(
        caption=f"Numbers: {picture.title}",
        head=("At", *(title for title, _ in sides)),
        rows=tuple(
            (
                (measured.get(x) or expected[x]).label,
                *(side[x].told if x in side else "–" for _, side in sides),
            )
            for x in chosen
        ),
        folded=True,
    )


def _told(picture: Picture) -> list[tuple[str, str]]:
    """At most a dozen figures in words; of a heat map, the strongest."""
    if isinstance(picture, Heat):
        cells = sorted(picture.cells, key=lambda cell: -cell.strength)
        return [(cell.label, cell.told) for cell in cells[: len(evenly(len(cells)))]]
    points = picture.points
    return [(points[place].label, points[place].told) for place in evenly(len(points))]


def _figures_of(picture: Picture) -> int:
    return len(picture.cells if isinstance(picture, Heat) else picture.points)


def _legend(picture: Picture) -> tuple[tuple[str, str], ...]:
    found = []
    if isinstance(picture, Heat):
        found += [
            ("cell small", "half of what matters, or more"),
            ("cell first", "matters"),
            ("cell second", "twice that"),
            ("cell third", "four times that"),
        ]
    elif isinstance(picture, Course):
        found += [("band measured", "measured, with its 95% interval")] if picture.runs else []
        found += [("band expected", "expected before the truth came")] if picture.expected else []
        found += [("band usual", "usual in the reference")] if picture.level else []
        found += [("mark limit", "worse than this, it matters")] if picture.limit is not None else []
    kinds = {mark.kind for mark in picture.marks} if isinstance(picture, Course | Heat) else set()
    lasts = "; shaded until it is over" if isinstance(picture, Course) else ""
    found += [("mark incident", f"an incident begins{lasts}")] if "incident" in kinds else []
    found += [("mark release", "a release comes into force")] if "release" in kinds else []
    return tuple(found)
