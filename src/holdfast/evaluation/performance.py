"""All figures of one part, under the policy that was chosen elsewhere."""

from __future__ import annotations

import numpy as np

from holdfast.evaluation.class_metrics import class_metrics
from holdfast.evaluation.figures import Precision
from holdfast.evaluation.outcome import Outcome
from holdfast.evaluation.probability_metrics import probability_metrics
from holdfast.evaluation.ranking_metrics import ranking_metrics
from holdfast.evaluation.regression_metrics import regression_metrics
from holdfast.evaluation.threshold_metrics import prevalence, threshold_metrics
from holdfast.evidence import Metric
from holdfast.objective import FBeta
from holdfast.policy import Policy
from holdfast.profile.class_scores import ClassTable
from holdfast.profile.residuals import ResidualEdges, ResidualTable
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import ScoreTable
from holdfast.stats.calibration import apply

QUANTILES = (0.1, 0.5, 0.9)
"""Levels of the quantile losses that are told."""
USUAL = Precision()


def performance(found: Outcome, policy: Policy, precision: Precision = USUAL) -> tuple[Metric, ...]:
    """The objective and all metrics of a part, each with its interval; their keys are those that limits name."""
    rows = found.rows
    objective = Metric(
        key="objective", title=found.objective.title, estimate=found.value(), direction=found.objective.direction
    )
    match rows.task:
        case "binary":
            return (objective, *_binary(found, policy, precision))
        case "classes":
            by_class = ClassTable.count(
                rows.classes, found.score, rows.truth, found.answers.decision.astype(np.intp), rows.weight
            )
            return (objective, *class_metrics(by_class, precision))
        case "regression":
            truth = rows.truth.astype(np.float64)
            edges = ResidualEdges.learn(found.score, truth, QUANTILES)
            errors = ResidualTable.count(edges, found.score, truth, rows.weight)
            return (objective, *regression_metrics(errors, unit=found.objective.unit, level=precision.level))


def _binary(found: Outcome, policy: Policy, precision: Precision) -> list[Metric]:
    """Ranking by the model's own score, probabilities by the calibrated one, answers of the rows that were decided."""
    rows, decided = found.rows, ~found.answers.review
    table = ScoreTable.count(ScoreEdges.standard(), found.score, rows.truth, rows.weight)
    calibrated = ScoreTable.count(table.edges, apply(policy.calibration, found.score), rows.truth, rows.weight)
    answers = ScoreTable.count(
        ScoreEdges.standard([0.5]),
        found.answers.decision[decided].astype(np.float64),
        rows.truth[decided],
        None if rows.weight is None else rows.weight[decided],
    )
    beta = found.objective.beta if isinstance(found.objective, FBeta) else 1.0
    return [
        prevalence(table, precision.level),
        *ranking_metrics(table, precision),
        *probability_metrics(calibrated, precision.level),
        *threshold_metrics(answers, answers.edges.place(0.5), beta, precision),
    ]
