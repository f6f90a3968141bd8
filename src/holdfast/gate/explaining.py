"""Explain a model on a sample: what its scores and its objective rest on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import MissingExtraError, ModelError
from holdfast.evaluation.outcome import Outcome, outcome
from holdfast.evidence import Evidence
from holdfast.explain.sample import Population
from holdfast.explain.shapley import Contributions
from holdfast.explain.summary import Effort, Explanation, explanation
from holdfast.explain.trees import lightgbm_contributions, sklearn_contributions, xgboost_contributions
from holdfast.gate.evidence import Trial
from holdfast.models import lightgbm, xgboost
from holdfast.models.columns import is_number, numbers
from holdfast.models.encoding import code_matrix
from holdfast.models.protocol import FittedModel, Model
from holdfast.policy import Policy

Exact: TypeAlias = Callable[[pa.Table], Contributions]

TREES = {"DecisionTree", "ExtraTree", "ExtraTrees", "GradientBoosting", "HistGradientBoosting", "RandomForest"}
"""Estimators of scikit-learn that `shap` reads."""


def explained(trial: Trial, evidence: Evidence, fast: Model | None = None) -> Evidence:
    """The evidence with importances, interactions and dependences; unchanged where none are asked for.

    A model that cannot score mixed rows, such as the logarithm of a difference, is not explained, and a note says so.

    Shapley values are those of the model's own library where it has exact ones for its trees, else they are sampled.
    `fast` is a form of the model that gives the same scores sooner.
    """
    asked = trial.project.explain
    if not asked.rows or not trial.model.features:
        return evidence
    effort = Effort(
        shapley_rows=max(2, asked.rows), permutation_rows=max(2, 2 * asked.rows), background_rows=asked.background
    )
    background = trial.parts.known.features if len(trial.parts.known) else trial.parts.validation.features

    def by(exact: Exact | None) -> Explanation:
        return explanation(
            (fast or trial.model).predict,
            _population(trial, trial.test),
            background,
            better=trial.project.objective.direction,
            unit=trial.project.objective.unit,
            train=_population(trial, trial.known) if len(trial.known.rows) > 1 else None,
            features=trial.model.features,
            exact=exact,
            classes=trial.test.rows.classes if trial.model.task == "classes" else (),
            effort=effort,
            seed=asked.seed,
        )

    try:
        found = by(exact_contributions(trial.model, background.slice(0, asked.background)))
    except (
        ModelError,
        MissingExtraError,
    ):  # linear trees, rounding that does not add up, no `shap`: sampling always works
        try:
            found = by(None)
        except ModelError as error:
            note = f"The model was not explained: it cannot score rows that mix values of others ({error})."
            return msgspec.structs.replace(evidence, notes=(*evidence.notes, note))
    return msgspec.structs.replace(
        evidence,
        importances=found.importances,
        interactions=found.interactions,
        dependences=found.dependences,
        explained_rows=found.sample_rows,
        explained_by=found.method,
    )


def exact_contributions(model: Model, background: pa.Table) -> Exact | None:
    """Shapley values from the model's own library, of trees; None where it has none."""
    if not isinstance(model, FittedModel):
        return None
    found = _of_library(model, background)
    if found is None or model.positive == 1:
        return found
    return lambda rows: of_the_other(found(rows))


def of_the_other(found: Contributions) -> Contributions:
    """Contributions to the score of the other of two classes."""
    return replace(found, values=-found.values, base=-found.base if found.scale == "margin" else 1 - found.base)


def _of_library(model: FittedModel, background: pa.Table) -> Exact | None:
    """Shapley values of the class that the library counts as positive."""
    native, features = model.native, model.features
    match model.family:
        case "lightgbm":
            codes = lightgbm.categories(native)
            return lambda rows: lightgbm_contributions(native, code_matrix(rows, features, codes), features)
        case "xgboost":
            codes = xgboost.categories(xgboost.learner_of(native))
            return lambda rows: xgboost_contributions(native, code_matrix(rows, features, codes), features)
        case "sklearn" if type(native).__name__.removesuffix("Classifier").removesuffix("Regressor") in TREES:
            if all(is_number(field.type) for field in background.schema):
                known = numbers(background, features)
                return lambda rows: sklearn_contributions(native, numbers(rows, features), features, known)
    return None


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
