"""The verdict: what refuses a release, and in which order findings are told."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.config import Project, project_of
from holdfast.evaluation.labelled import Dropped, Labelled
from holdfast.evaluation.splits import Split
from holdfast.evidence import Estimate, Evidence, Goal, Subject
from holdfast.gate.evaluation import Evaluation, ranked, refuses, verdict_of
from holdfast.gate.reading import Parts, Scores
from holdfast.models.loading import load_model
from holdfast.policy import Policy
from holdfast.records import Finding, Severity, Status
from holdfast.schema import Schema


def project(**gate: Any) -> Project:
    return project_of(
        {
            "name": "fraud",
            "data": {"path": "-", "target": "bad"},
            "model": {"path": "-"},
            "objective": {"kind": "mae"},
            "gate": gate,
        }
    )


def finding(status: Status, code: str = "overfit.gap", **more: Any) -> Finding:
    return Finding(code=code, status=status, subject="x", message="Told.", **({"severity": Severity.LOW} | more))


def evaluation(*findings: Finding, **gate: Any) -> Evaluation:
    rows = Labelled(task="regression", classes=(), features=pa.table({"x": [1.0]}), truth=np.ones(1))
    places = np.zeros(1, np.intp)
    split = Split(train=places, validation=places, test=places, kind="random", left_out={})
    goal = Goal(title="Mean absolute error", direction="lower", unit="kg")
    return Evaluation(
        project=project(**gate),
        schema=Schema(columns=()),
        model=load_model(lambda table: table["x"], features=["x"], task="regression"),
        evidence=Evidence(
            created="2026-01-01T00:00:00+00:00",
            subject=Subject(name="fraud", family="callable", task="regression"),
            goal=goal,
            parts=(),
            objective=Estimate(value=1.25, unit="kg"),
        ),
        findings=findings,
        policy=Policy(rule="value"),
        parts=Parts(train=rows, known=rows, validation=rows, test=rows, split=split, dropped=Dropped()),
        scores=Scores(known=np.ones(1), validation=np.ones(1), test=np.ones(1)),
    )


@pytest.mark.parametrize(
    ("status", "code", "gate", "expected"),
    [
        (Status.PASS, "overfit.gap", {}, False),
        (Status.WARN, "overfit.gap", {}, False),
        (Status.FAIL, "overfit.gap", {}, True),
        (Status.ERROR, "overfit.gap", {}, True),
        (Status.FAIL, "overfit.gap", {"warnings": ["overfit.gap"]}, False),
        (Status.ERROR, "overfit.gap", {"warnings": ["overfit"]}, False),
        (Status.FAIL, "overfit.gap", {"warnings": ["leakage"]}, True),
        (Status.INCONCLUSIVE, "overfit.gap", {}, False),
        (Status.INCONCLUSIVE, "gate.limit", {}, True),
        (Status.INCONCLUSIVE, "gate.limit", {"refuse_inconclusive": False}, False),
        (Status.NOT_APPLICABLE, "gate.limit", {}, False),
        (Status.SKIPPED, "leakage.time", {}, False),
    ],
)
def test_what_refuses(status: Status, code: str, gate: dict[str, Any], expected: bool) -> None:
    assert refuses(finding(status, code), project(**gate)) is expected


def test_the_verdict() -> None:
    limit = finding(Status.INCONCLUSIVE, "gate.limit")
    assert verdict_of([]) == "pass"
    assert verdict_of([limit]) == "inconclusive"
    assert verdict_of([limit, finding(Status.FAIL)]) == "fail"
    assert verdict_of([finding(Status.ERROR)]) == "fail"


def test_what_refuses_comes_first_and_then_what_is_urgent() -> None:
    passed, warned = finding(Status.PASS), finding(Status.WARN)
    waived = finding(Status.FAIL, "leakage.time")
    low, high = finding(Status.FAIL), finding(Status.FAIL, severity=Severity.HIGH)
    heavy = finding(Status.FAIL, weight=9.0)
    order = ranked([passed, waived, low, warned, heavy, high], project(warnings=["leakage"]))
    assert order == (high, heavy, low, waived, warned, passed)


def test_an_evaluation_tells_its_verdict() -> None:
    found = evaluation(finding(Status.FAIL), finding(Status.PASS))
    assert (found.verdict, found.passed, len(found.refusing)) == ("fail", False, 1)
    assert repr(found) == "Evaluation(fraud: fail, Mean absolute error 1.25 kg)"
    assert evaluation(finding(Status.PASS)).passed


def test_it_is_json_and_junit() -> None:
    found = evaluation(finding(Status.FAIL), finding(Status.PASS))
    read = msgspec.json.decode(found.to_json())
    assert (read["verdict"], read["evidence"]["objective"]["value"]) == ("fail", 1.25)
    assert [one["status"] for one in found.to_dicts()] == ["fail", "pass"]
    suite = ET.fromstring(found.to_junit())
    assert len(suite.findall(".//failure")) == 1
