"""Pictures: a panel's numbers as a Vega-Lite specification made with Altair, or as the path of a small SVG.

In both, the reference is a line and the current table is filled, so that a picture reads without colour too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from holdfast.numerals import number
from holdfast.report.shapes import Bars, Picture, Points
from holdfast.report.words import plain

Spec = dict[str, Any]
Row = dict[str, str | float | bool]

# Colours are CSS variables: a page that turns dark redraws nothing. Where there are none, the second value holds.
CURRENT = "var(--current, #7eaede)"
NEW = "var(--new, #d98a3d)"
REFERENCE = "var(--reference, #1f242b)"

CONFIG: Spec = {
    "background": "transparent",
    "view": {"stroke": None},
    "font": "system-ui, sans-serif",
    "aria": False,
    "axis": {
        "domain": False,
        "gridColor": "var(--line, #e3e5e8)",
        "labelColor": "var(--muted, #59616c)",
        "labelFontSize": 11,
        "labelLimit": 170,
        "labelPadding": 6,
        "tickColor": "var(--line, #e3e5e8)",
        "title": None,
    },
}


def kind(picture: Picture | Points) -> str:
    """Which template draws it: `histogram`, `logarithmic`, `bars`, `columns` (upright, in their own order), `points`."""
    if isinstance(picture, Points):
        return "points"
    if isinstance(picture, Bars):
        return "columns" if picture.ordered else "bars"
    return "logarithmic" if picture.logarithmic else "histogram"


def height(picture: Picture | Points) -> int:
    """Height of a picture in pixels, without the axis below it."""
    return 20 * len(picture.bars) if isinstance(picture, Bars) and not picture.ordered else 220


def spec(picture: Picture | Points, names: tuple[str, str] = ("reference", "current")) -> Spec:
    """The Vega-Lite specification of a picture, as wide as its container.

    Parameters
    ----------
    picture
        From `panels`.
    names
        What the two tables are called.

    Examples
    --------
    >>> from holdfast.report.shapes import Bar, Bars
    >>> drawn = spec(Bars("value", (Bar("a", 0.5, 0.4), Bar("b", 0.5, 0.6))))
    >>> drawn["data"]["values"][0]
    {'t': 'a', 'r': 0.5, 'c': 0.4}
    """
    own = {"height": height(picture), "data": {"values": rows(picture)}, "config": CONFIG}
    return template(kind(picture), names) | own


def rows(picture: Picture | Points) -> list[Row]:
    """The data of a picture.

    A bar has the label `t`, the shares `r` and `c`, and `n` if it is new; a bin goes from `a` to `b`; a point lies at
    `a` and `b`, and `n` says whether it belongs to the current table.
    """
    if isinstance(picture, Points):
        return [{"a": a, "b": b, "n": picture.current} for a, b in picture.rows]
    if isinstance(picture, Bars):
        shares: list[Row] = [
            {"t": bar.label, "r": _rounded(bar.reference), "c": _rounded(bar.current)} for bar in picture.bars
        ]
        return [row | {"n": True} if bar.new else row for row, bar in zip(shares, picture.bars, strict=True)]
    borders = picture.borders
    bins: list[Row] = [
        {"t": _range(a, b, whole=picture.whole), "a": a, "b": b, "r": _rounded(r), "c": _rounded(c)}
        for a, b, r, c in zip(borders, borders[1:], picture.reference, picture.current, strict=False)
    ]
    # Empty bins of no width at both ends: there the line goes down to the axis.
    return [_empty(borders[0]), *bins, _empty(borders[-1])]


def _empty(border: float) -> Row:
    return {"t": "", "a": border, "b": border, "r": 0.0, "c": 0.0}


def _rounded(share: float) -> float:
    return round(share, 6)


def _range(start: float, end: float, *, whole: bool) -> str:
    """What a bin holds, in words."""
    if not whole:
        return f"{number(start)} to {number(end)}"
    first, last = start + 0.5, end - 0.5
    return plain(first) if first == last else f"{plain(first)} to {plain(last)}"


@lru_cache
def template(kind: str, names: tuple[str, str] = ("reference", "current")) -> Spec:
    """Specification of all pictures of a kind, without data; Altair checks it once."""
    import altair as alt

    if kind == "points":
        return bare(_points())
    tooltip = [
        alt.Tooltip("t:N", title="value" if kind in {"bars", "columns"} else "from"),
        alt.Tooltip("r:Q", title=names[0], format=".2~%"),
        alt.Tooltip("c:Q", title=names[1], format=".2~%"),
    ]
    chart = _over_labels(kind, tooltip) if kind in {"bars", "columns"} else _over_bins(kind, tooltip)
    return bare(chart)


def bare(chart: Any) -> Spec:
    """Without data, without what the user's own Altair theme adds, and for any version of Vega-Lite."""
    made: Spec = chart.to_dict()
    return {key: value for key, value in made.items() if key not in {"$schema", "config", "data"}}


