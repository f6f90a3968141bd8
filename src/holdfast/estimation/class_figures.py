"""Figures of several classes: of the confusion matrix, of each class, and of the order of the rows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.binary_figures import ranked_figures
from holdfast.estimation.class_table import ExpectedClasses
from holdfast.estimation.corrected import best
from holdfast.estimation.figure import DRAWS, Figure, figure, normal_draws
from holdfast.objective import CostMatrix, FBeta, Objective
from holdfast.stats.multiclass import averages, class_figures, one_against_rest

Array: TypeAlias = NDArray[np.float64]


def figures_of_classes(
    table: ExpectedClasses, classes: tuple[str, ...], objective: Objective | None = None, seed: int = 0
) -> dict[str, Figure]:
    """Every metric that probabilities determine, by its key; `"objective"` too, where it is one of them."""
    random = np.random.default_rng(seed)
    middle = best(table.matrix)
    drawn = _drawn(middle, random)
    values, chance, each = (_metrics(matrix, classes, objective) for matrix in (middle, drawn, table.matrix))
    unit = objective.unit if isinstance(objective, CostMatrix) else "share"
    found = {
        key: figure(values[key], chance[key], each[key], unit if key == "objective" else "share") for key in values
    }
    areas = [ranked_figures(one, random)["roc_auc"] for one in table.ranked]
    # The areas depend on each other in a way that the tables do not keep: the standard error is at most the mean of theirs.
    error = float(np.mean([np.nanstd(area.drawn) for area in areas]))
    value, members = float(np.mean([area.value for area in areas])), np.mean([area.each for area in areas], axis=0)
    found["macro_roc_auc"] = figure(value, normal_draws(value, error**2), members)
    return found


def _metrics(matrix: Array, classes: tuple[str, ...], objective: Objective | None) -> dict[str, Array]:
    """Metrics of confusion matrices, (..., K, K), by truth and answer."""
    found = averages(matrix)
    for key, values in class_figures(matrix).items():
        found |= {f"{key}[{name}]": values[..., k] for k, name in enumerate(classes)}
    match objective:
        case FBeta(beta=1.0, average=average) if average:
            found["objective"] = found[f"{average}_f1"]
        case FBeta(beta=beta, average=average) if average:
            each = one_against_rest(matrix).f_beta(beta)
            # As in the averages of `stats.multiclass`: a class that is neither true nor answered does not count.
            share = matrix.sum(axis=-1) if average == "weighted" else np.isfinite(each).astype(np.float64)
            found["objective"] = (np.nan_to_num(each) * share).sum(axis=-1) / share.sum(axis=-1)
        case CostMatrix():
            costs = _costs(objective, classes)
            if costs is not None:
                found["objective"] = np.einsum("...ta,ta->...", matrix, costs) / matrix.sum(axis=(-2, -1))
    return found


def _costs(objective: CostMatrix, classes: tuple[str, ...]) -> Array | None:
    """Costs by truth and answer, (K, K); None where one of them is a column, or is not stated."""
    entries = [
        [
            objective.costs.get(truth, {}).get(answer, 0.0 if truth == answer else objective.otherwise)
            for answer in classes
        ]
        for truth in classes
    ]
    if not all(isinstance(entry, float | int) for row in entries for entry in row):
        return None
    return np.array(entries, dtype=np.float64)


def _drawn(matrix: Array, random: np.random.Generator) -> Array:
    """Matrices whose truths were drawn among the rows of each answer, (draws, K, K)."""
    columns = []
    for column in matrix.T:
        rows = round(float(column.sum()))
        shares = column / column.sum() if rows else np.full(len(column), 1 / len(column))
        columns.append(random.multinomial(rows, shares, DRAWS).astype(np.float64))
    return np.stack(columns, axis=-1)
