"""Figures of a window or segment as far as the truth is known, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.estimates import estimate
from holdfast.estimation.tables import Expected
from holdfast.evaluation.row_losses import least_loss, loss_unit
from holdfast.metric_keys import OBJECTIVE
from holdfast.monitoring.reference import Reference
from holdfast.objective import Cost, CostMatrix, FBeta, MeanAbsoluteError, Objective, RootMeanSquaredError
from holdfast.profile.window import Counted
from holdfast.stats import ranking
from holdfast.stats.bootstrap import poisson_replicates, spread
from holdfast.stats.intervals import wilson, wilson_by_variance, wilson_weighted

Figure: TypeAlias = tuple[float, float, float]
"""Value, and the ends of its 95% interval."""
Array: TypeAlias = NDArray[np.float64]

Z = 1.959963984540054

_DRAWS = 100
"""Resamples for the interval of the average precision."""


def figures(reference: Reference, counted: Counted) -> dict[str, Figure]:
    """Figures by their keys: `loss`; of answers `accuracy`, and those of two classes; `bias` where there is one score."""
    found: dict[str, Figure] = {}
    if counted.labelled > 1:
        found["loss"] = mean(counted.losses)
    if counted.residuals[0] > 1:
        found["bias"] = mean(counted.residuals)
    size = reference.answers.answers
    if size and counted.confusion.sum():
        table = counted.confusion.reshape(size, size)
        found["accuracy"] = share(int(np.trace(table)), int(table.sum()))
        if not reference.answers.classes:
            found |= _of_two_classes(table, betas(reference)) | ranked(counted)
    return with_loss(reference, found)


def betas(reference: Reference) -> dict[str, float]:
    """The F-betas of two classes that are told, by their keys."""
    objective = reference.objective
    own = {f"f{objective.beta:g}": objective.beta} if isinstance(objective, FBeta) and not objective.average else {}
    return {"f1": 1.0, **own}


def _of_two_classes(table: NDArray[np.int64], betas: Mapping[str, float]) -> dict[str, Figure]:
    """What the outcomes of two classes say; not what there is no row to speak of."""
    (negatives, false_alarms), (missed, hits) = table.tolist()
    pairs = {
        "prevalence": (hits + missed, negatives + false_alarms),
        "precision": (hits, false_alarms),
        "recall": (hits, missed),
        "specificity": (negatives, false_alarms),
    }
    found = {key: share(some, some + others) for key, (some, others) in pairs.items() if some + others}
    for key, beta in betas.items():
        if hits + missed + false_alarms:
            found[key] = _f_beta(hits, missed, false_alarms, beta**2)
    return with_balanced(found)


def ranked(counted: Counted) -> dict[str, Figure]:
    """ROC AUC and average precision, with what their bins may hide, as an evaluation tells them.

    They need the order of all rows whose truth is known: of what was counted before there were bins nothing is said.
    """
    if not counted.ranks.size or counted.ranks.sum() != counted.known.sum():
        return {}
    both = counted.ranks.reshape(2, -1).astype(np.float64)
    negative, positive = both = both[:, both.any(axis=0)]
    fewest = float(both.sum(axis=1).min())
    if not fewest:
        return {}
    area, tied = float(ranking.auc_of_counts(*both)), float(ranking.auc_error(*both))
    variance = ranking.auc_variance(negative, positive, negative, positive)
    precision = float(ranking.average_precision_of_counts(*both))
    drawn = [
        ranking.average_precision_of_counts(*chunk.swapaxes(0, 1))
        for chunk in poisson_replicates(both, both, _DRAWS, 0)
    ]
    error = float(spread(np.concatenate(drawn)))
    return {
        "roc_auc": _beyond(area, wilson_by_variance(area, variance, fewest), (area - tied, area + tied)),
        "pr_auc": _beyond(
            precision,
            wilson_by_variance(precision, error**2, float(positive.sum())),
            ranking.average_precision_bracket(*both),
        ),
    }


def _beyond(value: float, ends: tuple[Any, Any], bracket: tuple[Any, Any]) -> Figure:
    """A figure with its interval, longer by what the bins may hide; inside 0 to 1."""
    low, high = (float(end) + float(hidden) - value for end, hidden in zip(ends, bracket, strict=True))
    return value, max(low, 0.0), min(high, 1.0)


def _f_beta(hits: int, missed: int, false_alarms: int, square: float) -> Figure:
    """F-beta: a share of outcomes that weigh differently."""
    right, wrong = (1 + square) * hits, square * missed + false_alarms
    unit = (square**2 * missed + false_alarms) / wrong if wrong else max(square, 1.0)
    low, high = wilson_weighted(right, wrong, 1 + square, unit)
    return right / (right + wrong), float(low), float(high)


def with_balanced(found: dict[str, Figure]) -> dict[str, Figure]:
    """Figures with the mean of recall and specificity, where there are both: of other rows, so that their errors add up.

    Source: Zou & Donner, *Construction of confidence limits about effect measures*, Statistics in Medicine 27 (2008).

    >>> found = with_balanced({"recall": (0.8, 0.7, 0.9), "specificity": (0.6, 0.6, 0.6)})
    >>> [round(one, 3) for one in found["balanced_accuracy"]]
    [0.7, 0.65, 0.75]
    """
    if not {"recall", "specificity"} <= found.keys():
        return found
    sides = found["recall"], found["specificity"]
    value = sum(one for one, _, _ in sides) / 2
    below, above = (math.hypot(*(one[0] - one[end] for one in sides)) / 2 for end in (1, 2))
    return {**found, "balanced_accuracy": (value, value - below, value + above)}


def with_loss(reference: Reference, found: dict[str, Figure]) -> dict[str, Figure]:
    """Figures with the one that the loss is in other words; no interval of the loss goes where no loss can be."""
    if "loss" in found:
        value, low, high = found["loss"]
        highest = 1.0 if loss_unit(reference.objective) == "share" else np.inf
        found = {**found, "loss": (value, max(low, least_loss(reference.objective)), min(high, highest))}
    match reference.objective:
        case MeanAbsoluteError() if "loss" in found:
            return {**found, "mae": found["loss"]}
        case RootMeanSquaredError() if "loss" in found:
            value, low, high = (float(np.sqrt(max(one, 0.0))) for one in found["loss"])
            return {**found, "rmse": (value, low, high)}
        case _:
            return found


def mean(sums: Array) -> Figure:
    """A mean from number, sum and sum of squares, with its normal interval.

    >>> [round(float(one), 3) for one in mean(np.array([4.0, 8.0, 20.0]))]
    [2.0, 0.868, 3.132]
    """
    n, total, squares = (float(one) for one in sums)
    value = total / n
    error = float(np.sqrt(max(squares / n - value**2, 0.0) / max(n - 1, 1)))
    return value, value - Z * error, value + Z * error


def share(hits: int, rows: int) -> Figure:
    """A share of rows, with Wilson's interval."""
    low, high = wilson(hits, rows)
    return hits / rows, float(low), float(high)


