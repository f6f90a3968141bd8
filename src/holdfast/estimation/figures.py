"""The figures of an expected table, of any task, without a word on how far they can be trusted."""

from __future__ import annotations

from holdfast.estimation.binary_figures import binary_figures
from holdfast.estimation.class_figures import figures_of_classes
from holdfast.estimation.class_table import ExpectedClasses
from holdfast.estimation.figure import Figure
from holdfast.estimation.loss_figures import loss_figures
from holdfast.estimation.loss_table import ExpectedLosses
from holdfast.estimation.table import ExpectedTable
from holdfast.estimation.tables import Expected
from holdfast.objective import Objective


def figures(
    table: Expected, classes: tuple[str, ...] = (), objective: Objective | None = None, unit: str = "", seed: int = 0
) -> dict[str, Figure]:
    """Figures by the keys of their metrics; none of a window without rows."""
    if not table.rows:
        return {}
    match table:
        case ExpectedTable():
            return binary_figures(table, objective, seed)
        case ExpectedClasses():
            return figures_of_classes(table, classes, objective, seed)
        case ExpectedLosses():
            return loss_figures(table, objective, unit)
