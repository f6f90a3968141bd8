"""The report: one HTML file that works without a network, and the small form of it that a notebook shows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.records import Finding, Status
from holdfast.report import charts
from holdfast.report.offline import STATUS, document, rendered, static
from holdfast.report.panels import column, pair
from holdfast.report.shapes import Picture, Points
from holdfast.report.summary import TOLD, grouped, in_order, summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holdfast.profile.table import Profile
    from holdfast.report.panels import ColumnPanel
    from holdfast.report.summary import Summary

SHOWN = 25
"""Findings of the first table; further ones are folded."""

# Pixels under and over a chart, for the labels of its axes.
_AXIS = 36


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A picture on the page: its place in the data, and what is there before (or without) the script."""

    number: int
    picture: Picture | Points
    height: int
    outlines: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class _Column:
    """A column on the page."""

    anchor: str
    status: Status
    panel: ColumnPanel
    told: Sequence[Finding]
    folded: Sequence[Finding]
    drawings: Sequence[_Drawing]
    rows: Any


def page(
    *,
    title: str,
    findings: Sequence[Finding],
    current: Profile,
    reference: Profile,
    rows: Mapping[str, Any],
    names: tuple[str, str] = ("reference", "current"),
) -> str:
    """The report as one HTML file. It loads nothing; it may hold values of the rows, so it stays where the data may be.

    Parameters
    ----------
    title
        Heading of the page.
    findings
        What the checks said.
    current, reference
        Profiles over the same edges.
    rows
        The most responsible rows of a column (`positions`, `ids`, `values`, `reason`), by its name.
    names
        What the reference and the current table are called.

    Returns
    -------
    str
        HTML, UTF-8. Charts need a browser of 2023 or later; without scripts the page has outlines and tables.
    """
    overview = summary(findings, current, reference)
    columns = _columns(overview, findings, current, reference, rows)
    anchors = {c.panel.name: c.anchor for c in columns}
    apart = [f for f in in_order(findings) if f.status in TOLD and f.subject not in anchors]
    drawings = [drawing for c in columns for drawing in c.drawings]
    pairs = [f.evidence["pair"] for f in apart if f.status is Status.FAIL and "pair" in f.evidence]
    scatters = [picture for first, second in pairs for picture in pair(first, second, current, reference)]
    points = [_drawing(place, picture) for place, picture in enumerate(scatters, len(drawings))]
    return document(
        "page.html.j2",
        scripts=("columns.js", "charts.js"),
        style="report.css",
        charts=_charts([*drawings, *points], names),
        title=title,
        names=names,
        overview=overview,
        columns=columns,
        anchors=anchors,
        apart=apart,
        points=points,
        groups=[(status, grouped(findings, status)) for status in STATUS if status not in {Status.FAIL, Status.WARN}],
        statuses=Counter(overview.statuses),
        period=_period(current, reference),
        shown=SHOWN,
    )


def notebook(
    *,
    title: str,
    findings: Sequence[Finding],
    current: Profile,
    reference: Profile,
    rows: Mapping[str, Any],
    names: tuple[str, str] = ("reference", "current"),
) -> str:
    """What a notebook shows: the verdict, and the findings that fail or warn with small pictures of their columns.

    Parameters
    ----------
    title, findings, current, reference, rows, names
        As of `page`.

    Returns
    -------
    str
        A piece of HTML without scripts, which takes text colour and background from where it stands.
    """
    overview = summary(findings, current, reference)
    small: dict[str, tuple[str, str]] = {}
    for finding in overview.ranked[:SHOWN]:
        if finding.subject in overview.order:
            for picture in column(finding.subject, current, reference).pictures[:1]:
                small[finding.subject] = charts.outlines(picture)
    return rendered(
        "notebook.html.j2",
        title=title,
        names=names,
        overview=overview,
        outlines=small,
        rows=rows,
        style=static("notebook.css"),
        shown=SHOWN,
    )


# --- What is on the page --------------------------------------------------------------------------------------------


def _columns(
    overview: Summary, findings: Sequence[Finding], current: Profile, reference: Profile, rows: Mapping[str, Any]
) -> list[_Column]:
    """All columns, the worst first."""
    about: dict[str, list[Finding]] = defaultdict(list)
    for finding in in_order(findings):
        about[finding.subject].append(finding)
    columns: list[_Column] = []
    drawn = 0
    for place, (name, status) in enumerate(zip(overview.order, overview.statuses, strict=True)):
        panel = column(name, current, reference)
        drawings = [_drawing(drawn + i, picture) for i, picture in enumerate(panel.pictures)]
        drawn += len(drawings)
        told = [f for f in about[name] if f.status in TOLD]
        folded = [f for f in about[name] if f.status not in TOLD]
        columns.append(_Column(f"column-{place}", status, panel, told, folded, drawings, rows.get(name)))
    return columns


def _drawing(place: int, picture: Picture | Points) -> _Drawing:
    outlines = None if isinstance(picture, Points) else charts.outlines(picture)
    return _Drawing(place, picture, charts.height(picture) + _AXIS, outlines)


def _charts(drawings: Sequence[_Drawing], names: tuple[str, str]) -> dict[str, Any]:
    """What the script draws: a specification of each kind, and the data of each picture."""
    kinds = [charts.kind(d.picture) for d in drawings]
    return {
        "templates": {kind: charts.template(kind, names) for kind in sorted(set(kinds))},
        "config": charts.CONFIG,
        "pictures": [
            {"kind": kind, "height": charts.height(d.picture), "rows": charts.rows(d.picture)}
            for kind, d in zip(kinds, drawings, strict=True)
        ],
    }


def _period(current: Profile, reference: Profile) -> list[tuple[float, float] | None]:
    """First and last moment of both sides, if there is a time column."""
    name = reference.edges.time
    sides = [profile.columns.get(name) if name else None for profile in (reference, current)]
    return [(side.low, side.high) if side and math.isfinite(side.low) else None for side in sides]
