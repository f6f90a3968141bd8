"""What must hold before a release: each limit of `[[gate.limits]]` as a finding, judged on the interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from holdfast.evaluation.judging import Judgement, judge
from holdfast.evidence import Estimate, Metric, Versus
from holdfast.numerals import number
from holdfast.records import Finding, Severity, Status

if TYPE_CHECKING:
    from holdfast.config import Limit

CODE = "gate.limit"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that limits may name, of the whole test part or of one slice.

    Attributes
    ----------
    metrics
        By key, `objective` among them.
    baselines
        How much better the objective is than a simple rule's, by the rule: `never`, `always`, `simple`.
    champion
        Paired comparisons with the release in place, by the key of the metric; None where there is no release.
    """

    metrics: Mapping[str, Metric]
    baselines: Mapping[str, Estimate] = {}
    champion: Mapping[str, Versus] | None = None


def limit_findings(limits: Sequence[Limit], figures: Mapping[tuple[tuple[str, str], ...], Figures]) -> list[Finding]:
    """A finding for every limit. A metric or a slice that is named and missing fails: nobody has judged it.

    Parameters
    ----------
    limits
        As configured.
    figures
        By slice: its columns and values, sorted; `()` is the whole test part.
    """
    return [_judged(limit, figures.get(tuple(sorted(limit.slice.items())))) for limit in limits]


def subject_of(limit: Limit) -> str:
    """What a limit is about, such as `roc_auc where country = DE`."""
    where = ", ".join(f"{column} = {value}" for column, value in sorted(limit.slice.items()))
    against = f" against {limit.against}" if limit.against else ""
    return f"{limit.metric}{against}" + (f" where {where}" if where else "")


def _judged(limit: Limit, figures: Figures | None) -> Finding:
    if figures is None:
        return _finding(limit, Status.FAIL, "There are no rows of this slice in the test part, so it cannot be judged.")
    if limit.against == "champion":
        return _against_champion(limit, figures)
    if limit.against is not None:
        better = figures.baselines.get(limit.against) if limit.metric == "objective" else None
        if better is None:
            known = ", ".join(sorted(figures.baselines)) or "none"
            return _finding(
                limit, Status.FAIL, f"There is no such comparison; the objective is compared with: {known}."
            )
        return _worded(limit, better, judge(better, at_least=0.0 - limit.margin), "Better than the rule by")
    found = figures.metrics.get(limit.metric)
    if found is None:
        known = ", ".join(sorted(figures.metrics))
        return _finding(limit, Status.FAIL, f"There is no such metric here; there are: {known}.")
    judgement = judge(found.estimate, at_least=limit.at_least, at_most=limit.at_most)
    return _worded(limit, found.estimate, judgement, found.title)


def _against_champion(limit: Limit, figures: Figures) -> Finding:
    if figures.champion is None:
        return _finding(limit, Status.NOT_APPLICABLE, "There is no release to compare with yet.")
    versus = figures.champion.get(limit.metric)
    if versus is None:
        known = ", ".join(sorted(figures.champion)) or "none"
        return _finding(limit, Status.FAIL, f"This metric is not compared with the champion; compared are: {known}.")
    judgement = judge(versus.difference, at_least=0.0 - limit.margin)
    return _worded(limit, versus.difference, judgement, f"Better than release {versus.release} by")


def _worded(limit: Limit, estimate: Estimate, judgement: Judgement, what: str) -> Finding:
    if estimate.value is None:
        return _finding(limit, Status.FAIL, f"{what}: the figure could not be had, so it cannot pass.")
    unit = f" {estimate.unit}" if estimate.unit and estimate.unit != "share" else ""
    if estimate.low is None or estimate.high is None:
        alone = (
            f"{what}: {number(estimate.value, 4)}{unit}, without an interval: all rows are alike, or there is one. "
            f"So it cannot pass the limit {number(judgement.limit, 4)}."
        )
        return _finding(limit, judgement.status, alone, estimate, judgement)
    ends = " to ".join(number(end, 4) for end in (estimate.low, estimate.high))
    told = f"{what}: {number(estimate.value, 4)}{unit} ({100 * estimate.level:.4g}% interval {ends})"
    ending = {
        Status.PASS: "all of it keeps to",
        Status.FAIL: "none of it keeps to",
        Status.INCONCLUSIVE: "it holds both sides of",
    }[judgement.status]
    more = ""
    if judgement.status is Status.INCONCLUSIVE:
        needed = judgement.rows_needed
        more = (
            f" About {needed:,} rows instead of {estimate.rows:,} would decide." if needed else " More rows may decide."
        )
    return _finding(
        limit, judgement.status, f"{told}; {ending} the limit {number(judgement.limit, 4)}.{more}", estimate, judgement
    )


def _finding(
    limit: Limit,
    status: Status,
    message: str,
    estimate: Estimate | None = None,
    judgement: Judgement | None = None,
) -> Finding:
    known = estimate is not None and estimate.low is not None and estimate.high is not None
    return Finding(
        code=CODE,
        status=status,
        subject=subject_of(limit),
        message=message,
        severity=Severity.HIGH,
        value=estimate.value if estimate else None,
        limit=judgement.limit if judgement else None,
        interval=(estimate.low, estimate.high) if known and estimate else None,  # type: ignore[arg-type]
        unit=estimate.unit if estimate else "",
        evidence={"rows": estimate.rows, "rows_needed": judgement.rows_needed} if estimate and judgement else {},
    )
