"""From an evaluation that passed to a sealed release, in the order in which one would do it by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

from holdfast.config import Project
from holdfast.errors import ReleaseError
from holdfast.evaluation.support import background_of
from holdfast.gate.evaluation import Evaluation
from holdfast.golden import GOLDEN, differences
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.protocol import Model
from holdfast.models.session import OnnxSession
from holdfast.profile.codec import to_bytes
from holdfast.records import Finding
from holdfast.released import (
    BACKGROUND,
    LOWER,
    MODEL,
    OBJECTIVE,
    POLICY,
    SCHEMA,
    UNCERTAINTY,
    UPPER,
    ReleasedModel,
    arrow_in,
    arrow_out,
    assembled,
)
from holdfast.releases.environment import origin
from holdfast.releases.folder import Item, SealedFolder
from holdfast.releases.store import Store, open_store
from holdfast.seal.estimators import ESTIMATORS, estimators
from holdfast.seal.golden import chosen_rows, golden_rows
from holdfast.seal.history import INPUTS, SAMPLE, SCORES, inputs, inputs_profile, sample_rows, score_table
from holdfast.seal.labelled_sample import LABELLED, labelled_sample, to_table
from holdfast.seal.windows import PURPOSES, history_windows

Say: TypeAlias = Callable[[str], None]
Files: TypeAlias = dict[str, Item]


def release(
    evaluation: Evaluation,
    model: object = None,
    *,
    store: Store | str | os.PathLike[str] | None = None,
    say: Say | None = None,
) -> SealedFolder:
    """Convert, build and seal what was evaluated, if it passed.

    Parameters
    ----------
    evaluation
        What `evaluate` found.
    model
        The fitted model, where it is not to be taken from the evaluation: it must score as the evaluated one did.
    store
        Where releases are kept; None: as the project says.
    say
        Called with a few words at each step.

    Returns
    -------
    SealedFolder
        The next version of the model; its parent is the one before.

    Raises
    ------
    ReleaseError
        Findings refuse the release, the ONNX form scores otherwise than what was evaluated, or the folder cannot be
        written. Nothing is kept then.
    ModelError
        The model has no ONNX form.
    """
    say = say or (lambda _: None)
    if not evaluation.passed:
        raise ReleaseError(refusal(evaluation))
    project = evaluation.project
    fitted = (evaluation.converted or evaluation.model) if model is None else _loaded(model, project)
    say("Converting to ONNX")
    files = {**_models(evaluation, fitted), **_records(evaluation)}
    released = assembled(project.name, lambda name: _content(files[name]), files)
    say("Profiling the history")
    files |= _reference(evaluation, released)
    say("Scoring golden rows")
    files |= _golden(evaluation, files, released)
    say("Writing report and card")
    files |= _pages(evaluation)
    say("Sealing")
    digests = {part.name: part.digest for part in evaluation.evidence.parts if part.digest}
    where = store if isinstance(store, Store) else open_store(store or project.path(project.store.releases))
    return where.add(project.name, files, origin(digests, code=_folder(project)))


def refusal(evaluation: Evaluation) -> str:
    """Why an evaluation does not become a release, in a sentence."""
    refusing = evaluation.refusing
    reasons = " ".join(f"{_named(finding)}: {finding.message}" for finding in refusing)
    many = f"{len(refusing)} findings refuse it" if len(refusing) > 1 else "a finding refuses it"
    return f"{evaluation.project.name} is not released, {many}. {reasons}"


def _named(finding: Finding) -> str:
    return f"{finding.code} of {finding.subject}" if finding.subject else finding.code


def _loaded(model: object, project: Project) -> Model:
    asked = project.data
    return load_model(model, features=asked.features or None, positive=asked.positive, task=project.model.task)


def _models(evaluation: Evaluation, fitted: Model) -> Files:
    rows = evaluation.parts.test.features
    sealed = to_onnx(fitted, rows)
    places = chosen_rows(evaluation.scores.test)
    scored = OnnxSession(sealed).predict(rows.take(places))
    expected = evaluation.scores.test[places]
    tolerance = evaluation.project.gate.parity_tolerance
    if (
        scored.shape != expected.shape
        or not (np.abs(scored - expected) <= tolerance * np.maximum(1.0, np.abs(expected))).all()
    ):
        raise ReleaseError(
            f"The ONNX form of the model does not score as the evaluated model did, to {tolerance:g}, on "
            f"{len(places)} rows of the test part: give the model that was evaluated, or evaluate this one."
        )
    files = {
        MODEL: Item(content=sealed.content, purpose="the model"),
        "signature.json": Item(content=_json(sealed.signature), purpose="how columns become its inputs"),
    }
    for name, quantile in zip((LOWER, UPPER), evaluation.quantiles or (), strict=False):
        files[name] = Item(content=to_onnx(quantile, rows).content, purpose="a predicted quantile, for intervals")
    return files


def _records(evaluation: Evaluation) -> Files:
    project, parts = evaluation.project, evaluation.parts
    train = parts.train if len(parts.train) else parts.validation
    background = background_of(train.features, evaluation.schema, project.split.seed)
    files = {
        SCHEMA: Item(content=evaluation.schema.to_json().encode(), purpose="the columns of the history"),
        OBJECTIVE: Item(content=_json(project.objective), purpose="what the business pays"),
        POLICY: Item(content=_json(evaluation.policy), purpose="how a score becomes an answer"),
        "project.json": Item(
            content=_json(msgspec.structs.replace(project, folder=".")), purpose="the configuration that was evaluated"
        ),
        BACKGROUND: Item(
            content=arrow_out(background), purpose="rows of the train part: what the model knows", erasable=True
        ),
        ESTIMATORS: Item(
            content=msgspec.json.encode(estimators(evaluation)), purpose="performance before the truth comes"
        ),
        "findings.json": Item(content=_json(evaluation.findings), purpose="findings of the evaluation"),
        "evidence.json": Item(content=_json(evaluation.evidence), purpose="figures of the evaluation"),
    }
    if evaluation.uncertainty is not None:
        content = _json(evaluation.uncertainty)
        files[UNCERTAINTY] = Item(content=content, purpose="how sure an answer is")
    return files


def _reference(evaluation: Evaluation, released: ReleasedModel) -> Files:
    parts = evaluation.parts
    rows, schema = inputs(
        (parts.train, parts.validation, parts.test), evaluation.schema, evaluation.project.monitor.freshness
    )
    profile = inputs_profile(rows, schema, evaluation.project.split.seed)
    files = {
        INPUTS: Item(content=to_bytes(profile, rows=False), purpose="counts of the inputs of the whole history"),
        SCORES: Item(
            content=score_table(evaluation, released).to_bytes(), purpose="scores by truth, of rows it did not fit"
        ),
        **{
            name: Item(content=content, purpose=PURPOSES[name])
            for name, content in history_windows(evaluation, released, profile, rows).items()
        },
    }
    labelled = to_table(labelled_sample(evaluation, rows))
    files[LABELLED] = Item(content=arrow_out(labelled), purpose="a sample of labelled rows", erasable=True)
    sample = sample_rows(profile)
    if sample is not None:
        files[SAMPLE] = Item(content=arrow_out(sample), purpose="a sample of the inputs", erasable=True)
    return files


def _golden(evaluation: Evaluation, files: Files, released: ReleasedModel) -> Files:
    """Golden rows, which a model that is loaded again from the bytes must answer alike."""
    rows = evaluation.parts.test.take(chosen_rows(evaluation.scores.test))
    content = arrow_out(golden_rows(released, rows))
    again = assembled(released.name, lambda name: _content(files[name]), files)
    problems = differences(again, arrow_in(content))
    if problems:
        raise ReleaseError(f"The release does not answer its own golden rows alike: {problems[0].message}.")
    return {GOLDEN: Item(content=content, purpose="rows of the test part with their answers", erasable=True)}


def _pages(evaluation: Evaluation) -> Files:
    from holdfast.report import model_card

    project = evaluation.project
    told: dict[str, Any] = {
        "verdict": evaluation.verdict,
        "title": project.name,
        "intended_use": project.intended_use,
    }
    evidence, findings = evaluation.evidence, evaluation.findings
    texts = {
        "report.html": (evaluation.to_html(), "the evaluation, for people"),
        "card.md": (model_card.markdown(evidence, findings, **told), "the model card"),
        "card.html": (model_card.html(evidence, findings, **told), "the model card, for people"),
    }
    return {name: Item(content=text.encode(), purpose=purpose) for name, (text, purpose) in texts.items()}


def _content(item: Item) -> bytes:
    return item.content if isinstance(item.content, bytes) else item.content.read_bytes()


def _json(record: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record)) + b"\n"


def _folder(project: Project) -> Path | None:
    return None if "://" in project.folder else Path(project.folder)
