"""The report of an evaluation: one HTML file that works without a network, for the business and for engineers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.numerals import several
from holdfast.records import Status
from holdfast.report.evaluation_business import MOST_REASONS, business, verdict_text
from holdfast.report.evaluation_charts import charts, height
from holdfast.report.evaluation_shapes import Lines, Picture
from holdfast.report.evaluation_technical import technical
from holdfast.report.offline import STATUS, document
from holdfast.report.sections import Section, Table
from holdfast.report.summary import TOLD, grouped, in_order
from holdfast.report.words import cut

if TYPE_CHECKING:
    from holdfast.evidence import Evidence, Subject
    from holdfast.policy import Policy
    from holdfast.records import Finding

_AXIS = 36
"""Pixels under a chart, for the labels of its axis."""
_DESCRIBED = 12
"""Figures of a picture that are told in words."""


@dataclass(frozen=True, slots=True)
class _Figure:
    """A picture on the page: its place in the data, what stands above it, and what is there without it."""

    number: int
    picture: Picture
    upwards: str
    across: str
    height: int
    described: str
    numbers: Table | None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A section on the page, with its pictures."""

    section: Section
    figures: Sequence[_Figure]


def page(
    evidence: Evidence,
    findings: Sequence[Finding],
    *,
    verdict: str,
    refusing: Sequence[Finding],
    title: str,
    intended_use: str = "",
    policy: Policy | None = None,
) -> str:
    """The report as one HTML file. It loads nothing, and holds no rows; sections without content are left out.

    Parameters
    ----------
    evidence
        What the evaluation found out.
    findings
        What checks and limits said.
    verdict
        `"pass"`, `"fail"` or `"inconclusive"`.
    refusing
        The findings that refuse a release, the most urgent first.
    title
        Heading of the page.
    intended_use
        What the model is for, in the owner's words.
    policy
        How scores become answers, shown as JSON.

    Returns
    -------
    str
        HTML, UTF-8. Charts need a browser of 2023 or later; without scripts their numbers are in tables.
    """
    first, second = business(evidence), technical(evidence, policy)
    pictures = [picture for section in (*first, *second) for picture in section.pictures]
    numbers = iter(range(len(pictures)))
    ranked = [*refusing, *(f for f in in_order(findings) if f.status in TOLD and f not in refusing)]
    calm = [status for status in STATUS if status not in TOLD]
    return document(
        "evaluation.html.j2",
        style="report.css",
        scripts=("charts.js",),
        charts=charts(pictures) if pictures else None,
        drawn=bool(pictures),
        title=title,
        status=Status(verdict),
        verdict=verdict_text(verdict, refusing),
        reasons=refusing[:MOST_REASONS],
        more=max(0, len(refusing) - MOST_REASONS),
        intended_use=intended_use,
        facts=facts(evidence),
        business=[_drawn(section, numbers) for section in first],
        technical=[_drawn(section, numbers) for section in second],
        findings=findings,
        ranked=ranked,
        groups=[(status, grouped(findings, status)) for status in calm],
    )


def facts(evidence: Evidence) -> tuple[str, ...]:
    """What was judged, and when."""
    subject = evidence.subject
    return (
        subject.name,
        f"{subject.family}, {task_text(subject)}",
        several(len(subject.features), "feature"),
        f"evaluated {evidence.created.replace('T', ' ')[:16]} UTC",
    )


def task_text(subject: Subject) -> str:
    """The task in words."""
    match subject.task:
        case "binary":
            return "two classes" + (f" (positive: {cut(subject.positive)})" if subject.positive else "")
        case "classes":
            return f"{len(subject.classes):,} classes"
        case "regression":
            return "regression"


def _drawn(section: Section, numbers: Iterator[int]) -> _Drawn:
    figures = [_figure(picture, next(numbers), bool(section.tables)) for picture in section.pictures]
    return _Drawn(section, figures)


def _figure(picture: Picture, number: int, tabled: bool) -> _Figure:
    upwards = picture.y.title if isinstance(picture, Lines) else ""
    shown = height(picture) + _AXIS
    return _Figure(
        number, picture, upwards, picture.x.title, shown, described(picture), None if tabled else numbers_table(picture)
    )


def described(picture: Picture) -> str:
    """A picture in words, for those who cannot see it."""
    some = _thinned(picture)
    figures = "; ".join(f"{label}: {told}" for label, told in some)
    left = len(picture.points) - len(some)
    return f"{picture.title}. {figures}{f'; and {left:,} more' if left > 0 else ''}."


def numbers_table(picture: Picture) -> Table:
    """The numbers of a picture, at most a dozen of them."""
    across = picture.x.title if isinstance(picture, Lines) else ""
    value = picture.y.title if isinstance(picture, Lines) else picture.x.title
    return Table(
        caption=f"Numbers: {picture.title}",
        head=(across or "At", value or "Value"),
        rows=tuple(_thinned(picture)),
        folded=True,
    )


def _thinned(picture: Picture) -> list[tuple[str, str]]:
    """Labels and figures of at most a dozen points, evenly along a line; of other pictures the first ones."""
    points = picture.points
    if isinstance(picture, Lines) and len(points) > _DESCRIBED:
        last = len(points) - 1
        points = tuple(points[round(place * last / (_DESCRIBED - 1))] for place in range(_DESCRIBED))
    return [(point.label, point.told) for point in points[:_DESCRIBED]]
