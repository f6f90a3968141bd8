"""Pictures of a model in service as the rows of data that a script draws."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from holdfast.report import evaluation_charts
from holdfast.report.charts import Row
from holdfast.report.evaluation_shapes import Intervals
from holdfast.report.monitoring_shapes import Cell, Course, Heat, Mark, Picture, Run

_NAMES = 14
"""Pixels between the names of marks that stand below one another."""
_BESIDE = 6
"""Names of marks that stand below one another before the first place is used again."""
NAMED = {"release": ("N", "R"), "incident": ("n", "r")}
"""Fields of names to the right of their marks, and to the left."""
_DIGITS = 6
_MILLISECONDS = 1000
_FEW = 31
"""So many figures are drawn as points, too."""


def rows(picture: Picture) -> list[Row]:
    """The data of a picture.

    Over time: what was measured `b` at `a`, with its interval from `l` to `h`; what was expected `e`, from `f` to `u`;
    `g` is the number of the line, `p` says that it is drawn as a point, too; the level `c`, from `d` to `i`; the limit `q`.
    Of a heat map: the columns `o`; times that were judged `w`, from `a` to `z`; the strength `s` of a column `y` in one.
    Marks are at `k` (releases) or `m` (incidents), with their names as `N` or `n` to the right of it, or as `R` or `r` to
    the left, `j` pixels from the top; an incident of which the name is told lasts until `z`. From `B` to `E` there was one
    at least. The axis goes from one `x` to the other. In words: of what `t`, and how much `v`.
    """
    match picture:
        case Course():
            return _course_rows(picture)
        case Heat():
            return _heat_rows(picture)
        case Intervals():
            return evaluation_charts.rows(evaluation_charts.even(picture))


def _course_rows(picture: Course) -> list[Row]:
    lines = count()
    found = [row for run in picture.runs for row in _line(run, next(lines), ("b", "l", "h"), len(picture.points))]
    found += [row for run in picture.expected for row in _line(run, next(lines), ("e", "f", "u"), len(picture.points))]
    if picture.level is not None:
        value, low, high = picture.level
        found.append({"c": value} if low is None or high is None else {"c": value, "d": low, "i": high})
    if picture.limit is not None:
        found.append({"q": picture.limit})
    marks = _marks(picture.marks, picture.span if picture.tall else None)
    return [*_ends_of(picture.span), *_shades(picture.marks, picture.span), *found, *marks]


def _line(run: Run, line: int, keys: tuple[str, str, str], n: int) -> list[Row]:
    apart: Row = {"p": True} if len(run) == 1 or n <= _FEW else {}
    value, low, high = keys
    found = []
    for point in run:
        row: Row = {"a": _milli(point.x), value: _short(point.value), "g": line, "t": point.label, "v": point.told}
        if point.low is not None and point.high is not None:
            row |= {low: _short(point.low), high: _short(point.high)}
        found.append(row | apart)
    return found


def _heat_rows(picture: Heat) -> list[Row]:
    columns: list[Row] = [{"o": name} for name in picture.columns]
    judged: list[Row] = [{"w": True, "a": _milli(start), "z": _milli(end)} for start, end in picture.times]
    cells = [_cell(cell) for cell in picture.cells]
    return [*_ends_of(picture.span), *columns, *judged, *cells, *_marks(picture.marks)]


def _cell(cell: Cell) -> Row:
    return {
        "y": cell.column,
        "a": _milli(cell.start),
        "z": _milli(cell.end),
        "s": round(cell.strength, 2),
        "t": cell.label,
        "v": cell.told,
    }


def _shades(marks: Iterable[Mark], span: tuple[float, float]) -> list[Row]:
    """Times in which there was an incident; those that overlap are one."""
    found: list[tuple[float, float]] = []
    for mark in sorted((one for one in marks if one.kind == "incident"), key=lambda one: one.place):
        start, end = mark.place, _until(mark, span)
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(found.pop()[1], end)
        found.append((start, end))
    return [{"B": _milli(start), "E": _milli(end)} for start, end in found]


def _until(mark: Mark, span: tuple[float, float]) -> float:
    return span[1] if mark.until is None else min(mark.until, span[1])


def _marks(marks: Iterable[Mark], span: tuple[float, float] | None = None) -> list[Row]:
    """Marks, and where a span is given their names, towards the middle of it."""
    found = []
    for place, mark in enumerate(marks):
        row: Row = {"k" if mark.kind == "release" else "m": _milli(mark.place)}
        if span is not None:
            side = NAMED[mark.kind][mark.place > sum(span) / 2]
            row |= {side: mark.name, "j": 6 + _NAMES * (place % _BESIDE)}
            row |= {"z": _milli(_until(mark, span))} if mark.kind == "incident" else {}
        found.append(row)
    return found


def _milli(seconds: float) -> int:
    return round(seconds * _MILLISECONDS)  # JavaScript counts milliseconds


def _ends_of(span: tuple[float, float]) -> list[Row]:
    return [{"x": _milli(end)} for end in span]


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
