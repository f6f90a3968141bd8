"""From an evaluation to a sealed release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from holdfast.config import Limit, Project
from holdfast.errors import ModelError, ReleaseError
from holdfast.evidence import Evidence
from holdfast.gate.evaluate import evaluate
from holdfast.gate.evaluation import Evaluation
from holdfast.models.loading import load_model
from holdfast.models.onnx_model import Signature
from holdfast.profile.scores import ScoreTable
from holdfast.records import Finding, Status
from holdfast.released import arrow_in, load_release
from holdfast.releases.folder import SealedFolder, verify
from holdfast.releases.store import open_store
from holdfast.schema import Schema
from holdfast.seal.estimators import Estimators, load_fitted
from holdfast.seal.history import inputs
from holdfast.seal.release import release

from .conftest import payments

FILES = {
    "background.arrow",
    "card.html",
    "card.md",
    "estimators.json",
    "evidence.json",
    "findings.json",
    "golden.arrow",
    "model.onnx",
    "objective.json",
    "policy.json",
    "project.json",
    "reference/groups.counts",
    "reference/inputs.profile",
    "reference/labelled.arrow",
    "reference/sample.arrow",
    "reference/scores.table",
    "reference/windows.counts",
    "report.html",
    "schema.json",
    "signature.json",
}


def test_everything_is_in_the_folder(sealed: SealedFolder) -> None:
    assert sealed.name == "fraud/1"
    assert set(sealed.manifest.files) == FILES
    assert verify(sealed.place) == ()
    assert all(file.purpose for file in sealed.manifest.files.values())


def test_only_files_with_rows_may_be_erased(sealed: SealedFolder) -> None:
    erasable = {name for name, file in sealed.manifest.files.items() if file.erasable}
    assert erasable == {"background.arrow", "golden.arrow", "reference/labelled.arrow", "reference/sample.arrow"}


@pytest.mark.parametrize(
    "name", ["background.arrow", "golden.arrow", "reference/labelled.arrow", "reference/sample.arrow"]
)
def test_no_identifier_and_nothing_personal_is_kept(sealed: SealedFolder, name: str) -> None:
    content = sealed.read(name)
    assert b"ann@a.at" not in content
    assert b"P00" not in content


def test_the_data_are_named_by_their_digests(evaluation: Evaluation, sealed: SealedFolder) -> None:
    assert sealed.manifest.origin.data == {part.name: part.digest for part in evaluation.evidence.parts}
    assert set(sealed.manifest.origin.data) == {"train", "validation", "test"}


def test_what_was_sealed_reads_back(evaluation: Evaluation, sealed: SealedFolder) -> None:
    assert Schema.from_json(sealed.read("schema.json")) == evaluation.schema
    assert msgspec.json.decode(sealed.read("evidence.json"), type=Evidence) == evaluation.evidence
    assert msgspec.json.decode(sealed.read("findings.json"), type=tuple[Finding, ...]) == evaluation.findings
    assert msgspec.json.decode(sealed.read("signature.json"), type=Signature).features == evaluation.model.features
    configuration = msgspec.json.decode(sealed.read("project.json"), type=Project)
    assert configuration == msgspec.structs.replace(evaluation.project, folder=".")


def test_the_release_answers_as_the_evaluation_did(evaluation: Evaluation, sealed: SealedFolder) -> None:
    released = load_release(sealed)
    test = evaluation.parts.test
    scores = released.model.predict(test.features)
    assert scores == pytest.approx(evaluation.scores.test, abs=1e-6)
    assert (released.policy, released.objective) == (evaluation.policy, evaluation.project.objective)
    assert released.policy.support_limit is not None
    answers = released.decide(evaluation.scores.test, test.features, test.columns)
    assert evaluation.evidence.decided is not None
    assert 1 - answers.review.mean() == pytest.approx(evaluation.evidence.decided.decided)


def test_scores_are_of_rows_that_the_model_did_not_fit(evaluation: Evaluation, sealed: SealedFolder) -> None:
    table = ScoreTable.from_bytes(sealed.read("reference/scores.table"))
    parts = evaluation.parts
    assert table.rows == len(parts.validation) + len(parts.test)
    assert table.positives == int(parts.validation.truth.sum() + parts.test.truth.sum())
    assert table.columns == ("amount",)


def test_the_estimator_is_tried_on_the_test_part(evaluation: Evaluation, sealed: SealedFolder) -> None:
    found = msgspec.json.decode(sealed.read("estimators.json"), type=Estimators)
    assert (found.method, found.figure, found.rows) == ("cbpe", "positives", len(evaluation.parts.validation))
    assert found.realised == pytest.approx(evaluation.parts.test.truth.mean())
    assert found.expected == pytest.approx(found.realised, rel=0.5)


def test_the_reference_is_the_whole_history_without_target_and_identifiers(evaluation: Evaluation) -> None:
    rows, schema = inputs(
        (evaluation.parts.train, evaluation.parts.validation, evaluation.parts.test), evaluation.schema
    )
    parts = evaluation.parts
    assert rows.column_names == ["time", "amount", "country", "email", "region"]
    assert rows.num_rows == len(parts.train) + len(parts.validation) + len(parts.test)
    assert [column.role for column in schema.columns] == ["time", "feature", "feature", "feature", "segment"]


def test_the_next_version_knows_its_parent(evaluation: Evaluation, sealed: SealedFolder) -> None:
    store = open_store(Path(str(sealed.place)).parent.parent)
    second = release(evaluation, store=store)
    assert (second.name, second.manifest.parent) == ("fraud/2", sealed.identity)
    background = arrow_in(second.read("background.arrow"))
    assert background == arrow_in(sealed.read("background.arrow"))


def test_a_refused_model_leaves_nothing(evaluation: Evaluation, tmp_path: Path) -> None:
    findings = [
        Finding(code="gate.limit", status=Status.FAIL, subject="roc_auc", message="ROC AUC is too low."),
        Finding(code="parity.scores", status=Status.ERROR, message="It could not run."),
    ]
    refused = replace(evaluation, findings=(*findings, *evaluation.findings))
    with pytest.raises(ReleaseError) as caught:
        release(refused, store=tmp_path)
    assert str(caught.value) == (
        "fraud is not released, 2 findings refuse it. gate.limit of roc_auc: ROC AUC is too low. "
        "parity.scores: It could not run."
    )
    assert list(tmp_path.iterdir()) == []


def test_another_model_than_the_evaluated_one_is_refused(evaluation: Evaluation, tmp_path: Path) -> None:
    from sklearn.base import clone

    other = clone(evaluation.model.native)  # type: ignore[attr-defined]
    rows = evaluation.parts.test.features.to_pandas()
    other.fit(rows, rows["amount"] > 20)
    with pytest.raises(ReleaseError, match="give the model that was evaluated, or evaluate this one"):
        release(evaluation, other, store=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_callable_cannot_be_sealed(evaluation: Evaluation, tmp_path: Path) -> None:
    def constant(rows: pa.Table) -> list[float]:
        return [0.1] * rows.num_rows

    model = load_model(constant, features=evaluation.model.features, task="binary", classes=["false", "true"])
    with pytest.raises(ModelError, match="cannot be sealed"):
        release(replace(evaluation, model=model, converted=None), store=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_finds_the_release_in_place(evaluation: Evaluation, tmp_path: Path) -> None:
    """The same model again: no better and no worse on the same rows."""
    limits = (Limit(metric="objective", against="champion", margin=0.01),)
    gate = msgspec.structs.replace(evaluation.project.gate, limits=limits)
    project = msgspec.structs.replace(evaluation.project, folder=str(tmp_path), gate=gate)
    release(replace(evaluation, project=project))
    again = evaluate(evaluation.model.native, payments(), project, keep=False)
    (versus,) = again.evidence.champion
    assert (versus.release, versus.difference.value) == ("fraud/1", pytest.approx(0.0, abs=1e-9))
    [judged] = [finding for finding in again.findings if finding.code == "gate.limit"]
    assert judged.status is Status.PASS
    alone = evaluate(evaluation.model.native, payments(), project, champion=None, keep=False)
    assert alone.evidence.champion == ()


def test_estimators_of_earlier_releases_still_load() -> None:
    known = {"rows": 100, "data": "sha256:0", "expected": 0.1, "realised": 0.1}
    curve = {"kind": "platt", "coefficients": [1.0, -1.0]}
    binary = {"method": "cbpe", "calibrations": [curve], "figure": "positives", **known}
    classes = {"method": "cbpe", "calibrations": [curve] * 3, "figure": "accuracy", **known}
    number = {"method": "dle", "error": {"x": [0.0, 1.0], "y": [1.0, 2.0]}, "figure": "mean_absolute_error", **known}
    found = [load_fitted(msgspec.json.encode(old)) for old in (binary, classes, number)]
    assert [(one.task, len(one.corrected)) for one in found] == [("binary", 1), ("classes", 3), ("regression", 1)]
