"""Pictures of a model in service as Vega-Lite specifications, made with Altair."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from holdfast.report import evaluation_charts
from holdfast.report.charts import CONFIG, CURRENT, NEW, REFERENCE, Spec
from holdfast.report.evaluation_charts import MUTED, axis_of, label_form, layered, only
from holdfast.report.evaluation_shapes import Intervals, Point
from holdfast.report.monitoring_rows import NAMED, rows
from holdfast.report.monitoring_shapes import Course, Heat, Picture

GROUND = "var(--ground, #ffffff)"
FAIL = "var(--fail, #b3261e)"

STEPS = (1.0, 2.0, 4.0)
"""Strengths from which on a cell of the heat map is drawn darker; from 1 on, the change matters."""

_HOURS = "%H:%M"
_FEW_DAYS = 6
"""Of fewer days, the axis tells hours."""
_NAME_LINE = 8
"""Pixels from the middle of an incident's name to the line below it that says how long it lasted."""
_TALL = 300
_LOW = 150
_CELL = 18


def height(picture: Picture) -> int:
    """Height in pixels, without the axis below it."""
    match picture:
        case Course():
            return _TALL if picture.tall else _LOW
        case Heat():
            return _CELL * len(picture.columns)
        case Intervals():
            return evaluation_charts.height(picture)


def charts(pictures: Sequence[Picture]) -> dict[str, Any]:
    """What the page's script draws: the specifications, and the data of each picture."""
    found: dict[str, Spec] = {}
    drawn = []
    for picture in pictures:
        made = template(picture)
        kind = next((name for name, other in found.items() if other == made), str(len(found)))
        found[kind] = made
        drawn.append({"kind": kind, "height": height(picture), "rows": rows(picture)})
    return {"templates": found, "config": CONFIG, "pictures": drawn}


def template(picture: Picture) -> Spec:
    """Specification of all pictures with the same axes and parts, without data."""
    fields = frozenset(field for row in rows(picture) for field in row)
    match picture:
        case Intervals():
            return evaluation_charts.template(evaluation_charts.even(picture))
        case Heat():
            return _heat(_days(picture.span), fields)
        case Course():
            ends = [end for run in (*picture.runs, *picture.expected) for point in run for end in _ends(point)]
            ends += [
                end for end in (*(picture.level or ()), picture.limit, picture.low, picture.high) if end is not None
            ]
            up = label_form(picture.y, ends)
            return _course((_days(picture.span), up), (picture.low, picture.high), fields)


def _ends(point: Point) -> list[float]:
    return [end for end in (point.value, point.low, point.high) if end is not None]


def _days(span: tuple[float, float]) -> str:
    """How moments are written (d3)."""
    days = (span[1] - span[0]) / 86_400
    return _HOURS if days < _FEW_DAYS else "%-d %b" if days < 300 else "%b %Y"


@lru_cache
def _course(forms: tuple[str, str], ends: tuple[float | None, float | None], fields: frozenset[str]) -> Spec:
    import altair as alt

    across = _across(forms[0])
    given = {name: end for name, end in zip(("domainMin", "domainMax"), ends, strict=True) if end is not None}
    up = {"scale": alt.Scale(zero=False, **given), "axis": axis_of(forms[1])}
    at = alt.X("a:T", **across)
    tooltip = [alt.Tooltip("t:N"), alt.Tooltip("v:N", title="measured")]
    before = [alt.Tooltip("t:N"), alt.Tooltip("v:N", title="expected")]
    point = {"stroke": None, "size": 30, "opacity": 1}
    layers = {
        "x": [_ends_drawn(across)],
        "B": [only("B").mark_rect(fill=FAIL, fillOpacity=0.06).encode(alt.X("B:T", **across), alt.X2("E:T"))],
        "d": [only("d").mark_rect(fill=MUTED, fillOpacity=0.16).encode(alt.Y("d:Q", **up), alt.Y2("i:Q"))],
        "c": [only("c").mark_rule(stroke=MUTED, strokeDash=[4, 4]).encode(alt.Y("c:Q", **up))],
        "q": [only("q").mark_rule(stroke=FAIL, strokeWidth=1.5, strokeDash=[2, 3]).encode(alt.Y("q:Q", **up))],
        "u": [
            only("u").mark_area(fill=NEW, fillOpacity=0.22).encode(at, alt.Y("u:Q", **up), alt.Y2("f:Q"), detail="g:N")
        ],
        "h": [
            only("h")
            .mark_area(fill=CURRENT, fillOpacity=0.35)
            .encode(at, alt.Y("h:Q", **up), alt.Y2("l:Q"), detail="g:N")
        ],
        "hp": [
            _both("h", "p").mark_rule(stroke=CURRENT, strokeWidth=1.5).encode(at, alt.Y("h:Q", **up), alt.Y2("l:Q"))
        ],
        "k": [only("k").mark_rule(stroke=MUTED, strokeWidth=1.5).encode(alt.X("k:T", **across))],
        "m": [only("m").mark_rule(stroke=FAIL, strokeWidth=1.5).encode(alt.X("m:T", **across))],
        "z": [
            only("z")
            .mark_rule(stroke=FAIL, strokeWidth=1.5, opacity=0.6, yOffset=_NAME_LINE)
            .encode(alt.X("m:T", **across), alt.X2("z:T"), alt.Y("j:Q", scale=None, axis=None))
        ],
        "e": [
            only("e")
            .mark_line(stroke=NEW, strokeWidth=1.75, strokeDash=[5, 3])
            .encode(at, alt.Y("e:Q", **up), detail="g:N"),
            only("e").mark_rule(strokeWidth=9, opacity=0).encode(at, tooltip=before),
        ],
        "ep": [_both("e", "p").mark_point(fill=NEW, **point).encode(at, alt.Y("e:Q", **up))],
        "b": [
            only("b").mark_line(stroke=REFERENCE, strokeWidth=1.75).encode(at, alt.Y("b:Q", **up), detail="g:N"),
            only("b").mark_rule(strokeWidth=9, opacity=0).encode(at, tooltip=tooltip),
        ],
        "bp": [_both("b", "p").mark_point(fill=REFERENCE, **point).encode(at, alt.Y("b:Q", **up))],
        **_named(across),
    }
    return layered(layers, fields)


