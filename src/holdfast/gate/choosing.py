"""Choose the policy on validation, and apply it elsewhere: threshold, calibration, review, support, exploration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.config import Deciding, Project
from holdfast.errors import SettingError
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import Outcome, outcome
from holdfast.evaluation.support import Support, background_of, support
from holdfast.evaluation.tuning import Tuned, tune
from holdfast.evidence import Task
from holdfast.objective import MeanAveragePrecision, Ndcg, PrecisionAtCapacity, TopK
from holdfast.policy import Policy
from holdfast.profile.hashing import cell_hashes
from holdfast.schema import Schema
from holdfast.stats.support import support_limit

Array: TypeAlias = NDArray[np.float64]

MOST_ROWS = 200_000
"""Validation rows that a policy is chosen on: more would not change it, and cost time."""
PER_PERIOD = (PrecisionAtCapacity, TopK, Ndcg, MeanAveragePrecision)
"""Objectives of whole periods or queries, of which a sample of rows would leave parts."""
HELD_OUT = 5_000
"""Validation rows that say how far a row usually is from the background."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """A policy, and what it needs besides scores.

    Attributes
    ----------
    project, policy
        What was asked, and what was chosen.
    support
        The background that rows are compared with; None where the policy does not ask.
    """

    project: Project
    policy: Policy
    support: Support | None = None

    def outcome(self, rows: Labelled, score: Array) -> Outcome:
        """What the policy makes of scored rows, and what that is worth."""
        return outcome(
            rows,
            score,
            self.policy,
            self.project.objective,
            review_cost=self.project.policy.review_cost or 0.0,
            distance=None if self.support is None else self.support.distance(rows.features),
            identity=identity_of(rows) if self.policy.explore else None,
        )


def tuned(project: Project, rows: Labelled, score: Array) -> Tuned:
    """The policy that is best on validation rows, and why."""
    if len(rows) > MOST_ROWS and not isinstance(project.objective, PER_PERIOD):
        some = np.sort(np.random.default_rng(project.split.seed).permutation(len(rows))[:MOST_ROWS])
        rows, score = rows.take(some), score[some]
    asked = project.policy
    _check(asked, rows.task)
    found = tune(
        project.objective,
        rows.judged(score),
        rule=asked.rule,
        threshold=asked.threshold,
        calibrate=asked.calibrate,
        review_cost=asked.review_cost,
        review_capacity=asked.review_capacity,
        risk=asked.guarantee.risk if asked.guarantee else None,
        delta=1 - asked.guarantee.confidence if asked.guarantee else 0.05,
        seed=project.split.seed,
    )
    explored = msgspec.structs.replace(found.policy, explore=asked.explore, seed=project.split.seed)
    return replace(found, policy=explored)


def _check(asked: Deciding, task: Task) -> None:
    """Refuse settings that would be silently without effect."""
    none = {"regression": ("threshold", "rule", "calibrate", "support", "explore"), "classes": ("calibrate", "explore")}
    usual = Deciding()
    for name in none.get(task, ()):
        if getattr(asked, name) != getattr(usual, name):
            kind = "a predicted number is its own answer" if task == "regression" else "there are more than two classes"
            raise SettingError(f"policy.{name} has no effect here, because {kind}: leave it out.")


def decider(project: Project, schema: Schema, policy: Policy, train: Labelled, validation: Labelled) -> Decider:
    """The policy with a limit of support, where rows go to review at all: those unlike all that the train part has."""
    if not sends_to_review(project.policy) or validation.task == "regression" or not len(train):
        return Decider(project=project, policy=policy)
    known = support(background_of(train.features, schema, project.split.seed))
    some = np.sort(np.random.default_rng(project.split.seed).permutation(len(validation))[:HELD_OUT])
    limit = support_limit(known.distance(validation.features.take(some)))
    if limit is None:
        return Decider(project=project, policy=policy)
    return Decider(project=project, policy=msgspec.structs.replace(policy, support_limit=limit), support=known)


def sends_to_review(asked: Deciding) -> bool:
    """Whether rows outside the support go to review: as the project says, else where others go there, too."""
    if asked.support is not None:
        return asked.support
    return any(setting is not None for setting in (asked.review_cost, asked.review_capacity, asked.guarantee))


def identity_of(rows: Labelled) -> NDArray[np.uint64]:
    """A hash of what identifies each row; its place where nothing does."""
    return np.arange(len(rows), dtype=np.uint64) if rows.ids is None else cell_hashes(rows.ids)
