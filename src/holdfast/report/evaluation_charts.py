"""Pictures of an evaluation as Vega-Lite specifications, made with Altair: one for all pictures with the same axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from holdfast.report.charts import CONFIG, CURRENT, NEW, REFERENCE, Row, Spec, bare
from holdfast.report.evaluation_shapes import Axis, Intervals, Lines, Picture, Point

MUTED = "var(--muted, #59616c)"

_TICKS = 5
_DIGITS = 9
"""Digits of a figure that are drawn."""
_LINES = 210
_BAR = 26
_MARK = 14


def height(picture: Picture) -> int:
    """Height in pixels, without the axis below it."""
    return _LINES if isinstance(picture, Lines) else _BAR * max(len(picture.points), 2)


def spec(picture: Picture) -> Spec:
    """The Vega-Lite specification of a picture, as wide as its container.

    Examples
    --------
    >>> picture = Intervals(title="Cost", x=Axis("EUR"), points=(Point(label="never", value=2.0, told="2 EUR"),))
    >>> spec(picture)["data"]["values"]
    [{'t': 'never', 'v': '2 EUR', 'a': 2.0}]
    """
    picture = even(picture)
    return template(picture) | {"height": height(picture), "data": {"values": rows(picture)}, "config": CONFIG}


def charts(pictures: list[Picture]) -> dict[str, Any]:
    """What the page's script draws: the specifications, and the data of each picture."""
    found: dict[str, Spec] = {}
    drawn = []
    for picture in map(even, pictures):
        made = template(picture)
        kind = next((name for name, other in found.items() if other == made), str(len(found)))
        found[kind] = made
        drawn.append({"kind": kind, "height": height(picture), "rows": rows(picture)})
    return {"templates": found, "config": CONFIG, "pictures": drawn}


def rows(picture: Picture) -> list[Row]:
    """The data of a picture.

    A figure `a` (of lines: `b`, at `a`) has its interval from `l` to `h`, what it is of as `t`, and itself in words as `v`;
    thin lines have the value `s` and their number `g`; a mark is at `m` with its name as `n` to
    the right of it, or as `r` to the left; the diagonal goes through `q`.
    """
    if isinstance(picture, Intervals):
        found = [_figure(point, "a", point.value) for point in picture.points]
        return found if picture.reference is None else [*found, {"m": picture.reference}]
    factor = 1000.0 if picture.x.scale == "time" else 1.0  # JavaScript counts milliseconds
    at = [factor * point.x for point in picture.points]
    figures: list[Row] = [
        {"a": x, **_figure(point, "b", point.value)} for x, point in zip(at, picture.points, strict=True)
    ]
    thin: list[Row] = [
        {"a": x, "s": y, "g": number} for number, line in enumerate(picture.thin) for x, y in zip(at, line, strict=True)
    ]
    middle = (min(at) + max(at)) / 2 if at else 0.0
    marks: list[Row] = [
        {"m": place, "r" if place > middle else "n": name, "d": 6 + _MARK * number}
        for number, (name, place) in enumerate(picture.marks)
    ]
    return [*figures, *thin, *marks, *_diagonal(picture)]


def _figure(point: Point, key: str, value: float) -> Row:
    interval: Row = {} if point.low is None or point.high is None else {"l": point.low, "h": point.high}
    return {"t": point.label, "v": point.told, key: value, **interval}


def _diagonal(picture: Lines) -> list[Row]:
    if not picture.diagonal or not picture.points:
        return []
    reached = [end for point in picture.points for end in (point.x, point.value)]
    return [{"a": end, "q": end} for end in (min(reached), max(reached))]


def template(picture: Picture) -> Spec:
    """Specification of all pictures with the same axes and parts, without data."""
    # A layer without data would have a scale without end, and Vega complains of it.
    fields = frozenset(field for row in rows(picture) for field in row)
    upwards = [end for point in picture.points for end in (point.value, point.low, point.high) if end is not None]
    if isinstance(picture, Intervals):
        return _intervals(label_form(picture.x, upwards), fields)
    upwards += [value for line in picture.thin for value in line]
    forms = label_form(picture.x, [point.x for point in picture.points]), label_form(picture.y, upwards)
    return _lines(picture.x.scale == "time", picture.joined, picture.steps, forms, fields)


def label_form(axis: Axis, values: Sequence[float]) -> str:
    """How the labels of an axis are written (d3)."""
    if axis.scale == "share":
        return ".3~%"
    if axis.scale == "time":
        days = (max(values, default=0.0) - min(values, default=0.0)) / 86_400
        return "%H:%M" if days < 2 else "%b %d" if days < 300 else "%b %Y"
    largest, span = max(map(abs, values), default=0.0), max(values, default=0.0) - min(values, default=0.0)
    # Labels of neighbouring ticks must differ; what only rounding tells apart is drawn as one (see `even`).
    apart = math.ceil(math.log10(_TICKS * largest / span)) + 1 if span > largest / 10**_DIGITS else 0
    return f".{max(3, apart)}~s" if largest >= 10_000 else f",.{max(4, apart)}~g"


