"""The threshold that is best for an objective, on validation rows; and how the objective depends on it.

The best threshold in hindsight follows the luck of few positive rows. Here each row counts as positive partly by its
truth, partly by its calibrated probability, which is worth `PRIOR_ROWS` rows of the rarer class: with few positive rows
that saves clearly more on later data, with many as much (see docs/objectives.md). The threshold is put midway between
two scores, so that rounding a score to single precision does not change an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.evaluation.curves import thinned
from holdfast.evidence import Curve
from holdfast.objective import (
    Cost,
    FBeta,
    Judged,
    Objective,
    PrecisionAtCapacity,
    RecallAtPrecision,
    TopK,
    contributions,
    expected_regrets,
    periods,
)

Array: TypeAlias = NDArray[np.float64]

PRIOR_ROWS = 100
"""Rows of the rarer class that the calibrated probabilities are worth; 60 to 200 make no difference."""

TINY = np.finfo(np.float64).tiny
"""Instead of 0 below a fraction line, where the rows at the top have no weight."""


def best_threshold(objective: Objective, judged: Judged, probability: Array) -> float:
    """The threshold from which scores should be answered "positive".

    For F-beta and costs the best one; for a precision or a capacity that is stated, the one that keeps to it on average;
    for rankings of queries, which decide nothing, the one that calls as many rows positive as there are.

    Parameters
    ----------
    objective
        Of two classes.
    judged
        Validation rows, which the model was not fitted on.
    probability
        Their calibrated probabilities, (n,).

    Raises
    ------
    SettingError
        If the objective is not about two classes.

    Examples
    --------
    >>> score = np.linspace(0, 1, 1_001)
    >>> judged = Judged(truth=np.random.default_rng(0).random(1_001) < score, score=score)
    >>> round(best_threshold(Cost(false_positive=1, false_negative=4), judged, score), 1)
    0.2
    """
    if objective.task != "binary":
        raise SettingError(f"{objective.title} is not about two classes: it has no threshold.")
    weight = _weight(judged)
    trust = _trust(judged.truth, weight)
    positive = weight * (trust * judged.truth + (1 - trust) * probability)
    ranked = _ranked(judged.score)
    match objective:
        case Cost():
            saved = ranked.upto(weight * _gain(objective, judged, probability, trust))
            best = int(np.argmax(saved))
            return ranked.below(best if saved[best] > 0 else -1)
        case FBeta(beta=beta):
            bottom = beta**2 * positive.sum() + ranked.upto(weight)
            return ranked.below(int(np.argmax(ranked.upto(positive) / np.maximum(bottom, TINY))))
        case RecallAtPrecision(precision=precision):
            precisions = ranked.upto(positive) / np.maximum(ranked.upto(weight), TINY)
            enough = np.flatnonzero(precisions >= precision)
            return ranked.below(int(enough[-1] if len(enough) else np.argmax(precisions)))
        case PrecisionAtCapacity(capacity=share, per=None):
            return _of_share(judged.score, weight, share)
        case PrecisionAtCapacity(capacity=top, per=per):
            return _of_share(judged.score, weight, top * len(np.unique(periods(judged, per))) / weight.sum())
        case TopK():
            rows, number = _entities(objective, judged)
            return _of_share(judged.score[rows], weight[rows], objective.top * number / weight[rows].sum())
        case _:
            return _of_share(judged.score, weight, float(np.average(judged.truth, weights=weight)))


def threshold_curve(objective: Cost | FBeta, judged: Judged, chosen: float | None = None) -> Curve:
    """The objective at each threshold, as realised on these rows; of costs with pointwise 95% intervals.

    A threshold answers like the next higher score: between two scores the line is flat. `chosen` is marked, and one of
    the points.
    """
    weight = _weight(judged)
    ranked, total = _ranked(judged.score), weight.sum()
    lines: tuple[Array, ...]
    if isinstance(objective, Cost):
        never, always = _realised(objective, judged)
        cost = np.average(never, weights=weight) + ranked.upto(weight * (always - never)) / total
        squares = np.average(never**2, weights=weight) + ranked.upto(weight * (always**2 - never**2)) / total
        # The error of a weighted mean: rows of weight w count w^2 times.
        half = 1.96 * np.sqrt(np.maximum(squares - cost**2, 0) * (weight**2).sum()) / total
        lines = (cost, cost - half, cost + half)
    else:
        hits, square = ranked.upto(weight * judged.truth), objective.beta**2
        lines = ((1 + square) * hits / (square * (weight * judged.truth).sum() + ranked.upto(weight)),)
    x, y, *ends = thinned(ranked.score[::-1], *(line[::-1] for line in lines))
    if chosen is not None:
        scores = ranked.score[::-1]
        place = int(np.searchsorted(scores, chosen))
        at = int(np.searchsorted(x, chosen))
        if place < len(scores) and (at == len(x) or x[at] != chosen):
            x = np.insert(x, at, chosen)
            y, *ends = (np.insert(kept, at, line[::-1][place]) for kept, line in zip((y, *ends), lines, strict=True))
    low, high = (tuple(end.tolist()) for end in ends) if ends else ((), ())
    return Curve(
        key="objective_by_threshold",
        title=f"{objective.title} against the threshold",
        x_title="Threshold",
        y_title=objective.title + (f" ({objective.unit})" if objective.unit else ""),
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        low=low,
        high=high,
        marks={} if chosen is None else {"chosen": chosen},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    """Distinct scores from the highest down, (m,), and the rows in that order, the last of each score at `ends`."""

    score: Array
    order: NDArray[np.intp]
    ends: NDArray[np.intp]

    def upto(self, rows: Array) -> Array:
        """Sum over the rows of at least each score, (m,)."""
        return np.asarray(np.cumsum(rows[self.order])[self.ends])

    def below(self, place: int) -> float:
        """A threshold between the score at a place and the next lower one; of -1, above all scores."""
        if place < 0:
            return float(np.nextafter(self.score[0], np.inf))
        if place == len(self.score) - 1:
            return float(self.score[-1])
        middle = float(self.score[place : place + 2].mean())
        # Two scores may be neighbours: then their mean is one of them.
        return middle if middle > self.score[place + 1] else float(self.score[place])


def _ranked(score: Array) -> _Ranked:
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    return _Ranked(score=score[order][ends], order=order, ends=ends)


def _realised(objective: Cost, judged: Judged) -> tuple[Array, Array]:
    """Cost of each row if it is answered negative, and if it is answered positive."""
    everywhere = np.ones(len(judged.truth), dtype=bool)
    never, always = (contributions(objective, replace(judged, answer=a)) for a in (~everywhere, everywhere))
    return never, always


def _trust(truth: NDArray[np.bool_], weight: Array) -> float:
    """Share of the truth beside that of the calibrated probabilities, by the rows of the rarer class (0 to 1)."""
    rarer = min(weight[rows].sum() ** 2 / max((weight[rows] ** 2).sum(), TINY) for rows in (truth, ~truth))
    return float(rarer / (rarer + PRIOR_ROWS))


def _gain(objective: Cost, judged: Judged, probability: Array, trust: float) -> Array:
    """What a positive answer saves in each row, partly as realised, partly as expected."""
    never, always = _realised(objective, judged)
    regrets = expected_regrets(objective, probability, judged.columns)
    expected = regrets[:, 0] - regrets[:, 1]
    # A cost may be missing where the truth makes it irrelevant: then there is nothing but the truth.
    realised = never - always
    return trust * realised + (1 - trust) * np.where(np.isfinite(expected), expected, realised)


def _of_share(score: Array, weight: Array, share: float) -> float:
    """The threshold that takes as much of the weight as a share allows, and at least the highest score."""
    ranked = _ranked(score)
    allowed = np.flatnonzero(ranked.upto(weight) <= share * weight.sum() * (1 + 1e-12))
    return ranked.below(int(allowed[-1]) if len(allowed) else 0)


def _entities(objective: TopK, judged: Judged) -> tuple[NDArray[np.intp], int]:
    """The row with the highest score of each entity in each period, and the number of periods."""
    number = periods(judged, objective.per)
    if objective.by is None:
        return np.arange(len(number)), len(np.unique(number))
    entity = np.unique(judged.columns[objective.by], return_inverse=True)[1]
    order = np.lexsort((-judged.score, entity, number))
    first = np.append(True, (np.diff(entity[order]) != 0) | (np.diff(number[order]) != 0))
    return order[first], len(np.unique(number))


def _weight(judged: Judged) -> Array:
    return np.ones(len(judged.truth)) if judged.weight is None else judged.weight
