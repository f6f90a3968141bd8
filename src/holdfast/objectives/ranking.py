"""How right the top of a ranking is: precision at a capacity, recall at a precision, precision of the top k entities.

All give contributions, (n,), whose weighted mean is the value; the influence part counts that the cut moves with the
rows. Rows with equal scores at the cut are taken in part: the expectation over random orders of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def precision_at_capacity(truth: Flags, score: Floats, weight: Floats, share: float) -> Floats:
    """Contributions to the precision among the `share` (0 to 1) of the rows with the highest scores.

    Examples
    --------
    >>> truth, score = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1])
    >>> print(np.mean(precision_at_capacity(truth, score, np.ones(4), 0.5)).round(4))
    0.5
    """
    value, influence = _precision(truth, score, weight, share * weight.sum())
    return value + influence


def precision_per_period(
    truth: Flags,
    score: Floats,
    weight: Floats,
    top: float,
    period: NDArray[np.int64],
    entity: NDArray[Any] | None = None,
    *,
    once: bool = False,
) -> Floats:
    """Contributions to the mean over periods of the precision among the `top` highest of each period.

    Entities, where given, are ranked by their highest score in the period, and are positive if any of their rows is;
    what an entity contributes is carried by the row that ranked it. With `once`, an entity that was rightly in the top
    of a period is left out of the later ones.

    Source: Le Borgne et al., *Reproducible Machine Learning for Credit Card Fraud Detection: Practical Handbook*
    (2022), chapter 4, "Card precision top-k".

    Examples
    --------
    >>> truth, score = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1])
    >>> day, card = np.array([1, 1, 2, 2]), np.array([7, 8, 7, 8])
    >>> print(np.mean(precision_per_period(truth, score, np.ones(4), 1, day, card)))
    1.0
    >>> print(np.mean(precision_per_period(truth, score, np.ones(4), 1, day, card, once=True)))
    0.5
    """
    counted = np.flatnonzero(weight > 0)
    found: set[Any] = set()
    parts: list[tuple[float, NDArray[np.intp], Floats]] = []
    for rows in _by_value(counted, period):
        kept, flags = rows, truth[rows]
        if entity is not None:
            open_rows = rows[~np.isin(entity[rows], list(found))] if found else rows
            kept, flags = _best_rows(open_rows, entity, truth, score)
        if not len(kept):
            continue
        value, influence = _precision(flags, score[kept], weight[kept], top)
        parts.append((value, kept, influence / weight[kept].sum()))
        if once and entity is not None:
            surely = _taken(score[kept], weight[kept], top) == 1
            found.update(entity[kept[surely & flags]].tolist())
    value = float(np.mean([value for value, _, _ in parts]))
    result = np.full(len(truth), value)
    for _, kept, influence in parts:
        result[kept] += influence * weight.sum() / len(parts)
    return result


def recall_at_precision(truth: Flags, score: Floats, weight: Floats, precision: float) -> Floats:
    """Contributions to the highest recall of any threshold whose precision is at least `precision` (0 to 1).

    0 if no threshold reaches it; NaN if nothing is positive.

    Examples
    --------
    >>> truth, score = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1])
    >>> print(np.mean(recall_at_precision(truth, score, np.ones(4), 0.6)).round(4))
    1.0
    >>> print(np.mean(recall_at_precision(truth, score, np.ones(4), 0.9)).round(4))
    0.5
    """
    positives = np.average(truth, weights=weight)
    if positives == 0:
        return np.full(len(truth), np.nan)
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits, chosen = np.cumsum((weight * truth)[order])[last], np.cumsum(weight[order])[last]
    # A product, not a quotient: nothing is chosen where the highest scores have no weight.
    fit = np.flatnonzero((hits >= precision * chosen * (1 - 1e-12)) & (chosen > 0))
    if not len(fit):
        return np.zeros(len(truth))
    cut = last[fit[-1]]
    selected = score >= score[order[cut]]
    recall = np.average(truth & selected, weights=weight) / positives
    influence = truth * (selected - recall) / positives
    if cut < len(order) - 1:
        # As the cut moves, precision leaves its bound by (rate - precision) and recall gains by the rate.
        rate = min(_rate_around(truth, weight, order, cut), 0.9 * precision)
        excess = selected * (truth - precision)
        influence += rate / (precision - rate) * (excess - np.average(excess, weights=weight)) / positives
    return np.asarray(recall + influence)


def _precision(truth: Flags, score: Floats, weight: Floats, capacity: float) -> tuple[float, Floats]:
    """Precision among the highest scores that `capacity` (in weight) has room for, and each row's influence on it."""
    taken = _taken(score, weight, capacity)
    total, chosen = weight.sum(), (weight * taken).sum()
    value = float((weight * taken * truth).sum() / chosen)
    order = np.argsort(-score, kind="stable")
    rate = _rate_around(truth, weight, order, int((taken > 0).sum()) - 1)
    return value, total / chosen * taken * (truth - rate) - (value - rate)


def _taken(score: Floats, weight: Floats, capacity: float) -> Floats:
    """Part of each row, 0 to 1, that is among the highest scores up to a capacity in weight."""
    _, level = np.unique(-score, return_inverse=True)
    size = np.bincount(level, weights=weight)
    before = np.cumsum(size) - size
    part = np.divide(capacity - before, size, out=np.zeros_like(size), where=size > 0)
    return np.asarray(np.clip(part, 0, 1)[level])


def _rate_around(truth: Flags, weight: Floats, order: NDArray[np.intp], cut: int) -> float:
    """Share of positives near a place of the ranking: what comes in, or goes out, when the cut moves a little."""
    reach = max(10, cut // 4)
    near = order[max(0, cut + 1 - reach) : cut + 1 + reach]
    return float(np.average(truth[near], weights=weight[near])) if weight[near].sum() > 0 else 0.0


def _best_rows(
    rows: NDArray[np.intp], entity: NDArray[Any], truth: Flags, score: Floats
) -> tuple[NDArray[np.intp], Flags]:
    """The row with the highest score of each entity, and whether any row of the entity is positive."""
    by_score = rows[np.argsort(-score[rows], kind="stable")]
    _, first, code = np.unique(entity[by_score], return_index=True, return_inverse=True)
    return by_score[first], np.bincount(code, weights=truth[by_score]) > 0


def _by_value(rows: NDArray[np.intp], key: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Rows split by their key, in ascending order of it."""
    by_key = rows[np.argsort(key[rows], kind="stable")]
    return np.split(by_key, np.flatnonzero(np.diff(key[by_key])) + 1)
