"""Metrics of a model with several classes, with intervals, from a class table; `docs/metrics.md` defines each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.figures import Precision, effective_rows, metric, standard_error
from holdfast.evaluation.threshold_metrics import SHARES, Outcomes, f_beta
from holdfast.evidence import Metric
from holdfast.profile.class_scores import ClassTable
from holdfast.profile.scores import UNKNOWN, ScoreTable
from holdfast.stats import ranking
from holdfast.stats.bootstrap import poisson_replicates, spread
from holdfast.stats.confusion import Confusion
from holdfast.stats.intervals import mean_interval, wilson_by_variance
from holdfast.stats.multiclass import averages, one_against_rest

Floats = NDArray[np.float64]

USUAL = Precision()


def class_metrics(table: ClassTable, precision: Precision = USUAL) -> tuple[Metric, ...]:
    """Accuracy, macro and weighted averages, log loss, macro ROC AUC, and precision, recall and F1 of each class.

    Examples
    --------
    >>> scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]])
    >>> table = ClassTable.count(("a", "b", "c"), scores, np.array([0, 1, 1]))
    >>> {metric.key: metric.estimate.value for metric in class_metrics(table)}["recall[b]"]
    0.5
    """
    return (
        *_averages(table, precision),
        _log_loss(table, precision.level),
        _area(table, precision.level),
        *_each_class(table, precision.level),
    )


def _averages(table: ClassTable, precision: Precision) -> list[Metric]:
    """Figures of the whole matrix; standard errors by resampling its cells."""
    chunks = poisson_replicates(table.weights, table.squares, precision.replicates, precision.seed)
    drawn = [averages(chunk) for chunk in chunks]
    whole = _effective(table.weights.sum(), table.squares.sum())
    sizes = _effective(table.weights.sum(axis=1), table.squares.sum(axis=1))
    sizes = sizes[sizes > 0]
    # Where all are right: one wrong row of the rarest class changes a mean over classes by so much.
    rarest = len(sizes) * sizes.min() if len(sizes) else np.nan
    found = []
    for key, value in averages(table.weights).items():
        error = spread(np.concatenate([part[key] for part in drawn]))
        rows = rarest if key.startswith("macro") else whole
        ends = wilson_by_variance(value, error**2, rows, precision.level)
        title = key.replace("_", " ").capitalize().replace("f1", "F1")
        found.append(metric(key, title, value, ends, rows=table.rows, level=precision.level))
    return found


def _effective(weight: Floats, squares: Floats) -> Floats:
    """Rows that weights stand for (Kish, *Survey Sampling*, 1965, section 8.2); NaN for none."""
    rows: Floats = np.divide(weight**2, squares, out=np.full(np.shape(weight), np.nan), where=squares > 0)
    return rows


def _log_loss(table: ClassTable, level: float) -> Metric:
    total, squares = float(table.weights.sum()), float(table.squares.sum())
    loss, crossed, squared = table.loss
    mean = loss / total if total > 0 else np.nan
    error = standard_error(squared - 2 * mean * crossed + mean**2 * squares, total, squares)
    rows = total**2 / squares if squares > 0 else np.nan
    low, high = mean_interval(mean, error * np.sqrt(rows), rows, level)
    return metric(
        "log_loss",
        "Log loss",
        mean,
        (np.maximum(low, 0), high),
        rows=table.rows,
        level=level,
        unit="nats",
        direction="lower",
        formula="mean of -ln(probability of the truth)",
    )


def _area(table: ClassTable, level: float) -> Metric:
    """Mean over classes of the area against the rest.

    The areas depend on each other in a way that the tables do not keep: the standard error is at most the mean of
    theirs, and that is what the interval takes.
    """
    areas, errors, fewest, hidden = np.array([_one_area(one) for one in table.tables]).T
    ends = wilson_by_variance(areas.mean(), errors.mean() ** 2, fewest.min(), level)
    return metric(
        "macro_roc_auc",
        "Macro ROC AUC, one against the rest",
        areas.mean(),
        (np.maximum(ends[0] - hidden.mean(), 0), np.minimum(ends[1] + hidden.mean(), 1)),
        rows=table.rows,
        level=level,
        formula="mean over classes of the ROC AUC of the class against all others",
    )


def _one_area(table: ScoreTable) -> tuple[float, float, float, float]:
    """Area, standard error, rows of the rarer side, and how much the bins may hide."""
    weights, squares = (table.sums_of(*names)[:UNKNOWN] for names in (("weight",), ("weight", "weight")))
    variance = ranking.auc_variance(weights[0], weights[1], squares[0], squares[1])
    hidden = ranking.auc_error(weights[0], weights[1], np.isfinite(table.single))
    area = ranking.auc_of_counts(weights[0], weights[1])
    return float(area), float(np.sqrt(variance)), float(effective_rows(table).min()), float(hidden)


def _each_class(table: ClassTable, level: float) -> list[Metric]:
    matrices = (table.counts, table.weights, table.squares)
    rows, weights, squares = (one_against_rest(matrix.astype(np.float64)) for matrix in matrices)
    total = table.weights.sum()
    unit = table.squares.sum() / total if total > 0 else 1.0
    shares = {"precision": SHARES["precision"], "recall": SHARES["recall"], "f1": f_beta(1)}
    found = []
    for place, name in enumerate(table.classes):
        outcomes = Outcomes(_one(rows, place), _one(weights, place), _one(squares, place), np.full(2, unit))
        found += [
            outcomes.metric(f"{key}[{name}]", share._replace(title=f"{share.title}, {name}"), level)
            for key, share in shares.items()
        ]
    return found


def _one(cells: Confusion, place: int) -> Confusion:
    return Confusion(cells.tp[place], cells.fp[place], cells.fn[place], cells.tn[place])
