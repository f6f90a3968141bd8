"""Limits of the gate as findings: named and missing is a failure."""

from __future__ import annotations

import pytest

from holdfast.config import Limit
from holdfast.evaluation.limits import Figures, limit_findings, subject_of
from holdfast.evidence import Estimate, Metric, Versus
from holdfast.records import Finding, Status

AUC = Metric(key="roc_auc", title="ROC AUC", estimate=Estimate(value=0.9, low=0.88, high=0.92, rows=1_000))
BETTER = Estimate(value=2.0, low=1.5, high=2.5, unit="EUR", rows=1_000)


def versus(value: float, half: float) -> Versus:
    own = Estimate(value=1.0)
    difference = Estimate(value=value, low=value - half, high=value + half, rows=1_000)
    return Versus(release="fraud/1", metric="objective", candidate=own, champion=own, difference=difference)


def judged(limit: Limit, figures: Figures | None = None) -> Finding:
    whole = figures or Figures(metrics={"roc_auc": AUC}, baselines={"simple": BETTER}, champion=None)
    [found] = limit_findings([limit], {(): whole})
    return found


def test_a_metric_is_judged_on_its_interval() -> None:
    assert judged(Limit(metric="roc_auc", at_least=0.88)).status is Status.PASS
    assert judged(Limit(metric="roc_auc", at_least=0.93)).status is Status.FAIL
    close = judged(Limit(metric="roc_auc", at_least=0.89))
    assert close.status is Status.INCONCLUSIVE
    assert close.evidence == {"rows": 1_000, "rows_needed": 4_000}
    assert "About 4,000 rows instead of 1,000 would decide." in close.message


@pytest.mark.parametrize(
    "limit",
    [
        Limit(metric="roc_acu", at_least=0.5),
        Limit(metric="roc_auc", at_least=0.5, slice={"country": "FR"}),
        Limit(metric="objective", against="never"),
        Limit(metric="roc_auc", against="simple"),
    ],
)
def test_what_is_named_and_missing_fails(limit: Limit) -> None:
    assert judged(limit).status is Status.FAIL


def test_a_figure_that_could_not_be_had_fails() -> None:
    vague = Metric(key="roc_auc", title="ROC AUC", estimate=Estimate(value=float("nan"), low=0.9, high=0.95))
    found = judged(Limit(metric="roc_auc", at_least=0.5), Figures(metrics={"roc_auc": vague}))
    assert found.status is Status.FAIL
    assert "cannot pass" in found.message


def test_a_figure_without_an_interval_is_inconclusive_or_fails() -> None:
    vague = Metric(key="mae", title="Mean absolute error", estimate=Estimate(value=0.0, unit="EUR", rows=9))
    found = judged(Limit(metric="mae", at_most=1.0), Figures(metrics={"mae": vague}))
    assert found.status is Status.INCONCLUSIVE
    assert found.message == (
        "Mean absolute error: 0 EUR, without an interval: all rows are alike, or there is one. "
        "So it cannot pass the limit 1."
    )
    assert judged(Limit(metric="mae", at_least=1.0), Figures(metrics={"mae": vague})).status is Status.FAIL


def test_better_than_a_simple_rule() -> None:
    assert judged(Limit(metric="objective", against="simple")).status is Status.PASS
    assert judged(Limit(metric="objective", against="simple", margin=-1.4)).status is Status.PASS
    assert judged(Limit(metric="objective", against="simple", margin=-3.0)).status is Status.FAIL


def test_numbers_are_written_as_people_write_them() -> None:
    large = Metric(key="mae", title="MAE", estimate=Estimate(value=10_073.4, low=9_876.7, high=10_270.3, rows=9))
    found = judged(Limit(metric="mae", at_most=123_456.0), Figures(metrics={"mae": large}))
    assert found.message == "MAE: 10,073 (95% interval 9,877 to 10,270); all of it keeps to the limit 123,456."


def test_without_a_champion_there_is_nothing_to_compare() -> None:
    assert judged(Limit(metric="objective", against="champion")).status is Status.NOT_APPLICABLE


def test_not_worse_than_the_champion_by_more_than_the_margin() -> None:
    figures = Figures(metrics={}, champion={"objective": versus(-0.1, 0.05)})
    assert judged(Limit(metric="objective", against="champion", margin=0.2), figures).status is Status.PASS
    assert judged(Limit(metric="objective", against="champion", margin=0.1), figures).status is Status.INCONCLUSIVE
    assert judged(Limit(metric="objective", against="champion"), figures).status is Status.FAIL
    assert judged(Limit(metric="roc_auc", against="champion"), figures).status is Status.FAIL


def test_the_subject_says_what_is_limited() -> None:
    limit = Limit(metric="recall", against="champion", slice={"country": "DE", "age": "old"})
    assert subject_of(limit) == "recall against champion where age = old, country = DE"
