"""Costs of answers, row by row, and the answer that is expected to cost least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cost_of_answers(costs: Floats, truth: NDArray[np.integer], answer: NDArray[np.integer]) -> Floats:
    """Cost of each row's answer, (n,).

    Parameters
    ----------
    costs
        What it costs to answer column j where row i is true, (K, K), or (K, K, n) if it differs from row to row.
    truth, answer
        Codes from 0 to K - 1, (n,).

    Examples
    --------
    >>> costs = np.array([[0.0, 5.0], [100.0, 0.0]])
    >>> cost_of_answers(costs, np.array([0, 1, 1]), np.array([1, 0, 1])).tolist()
    [5.0, 100.0, 0.0]
    """
    if costs.ndim == 3:
        return np.asarray(costs[truth, answer, np.arange(len(truth))])
    return np.asarray(costs[truth, answer])


def expected_costs(costs: Floats, probability: Floats) -> Floats:
    """Expected cost of each answer, (n, K), from calibrated probabilities (n, K).

    The answer with the least is the best that these probabilities allow; for two classes that is a threshold of
    its own for each row.

    Source: Elkan, *The foundations of cost-sensitive learning*, IJCAI (2001), equation 1.

    Examples
    --------
    >>> costs = np.array([[0.0, 5.0], [100.0, 0.0]])
    >>> expected_costs(costs, np.array([[0.99, 0.01], [0.9, 0.1]])).round(2).tolist()
    [[1.0, 4.95], [10.0, 4.5]]
    """
    return np.asarray(np.einsum("nt,tan->na" if costs.ndim == 3 else "nt,ta->na", probability, costs))
