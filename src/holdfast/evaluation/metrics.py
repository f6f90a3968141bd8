"""Every metric of a table of scores, with its interval; `docs/metrics.md` defines them."""

from __future__ import annotations

from holdfast.evaluation.costs import cost_metrics
from holdfast.evaluation.figures import Precision
from holdfast.evaluation.probability_metrics import probability_metrics
from holdfast.evaluation.ranking_metrics import ranking_metrics
from holdfast.evaluation.threshold_metrics import prevalence, threshold_metrics
from holdfast.evidence import Metric
from holdfast.objective import Cost
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
