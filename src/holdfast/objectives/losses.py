"""Losses of predicted numbers, row by row: absolute, squared, quantile, and so much per unit too high or too low."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def absolute(truth: Floats, predicted: Floats) -> Floats:
    """Absolute error, (n,), in the unit of the target."""
    return np.abs(predicted - truth)


def root_squared(truth: Floats, predicted: Floats, weight: Floats) -> Floats:
    """Contributions to the root of the mean squared error, (n,): the value plus each row's influence on it.

    Examples
    --------
    >>> print(np.mean(root_squared(np.zeros(4), np.array([1.0, -1.0, 3.0, 3.0]), np.ones(4))).round(4))
    2.2361
    """
    squared: Floats = (predicted - truth) ** 2
    value = float(np.sqrt(np.average(squared, weights=weight)))
    if value == 0:
        return np.zeros(len(truth))
    return value + (squared - value**2) / (2 * value)


def pinball(truth: Floats, predicted: Floats, quantile: float) -> Floats:
    """Quantile loss, (n,): least on average for the true quantile (0 to 1) of each row.

    Source: Koenker & Bassett, *Regression quantiles*, Econometrica 46 (1978).

    Examples
    --------
    >>> pinball(np.array([10.0, 10.0]), np.array([8.0, 12.0]), 0.9).round(2).tolist()
    [1.8, 0.2]
    """
    return asymmetric(truth, predicted, over=1 - quantile, under=quantile)


def asymmetric(truth: Floats, predicted: Floats, over: float | Floats, under: float | Floats) -> Floats:
    """Cost, (n,), of `over` per unit predicted too high, and `under` per unit too low.

    Examples
    --------
    >>> asymmetric(np.array([10.0, 10.0]), np.array([8.0, 12.0]), over=1, under=4).tolist()
    [8.0, 2.0]
    """
    error = predicted - truth
    return np.where(error > 0, over * error, -under * error)
