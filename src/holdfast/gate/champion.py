"""Compare a candidate with the release in place, on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.config import Limit, Project
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import Outcome, outcome
from holdfast.evaluation.slices import rows_where
from holdfast.evaluation.support import Support
from holdfast.evaluation.worth import effective
from holdfast.evidence import Estimate, Evidence, Versus
from holdfast.gate.choosing import identity_of
from holdfast.gate.evidence import Trial
from holdfast.models.protocol import Model
from holdfast.policy import Policy
from holdfast.profile.numeric import numbers
from holdfast.released import load_release
from holdfast.releases.store import open_store
from holdfast.stats.intervals import wilson, wilson_by_variance
from holdfast.stats.ranking import average_precision, roc_auc

Array: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]
REPLICATES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The release in place: its name, model and policy, and what it has seen, where the policy asks."""

    name: str
    model: Model
    policy: Policy
    support: Support | None = None


def champion_of(project: Project) -> Champion | None:
    """The newest release of a project's model; None where there is none."""
    store = open_store(project.path(project.store.releases))
    versions = store.versions(project.name)
    if not versions:
        return None
    released = load_release(store.get(project.name, versions[-1]))
    return Champion(name=released.name, model=released.model, policy=released.policy, support=released.support)


def columns_of(champion: Champion | None) -> tuple[str, ...]:
    """Columns that a champion is given or decides by."""
    if champion is None:
        return ()
    costs = champion.policy.costs
    return (*champion.model.features, *(() if costs is None else costs.needs))


RANKINGS: Mapping[str, Callable[[Array, NDArray[np.bool_], Array], float]] = {
    "roc_auc": roc_auc,
    "pr_auc": average_precision,
}
"""Metrics of two classes that have no value per row: compared by a paired bootstrap."""


def compared(trial: Trial, evidence: Evidence, champion: Champion | None) -> Evidence:
    """The evidence with a paired comparison for the objective, and for each limit against the champion.

    All comparisons share the gate's error budget (Bonferroni): each interval has the level `1 - budget / comparisons`.
    """
    if champion is None:
        return evidence
    rows, missing = _rows_for(champion, trial.test.rows)
    if missing:
        note = (
            f"Release {champion.name} needs columns that the history lacks ({', '.join(missing)}): it is not compared."
        )
        return msgspec.structs.replace(evidence, notes=(*evidence.notes, note))
    other = outcome(
        rows,
        champion.model.predict(rows.features),
        champion.policy,
        trial.project.objective,
        review_cost=trial.test.review_cost,
        distance=None if champion.support is None else champion.support.distance(rows.features),
        identity=identity_of(rows) if champion.policy.explore else None,
    )
    asked = list(dict.fromkeys([("objective", ()), *_asked(trial.project.gate.limits)]))
    level = 1 - trial.project.gate.error_budget / len(asked)
    found = tuple(
        _versus(trial.test, other, champion.name, metric, dict(where), level)
        for metric, where in asked
        if metric == "objective" or metric in RANKINGS
    )
    if not _same(trial, other, champion):
        return msgspec.structs.replace(evidence, champion=found)
    note = (
        f"The model scores as release {champion.name} does, to the tolerance of its conversion, and answers alike: there "
        "is no difference between the two."
    )
    alike = tuple(msgspec.structs.replace(one, difference=_none(one.difference)) for one in found)
    return msgspec.structs.replace(evidence, champion=alike, notes=(*evidence.notes, note))


def _same(trial: Trial, other: Outcome, champion: Champion) -> bool:
    """Whether the two differ by no more than a model and its converted form may: then it is the same model.

    The release is an ONNX form, which rounds; the candidate is not. What rounding changes is no difference of models,
    and however small, it would never be certain.
    """
    mine, theirs, tolerance = trial.test.score, other.score, trial.project.gate.parity_tolerance
    if mine.shape != theirs.shape or trial.model.classes != champion.model.classes:
        return False
    size = np.maximum(1.0, np.abs(mine)) if trial.model.task == "regression" else 1.0
    if not (np.abs(mine - theirs) <= tolerance * size).all():
        return False
    if trial.model.task == "regression" or trial.policy == champion.policy:
        return True
    one, two = trial.test.answers, other.answers
    return bool((one.decision == two.decision).all() and (one.review == two.review).all())


