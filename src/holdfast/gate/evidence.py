"""Put together what an evaluation found out: all figures of the test part, under what validation chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.evaluation.baselines import baselines
from holdfast.evaluation.codes import Codes
from holdfast.evaluation.curves import ranking_curves, reliability_curve
from holdfast.evaluation.fairness import disparities, equalised
from holdfast.evaluation.outcome import Outcome
from holdfast.evaluation.parts import part_of
from holdfast.evaluation.performance import performance
from holdfast.evaluation.periods import by_period, trend
from holdfast.evaluation.slices import figures_of, groups
from holdfast.evaluation.tuning import Tuned
from holdfast.evaluation.weak import weak_segments
from holdfast.evidence import (
    Baseline,
    Curve,
    Decided,
    Equalised,
    Estimate,
    Evidence,
    Goal,
    Group,
    Part,
    Period,
    Subject,
)
from holdfast.gate.reading import Parts, Scores
from holdfast.models.protocol import Model
from holdfast.objective import Cost, CostMatrix, Judged
from holdfast.policy import REASONS, Policy
from holdfast.schema import Role, Schema
from holdfast.stats.calibration import apply
from holdfast.uncertainty import Uncertainty

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A model on its parts, under the policy that validation chose: what all figures are computed from."""

    project: Project
    model: Model
    schema: Schema
    parts: Parts
    scores: Scores
    policy: Policy
    uncertainty: Uncertainty | None
    known: Outcome
    validation: Outcome
    test: Outcome


def figures(trial: Trial, why: Tuned, *, uses: int) -> Evidence:
    """All figures that need nothing but the trial; explanation, parity and comparisons are added by others."""
    project, test, parts = trial.project, trial.test, trial.parts
    metrics = performance(test, trial.policy)
    periods = periods_of(test)
    sliced = slices_of(trial)
    return Evidence(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        subject=Subject(
            name=project.name,
            family=trial.model.family,
            task=trial.model.task,
            classes=test.rows.classes,
            features=trial.model.features,
        ),
        goal=Goal(
            title=project.objective.title,
            direction=project.objective.direction,
            unit=project.objective.unit,
            settings=msgspec.to_builtins(project.objective),
        ),
        parts=told_parts(parts, uses),
        dropped=_dropped(parts),
        objective=metrics[0].estimate,
        total=_total(test, metrics[0].estimate),
        metrics=metrics,
        validation=performance(trial.validation, trial.policy),
        train=performance(trial.known, trial.policy) if _can_be_judged(trial.known) else (),
        baselines=_baselines(trial),
        periods=periods,
        trend=trend(periods, "objective"),
        curves=(*why.curves, *_drawn(test, trial.policy)),
        decided=decided(test, trial.policy, why),
        groups=sliced,
        disparities=disparities([g for g in sliced if set(g.columns) <= set(protected_columns(trial))]),
        equalised=_equalised(trial),
        weak=_weak(test, project),
        notes=(*parts.split.warnings, *why.notes),
    )


def _baselines(trial: Trial) -> tuple[Baseline, ...]:
    """Simple rules on the same rows. The previous value needs all of train; all other rules a sample of it."""
    parts, split = trial.parts, trial.project.split
    train = parts.train if trial.model.task == "regression" else parts.known
    if not len(train):
        return ()
    return baselines(train, parts.validation, trial.test, entity=split.group, delay_seconds=split.delay_seconds)


def told_parts(parts: Parts, uses: int) -> tuple[Part, ...]:
    """What a reader is told of the three parts."""
    return (
        part_of("train", parts.train),
        part_of("validation", parts.validation),
        part_of("test", parts.test, uses=uses),
    )


def periods_of(test: Outcome) -> tuple[Period, ...]:
    """The objective over time, and how many rows were called positive; none without a time."""
    if test.rows.time is None:
        return ()
    positive = test.rows.truth if test.rows.task == "binary" else None
    return by_period(test.rows.time, lambda rows: _figures(test, rows), positive)


def segment_columns(trial: Trial) -> tuple[str, ...]:
    """Columns whose values make segments, but for the protected ones."""
    by_role = [column.name for column in trial.schema.by_role(Role.SEGMENT)]
    return tuple(dict.fromkeys([*by_role, *trial.project.slices.columns]))


def protected_columns(trial: Trial) -> tuple[str, ...]:
    """Columns whose values make protected groups."""
    by_role = [column.name for column in trial.schema.by_role(Role.PROTECTED)]
    return tuple(dict.fromkeys([*by_role, *trial.project.slices.protected]))


def slices_of(trial: Trial) -> tuple[Group, ...]:
    """Figures of segments, protected groups and the crossings of these."""
    test, asked = trial.test, trial.project.slices
    positive = test.rows.truth if test.rows.task == "binary" else None
    found: list[Group] = []
    for names, crossings in ((segment_columns(trial), False), (protected_columns(trial), asked.crossings)):
        columns = {name: test.rows.groups[name] for name in names}
        found += groups(
            columns,
            lambda rows: _figures(test, rows) | _rates(test, rows),
            minimum_rows=asked.minimum_rows,
            positive=positive,
            crossings=crossings,
        )
    return tuple(found)


