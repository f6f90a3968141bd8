"""Every metric of a table of scores, with its interval; `docs/metrics.md` defines them."""

from __future__ import annotations

from holdfast.evaluation.class_metrics import class_metrics
from holdfast.evaluation.costs import cost_metrics
from holdfast.evaluation.figures import Precision
from holdfast.evaluation.probability_metrics import probability_metrics
from holdfast.evaluation.ranking_metrics import ranking_metrics
from holdfast.evaluation.regression_metrics import regression_metrics
from holdfast.evaluation.threshold_metrics import prevalence, threshold_metrics
from holdfast.evidence import Metric
from holdfast.objective import Cost
from holdfast.profile.class_scores import ClassTable
from holdfast.profile.residuals import ResidualTable
from holdfast.profile.scores import ScoreTable

USUAL = Precision()


def binary_metrics(
    table: ScoreTable,
    *,
    threshold: float | None = None,
    beta: float = 1.0,
    cost: Cost | None = None,
    precision: Precision = USUAL,
) -> tuple[Metric, ...]:
    """Metrics of a model with two classes, of the rows whose truth is known.

    Parameters
    ----------
    table
        Scores by label.
    threshold
        Scores of at least this are answered "positive"; it must begin a bin. None if nothing is decided: then only
        the ranking and the probabilities are judged.
    beta
        Of a further F-beta besides F1, > 0.
    cost
        What answers cost; its columns must be columns of the table.
    precision
        Level of the intervals, and resamples.

    Raises
    ------
    SettingError
        If the threshold lies inside a bin.
    InputError
        If the table lacks a column of the cost.

    Examples
    --------
    >>> import numpy as np
    >>> from holdfast.profile.score_edges import ScoreEdges
    >>> edges = ScoreEdges.standard([0.5])
    >>> table = ScoreTable.count(edges, np.array([0.1, 0.4, 0.6, 0.9]), np.array([False, True, False, True]))
    >>> {metric.key: metric.estimate.value for metric in binary_metrics(table, threshold=0.5)}["precision"]
    0.5
    """
    found = [prevalence(table, precision.level), *ranking_metrics(table, precision)]
    found += probability_metrics(table, precision.level)
    if threshold is not None:
        place = table.edges.place(threshold)
        found += threshold_metrics(table, place, beta, precision)
        if cost is not None:
            found += cost_metrics(table, place, cost, precision.level)
    return tuple(found)


def metrics_of(
    table: ScoreTable | ClassTable | ResidualTable,
    *,
    threshold: float | None = None,
    beta: float = 1.0,
    cost: Cost | None = None,
    unit: str = "",
    precision: Precision = USUAL,
) -> tuple[Metric, ...]:
    """Metrics of any table: of two classes, of several, or of predicted numbers.

    `threshold`, `beta` and `cost` are for two classes, see `binary_metrics`; `unit` is that of a predicted number.

    Examples
    --------
    >>> import numpy as np
    >>> from holdfast.profile.residuals import ResidualEdges
    >>> predicted, truth = np.array([1.0, 2.0]), np.array([1.0, 3.0])
    >>> table = ResidualTable.count(ResidualEdges.learn(predicted, truth), predicted, truth)
    >>> [metric.key for metric in metrics_of(table)]
    ['mae', 'rmse', 'bias', 'mape', 'r2']
    """
    match table:
        case ScoreTable():
            return binary_metrics(table, threshold=threshold, beta=beta, cost=cost, precision=precision)
        case ClassTable():
            return class_metrics(table, precision)
        case ResidualTable():
            return regression_metrics(table, unit=unit, level=precision.level)