def _points() -> Any:
    import altair as alt

    ranks = {"scale": alt.Scale(domain=[0, 1]), "axis": alt.Axis(format="~%", tickCount=4)}
    return (
        alt.Chart(alt.NamedData("rows"))
        .mark_point(size=22, strokeWidth=1.2)
        .encode(
            alt.X("a:Q", **ranks),
            alt.Y("b:Q", **ranks),
            fill=alt.condition("datum.n", alt.value(CURRENT), alt.value("none")),
            stroke=alt.condition("datum.n", alt.value("none"), alt.value(REFERENCE)),
        )
        .properties(width="container")
    )


def _over_bins(kind: str, tooltip: list[Any]) -> Any:
    import altair as alt

    scale = alt.Scale(type="log", nice=False) if kind == "logarithmic" else alt.Scale(nice=False, zero=False)
    axis = alt.Axis(grid=False, labelFlush=True, labelSeparation=10, tickCount=6)
    base = alt.Chart(alt.NamedData("rows")).encode(alt.X("a:Q", scale=scale, axis=axis))
    shares = alt.Axis(format=".2~%", tickCount=4, ticks=False)
    return alt.layer(
        base.mark_area(interpolate="step-after", fill=CURRENT).encode(alt.Y("c:Q", axis=shares)),
        base.mark_line(interpolate="step-after", stroke=REFERENCE, strokeWidth=1.5).encode(alt.Y("r:Q", axis=shares)),
        base.mark_rect(opacity=0).encode(alt.X2("b:Q"), tooltip=tooltip),
    ).properties(width="container")


def _over_labels(kind: str, tooltip: list[Any]) -> Any:
    import altair as alt

    upright = kind == "columns"
    label, share = (alt.X, alt.Y) if upright else (alt.Y, alt.X)
    axis = alt.Axis(grid=False, ticks=False, labelOverlap=True, labelAngle=0)
    base = alt.Chart(alt.NamedData("rows")).encode(label("t:N", sort=None, axis=axis))
    shares = alt.Axis(format=".2~%", tickCount=4, ticks=False)
    fill = alt.condition("datum.n", alt.value(NEW), alt.value(CURRENT))
    return alt.layer(
        base.mark_bar().encode(share("c:Q", axis=shares), fill=fill),
        base.mark_tick(color=REFERENCE, thickness=2, opacity=1).encode(share("r:Q", axis=shares)),
        base.mark_bar(opacity=0).encode(tooltip=tooltip),
    ).properties(width="container")


def outlines(picture: Picture, width: int = 100, height: int = 28) -> tuple[str, str]:
    """SVG paths of a small picture: the filled current distribution, and the line of the reference.

    Examples
    --------
    >>> from holdfast.report.shapes import Histogram
    >>> outlines(Histogram("value", (0, 1, 2), (1.0, 0.0), (0.5, 0.5)), 10, 8)
    ('M0 8V4H5V4H10V8Z', 'M0 8V0H5V8H10V8')
    """
    if isinstance(picture, Bars):
        reference, current = zip(*((bar.reference, bar.current) for bar in picture.bars), strict=True)
    else:
        reference, current = picture.reference, picture.current
    scale = height / (max(*reference, *current, 0.0) or 1.0)
    step = width / max(len(current), 1)
    fill, line = (
        f"M0 {height}"
        + "".join(f"V{height - y * scale:.4g}H{step * (i + 1):.4g}" for i, y in enumerate(side))
        + f"V{height}"
        for side in (current, reference)
    )
    return f"{fill}Z", line
