"""Explain a model on a sample: what its scores and its objective rest on."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.outcome import Outcome, outcome
from holdfast.evidence import Evidence
from holdfast.explain.sample import Population
from holdfast.explain.summary import Effort, explanation
from holdfast.gate.evidence import Trial
from holdfast.policy import Policy


def explained(trial: Trial, evidence: Evidence) -> Evidence:
    """The evidence with importances, interactions and dependences; unchanged where none are asked for."""
    asked = trial.project.explain
    if not asked.rows or not trial.model.features:
        return evidence
    effort = Effort(
        shapley_rows=max(2, asked.rows), permutation_rows=max(2, 2 * asked.rows), background_rows=asked.background
    )
    found = explanation(
        trial.model.predict,
        _population(trial, trial.test),
        trial.parts.known.features if len(trial.parts.known) else trial.parts.validation.features,
        better=trial.project.objective.direction,
        unit=trial.project.objective.unit,
        train=_population(trial, trial.known) if len(trial.known.rows) > 1 else None,
        features=trial.model.features,
        classes=trial.test.rows.classes if trial.model.task == "classes" else (),
        effort=effort,
        seed=asked.seed,
    )
    return msgspec.structs.replace(
        evidence,
        importances=found.importances,
        interactions=found.interactions,
        dependences=found.dependences,
        explained_rows=found.sample_rows,
    )


def _population(trial: Trial, judged: Outcome) -> Population:
    """Rows, and what the objective says of them once other scores are put in their place."""
    strata = judged.rows.truth.astype(np.intp) if judged.rows.task != "regression" else None

    def per_row(scores: NDArray[np.float64], at: NDArray[np.intp]) -> NDArray[np.float64]:
        some = outcome(
            judged.rows.take(at), scores, without_review(trial.policy), judged.objective, review_cost=judged.review_cost
        )
        return some.contributions()[0]

    return Population(rows=judged.rows.features, per_row=per_row, weight=judged.rows.weight, strata=strata)


def without_review(policy: Policy) -> Policy:
    """The same decisions, all made by the model itself."""
    none: dict[str, Any] = {
        "review_low": None,
        "review_high": None,
        "review_cost": None,
        "confidence_limit": None,
        "support_limit": None,
        "explore": 0.0,
    }
    return msgspec.structs.replace(policy, **none)