def estimates(reference: Reference, table: Expected) -> tuple[dict[str, Figure], dict[str, str]]:
    """Figures that are expected before the truth has come, and those of which it cannot be said what to expect, with why."""
    assert reference.fitted is not None
    objective = reference.objective
    found: dict[str, Figure] = {}
    unknown: dict[str, str] = {}
    for key, one in estimate(reference.fitted, table, objective).items():
        value, low, high = one.estimate.value, one.estimate.low, one.estimate.high
        if one.status == "known" and value is not None and low is not None and high is not None:
            found[key] = (value, low, high)
        else:
            unknown[key] = one.reason
    source, made = _loss_of(objective)
    if source in found:
        found["loss"] = made(found[source])
    elif source in unknown:
        unknown["loss"] = unknown[source]
    return {key: one for key, one in found.items() if key != OBJECTIVE}, {
        key: why for key, why in unknown.items() if key != OBJECTIVE
    }


def _loss_of(objective: Objective) -> tuple[str, Callable[[Figure], Figure]]:
    """The figure that the mean of the losses of rows follows from, and how; see `evaluation.row_losses`."""
    match objective:
        case Cost() | CostMatrix() | MeanAbsoluteError():
            return OBJECTIVE, lambda one: one
        case RootMeanSquaredError():
            return OBJECTIVE, lambda one: (one[0] ** 2, max(one[1], 0.0) ** 2, one[2] ** 2)
        case FBeta(average=average, beta=beta) if average or beta == 1:
            return "accuracy", lambda one: (1 - one[0], 1 - one[2], 1 - one[1])
        case _:
            return "", lambda one: one
