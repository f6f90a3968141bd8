"""The same kind of model on other parts: fitted on one, its policy chosen on another, judged on a third."""

from __future__ import annotations

import msgspec

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import outcome
from holdfast.evaluation.performance import performance
from holdfast.evidence import Metric
from holdfast.gate.choosing import tuned
from holdfast.gate.evidence import Trial
from holdfast.models.protocol import Model


def judged_again(trial: Trial, model: Model, validation: Labelled, test: Labelled) -> tuple[Metric, ...]:
    """All figures of a model on `test`, under the policy that is best on `validation`; nothing is explored."""
    chosen = tuned(trial.project, validation, model.predict(validation.features)).policy
    policy = msgspec.structs.replace(chosen, explore=0.0)
    score, review_cost = model.predict(test.features), trial.test.review_cost
    return performance(outcome(test, score, policy, trial.project.objective, review_cost=review_cost), policy)
