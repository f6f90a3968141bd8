"""The report of training/serving skew: one HTML file that works without a network."""

# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from holdfast.numerals import number, several
from holdfast.records import Finding, Status
from holdfast.report.drawn import Drawn
from holdfast.report.evaluation_shapes import Axis, Point
from holdfast.report.monitoring_charts import charts
from holdfast.report.monitoring_figures import figure
from holdfast.report.monitoring_shapes import Course
from holdfast.report.monitoring_view import Panel
from holdfast.report.monitoring_words import Clock
from holdfast.report.offline import STATUS, document
from holdfast.report.sections import Section, Table
from holdfast.report.words import share
from holdfast.stats.intervals import clopper_pearson

MOST_PICTURES = 12
"""Columns whose share is drawn over time, the most urgent ones."""


class ColumnSkew(Protocol):
    """One column, as `monitoring.skew.skewed` has it; a protocol, so that this part need not import the monitor."""

    @property
    def column(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def values(self) -> int: ...
    @property
    def only_served(self) -> int: ...
    @property
    def only_recomputed(self) -> int: ...
    @property
    def differing(self) -> int: ...
    @property
    def share(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def shift(self) -> float | None: ...
    @property
    def largest(self) -> float | None: ...
    @property
    def since(self) -> float | None: ...
    @property
    def ended(self) -> float | None: ...
    @property
    def windows(self) -> Sequence[tuple[float, int, int]]: ...
    @property
    def ids(self) -> Sequence[str]: ...


class Skew(Protocol):
    """What was found of all columns."""

    @property
    def model(self) -> str: ...
    @property
    def release(self) -> int: ...
    @property
    def zone(self) -> str: ...
    @property
    def passed(self) -> bool: ...
    @property
    def summed_up(self) -> str: ...
    @property
    def findings(self) -> Sequence[Finding]: ...
    @property
    def columns(self) -> Sequence[ColumnSkew]: ...
    @property
    def rows(self) -> int: ...
    @property
    def ids(self) -> int: ...
    @property
    def unmatched(self) -> int: ...
    @property
    def repeated(self) -> int: ...
    @property
    def left_out(self) -> Mapping[str, str]: ...


def page(skew: Skew) -> str:
    """The report as one HTML file. It loads nothing; it holds ids of rows, and no other value of them."""
    clock = _clock(skew)
    panels = [one for one in (_columns(skew, clock), _over_time(skew, clock), _rows(skew)) if not one.section.empty]
    pictures = [picture for panel in panels for picture in panel.pictures]
    numbers = iter(range(len(pictures)))
    return document(
        "skew.html.j2",
        style="report.css",
        scripts=("charts.js",),
        charts=charts(pictures) if pictures else None,
        drawn=bool(pictures),
        title=f"Training/serving skew: {skew.model}",
        status=Status.PASS if skew.passed else Status.FAIL,
        verdict=skew.summed_up,
        sections=[
            Drawn(panel.section, [figure(one, next(numbers), panel) for one in panel.pictures]) for panel in panels
        ],
    )


def _clock(skew: Skew) -> Clock:
    clock = Clock(skew.zone, days=False)
    starts = [start for one in skew.columns for start, _, _ in one.windows]
    return Clock(skew.zone, days=all(clock.place(start) % 86_400 == 0 for start in starts))


def _columns(skew: Skew, clock: Clock) -> Panel:
    rows = tuple(
        (
            one.column,
            STATUS[finding.status][1],
            f"{share(one.share)}\n{share(one.low)} to {share(one.high)}" if one.rows else "–",
            _count(one.values),
            _count(one.only_recomputed),
            _count(one.only_served),
            _since(one, clock),
            "–" if one.shift is None else number(one.shift, 3),
            "–" if one.largest is None else number(one.largest, 3),
        )
        for finding, one in zip(skew.findings, skew.columns, strict=True)
    )
    head = (
        "Column",
        "State",
        "Differ",
        "Another value",
        "Missing when served",
        "Missing when made again",
        "When",
        "Mean difference",
        "Largest difference",
    )
    text = [f"{several(skew.ids, 'id')} of the table, {skew.unmatched:,} of which were not served in that time."]
    if skew.repeated:
        text.append(f"{several(skew.repeated, 'row')} of the table had no id, or one that had come before.")
    return Panel(
        Section(
            anchor="columns",
            title="Columns",
            text=tuple(text),
            tables=(
                Table(
                    caption="Rows that were not served with what is made again; differences are served less made again",
                    head=head,
                    rows=rows,
                    words=frozenset({1, 6}),
                ).trimmed,
            ),
            items=tuple(f"{name} is not compared: {why}." for name, why in skew.left_out.items()),
        )
    )


def _count(rows: int) -> str:
    return f"{rows:,}" if rows else "–"


def _since(one: ColumnSkew, clock: Clock) -> str:
    if one.since is not None:
        return f"since {clock.told(one.since)}"
    return "–" if one.ended is None else f"until {clock.told(one.ended)}"


def _over_time(skew: Skew, clock: Clock) -> Panel:
    drawn = [one for one in skew.columns if one.differing and len(one.windows) > 1][:MOST_PICTURES]
    starts = sorted({clock.place(start) for one in drawn for start, _, _ in one.windows})
    if not starts:
        return Panel(Section(anchor="time", title="Over time"))
    pictures = tuple(
        Course(
            title=one.column,
            y=Axis("", "share"),
            span=(starts[0], starts[-1]),
            runs=(tuple(_point(clock, *window) for window in one.windows),),
            low=0.0,
        )
        for one in drawn
    )
    text = ("Share of the rows of each window that were not served with what is made again, with its 95% interval.",)
    return Panel(Section(anchor="time", title="Over time", text=text), pictures)


def _point(clock: Clock, start: float, rows: int, hits: int) -> Point:
    low, high = clopper_pearson(hits, rows)
    return Point(
        label=clock.told(start),
        value=hits / rows,
        told=f"{share(hits / rows)}: {hits:,} of {several(rows, 'row')}",
        low=float(low),
        high=float(high),
        x=clock.place(start),
    )


def _rows(skew: Skew) -> Panel:
    tables = tuple(
        Table(
            caption=f"{one.column}: the rows that differ most",
            head=("Id",),
            rows=tuple((name,) for name in one.ids),
            folded=True,
        )
        for one in skew.columns
        if one.ids
    )
    return Panel(Section(anchor="rows", title="Rows that differ", tables=tables))
