"""Ask all checks before a release, of a model on the parts of its history; one that breaks never hides the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.checks import delay, fairness, leakage, overfit, performance, robustness, sealing, stability
from holdfast.checks.ask import Said, not_applicable
from holdfast.checks.catalogue import DRIFT, RELEASE
from holdfast.checks.target_leakage import nearly_perfect, target_leakage
from holdfast.comparison import broken, switched_off
from holdfast.evaluation.clock import moment
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import outcome
from holdfast.evaluation.periods import period_length
from holdfast.evidence import Evidence
from holdfast.explain.signals import SEVERITIES as SIGNALS
from holdfast.explain.signals import signals
from holdfast.gate.catalogue import check_names
from holdfast.gate.drift import drift_between
from holdfast.gate.evidence import Trial, segment_columns
from holdfast.gate.explaining import without_review
from holdfast.kinds import Role
from holdfast.policy import decide
from holdfast.records import Finding
from holdfast.stats.calibration import apply

Array: TypeAlias = NDArray[np.float64]
Question: TypeAlias = Callable[[Trial, Evidence], Iterable[Said]]

SAMPLE_ROWS = 2_000
"""Test rows that are scored again with missing values and with noise."""


def findings_of(trial: Trial, evidence: Evidence) -> list[Finding]:
    """The findings of all checks but the limits of `[[gate.limits]]`.

    Parameters
    ----------
    trial
        The model on its parts, under its policy.
    evidence
        All figures.

    Returns
    -------
    list of Finding
        At least one for each code; `error` where a check could not run.

    Raises
    ------
    SettingError
        The configuration names a check or a column that does not exist.
    """
    check_names(trial.project, trial.schema)
    found = [finding for code, question in QUESTIONS.items() for finding in _asked(code, question, trial, evidence)]
    found += _all_or_broken(DRIFT, lambda: drift_between(trial, evidence))
    found += _all_or_broken(SIGNALS, lambda: _signals(trial, evidence))
    return found


def _asked(code: str, question: Question, trial: Trial, evidence: Evidence) -> list[Finding]:
    severity = RELEASE[code].severity
    if trial.project.checks.skips(code):
        return [switched_off(code, severity)]
    try:
        return [
            said.finding(code, severity, said.value / said.limit if said.value is not None and said.limit else 1.0)
            for said in question(trial, evidence)
        ]
    except Exception as error:  # noqa: BLE001  # one broken check must not hide the others
        return [broken(code, "", error)]


def _all_or_broken(codes: Iterable[str], ask: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001  # the same
        return [broken(code, "", error) for code in codes]


def _signals(trial: Trial, evidence: Evidence) -> list[Finding]:
    skipped = {code for code in SIGNALS if trial.project.checks.skips(code)}
    found = [one for one in signals(evidence.importances, trial.schema) if one.code not in skipped]
    return [*found, *(switched_off(code, SIGNALS[code]) for code in SIGNALS if code in skipped)]


def _time(trial: Trial, _: Evidence) -> list[Said]:
    project, parts = trial.project, trial.parts
    until = project.model.trained_until
    return leakage.time_leakage(
        [part.time for part in (parts.train, parts.validation, parts.test)],
        None if until is None else moment(until, project.data.zone, "model.trained_until"),
        project.split.delay_seconds,
    )


def _group(trial: Trial, _: Evidence) -> list[Said]:
    parts = (trial.parts.train, trial.parts.validation, trial.parts.test)
    named = [column.name for column in trial.schema.by_role(Role.GROUP)]
    return leakage.group_leakage({name: [part.groups[name].codes for part in parts] for name in named})


def _duplicates(trial: Trial, _: Evidence) -> list[Said]:
    parts = trial.parts
    drawn = parts.split.kind == "random"
    return leakage.duplicate_leakage(parts.train.features, parts.test.features, trial.project.gate.checks, drawn=drawn)


def _target(trial: Trial, evidence: Evidence) -> list[Said]:
    project, (one, other) = trial.project, (trial.parts.validation, trial.parts.test)
    features, truth = pa.concat_tables([one.features, other.features]), np.concatenate([one.truth, other.truth])
    found = target_leakage(features, truth, trial.model.task, project.gate.checks, project.split.seed)
    return [*found, *nearly_perfect(evidence.metrics)]


def _trend(trial: Trial, evidence: Evidence) -> list[Said]:
    return stability.trend(
        evidence.trend,
        len(evidence.periods),
        evidence.objective.value,
        evidence.goal.direction,
        trial.project.gate.checks,
    )


def _segments(trial: Trial, evidence: Evidence) -> list[Said]:
    searched = trial.project.slices.search and trial.test.objective.decides and trial.test.rows.weight is None
    return performance.weak_segments(evidence.weak if searched else None)


def _unstable_segments(trial: Trial, _: Evidence) -> list[Said]:
    test = trial.test
    rows, time = test.counted, test.rows.time
    if time is None or test.rows.weight is not None or not len(rows) or time[-1] == time[0]:
        return [not_applicable("The rows have no time, or weights.")]
    length = period_length(float(time[0]), float(time[-1]))
    period = np.floor((time[-1] - time[rows]) / length).astype(np.int64)
    columns = {name: test.rows.groups[name] for name in segment_columns(trial)}
    segments = {name: (codes.codes[rows], len(codes.values)) for name, codes in columns.items()}
    return stability.unstable_segments(
        test.contributions(rows)[0],
        period,
        segments,
        trial.project.gate.checks,
        minimum_rows=trial.project.slices.minimum_rows,
    )


def _calibration(trial: Trial, _: Evidence) -> list[Said]:
    test, limits = trial.test, trial.project.gate.checks
    match test.rows.task:
        case "binary":
            return performance.calibration(
                apply(trial.policy.calibration, test.score), test.rows.truth, limits, test.rows.weight
            )
        case "classes":
            # Of several classes, the probability of the class that the model holds for the most probable.
            right = test.score.argmax(axis=1) == test.rows.truth
            return performance.calibration(test.score.max(axis=1), right, limits, test.rows.weight)
        case "regression":
            return [not_applicable("The model predicts numbers, not probabilities.")]


def _delay(trial: Trial, _: Evidence) -> list[Said]:
    parts = (trial.parts.train, trial.parts.validation, trial.parts.test)
    times = [part.time for part in parts if part.time is not None]
    if trial.model.task != "binary" or len(times) < len(parts):
        return [not_applicable("The rows have no time, or there are not two classes.")]
    truth = np.concatenate([part.truth for part in parts])
    return delay.label_delay(np.concatenate(times), truth, trial.project.gate.checks)


def _nulls(trial: Trial, evidence: Evidence) -> list[Said]:
    rows, policy = _sample(trial), without_review(trial.policy)

    def objective(score: Array) -> float | None:
        return outcome(rows, score, policy, trial.test.objective).value().value

    parts = (trial.parts.train, trial.parts.validation, trial.parts.test)
    occurring = {name for part in parts for name in part.features.column_names if _has_missing(part.features[name])}
    direction = evidence.goal.direction
    return robustness.nulls(trial.model.predict, rows.features, objective, direction, occurring=occurring)


def _noise(trial: Trial, _: Evidence) -> list[Said]:
    rows, policy = _sample(trial), without_review(trial.policy)

    def decisions(score: Array) -> NDArray[np.generic]:
        return decide(policy, score, rows.columns).decision

    return robustness.noise(trial.model.predict, rows.features, decisions, trial.project.gate.checks)


def _sample(trial: Trial) -> Labelled:
    rows = trial.parts.test
    return rows.take(np.sort(np.random.default_rng(trial.project.split.seed).permutation(len(rows))[:SAMPLE_ROWS]))


def _has_missing(column: pa.ChunkedArray) -> bool:
    return bool(column.null_count or (pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py()))


QUESTIONS: dict[str, Question] = {
    "leakage.time": _time,
    "leakage.identity": lambda trial, _: leakage.identity_leakage(
        [part.ids for part in (trial.parts.train, trial.parts.validation, trial.parts.test)]
    ),
    "leakage.group": _group,
    "leakage.duplicates": _duplicates,
    "leakage.target": _target,
    "overfit.gap": lambda trial, evidence: overfit.overfit_gap(
        evidence.train, evidence.metrics, trial.project.gate.checks
    ),
    "performance.baseline": lambda _, evidence: performance.baseline_gain(evidence.baselines),
    "performance.trend": _trend,
    "performance.segments": _segments,
    "performance.unstable_segments": _unstable_segments,
    "performance.calibration": _calibration,
    "performance.coverage": lambda trial, evidence: performance.coverage(evidence.coverage, trial.project.gate.checks),
    "policy.guarantee": lambda trial, evidence: performance.guarantee(
        trial.project.policy.guarantee is not None, evidence.decided is not None and bool(evidence.decided.guarantee)
    ),
    "label.delay": _delay,
    "fairness.disparity": lambda trial, evidence: fairness.disparity(evidence.disparities, trial.project.gate.checks),
    "robustness.nulls": _nulls,
    "robustness.noise": _noise,
    "model.parity": lambda trial, evidence: sealing.parity(
        evidence.parity, trial.project.gate.checks, evidence.unsealable
    ),
    "model.cost": lambda trial, evidence: sealing.running(evidence.running, trial.project.gate.checks),
}
"""How each check of `checks.catalogue.RELEASE` is put to a trial and its evidence."""