@lru_cache
def _heat(days: str, fields: frozenset[str]) -> Spec:
    import altair as alt

    across = _across(days)
    at, until = alt.X("a:T", **across), alt.X2("z:T")
    # All columns have a place, also those without a cell.
    down = {"sort": None, "axis": alt.Axis(grid=False, ticks=False, labelLimit=140)}
    strength = alt.Opacity(
        "s:Q", scale=alt.Scale(type="threshold", domain=list(STEPS), range=[0.4, 0.5, 0.75, 1.0]), legend=None
    )
    colour = alt.condition("datum.s >= 1", alt.value(NEW), alt.value(CURRENT))
    tooltip = [alt.Tooltip("t:N"), alt.Tooltip("v:N", title="largest change")]
    layers = {
        "x": [_ends_drawn(across)],
        "o": [only("o").mark_tick(opacity=0).encode(alt.Y("o:N", **down))],
        "w": [only("w").mark_rect(fill=MUTED, fillOpacity=0.1).encode(at, until)],
        "s": [
            only("s")
            .mark_rect()
            .encode(at, until, alt.Y("y:N", **down), fill=colour, opacity=strength, tooltip=tooltip)
        ],
        "k": [only("k").mark_rule(stroke=MUTED, strokeWidth=1.5).encode(alt.X("k:T", **across))],
        "m": [only("m").mark_rule(stroke=FAIL, strokeWidth=1.5).encode(alt.X("m:T", **across))],
    }
    return layered(layers, fields)


def _across(days: str) -> dict[str, Any]:
    import altair as alt

    # Where a tick is at midnight, the day says more than the hour.
    midnight = "utchours(datum.value) + utcminutes(datum.value) == 0"
    expression = f"utcFormat(datum.value, {midnight} ? '%-d %b' : '{_HOURS}')"
    special = {"labelExpr": expression} if days == _HOURS else {}
    axis = axis_of(days, grid=False, labelSeparation=8, **special)
    return {"scale": alt.Scale(type="utc", nice=False), "axis": axis}


def _ends_drawn(across: dict[str, Any]) -> Any:
    """Nothing to be seen; the axis goes from the first window to the last, whatever is known of them."""
    import altair as alt

    return only("x").mark_tick(opacity=0).encode(alt.X("x:T", **across))


def _both(field: str, other: str) -> Any:
    """A layer of the rows that have both fields."""
    return only(field).transform_filter(f"isValid(datum.{other})")


def _named(across: dict[str, Any]) -> dict[str, list[Any]]:
    """Names of marks, towards the middle of the picture."""
    import altair as alt

    found = {}
    for kind, place in (("release", "k"), ("incident", "m")):
        there = alt.X(f"{place}:T", **across), alt.Y("j:Q", scale=None, axis=None)
        around = {"stroke": GROUND, "strokeWidth": 4, "strokeJoin": "round"}  # a line behind a name is hidden
        for field, align, dx in zip(NAMED[kind], ("left", "right"), (5, -5), strict=True):
            found[field] = [
                only(field).mark_text(align=align, dx=dx, fontSize=11, **look).encode(*there, text=f"{field}:N")
                for look in (around, {"fill": FAIL if kind == "incident" else MUTED})
            ]
    return found