def _none(difference: Estimate) -> Estimate:
    return msgspec.structs.replace(difference, value=0.0, low=0.0, high=0.0)


def _rows_for(champion: Champion, rows: Labelled) -> tuple[Labelled, list[str]]:
    """The rows with all columns that the champion is given and decides by, and the names of those that are not there."""
    given = dict(zip(rows.features.column_names, rows.features.columns, strict=True))
    if rows.others is not None:
        given |= dict(zip(rows.others.column_names, rows.others.columns, strict=True))
    costs = champion.policy.costs
    needed = [name for name in (() if costs is None else costs.needs) if name not in rows.columns]
    missing = sorted({*champion.model.features, *needed} - set(given))
    if missing:
        return rows, missing
    read = {name: numbers(given[name].combine_chunks())[0] for name in needed}
    return replace(rows, features=pa.table(given), columns={**rows.columns, **read}), []


def _asked(limits: Iterable[Limit]) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [(x.metric, tuple(sorted(x.slice.items()))) for x in limits if x.against == "champion"]


def _versus(
    candidate: Outcome, champion: Outcome, release: str, metric: str, where: Mapping[str, str], level: float
) -> Versus:
    rows = rows_where(candidate.rows.groups, where) if where else np.arange(len(candidate.rows))
    told = ", ".join(f"{column} = {value}" for column, value in sorted(where.items()))
    if metric in RANKINGS:
        one, other, difference = _ranked(candidate, champion, metric, rows, level)
    else:
        rows = np.intersect1d(np.intersect1d(rows, candidate.counted), champion.counted)
        one, other = candidate.value(rows, level=level), champion.value(rows, level=level)
        difference = candidate.better_by(champion, rows, level=level)
    return Versus(release=release, metric=metric, candidate=one, champion=other, difference=difference, slice=told)


def _ranked(
    candidate: Outcome, champion: Outcome, metric: str, rows: Rows, level: float
) -> tuple[Estimate, Estimate, Estimate]:
    """Both figures, in Wilson's interval for their variance, and their difference, in a normal one.

    Standard errors are those of a paired Poisson bootstrap: each replicate weighs every row by a Poisson(1) number, the
    same for both models (Chamandy and others, *Estimating uncertainty for massive data streams*, 2012). Where no
    replicate differs, the difference is as unsure as a figure that is perfect on as many rows of the rarer class.
    """
    from scipy.special import ndtri

    figure = RANKINGS[metric]
    truth = candidate.rows.truth[rows]
    weight = np.ones(len(rows)) if candidate.rows.weight is None else candidate.rows.weight[rows]
    scores = [one.score[rows] for one in (candidate, champion)]
    values = [figure(score, truth, weight) for score in scores]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(REPLICATES):
        resampled = weight * rng.poisson(1.0, len(rows))
        drawn.append([figure(score, truth, resampled) for score in scores])
    errors = np.nanstd(np.column_stack([np.array(drawn), np.subtract(*np.array(drawn).T)]), axis=0, ddof=1)
    fewest = min(effective(weight[truth]), effective(weight[~truth]))

    def estimate(value: float, low: float, high: float) -> Estimate:
        return Estimate(value=value, low=low, high=high, level=level, unit="share", rows=len(rows))

    one, other = (
        estimate(value, *map(float, wilson_by_variance(value, error**2, fewest, level)))
        for value, error in zip(values, errors, strict=False)
    )
    apart = float(values[0] - values[1])
    reach = float(ndtri(0.5 + level / 2) * errors[2] if errors[2] > 0 else wilson(0, fewest, level)[1])
    return one, other, estimate(apart, apart - reach, apart + reach)
