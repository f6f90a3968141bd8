"""What an evaluation found, printed for people: the objective beside what it is to be compared with, findings, verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from holdfast.commands import terminal
from holdfast.commands.terminal import counted, finding_lines, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from holdfast.evidence import Estimate, Evidence, Metric, Part
    from holdfast.gate.evaluation import Evaluation
    from holdfast.records import Finding

MAIN = {
    "binary": ("roc_auc", "pr_auc", "precision", "recall"),
    "classes": ("accuracy", "balanced_accuracy", "macro_f1"),
    "regression": ("mae", "rmse", "r2"),
}
"""Metrics that are printed; the report has them all."""

TASKS = {"binary": "two classes", "classes": "several classes", "regression": "a number"}

MOST_WARNINGS = 10
"""Findings that warn and are printed; the report has them all."""


def show(evaluation: Evaluation) -> None:
    """Print what was found: figures, what refuses a release, what warns, and the verdict."""
    from holdfast.records import Status

    warnings = [
        finding
        for finding in evaluation.findings
        if finding not in evaluation.refusing and finding.status in {Status.FAIL, Status.ERROR, Status.WARN}
    ]
    told: list[RenderableType] = [_figures(evaluation.evidence), ""]
    for finding in [*evaluation.refusing, *warnings[:MOST_WARNINGS]]:
        told += finding_lines(_with_values(finding, evaluation.evidence))
    if len(warnings) > MOST_WARNINGS:
        told.append(f"      and {len(warnings) - MOST_WARNINGS:,} more that warn; the report has them.")
    told += [""] if len(told) > 2 else []
    told.append(_verdict(evaluation))
    terminal.show(*told)


def _with_values(finding: Finding, evidence: Evidence) -> Finding:
    """A weak segment by its values, which a finding, that is logged and sent on, leaves out."""
    import msgspec

    for group in evidence.weak:
        worse = group.figures.get("worse_by")
        same = " × ".join(group.columns) == finding.subject and worse is not None and worse.value == finding.value
        if finding.code == "performance.segments" and same:
            return msgspec.structs.replace(finding, subject=group.name)
    return finding


def _figures(evidence: Evidence) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _lines(evidence):
        table.add_row(label, Text(printable(value), "bold" if label == printable(evidence.goal.title) else ""))
    return table


def _lines(evidence: Evidence) -> Iterator[tuple[str, str]]:
    from holdfast.numerals import several
    from holdfast.report.estimates import told
    from holdfast.report.words import share

    subject = evidence.subject
    task = TASKS[subject.task] + (f" (positive: {subject.positive})" if subject.positive else "")
    yield "Model", f"{subject.name}: {subject.family}, {task}, {several(len(subject.features), 'feature')}"
    test = next(part for part in evidence.parts if part.name == "test")
    yield "Tested on", _tested(test)
    yield printable(evidence.goal.title), told(evidence.objective)
    if evidence.total is not None:
        yield "", f"{told(evidence.total)}: all test rows together"
    for baseline in evidence.baselines:
        yield "", f"{told(baseline.objective)}: {baseline.title[:1].lower()}{baseline.title[1:]}"
    if evidence.inflated is not None:
        yield "", f"{told(evidence.inflated)}: a random split, which usually flatters"
    for versus in evidence.champion:
        if versus.metric == "objective" and not versus.slice:
            yield "", f"{told(versus.champion)}: {versus.release}, on the same rows"
            yield "", f"{told(versus.difference, signed=True)}: by so much better than {versus.release}"
    for metric in _main(evidence):
        yield metric.title, told(metric.estimate)
    decided = evidence.decided
    if decided is not None and decided.reviewed:
        sent = ", ".join(f"{share(part)} {reason}" for reason, part in decided.reviewed.items())
        yield "Review", f"{share(1 - decided.decided)} of the rows ({sent})"
    for held in evidence.coverage:
        yield f"Coverage of {share(held.level)}", _covered(held.coverage, held.width)


def _covered(coverage: Estimate, width: Estimate) -> str:
    from holdfast.report.estimates import told

    return f"{told(coverage)}, mean size {told(width)}"


def _main(evidence: Evidence) -> list[Metric]:
    known = {metric.key: metric for metric in evidence.metrics}
    return [known[key] for key in MAIN[evidence.subject.task] if key in known]


def _tested(part: Part) -> str:
    from holdfast.numerals import several

    told = several(part.rows, "row")
    if part.positives is not None:
        told += f", {part.positives:,} positive"
    if part.start is not None and part.end is not None:
        told += f", {_day(part.start)} to {_day(part.end)}"
    return told + (f"; looked at {part.uses:,} times" if part.uses > 1 else "")


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _verdict(evaluation: Evaluation) -> RenderableType:
    from rich.text import Text

    from holdfast.numerals import several

    refusing = len(evaluation.refusing)
    counts = Counter(finding.status for finding in evaluation.findings)
    told = f"{several(len(evaluation.findings), 'finding')}, {', '.join(counted(counts))}."
    match evaluation.verdict:
        case "pass" if evaluation.evidence.unsealable:
            verdict = ("PASS", "bold yellow", ": nothing is wrong, but the model cannot be sealed; see model.parity.")
        case "pass":
            verdict = ("PASS", "bold green", ": nothing refuses a release.")
        case "inconclusive":
            verdict = ("INCONCLUSIVE", "bold cyan", f": {several(refusing, 'limit')} cannot be decided; see above.")
        case _:
            verdict = ("FAIL", "bold red", f": {several(refusing, 'finding')} refuse{'s' * (refusing == 1)} a release.")
    word, colour, rest = verdict
    return Text.assemble((word, colour), f"{rest} {told}")
