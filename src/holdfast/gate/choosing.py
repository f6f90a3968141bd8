"""Choose on validation: calibration, threshold, review. Interim: replaced by evaluation.tuning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import outcome
from holdfast.evidence import Curve
from holdfast.policy import Policy
from holdfast.stats.calibration import Calibration, choose


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What validation chose, and the curves that show why."""

    policy: Policy
    curves: tuple[Curve, ...] = ()


def chosen(project: Project, rows: Labelled, score: NDArray[np.float64]) -> Chosen:
    """The policy of a project."""
    if rows.task == "regression":
        return Chosen(policy=Policy(rule="value"))
    if rows.task == "classes":
        return Chosen(policy=Policy(rule="most_probable", classes=rows.classes))
    calibration = Calibration() if project.policy.calibrate == "none" else choose(score, rows.truth, rows.weight)
    best = min(
        (
            Policy(rule="threshold", threshold=float(t), calibration=calibration)
            for t in np.unique(np.quantile(score, np.linspace(0, 1, 200)))
        ),
        key=lambda p: (
            (outcome(rows, score, p, project.objective).value().value or 0.0)
            * (1 if project.objective.direction == "lower" else -1)
        ),
    )
    return Chosen(policy=best)
