"""The model card, in Markdown and HTML, filled from the evidence of an evaluation.

Its headings are those of Mitchell and others, *Model cards for model reporting*, FAT* (2019), section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.numerals import several
from holdfast.records import Status
from holdfast.report import markdown as written
from holdfast.report.evaluation import task_text
from holdfast.report.evaluation_business import (
    decision_texts,
    price_texts,
    review_texts,
    trend_text,
    uses_text,
    verdict_text,
)
from holdfast.report.evaluation_earnings import baseline_texts, inflated_text, objective_text, rules_tables, test_part
from holdfast.report.evaluation_fairness import disparity_tables, disparity_texts, equalised_tables
from holdfast.report.evaluation_groups import group_tables, weak
from holdfast.report.evaluation_panels import span
from holdfast.report.evaluation_technical import coverage_tables, metric_tables, parts_table, time_tables
from holdfast.report.offline import document
from holdfast.report.sections import Section

if TYPE_CHECKING:
    from holdfast.evidence import Evidence, Part
    from holdfast.records import Finding

_MOST_FEATURES = 50


def markdown(
    evidence: Evidence,
    findings: Sequence[Finding],
    *,
    verdict: str,
    refusing: Sequence[Finding] = (),
    intended_use: str = "",
    title: str = "",
) -> str:
    """The model card in Markdown.

    Parameters
    ----------
    evidence
        What the evaluation found out.
    findings
        What checks and limits said.
    verdict
        `"pass"`, `"fail"` or `"inconclusive"`.
    refusing
        The findings that refuse a release.
    intended_use
        What the model is for and what it is not for, in the owner's words: only people know.
    title
        Heading; the model's name by default.
    """
    return written.document(title or _title(evidence), sections(evidence, findings, verdict, refusing, intended_use))


def html(
    evidence: Evidence,
    findings: Sequence[Finding],
    *,
    verdict: str,
    refusing: Sequence[Finding] = (),
    intended_use: str = "",
    title: str = "",
) -> str:
    """The model card as one HTML file that loads nothing; for the parameters see `markdown`."""
    return document(
        "model_card.html.j2",
        style="report.css",
        title=title or _title(evidence),
        status=Status(verdict),
        verdict=verdict_text(verdict, refusing),
        sections=sections(evidence, findings, verdict, refusing, intended_use),
    )


def sections(
    evidence: Evidence, findings: Sequence[Finding], verdict: str, refusing: Sequence[Finding], intended_use: str
) -> tuple[Section, ...]:
    """The nine sections of a model card; each says so where nothing is known."""
    return (
        _details(evidence, verdict_text(verdict, refusing)),
        _use(evidence, intended_use),
        _factors(evidence),
        _metrics(evidence),
        _evaluation_data(evidence),
        _training_data(evidence),
        _analyses(evidence),
        _ethics(evidence),
        _caveats(evidence, findings, refusing),
    )


def _title(evidence: Evidence) -> str:
    return f"Model card: {evidence.subject.name}"


def _details(evidence: Evidence, verdict: str) -> Section:
    subject = evidence.subject
    items = [
        f"Name: {subject.name}.",
        f"Family: {subject.family}; task: {task_text(subject)}.",
        f"Evaluated: {evidence.created.replace('T', ' ')[:16]} UTC.",
    ]
    if subject.classes:
        items.append(f"Classes: {', '.join(subject.classes)}.")
    if subject.features:
        named = ", ".join(subject.features[:_MOST_FEATURES])
        left = len(subject.features) - _MOST_FEATURES
        items.append(f"Features: {named}{f' and {left:,} more' if left > 0 else ''}.")
    if subject.digest:
        items.append(f"Digest: {subject.digest}.")
    items.extend(decision_texts(evidence))
    items.append(verdict)
    return Section(anchor="details", title="Model details", items=tuple(items))


def _use(evidence: Evidence, intended_use: str) -> Section:
    items = []
    test = test_part(evidence)
    if test is not None and test.start is not None and test.end is not None:
        items.append(
            f"It was judged on rows of {span(test.start, test.end)}; nothing is known of other times and places."
        )
    return Section(
        anchor="use",
        title="Intended use",
        text=(intended_use or "The intended use was not stated.",),
        items=tuple(items),
    )


def _factors(evidence: Evidence) -> Section:
    columns = dict.fromkeys(group.columns for group in evidence.groups)
    items = [
        f"{' × '.join(names)}: {several(sum(group.columns == names for group in evidence.groups), 'group')}."
        for names in columns
    ]
    small = sum(not group.enough for group in evidence.groups)
    if small:
        items.append(f"{several(small, 'group')} of too few rows for a statement.")
    if evidence.weak:
        items.append(
            f"Weak segments were searched for among the features; {several(len(evidence.weak), 'segment')} proposed."
        )
    text = () if items else ("No groups of rows were looked at apart.",)
    return Section(anchor="factors", title="Factors", text=text, items=tuple(items))


def _metrics(evidence: Evidence) -> Section:
    goal = evidence.goal
    better = {"lower": "lower is better", "higher": "higher is better"}.get(goal.direction)
    said = ", ".join(part for part in (goal.title, f"in {goal.unit}" if goal.unit else "", better) if part)
    formulas = tuple(f"{metric.title}: {metric.formula}." for metric in evidence.metrics if metric.formula)
    intervals = "Figures have 95% intervals, in brackets, unless another level is named."
    items = (*price_texts(evidence), *formulas, intervals)
    return Section(anchor="metrics", title="Metrics", text=(f"The objective: {said}.",), items=items)


def _evaluation_data(evidence: Evidence) -> Section:
    judged = tuple(part for part in evidence.parts if part.name != "train")
    dropped = tuple(f"Left out: {several(rows, 'row')} ({reason})." for reason, rows in evidence.dropped.items())
    test = test_part(evidence)
    return _data(
        "evaluation", "Evaluation data", judged, (*(uses_text(test) if test else ()), *dropped, *evidence.notes)
    )


def _training_data(evidence: Evidence) -> Section:
    return _data("training", "Training data", tuple(part for part in evidence.parts if part.name == "train"), ())


def _data(anchor: str, title: str, parts: tuple[Part, ...], items: tuple[str, ...]) -> Section:
    tables = (parts_table(parts),) if parts else ()
    text = () if parts or items else ("Nothing was recorded.",)
    return Section(anchor=anchor, title=title, text=text, items=items, tables=tables)


def _analyses(evidence: Evidence) -> Section:
    tables = (
        *metric_tables(evidence)[:1],  # the formulas stand among the metrics
        *rules_tables(evidence),
        *time_tables(evidence),
        *coverage_tables(evidence),
        *group_tables(evidence),
        *weak(evidence).tables,
    )
    trend = trend_text(evidence)
    items = (*baseline_texts(evidence), *((trend,) if trend else ()))
    text = (objective_text(evidence),)
    return Section(anchor="analyses", title="Quantitative analyses", text=text, items=items, tables=tables)


def _ethics(evidence: Evidence) -> Section:
    told = disparity_texts(evidence)
    items = [*told, *review_texts(evidence)]
    looked = evidence.disparities or evidence.equalised
    text = "" if looked else "No protected groups were compared: whether people are treated differently is unknown."
    if evidence.decided is not None and evidence.decided.explored:
        items.append("Some rows are decided the other way at random, which affects those whom they are about.")
    return Section(
        anchor="ethics",
        title="Ethical considerations",
        text=(text,) if text else (),
        items=tuple(items),
        tables=(*disparity_tables(evidence), *equalised_tables(evidence)),
    )


def _caveats(evidence: Evidence, findings: Sequence[Finding], refusing: Sequence[Finding]) -> Section:
    told = [
        *refusing,
        *(f for f in findings if f.status in {Status.FAIL, Status.WARN, Status.ERROR} and f not in refusing),
    ]
    items = [f"{f'{f.subject}: ' if f.subject else ''}{f.message} ({f.code}, {f.status.value})" for f in told]
    inflated = inflated_text(evidence)
    if inflated:
        items.append(inflated)
    items.extend(
        f"It is worse where {group.name}: judge it there before relying on it."
        for group in evidence.weak
        if group.confirmed
    )
    if evidence.parity is not None and evidence.parity.flipped:
        flipped = several(len(evidence.parity.flipped), "decision")
        items.append(f"The converted model flips {flipped} of {evidence.parity.rows:,}.")
    text = () if items else ("Nothing stood out.",)
    return Section(anchor="caveats", title="Caveats and recommendations", text=text, items=tuple(items))
