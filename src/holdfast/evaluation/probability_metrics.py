"""Metrics of scores as probabilities, with intervals, from a score table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.figures import metric, standard_error
from holdfast.evidence import Metric
from holdfast.profile.scores import NEGATIVE, POSITIVE, UNKNOWN, ScoreTable
from holdfast.stats.calibration_error import calibration_error_interval, expected_calibration_error
from holdfast.stats.intervals import skewed_mean_interval

Floats = NDArray[np.float64]

CALIBRATION_BINS = 16
"""Equal widths of the score over which the expected calibration error is taken: they begin bins of every table."""


def probability_metrics(table: ScoreTable, level: float) -> list[Metric]:
    """Log loss, Brier score, expected calibration error."""
    score, squared, weight = (table.sums_of(name)[:UNKNOWN] for name in ("score", "score_squared", "weight"))
    brier = np.stack([squared[NEGATIVE], weight[POSITIVE] - 2 * score[POSITIVE] + squared[POSITIVE]])
    loss = table.sums_of("log_loss")[:UNKNOWN]
    likelihood = "mean of -ln(probability of the truth)"
    return [
        _mean_loss(table, "log_loss", "Log loss", loss, "nats", likelihood, level),
        _mean_loss(table, "brier", "Brier score", brier, "", "mean of (score - truth)^2", level),
        _calibration(table, level),
    ]


def _mean_loss(
    table: ScoreTable, key: str, title: str, losses: Floats, unit: str, formula: str, level: float
) -> Metric:
    """Mean of a loss per row; within a bin and a class the rows are taken to lose alike, which the fine bins allow."""
    weight, squares = (table.sums_of(*names)[:UNKNOWN] for names in (("weight",), ("weight", "weight")))
    total = weight.sum()
    value = losses.sum() / total if total > 0 else np.nan
    around = np.divide(losses, weight, out=np.zeros(weight.shape), where=weight > 0) - value
    variance = float((squares * around**2).sum())
    cubes = (np.divide(squares**2, weight, out=np.zeros(weight.shape), where=weight > 0) * around**3).sum()
    skewness = cubes / variance**1.5 if variance > 0 else 0.0
    error = standard_error(variance, float(total), float(squares.sum()))
    low, high = skewed_mean_interval(value, error, skewness, level)
    ends = np.maximum(low, 0), high
    return metric(key, title, value, ends, rows=table.rows, level=level, unit=unit, direction="lower", formula=formula)


def _calibration(table: ScoreTable, level: float) -> Metric:
    bins = np.minimum((table.edges.starts * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
    weights = table.sums_of("weight")
    columns = (
        weights[:UNKNOWN].sum(axis=0),
        table.sums_of("score")[:UNKNOWN].sum(axis=0),
        weights[POSITIVE],
        table.sums_of("weight", "weight")[:UNKNOWN].sum(axis=0),
    )
    summed: list[Floats] = [np.bincount(bins, sums, CALIBRATION_BINS).astype(np.float64) for sums in columns]
    weight, predicted, observed, squares = summed
    return metric(
        "ece",
        "Expected calibration error",
        expected_calibration_error(weight, predicted, observed),
        calibration_error_interval(weight, predicted, observed, squares, level),
        rows=table.rows,
        level=level,
        direction="lower",
        formula=f"mean over {CALIBRATION_BINS} equal bins of |mean score - share of positives|",
    )
