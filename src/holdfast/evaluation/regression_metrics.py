"""Metrics of predicted numbers, with intervals, from a residual table; `docs/metrics.md` defines each.

All are smooth functions of means over the rows, so that their standard errors follow from the sums of products by the
delta method (Cramer, *Mathematical Methods of Statistics* (1946), section 28.4).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.figures import metric, standard_error
from holdfast.evidence import Direction, Metric
from holdfast.profile.residuals import ResidualTable

Floats = NDArray[np.float64]


def regression_metrics(table: ResidualTable, *, unit: str = "", level: float = 0.95) -> tuple[Metric, ...]:
    """MAE, RMSE, MAPE, R2, bias, quantile losses, and the mean of each further column.

    Parameters
    ----------
    table
        Errors by prediction, of the rows whose truth is known.
    unit
        Of the target.
    level
        Of the intervals.

    Examples
    --------
    >>> from holdfast.profile.residuals import ResidualEdges
    >>> predicted, truth = np.array([1.0, 2.0, 5.0]), np.array([2.0, 2.0, 3.0])
    >>> table = ResidualTable.count(ResidualEdges.learn(predicted, truth), predicted, truth)
    >>> {metric.key: metric.estimate.value for metric in regression_metrics(table)}["mae"]
    1.0
    """
    scale = table.edges.scale
    means = _means(table)

    def mean(key: str, title: str, name: str, formula: str, factor: float, direction: Direction = "lower") -> Metric:
        value, half = means[name] * factor, _z(level) * _error(table, {name: factor})
        ends = value - half, value + half
        return metric(
            key, title, value, ends, rows=table.rows, level=level, unit=unit, direction=direction, formula=formula
        )

    quantiles = [
        mean(
            f"quantile_loss_{quantile:g}",
            f"Quantile loss, {quantile:g}",
            f"quantile_{quantile:g}",
            "mean of max(q (truth - prediction), (1 - q) (prediction - truth))",
            scale,
        )
        for quantile in table.edges.quantiles
    ]
    return (
        mean("mae", "Mean absolute error", "absolute", "mean of |prediction - truth|", scale),
        _root(table, means, unit, level),
        mean("bias", "Bias", "error", "mean of prediction - truth", scale, ""),
        _relative(table, means, level),
        _determination(table, means, level),
        *quantiles,
        *(mean(name, name, name, f"mean of {name}", 1.0) for name in table.columns),
    )


def _root(table: ResidualTable, means: Mapping[str, float], unit: str, level: float) -> Metric:
    """Root of the mean squared error; the interval is taken of its logarithm, as it cannot be negative."""
    squared = means["error_squared"]
    value = np.sqrt(squared) * table.edges.scale
    half = _z(level) * _error(table, {"error_squared": 1.0}) / (2 * squared) if squared > 0 else np.nan
    return metric(
        "rmse",
        "Root mean squared error",
        value,
        (value * np.exp(-half), value * np.exp(half)),
        rows=table.rows,
        level=level,
        unit=unit,
        direction="lower",
        formula="sqrt(mean of (prediction - truth)^2)",
    )


def _relative(table: ResidualTable, means: Mapping[str, float], level: float) -> Metric:
    """Mean absolute error as a share of the truth, of the rows whose truth is not 0."""
    nonzero = means["nonzero"]
    value = means["relative"] / nonzero if nonzero > 0 else np.nan
    half = _z(level) * _error(table, {"relative": 1.0, "nonzero": -value}) / nonzero if nonzero > 0 else np.nan
    return metric(
        "mape",
        "Mean absolute percentage error",
        value,
        (value - half, value + half),
        rows=table.rows,
        level=level,
        direction="lower",
        formula="mean of |prediction - truth| / |truth| where truth is not 0",
    )


def _determination(table: ResidualTable, means: Mapping[str, float], level: float) -> Metric:
    """R2; the interval is taken of the logarithm of the unexplained share, as that cannot be negative."""
    variance = means["truth_squared"] - means["truth"] ** 2
    # Of a constant truth rounding leaves a little.
    left = means["error_squared"] / variance if variance > 1e-12 * max(means["truth_squared"], 1.0) else np.nan
    around = {"error_squared": 1.0, "truth_squared": -left, "truth": 2 * left * means["truth"]}
    half = _z(level) * _error(table, around) / means["error_squared"] if left > 0 else np.nan
    return metric(
        "r2",
        "R2",
        1 - left,
        (1 - left * np.exp(half), 1 - left * np.exp(-half)),
        rows=table.rows,
        level=level,
        unit="",
        formula="1 - sum of (prediction - truth)^2 / sum of (truth - mean truth)^2",
    )


def _means(table: ResidualTable) -> dict[str, float]:
    totals = table.sums.sum(axis=1)
    weight = totals[0]
    return dict(
        zip(table.names, (totals / weight if weight > 0 else np.full(len(totals), np.nan)).tolist(), strict=True)
    )


def _error(table: ResidualTable, gradient: Mapping[str, float]) -> float:
    """Standard error of a function of the means, given its derivatives to them."""
    totals = table.sums.sum(axis=1)
    form = np.array([gradient.get(name, 0.0) for name in table.names])
    weight = totals[0]
    # Around its own mean: the first number is 1 in every row.
    form[0] -= form @ totals / weight if weight > 0 else 0.0
    return standard_error(float(form @ table.products @ form), float(weight), float(table.products[0, 0]))


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))
