"""The business page: what a model earns, at which threshold, how sure, what mistakes cost, who is treated differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.numerals import number, several
from holdfast.report.estimates import complement, ends, per, point, scaled, told
from holdfast.report.evaluation_earnings import earns, test_part
from holdfast.report.evaluation_fairness import treated
from holdfast.report.evaluation_panels import drawn, is_by_threshold, span
from holdfast.report.sections import Section, Table
from holdfast.report.words import share

if TYPE_CHECKING:
    from holdfast.evidence import Evidence, Part
    from holdfast.records import Finding

REASONS = {
    "band": "their score lies in the band of doubt",
    "support": "they are unlike anything the model was fitted on",
    "unknown": "their score or a cost is unknown",
}
"""Why rows go to review."""

MOST_REASONS = 8
"""Refusing findings that the verdict tells; the others are in the technical part."""


def business(evidence: Evidence) -> tuple[Section, ...]:
    """The sections of the business page that have something to say."""
    found = (earns(evidence), _threshold(evidence), _sure(evidence), _wrong(evidence), treated(evidence))
    return tuple(section for section in found if not section.empty)


def verdict_text(verdict: str, refusing: Sequence[Finding]) -> str:
    """The verdict in a sentence.

    >>> verdict_text("pass", [])
    'This model may be released: nothing refuses it.'
    """
    if verdict == "pass":
        return "This model may be released: nothing refuses it."
    n = len(refusing)
    if not n:
        return "This model cannot be released yet: more rows are needed to decide."
    if verdict == "inconclusive":
        return f"This model cannot be released yet: {several(n, 'limit')} cannot be decided with so few rows."
    return f"This model must not be released: {several(n, 'finding')} {'refuses' if n == 1 else 'refuse'} it."


# --- At which threshold ---------------------------------------------------------------------------------------------


def _threshold(evidence: Evidence) -> Section:
    pictures = tuple(drawn(curve, evidence.goal) for curve in evidence.curves if is_by_threshold(curve))
    return Section(anchor="threshold", title="At which threshold", items=decision_texts(evidence), pictures=pictures)


def decision_texts(evidence: Evidence) -> tuple[str, ...]:
    """How a score becomes an answer, in sentences."""
    decided = evidence.decided
    if decided is None:
        return ()
    texts = []
    match decided.rule:
        case "threshold" if decided.threshold is not None:
            texts.append(f"A row is called positive if its score is {number(decided.threshold, 4)} or more.")
        case "expected_cost":
            texts.append("Each row gets the answer that its own costs make cheapest: there is no single threshold.")
        case "most_probable":
            texts.append("Each row gets the class that is most probable.")
    if decided.review is not None:
        low, high = (number(end, 4) for end in decided.review)
        texts.append(f"Scores from {low} to below {high} go to a person.")
    if decided.positive is not None:
        texts.append(f"Of the rows that it decides, {share(decided.positive)} are called positive.")
    if decided.calibration != "none":
        texts.append(f"Probabilities are calibrated ({decided.calibration}).")
    if decided.explored:
        texts.append(
            f"{share(decided.explored)} of the rows are decided the other way at random, so that their truth is learned."
        )
    if decided.guarantee:
        texts.append(decided.guarantee)
    if texts and any(part.name == "validation" for part in evidence.parts):
        texts.append("All of this was chosen on the validation part, before the test part was looked at.")
    return tuple(texts)


# --- How sure -------------------------------------------------------------------------------------------------------


def _sure(evidence: Evidence) -> Section:
    test, objective = test_part(evidence), evidence.objective
    items = []
    if objective.low is not None and objective.high is not None:
        level = number(100 * objective.level, 3)
        items.append(
            f"The {level}% interval of the objective is {ends(objective)}: how far luck alone may have moved it."
        )
    else:
        items.append("The objective has no interval: how far luck may have moved it is unknown.")
    if test is not None:
        positives = f", {several(test.positives, 'positive')}" if test.positives is not None else ""
        when = f", {span(test.start, test.end)}" if test.start is not None and test.end is not None else ""
        items.append(f"It rests on {several(test.rows, 'test row')}{positives}{when}.")
        items.extend(uses_text(test))
    if evidence.dropped:
        lost = ", ".join(f"{rows:,} ({reason})" for reason, rows in evidence.dropped.items())
        items.append(f"Rows that were left out: {lost}.")
    if evidence.trend is not None and evidence.trend.value is not None:
        items.append(trend_text(evidence))
    return Section(anchor="sure", title="How sure this is", items=tuple(items))


def uses_text(test: Part) -> tuple[str, ...]:
    """How often the test rows were looked at."""
    if test.uses <= 0:
        return ()
    if test.uses == 1:
        return ("Nobody had looked at these test rows before.",)
    looked = f"{test.uses:,} evaluations, this one included, have looked at these test rows."
    advice = (
        "Each look makes the best of them seem better than it is: judge the final choice on rows that nobody has seen."
    )
    return (f"{looked} {advice}",)


def trend_text(evidence: Evidence) -> str:
    """Whether the objective gets better or worse from period to period."""
    trend = evidence.trend
    if trend is None or trend.value is None:
        return ""
    size = told(trend, signed=True)
    if trend.low is None or trend.high is None or trend.low <= 0 <= trend.high:
        return f"From period to period it changes by {size}: no trend that could be told from chance."
    improving = (trend.value < 0) == (evidence.goal.direction == "lower")
    return f"From period to period it {'gets better' if improving else 'gets worse'}: {size}."


# --- What it costs to be wrong --------------------------------------------------------------------------------------


def _wrong(evidence: Evidence) -> Section:
    return Section(
        anchor="wrong",
        title="What it costs to be wrong",
        items=(*price_texts(evidence), *review_texts(evidence), *_regression_texts(evidence)),
        tables=_mistakes(evidence),
    )


def price_texts(evidence: Evidence) -> tuple[str, ...]:
    """What each mistake costs, as the objective was stated."""
    settings = evidence.goal.settings
    unit = f" {evidence.goal.unit}" if evidence.goal.unit else ""
    mistakes = {
        "false_positive": "A false alarm",
        "false_negative": "A missed positive",
        "true_positive": "A positive that is found",
        "true_negative": "A negative that is let through",
        "over": "Each unit predicted too high",
        "under": "Each unit predicted too low",
    }
    found = []
    for key, what in mistakes.items():
        entry = settings.get(key)
        if isinstance(entry, str):
            found.append(f"{what} costs what its column “{entry}” says.")
        elif isinstance(entry, int | float) and entry:
            found.append(f"{what} {'costs' if entry > 0 else 'earns'} {number(abs(entry))}{unit}.")
    return tuple(found)


def review_texts(evidence: Evidence) -> tuple[str, ...]:
    """How many rows go to a person, and why."""
    decided = evidence.decided
    if decided is None or not decided.reviewed:
        return ()
    why = "; ".join(f"{share(part)} because {REASONS.get(reason, reason)}" for reason, part in decided.reviewed.items())
    return (f"{share(sum(decided.reviewed.values()))} of the rows go to a person: {why}.",)


def _regression_texts(evidence: Evidence) -> tuple[str, ...]:
    metrics = {metric.key: metric.estimate for metric in evidence.metrics}
    found = []
    if evidence.subject.task == "regression":
        if (error := metrics.get("mae")) is not None and error.value is not None:
            found.append(f"A prediction is off by {told(error)} on average.")
        if (bias := metrics.get("bias")) is not None and bias.value is not None:
            side = "high" if bias.value > 0 else "low"
            size = told(bias if bias.value > 0 else scaled(bias, -1.0, unit=bias.unit))
            chance = bias.low is not None and bias.high is not None and bias.low <= 0 <= bias.high
            found.append(f"On average it predicts too {side} by {size}{', which may be chance' if chance else ''}.")
    found.extend(
        f"Intervals that promise to hold the truth {share(one.level)} of the time hold it {told(one.coverage)} of the time."
        for one in evidence.coverage[:1]
        if evidence.subject.task == "regression"
    )
    return tuple(found)


def _mistakes(evidence: Evidence) -> tuple[Table, ...]:
    """Mistakes of 1,000 rows, in words that need no definition."""
    metrics = {metric.key: metric.estimate for metric in evidence.metrics}
    wanted = (
        ("Wrong answers, of 1,000 rows that it decides", complement(metrics.get("accuracy"))),
        ("False alarms, of 1,000 rows called positive", complement(metrics.get("precision"))),
        ("Missed, of 1,000 rows that are positive", complement(metrics.get("recall"))),
        ("Falsely alarmed, of 1,000 rows that are negative", complement(metrics.get("specificity"))),
    )
    rows = tuple(
        (what, point(per(estimate)), ends(per(estimate)))
        for what, estimate in wanted
        if estimate is not None and estimate.value is not None
    )
    head = ("Mistakes", "Rows", "Interval")
    return (Table(caption="Mistakes of 1,000 rows", head=head, rows=rows),) if rows else ()