def even(picture: Picture) -> Picture:
    """The picture with figures that differ by rounding alone made one: an axis over nothing has ticks of one name."""
    ends = [end for point in picture.points for end in (point.value, point.low, point.high) if end]
    if not ends:
        return picture
    places = _DIGITS - math.floor(math.log10(max(map(abs, ends))))

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, places)

    points = tuple(
        replace(point, value=round(point.value, places), low=rounded(point.low), high=rounded(point.high))
        for point in picture.points
    )
    return replace(picture, points=points)


def axis_of(form: str, **more: Any) -> Any:
    """An axis with labels of a form (d3)."""
    import altair as alt

    return alt.Axis(format=form, ticks=False, tickCount=_TICKS, labelOverlap=True, **more)


@lru_cache
def _lines(time: bool, joined: bool, steps: bool, forms: tuple[str, str], fields: frozenset[str]) -> Spec:
    import altair as alt

    scale = alt.Scale(type="utc", padding=12) if time else alt.Scale(zero=False, nice=False, padding=0 if joined else 8)
    across = {"scale": scale, "axis": axis_of(forms[0], grid=False)}
    up = {"scale": alt.Scale(zero=False), "axis": axis_of(forms[1])}
    kind = "T" if time else "Q"

    at, high, low = alt.X(f"a:{kind}", **across), alt.Y("h:Q", **up), alt.Y2("l:Q")
    value = alt.Y("b:Q", **up)
    path = {"interpolate": "step-before"} if steps else {}
    spread = (
        only("h").mark_area(fill=CURRENT, fillOpacity=0.35, **path)
        if joined
        else only("h").mark_rule(stroke=CURRENT, strokeWidth=2)
    )
    drawn = (
        only("b").mark_line(stroke=REFERENCE, strokeWidth=1.75, **path)
        if joined
        else only("b").mark_point(fill=REFERENCE, stroke=None, size=36, opacity=1)
    )
    tooltip = [alt.Tooltip("t:N", title="at"), alt.Tooltip("v:N", title="value")]
    mark = alt.X(f"m:{kind}", **across)
    layers = {
        "s": [
            only("s")
            .mark_line(stroke=CURRENT, strokeWidth=0.8, opacity=0.55)
            .encode(at, alt.Y("s:Q", **up), detail="g:N")
        ],
        "h": [spread.encode(at, high, low)],
        "q": [only("q").mark_line(stroke=MUTED, strokeDash=[4, 4]).encode(at, alt.Y("q:Q", **up))],
        "b": [drawn.encode(at, value)],
        "m": [
            only("m").mark_rule(stroke=NEW, strokeWidth=2).encode(mark),
        ],
        "n": [_mark_name("n", mark)],
        "r": [_mark_name("r", mark)],
        "t": [only("b").mark_rule(strokeWidth=9, opacity=0).encode(at, tooltip=tooltip)],
    }
    return layered(layers, fields)


def only(field: str) -> Any:
    """A layer of the rows that have a field."""
    import altair as alt

    return alt.Chart().transform_filter(f"isValid(datum.{field})")


def layered(layers: dict[str, list[Any]], fields: frozenset[str]) -> Spec:
    """The layers whose fields (one letter each) are all in the data, the first one at the back."""
    import altair as alt

    kept = [layer for needed, some in layers.items() if fields.issuperset(needed) for layer in some]
    return bare(alt.layer(*kept, data=alt.NamedData("rows")).properties(width="container"))


def _mark_name(field: str, at: Any) -> Any:
    """Names of marks, towards the middle of the picture."""
    import altair as alt

    align, dx = ("left", 6) if field == "n" else ("right", -6)
    text = only(field).mark_text(align=align, dx=dx, fill=REFERENCE, fontSize=11)
    return text.encode(at, alt.Y("d:Q", scale=None, axis=None), text=f"{field}:N")


@lru_cache
def _intervals(form: str, fields: frozenset[str]) -> Spec:
    import altair as alt

    across = {"scale": alt.Scale(zero=False, padding=8), "axis": axis_of(form)}
    down = alt.Y("t:N", sort=None, axis=alt.Axis(grid=False, ticks=False, labelLimit=200))

    tooltip = [alt.Tooltip("t:N"), alt.Tooltip("v:N", title="value")]
    layers = {
        "m": [only("m").mark_rule(stroke=MUTED, strokeDash=[4, 4]).encode(alt.X("m:Q", **across))],
        "h": [only("h").mark_rule(stroke=CURRENT, strokeWidth=5).encode(alt.X("l:Q", **across), down, alt.X2("h:Q"))],
        "a": [
            only("a").mark_point(fill=REFERENCE, stroke=None, size=44, opacity=1).encode(alt.X("a:Q", **across), down)
        ],
        "t": [only("a").mark_rule(strokeWidth=_BAR - 4, opacity=0).encode(down, tooltip=tooltip)],
    }
    return layered(layers, fields)
