"""The report of an evaluation: one HTML file that works without a network, for the business and for engineers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from holdfast.numerals import several
from holdfast.records import Status
from holdfast.report.drawn import AXIS, DESCRIBED, Drawn, Figure, described, evenly
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


def _drawn(section: Section, numbers: Iterator[int]) -> Drawn:
    return Drawn(section, [_figure(picture, next(numbers), bool(section.tables)) for picture in section.pictures])


def _figure(picture: Picture, number: int, tabled: bool) -> Figure:
    some = _thinned(picture)
    return Figure(
        number=number,
        title=picture.title,
        upwards=picture.y.title if isinstance(picture, Lines) else "",
        across=picture.x.title,
        height=height(picture) + AXIS,
        described=described(picture.title, some, len(picture.points) - len(some)),
        numbers=None if tabled else _numbers(picture, some),
    )


def _numbers(picture: Picture, some: list[tuple[str, str]]) -> Table:
    """The numbers of a picture, at most a dozen of them."""
    across = picture.x.title if isinstance(picture, Lines) else ""
    value = picture.y.title if isinstance(picture, Lines) else picture.x.title
    return Table(
        caption=f"Numbers: {picture.title}", head=(across or "At", value or "Value"), rows=tuple(some), folded=True
    )


def _thinned(picture: Picture) -> list[tuple[str, str]]:
    """Labels and figures of at most a dozen points, evenly along a line; of other pictures the first ones."""
    points = picture.points
    places = evenly(len(points)) if isinstance(picture, Lines) else range(min(len(points), DESCRIBED))
    return [(points[place].label, points[place].told) for place in places]
