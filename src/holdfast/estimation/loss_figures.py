"""Figures of predicted numbers: the mean absolute error and the root of the mean squared one."""

from __future__ import annotations

import numpy as np

from holdfast.estimation.corrected import best
from holdfast.estimation.figure import Figure, figure, normal_draws
from holdfast.estimation.loss_table import ExpectedLosses
from holdfast.objective import MeanAbsoluteError, Objective, RootMeanSquaredError


def loss_figures(table: ExpectedLosses, objective: Objective | None = None, unit: str = "") -> dict[str, Figure]:
    """`mae` and `rmse`, in the target's unit; `"objective"` too, where it is one of them."""
    means, each, variances = best(table.sums) / table.rows, table.sums / table.rows, table.variance / table.rows**2
    squared = np.maximum(normal_draws(means[1], variances[1]), 0.0)
    found = {
        "mae": figure(means[0], normal_draws(means[0], variances[0]), each[:, 0], unit),
        "rmse": figure(np.sqrt(means[1]), np.sqrt(squared), np.sqrt(each[:, 1]), unit),
    }
    match objective:
        case MeanAbsoluteError():
            found["objective"] = found["mae"]
        case RootMeanSquaredError():
            found["objective"] = found["rmse"]
    return found
