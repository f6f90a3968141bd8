"""Figures of two classes: of the answers, of the order of the rows, and of costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.corrected import best
from holdfast.estimation.figure import DRAWS, Figure, figure, normal_draws
from holdfast.estimation.parts import Ranked
from holdfast.estimation.table import ExpectedTable
from holdfast.objective import Amount, Cost, FBeta, Objective
from holdfast.stats import ranking
from holdfast.stats.confusion import Confusion, share

Array: TypeAlias = NDArray[np.float64]


def binary_figures(table: ExpectedTable, objective: Objective | None = None, seed: int = 0) -> dict[str, Figure]:
    """Every metric that probabilities determine, by its key; `"objective"` too, where it is one of them."""
    random = np.random.default_rng(seed)
    beta = objective.beta if isinstance(objective, FBeta) else 1.0
    found = _answered(table, beta, random) | ranked_figures(table.ranked, random)
    if isinstance(objective, Cost):
        found["cost"] = _cost(table, objective)
        found["objective"] = found["cost"]
    elif isinstance(objective, FBeta):
        found["objective"] = found[f"f{beta:g}"]
    return found


def _answered(table: ExpectedTable, beta: float, random: np.random.Generator) -> dict[str, Figure]:
    """Metrics of the answers, from the expected positives among those answered negative and positive."""
    rows, each = table.totals[:, 0], table.firsts[:, :, 0]
    middle = best(each)
    drawn = _labels(middle, table.seconds[:, 0, 0], rows, random)

    def confusion(positives: Array) -> Confusion:
        return Confusion(
            tp=positives[..., 1],
            fp=rows[1] - positives[..., 1],
            fn=positives[..., 0],
            tn=rows[0] - positives[..., 0],
        )

    metrics: dict[str, Callable[[Confusion], Array]] = {
        "prevalence": lambda cells: share(cells.tp + cells.fn, cells.fp + cells.tn),
        "precision": lambda cells: cells.precision,
        "recall": lambda cells: cells.recall,
        "specificity": lambda cells: cells.specificity,
        "accuracy": lambda cells: cells.accuracy,
        "f1": lambda cells: cells.f_beta(1.0),
        f"f{beta:g}": lambda cells: cells.f_beta(beta),
        "balanced_accuracy": lambda cells: cells.balanced_accuracy,
        "mcc": lambda cells: cells.matthews,
    }
    return {
        key: figure(metric(confusion(middle)), metric(confusion(drawn)), metric(confusion(each)))
        for key, metric in metrics.items()
    }


def ranked_figures(ranked: Ranked, random: np.random.Generator) -> dict[str, Figure]:
    """Metrics of the order of the rows."""
    used = ranked.rows > 0
    rows, each, doubt = ranked.rows[used], ranked.positives[:, used], ranked.doubt
    middle = best(each)
    drawn = random.binomial(rows, np.clip(middle / rows, 0, 1), (DRAWS, len(rows))).astype(np.float64)

    def area(positives: Array) -> Array:
        # A row is no pair with itself, although its probabilities of both classes are.
        ones, zeros = positives.sum(axis=-1), (rows - positives).sum(axis=-1)
        wins = ranking.auc_of_counts(rows - positives, positives) * ones * zeros
        pairs = np.maximum(ones * zeros - doubt, 0.0)
        result: Array = np.divide(wins - doubt / 2, pairs, out=np.full(np.shape(pairs), np.nan), where=pairs > 0)
        return result

    def precision(positives: Array) -> Array:
        return ranking.average_precision_of_counts(rows - positives, positives)

    return {
        "roc_auc": figure(area(middle), ranking.auc_of_counts(rows - drawn, drawn), area(each)),
        "pr_auc": figure(precision(middle), precision(drawn), precision(each)),
    }


def _cost(table: ExpectedTable, cost: Cost) -> Figure:
    """Mean cost of a row: linear in the labels, so that its error has a closed form."""
    names = ("", *table.columns)

    def form(entry: Amount) -> Array:
        if isinstance(entry, str):
            return np.array([float(entry == name) for name in names])
        return np.array([entry, *np.zeros(len(table.columns))])

    negative = np.stack([form(cost.true_negative), form(cost.false_positive)])
    extra = np.stack([form(cost.false_negative), form(cost.true_positive)]) - negative
    rows = table.rows
    each = ((table.totals * negative).sum() + (table.firsts * extra).sum(axis=(-2, -1))) / rows
    middle = float(((table.totals * negative).sum() + (best(table.firsts) * extra).sum()) / rows)
    variance = float(np.einsum("ai,aij,aj", extra, table.seconds, extra)) / rows**2
    return figure(middle, normal_draws(middle, variance), each, cost.unit)


def _labels(middle: Array, variance: Array, rows: Array, random: np.random.Generator) -> Array:
    """Draws of a sum of labels with this mean and variance: binomial, of as many rows as have that variance.

    Source: Ehm, *Binomial approximation to the Poisson binomial distribution*, Statistics & Probability Letters 11 (1991).
    """
    squares = np.maximum(middle - variance, 1e-12)
    size = np.clip(np.ceil(middle**2 / squares), 1, np.maximum(rows, 1)).astype(np.int64)
    drawn: Array = random.binomial(size, np.clip(middle / size, 0, 1), (DRAWS, len(middle))).astype(np.float64)
    return drawn
