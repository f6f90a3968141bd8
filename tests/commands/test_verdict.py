"""What the terminal says of an evaluation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from holdfast.commands.verdict import show
from holdfast.config import project_of
from holdfast.evidence import Evidence
from holdfast.gate.evaluation import Evaluation
from holdfast.policy import Policy
from holdfast.records import Finding, Status
from holdfast.testing.evaluations import fraud

PROJECT = {
    "name": "fraud",
    "data": {"path": "-", "target": "is_fraud"},
    "model": {"path": "-"},
    "objective": {"kind": "cost", "false_positive": 5, "false_negative": "amount", "currency": "EUR"},
}


def printed(capsys: pytest.CaptureFixture[str], evidence: Evidence, *findings: Finding) -> str:
    """All that is printed, its lines joined."""
    nothing: Any = None
    show(
        Evaluation(
            project=project_of(PROJECT),
            schema=nothing,
            model=nothing,
            evidence=evidence,
            findings=findings,
            policy=Policy(rule="threshold", threshold=0.5),
            parts=nothing,
            scores=nothing,
        )
    )
    return " ".join(capsys.readouterr().out.split())


def test_a_weak_segment_is_named_by_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    """The finding itself has the column only: it is logged, and sent on."""
    evidence = fraud()
    [weak] = [group for group in evidence.weak if group.confirmed][:1]
    finding = Finding(
        code="performance.segments",
        status=Status.WARN,
        subject=" × ".join(weak.columns),
        message="Worse.",
        value=weak.figures["worse_by"].value,
    )
    assert f"WARN {weak.name} performance.segments" in printed(capsys, evidence, finding)


def test_one_row_is_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    evidence = fraud()
    parts = tuple(msgspec.structs.replace(part, rows=1, positives=1) for part in evidence.parts)
    assert "Tested on 1 row, 1 positive" in printed(capsys, msgspec.structs.replace(evidence, parts=parts))


def test_the_positive_class_of_two_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    evidence = fraud()
    named = msgspec.structs.replace(evidence.subject, classes=("accept", "reject"))
    told = printed(capsys, msgspec.structs.replace(evidence, subject=named))
    assert "card fraud: lightgbm, two classes (positive: reject), 6 features" in told
    several = msgspec.structs.replace(named, task="classes")
    assert (
        "positive" not in printed(capsys, msgspec.structs.replace(evidence, subject=several)).partition("Tested on")[0]
    )


def test_a_model_that_cannot_be_sealed_does_not_just_pass(capsys: pytest.CaptureFixture[str]) -> None:
    evidence = msgspec.structs.replace(fraud(), parity=None, unsealable="a callable model has no ONNX form")
    assert "PASS: nothing is wrong, but the model cannot be sealed; see model.parity." in printed(capsys, evidence)
    assert "PASS: nothing refuses a release." in printed(capsys, fraud())
