"""Evaluate a fitted model honestly, in the order in which one would do it by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from holdfast.config import FILE, Project, load_project, project_of
from holdfast.evaluation.limits import limit_findings
from holdfast.evaluation.parts import digest_of
from holdfast.evaluation.tuning import Tuned
from holdfast.evidence import Evidence
from holdfast.gate.champion import Champion, champion_of, columns_of, compared
from holdfast.gate.choosing import decider, tuned
from holdfast.gate.converting import converted
from holdfast.gate.evaluation import Evaluation, ranked, refuses, verdict_of
from holdfast.gate.evidence import Trial, figures
from holdfast.gate.explaining import explained
from holdfast.gate.findings import findings_of
from holdfast.gate.folds import rolled
from holdfast.gate.inflated import inflated
from holdfast.gate.limits import figures_by_slice
from holdfast.gate.reading import Parts, Scores, loaded_model, read_parts, scores_of
from holdfast.gate.uncertain import calibrated, coverage, quantile_models
from holdfast.models.protocol import Model
from holdfast.releases.evaluations import open_evaluations
from holdfast.schema import Schema

GIVEN = "-"
"""Path of a model or a history that a program gave."""
Say: TypeAlias = Callable[[str], None]


def evaluate(
    model: object = None,
    data: object = None,
    project: Project | Mapping[str, Any] | str | Path | None = None,
    *,
    champion: Champion | Literal["newest"] | None = "newest",
    trust: bool = False,
    keep: bool = True,
    say: Say | None = None,
) -> Evaluation:
    """Evaluate a fitted model on its labelled history, and judge it against its limits.

    What is chosen (calibration, threshold, review) is chosen on the validation part; the figures that are told are of
    the test part, which lies after it. A check that cannot run is a finding, too.

    Parameters
    ----------
    model
        A fitted model of any family, or where it lies; None: what the project names.
    data
        The labelled history, as for `open_table`; None: what the project names.
    project
        The configuration, a mapping with its sections (in which a model and data that are given need no path), or where
        it lies; None: `holdfast.toml` in this folder.
    champion
        The release that is to be compared with on the same rows: by default the newest one of the project; None: none.
    trust
        Whether a pickle may be loaded: it can run any code.
    keep
        Whether the evaluation is kept in the project's store, where the uses of a test period are counted.
    say
        Called with a few words at each step.

    Raises
    ------
    SettingError, InputError, ModelError
        The configuration, the data or the model cannot be used; the message says what to do.
    """
    say = say or (lambda _: None)
    asked = _asked(project, model, data)
    say("Loading the model")
    loaded = loaded_model(model, asked, trust=trust)
    say("Reading the history")
    in_place = champion_of(asked) if champion == "newest" else champion
    parts, schema = read_parts(data, asked, loaded, columns_of(in_place))
    quantiles = quantile_models(asked, trust=trust)
    return judged(loaded, schema, parts, asked, quantiles=quantiles, champion=in_place, keep=keep, say=say)


def _asked(project: Project | Mapping[str, Any] | str | Path | None, model: object, data: object) -> Project:
    match project:
        case Project():
            return project
        case Mapping():
            given = {"model": model, "data": data}
            # What is given needs no path.
            paths = {name: {"path": GIVEN, **project.get(name, {})} for name, one in given.items() if one is not None}
            return project_of({**project, **paths})
        case _:
            return load_project(project or FILE)


def judged(
    model: Model,
    schema: Schema,
    parts: Parts,
    project: Project,
    *,
    quantiles: tuple[Model, Model] | None = None,
    champion: Champion | None = None,
    keep: bool = True,
    say: Say | None = None,
) -> Evaluation:
    """Judge a model on parts that were read; `evaluate` does both."""
    say = say or (lambda _: None)
    say("Scoring all parts")
    trial, why = tried(model, schema, parts, scores_of(model, parts, quantiles), project)
    say("Computing figures")
    kept = open_evaluations(project.path(project.store.evaluations))
    rows = digest_of(parts.test)
    evidence = figures(trial, why, uses=kept.uses(project.name, rows) + 1)
    if trial.uncertainty is not None:
        of_test = None if trial.scores.quantiles is None else trial.scores.quantiles[1]
        held = coverage(project, trial.uncertainty, parts.test, trial.scores.test, of_test)
        evidence = msgspec.structs.replace(evidence, coverage=(held,))
    say("Fitting again on a random split")
    evidence = inflated(trial, evidence)
    if parts.folds:
        say("Fitting again for rolling origins")
        evidence = rolled(trial, evidence)
    say("Converting to ONNX")
    evidence, session = converted(trial, evidence)
    scoring_fast = replace(trial, model=session or model)
    say("Explaining a sample")
    evidence = explained(trial, evidence, session)
    say("Comparing with the champion")
    evidence = compared(trial, evidence, champion)
    say("Checking")
    found = [
        *findings_of(scoring_fast, evidence),
        *limit_findings(project.gate.limits, figures_by_slice(trial, evidence, champion)),
    ]
    findings = ranked(found, project)
    verdict = verdict_of(finding for finding in findings if refuses(finding, project))
    identity = ""
    if keep:
        identity = kept.keep(
            project.name,
            configuration=msgspec.to_builtins(project),
            metrics=main_metrics(evidence),
            verdict=verdict,
            test_rows=rows,
            files={"evidence.json": msgspec.json.encode(evidence), "findings.json": msgspec.json.encode(findings)},
        ).identity
    return Evaluation(
        project=project,
        schema=schema,
        model=model,
        evidence=evidence,
        findings=findings,
        policy=trial.policy,
        parts=parts,
        scores=trial.scores,
        uncertainty=trial.uncertainty,
        quantiles=quantiles,
        converted=session,
        identity=identity,
    )


def tried(model: Model, schema: Schema, parts: Parts, scores: Scores, project: Project) -> tuple[Trial, Tuned]:
    """The model under the policy that validation chooses, and why that one."""
    found = tuned(project, parts.validation, scores.validation)
    deciding = decider(project, schema, found.policy, parts.train, parts.validation)
    of_validation = None if scores.quantiles is None else scores.quantiles[0]
    trial = Trial(
        project=project,
        model=model,
        schema=schema,
        parts=parts,
        scores=scores,
        policy=deciding.policy,
        uncertainty=calibrated(project, parts.validation, scores.validation, of_validation),
        known=deciding.outcome(parts.known, scores.known),
        validation=deciding.outcome(parts.validation, scores.validation),
        test=deciding.outcome(parts.test, scores.test),
    )
    return trial, found


def main_metrics(evidence: Evidence) -> dict[str, float | None]:
    """The figures of the test part by key, for a comparison of evaluations."""
    return {metric.key: metric.estimate.value for metric in evidence.metrics}
