"""What is known of a model before its release, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import msgspec

from holdfast.config import Project
from holdfast.evidence import Evidence
from holdfast.gate.reading import Parts, Scores
from holdfast.junit import junit
from holdfast.models.protocol import Model
from holdfast.models.session import OnnxSession
from holdfast.numerals import number
from holdfast.policy import Policy
from holdfast.records import Finding, Severity, Status
from holdfast.schema import Schema
from holdfast.uncertainty import Uncertainty

Verdict = Literal["pass", "fail", "inconclusive"]

_ORDER = [
    Status.FAIL,
    Status.ERROR,
    Status.INCONCLUSIVE,
    Status.WARN,
    Status.PASS,
    Status.NOT_APPLICABLE,
    Status.SKIPPED,
]
_SEVERE = [Severity.HIGH, Severity.MEDIUM, Severity.LOW]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What `evaluate` found.

    Attributes
    ----------
    project, schema, model
        What was evaluated.
    evidence
        All figures; see `holdfast.evidence.Evidence`.
    findings
        Of checks and limits; what refuses a release first, then by urgency.
    policy, uncertainty
        What was chosen and calibrated on validation.
    quantiles
        The models of two quantiles, where the project names them.
    converted
        The model in ONNX, where it agrees with the model on every test row: what a release holds.
    parts, scores
        Rows and scores, from which a release is made.
    identity
        Of the kept evaluation; empty if it was not kept.
    """

    project: Project
    schema: Schema
    model: Model
    evidence: Evidence
    findings: tuple[Finding, ...]
    policy: Policy
    parts: Parts
    scores: Scores
    uncertainty: Uncertainty | None = None
    quantiles: tuple[Model, Model] | None = None
    converted: OnnxSession | None = None
    identity: str = ""

    @property
    def refusing(self) -> tuple[Finding, ...]:
        """The findings that refuse a release."""
        return tuple(finding for finding in self.findings if refuses(finding, self.project))

    @property
    def verdict(self) -> Verdict:
        """`inconclusive` where nothing fails, and some limit needs more rows."""
        return verdict_of(self.refusing)

    @property
    def passed(self) -> bool:
        """Whether a release may be made."""
        return not self.refusing

    def to_dicts(self) -> list[dict[str, Any]]:
        """The findings as plain dictionaries."""
        return [msgspec.to_builtins(finding) for finding in self.findings]

    def to_json(self) -> str:
        """Verdict, evidence and findings as JSON text."""
        body = {
            "verdict": self.verdict,
            "identity": self.identity,
            "evidence": self.evidence,
            "policy": self.policy,
            "findings": self.findings,
        }
        text: bytes = msgspec.json.format(msgspec.json.encode(body))
        return text.decode()

    @overload
    def to_html(self, path: None = None) -> str: ...

    @overload
    def to_html(self, path: str | Path) -> None: ...

    def to_html(self, path: str | Path | None = None) -> str | None:
        """The report as one HTML file that works offline, for the business and technical; written to `path` if given."""
        from holdfast.report.evaluation import page

        text = page(
            self.evidence,
            self.findings,
            verdict=self.verdict,
            refusing=self.refusing,
            title=f"{self.project.name}: evaluation",
            intended_use=self.project.intended_use,
            policy=self.policy,
        )
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8")
        return None

    def to_junit(self) -> str:
        """The findings as JUnit XML, for continuous integration."""
        return junit(self.findings, "holdfast evaluate")

    def __repr__(self) -> str:
        objective = self.evidence.objective
        told = "unknown" if objective.value is None else f"{number(objective.value, 4)} {objective.unit}".rstrip()
        return f"Evaluation({self.project.name}: {self.verdict}, {self.evidence.goal.title} {told})"


def refuses(finding: Finding, project: Project) -> bool:
    """Whether a finding refuses a release: it failed or crashed, and is not named as a warning; or a limit is undecided."""
    if finding.status is Status.INCONCLUSIVE:
        return finding.code.startswith("gate.") and project.gate.refuse_inconclusive
    if finding.status not in {Status.FAIL, Status.ERROR}:
        return False
    return not {finding.code, finding.code.partition(".")[0]} & set(project.gate.warnings)


def verdict_of(refusing: Iterable[Finding]) -> Verdict:
    """What the findings that refuse come to."""
    statuses = {finding.status for finding in refusing}
    if not statuses:
        return "pass"
    return "inconclusive" if statuses == {Status.INCONCLUSIVE} else "fail"


def ranked(findings: Iterable[Finding], project: Project) -> tuple[Finding, ...]:
    """What refuses a release first, then by status, severity and weight."""

    def urgency(finding: Finding) -> tuple[bool, int, int, float, str, str]:
        return (
            not refuses(finding, project),
            _ORDER.index(finding.status),
            _SEVERE.index(finding.severity),
            -finding.weight,
            finding.code,
            finding.subject,
        )

    return tuple(sorted(findings, key=urgency))
