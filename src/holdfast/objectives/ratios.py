"""F-beta, of two classes and of several, as rows whose weighted mean is the value.

A ratio has no value per row. A row's contribution is the value plus the row's influence on it (the derivative of the
value to the row's weight, times the rows): the mean of the influences is 0, and their standard deviation divided by
the root of the number of rows is the ratio's standard error by the delta method.

Source of the influence of a ratio: Hampel, *The influence curve and its role in robust estimation*, JASA 69 (1974).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def f_beta(truth: NDArray[np.bool_], answer: NDArray[np.bool_], weight: Floats, beta: float) -> Floats:
    """Contributions to F-beta of the positive class, (n,); NaN where nothing is positive and nothing was called so.

    Source: van Rijsbergen, *Information Retrieval*, 2nd ed. (1979), chapter 7.

    Parameters
    ----------
    truth, answer
        True where the row is, or was called, positive, (n,).
    weight
        Weights of the rows, >= 0 and not all 0, (n,).
    beta
        How many times as much recall counts as precision, > 0.

    Examples
    --------
    >>> truth, answer = np.array([True, True, False]), np.array([True, False, False])
    >>> print(np.mean(f_beta(truth, answer, np.ones(3), 1)).round(4))
    0.6667
    """
    top = (1 + beta**2) * (truth & answer)
    bottom = top + beta**2 * (truth & ~answer) + (answer & ~truth)
    return _ratio(top, bottom, weight)


def f_beta_of_classes(
    truth: NDArray[np.int64],
    answer: NDArray[np.int64],
    weight: Floats,
    beta: float,
    average: Literal["macro", "weighted"],
) -> Floats:
    """Contributions to the mean F-beta of several classes, (n,), given as codes from 0.

    `macro` counts each class alike that occurs in truth or answers; `weighted` counts it by its share of the truth.

    Examples
    --------
    >>> truth, answer = np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])
    >>> print(np.mean(f_beta_of_classes(truth, answer, np.ones(4), 1, "macro")).round(4))
    0.7778
    """
    counted = weight > 0
    present = np.union1d(truth[counted], answer[counted])
    rows = np.zeros(len(truth))
    for code in present:
        of_class = f_beta(truth == code, answer == code, weight, beta)
        if average == "macro":
            rows += of_class / len(present)
            continue
        value = np.average(of_class, weights=weight)
        is_class = (truth == code).astype(np.float64)
        share = np.average(is_class, weights=weight)
        # The product rule: the class's share is estimated from the same rows.
        rows += share * of_class + (is_class - share) * value
    return rows


def _ratio(top: NDArray[np.floating[Any]], bottom: NDArray[np.floating[Any]], weight: Floats) -> Floats:
    """Contributions to the ratio of two weighted means."""
    base = np.average(bottom, weights=weight)
    if base == 0:
        return np.full(len(top), np.nan)
    value = np.average(top, weights=weight) / base
    return np.asarray(value + (top - value * bottom) / base)