def decided(test: Outcome, policy: Policy, why: Tuned) -> Decided:
    """What the policy makes of the test part."""
    answers = test.answers
    positive = test.share(answers.decision, among=~answers.review) if _binary(test) else None
    band = None if policy.review_low is None or policy.review_high is None else (policy.review_low, policy.review_high)
    return Decided(
        rule=policy.rule,
        threshold=policy.threshold,
        review=band,
        calibration=policy.calibration.kind,
        decided=test.share(~answers.review),
        reviewed=test.reviewed,
        explored=test.share(answers.reason == REASONS.index("explore")),
        guarantee="" if why.guaranteed is None else why.notes[0],
        positive=positive if positive is not None and np.isfinite(positive) else None,
    )


def _figures(test: Outcome, rows: NDArray[np.intp]) -> dict[str, Estimate]:
    return {"objective": test.value(rows)}


def _rates(test: Outcome, rows: NDArray[np.intp]) -> dict[str, Estimate]:
    """Rates of the answers, of the rows that the model decides by itself."""
    own = rows[~test.answers.review[rows]]
    if not len(own):
        return {}
    judged = test.rows.judged(test.score, test.answers.decision)
    found = figures_of(test.objective, judged)(own)
    found.pop("objective")
    return found


def _total(test: Outcome, objective: Estimate) -> Estimate | None:
    """The objective of all rows together, where it is a cost."""
    if not isinstance(test.objective, Cost | CostMatrix) or objective.value is None:
        return None
    weight = float(len(test.rows)) if test.rows.weight is None else float(test.rows.weight.sum())

    def times(number: float | None) -> float | None:
        return None if number is None else number * weight

    return msgspec.structs.replace(
        objective, value=times(objective.value), low=times(objective.low), high=times(objective.high)
    )


def _dropped(parts: Parts) -> dict[str, int]:
    reasons = {
        "no truth": parts.dropped.no_truth,
        "no time": parts.dropped.no_time,
        "no weight": parts.dropped.no_weight,
    }
    return {reason: rows for reason, rows in {**reasons, **parts.split.left_out}.items() if rows}


def _drawn(test: Outcome, policy: Policy) -> tuple[Curve, ...]:
    if not _binary(test):
        return ()
    rows = test.rows
    probability = apply(policy.calibration, test.score)
    return (
        reliability_curve(probability, rows.truth, rows.weight),
        *ranking_curves(test.score, rows.truth, rows.weight),
    )


def _equalised(trial: Trial) -> tuple[Equalised, ...]:
    """Thresholds of their own for protected groups; only where one threshold decides."""
    threshold, names = trial.policy.threshold, protected_columns(trial)
    if threshold is None or not names:
        return ()
    validation, test = trial.validation.rows, trial.test.rows
    both = _joined(trial)
    first, second = np.arange(len(validation)), len(validation) + np.arange(len(test))
    found: list[Equalised] = []
    for name in names:
        one, other = validation.groups[name], test.groups[name]
        codes = Codes(codes=np.concatenate([one.codes, other.codes]), values=one.values)
        found += equalised(
            name,
            codes,
            first,
            second,
            both,
            threshold,
            trial.project.objective,
            minimum_rows=trial.project.slices.minimum_rows,
        )
    return tuple(found)


def _joined(trial: Trial) -> Judged:
    """Validation and test rows with their raw scores, one after the other."""
    one, other = trial.validation, trial.test
    weighted = one.rows.weight is not None and other.rows.weight is not None
    return Judged(
        truth=np.concatenate([one.rows.truth, other.rows.truth]),
        score=np.concatenate([one.score, other.score]),
        answer=np.concatenate([one.answers.decision, other.answers.decision]),
        columns={name: np.concatenate([one.rows.columns[name], other.rows.columns[name]]) for name in one.rows.columns},
        weight=np.concatenate([one.rows.weight, other.rows.weight]) if weighted else None,
        time=None if one.rows.time is None else np.concatenate([one.rows.time, other.rows.time]),
        classes=one.rows.classes,
    )


def _weak(test: Outcome, project: Project) -> tuple[Group, ...]:
    if not project.slices.search or not test.objective.decides or test.rows.weight is not None:
        return ()
    rows = test.counted
    found, _ = test.contributions(rows)
    return weak_segments(
        test.rows.features.take(rows),
        found,
        project.objective.direction,
        minimum_rows=project.slices.minimum_rows,
        seed=project.split.seed,
        unit=project.objective.unit,
    )


def _can_be_judged(outcome: Outcome) -> bool:
    n, positives = len(outcome.rows), outcome.rows.positives
    return n > 1 and (positives is None or 0 < positives < n)


def _binary(outcome: Outcome) -> bool:
    return outcome.rows.task == "binary"
