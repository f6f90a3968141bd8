"""Metrics of the answers at a threshold, with intervals. Most are shares of the four outcomes: one table says of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.figures import Precision, effective_rows, metric
from holdfast.evidence import Direction, Metric
from holdfast.profile.scores import NEGATIVE, POSITIVE, ScoreTable
from holdfast.stats.bootstrap import poisson_replicates, spread
from holdfast.stats.confusion import Confusion
from holdfast.stats.intervals import wilson_by_variance, wilson_weighted

STATE = {"tp": POSITIVE, "fn": POSITIVE, "fp": NEGATIVE, "tn": NEGATIVE}
"""Truth of the rows of each outcome."""


class Share(NamedTuple):
    """A share as its outcomes: `success / (success + failure)`, each a sum of outcomes times factors."""

    title: str
    success: Mapping[str, float]
    failure: Mapping[str, float]
    direction: Direction
    formula: str


SHARES = {
    "precision": Share("Precision", {"tp": 1}, {"fp": 1}, "higher", "TP / (TP + FP)"),
    "recall": Share("Recall", {"tp": 1}, {"fn": 1}, "higher", "TP / (TP + FN)"),
    "specificity": Share("Specificity", {"tn": 1}, {"fp": 1}, "higher", "TN / (TN + FP)"),
    "accuracy": Share("Accuracy", {"tp": 1, "tn": 1}, {"fp": 1, "fn": 1}, "higher", "(TP + TN) / (TP + FP + FN + TN)"),
    "selected": Share(
        "Answered positive", {"tp": 1, "fp": 1}, {"fn": 1, "tn": 1}, "", "(TP + FP) / (TP + FP + FN + TN)"
    ),
}
"""Metrics by key."""

PREVALENCE = Share("Prevalence", {"tp": 1, "fn": 1}, {"fp": 1, "tn": 1}, "", "(TP + FN) / (TP + FP + FN + TN)")


def f_beta(beta: float) -> Share:
    """F-beta as a share: a success weighs `1 + beta^2`, a missed row `beta^2`, a false alarm 1."""
    formula = f"(1 + {beta:g}^2) TP / ((1 + {beta:g}^2) TP + {beta:g}^2 FN + FP)"
    return Share(f"F{beta:g} score", {"tp": 1 + beta**2}, {"fn": beta**2, "fp": 1}, "higher", formula)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What happened at a threshold: rows, weights and squared weights of the four outcomes.

    `units` are the weight that one row carries, by state of the truth, for outcomes that did not occur.
    """

    rows: Confusion
    weights: Confusion
    squares: Confusion
    units: NDArray[np.float64]

    @staticmethod
    def at(table: ScoreTable, place: int) -> Outcomes:
        """Outcomes of a score table, if rows from bin `place` on are answered positive."""
        summed = [table.counts, table.sums_of("weight"), table.sums_of("weight", "weight")]
        rows, weights, squares = (Confusion.at(sums[NEGATIVE], sums[POSITIVE], place) for sums in summed)
        weight, square = (sums[: POSITIVE + 1].sum(axis=-1) for sums in summed[1:])
        both = square.sum() / weight.sum() if weight.sum() > 0 else 1.0
        units = np.divide(square, weight, out=np.full(2, both), where=weight > 0)
        return Outcomes(rows, weights, squares, units)

    @staticmethod
    def of(truth: NDArray[np.bool_], answer: NDArray[np.bool_], weight: NDArray[np.float64] | None = None) -> Outcomes:
        """Outcomes of rows, (n,) each, without a table."""
        w = np.ones(len(truth)) if weight is None else weight
        cells = [truth & answer, ~truth & answer, truth & ~answer, ~truth & ~answer]
        rows, weights, squares = (
            Confusion(*(np.asarray(of[cell].sum()) for cell in cells)) for of in (np.ones(len(w)), w, w**2)
        )
        state = [~truth, truth]
        either = (w**2).sum() / w.sum() if w.sum() > 0 else 1.0
        units = [(w[s] ** 2).sum() / w[s].sum() if w[s].sum() > 0 else either for s in state]
        return Outcomes(rows, weights, squares, np.array(units))

    def interval(self, share: Share, level: float) -> tuple[float, float]:
        """Wilson's interval of a share of the outcomes; NaN where there is no such row."""
        (success, success_unit), (failure, failure_unit) = self._side(share.success), self._side(share.failure)
        low, high = wilson_weighted(success, failure, success_unit, failure_unit, level)
        return float(low), float(high)

    def metric(self, key: str, share: Share, level: float) -> Metric:
        """A share with Wilson's interval."""
        success, failure = self._side(share.success)[0], self._side(share.failure)[0]
        rows = sum(int(getattr(self.rows, outcome)) for outcome in (*share.success, *share.failure))
        value = success / (success + failure) if success + failure > 0 else nan
        return metric(
            key,
            share.title,
            value,
            self.interval(share, level),
            rows=rows,
            level=level,
            direction=share.direction,
            formula=share.formula,
        )

    def _side(self, outcomes: Mapping[str, float]) -> tuple[float, float]:
        """Weight of some outcomes, and what one such row carries."""
        weight = sum(factor * float(getattr(self.weights, name)) for name, factor in outcomes.items())
        square = sum(factor**2 * float(getattr(self.squares, name)) for name, factor in outcomes.items())
        if weight > 0:
            return weight, square / weight
        return 0.0, max(factor * float(self.units[STATE[name]]) for name, factor in outcomes.items())


def threshold_metrics(table: ScoreTable, place: int, beta: float, precision: Precision) -> list[Metric]:
    """Metrics of the answers "positive from bin `place` on"; see `ScoreEdges.place`."""
    outcomes = Outcomes.at(table, place)
    shares = SHARES | {f"f{number:g}": f_beta(number) for number in dict.fromkeys((1.0, beta))}
    found = [outcomes.metric(key, share, precision.level) for key, share in shares.items()]
    recall, specificity = (one for one in found if one.key in {"recall", "specificity"})
    return [*found, _balanced(recall, specificity), _matthews(table, place, precision)]


def prevalence(table: ScoreTable, level: float) -> Metric:
    """Share of positives."""
    return Outcomes.at(table, 0).metric("prevalence", PREVALENCE, level)


def _balanced(recall: Metric, specificity: Metric) -> Metric:
    """Their mean; its interval from theirs, as Zou & Donner, Statistics in Medicine 27 (2008), add limits of sums."""
    parts = [recall.estimate, specificity.estimate]
    values, lows, highs = np.array([(part.value, part.low, part.high) for part in parts], dtype=np.float64).T
    middle = values.mean()
    return metric(
        "balanced_accuracy",
        "Balanced accuracy",
        middle,
        (middle - np.hypot(*(values - lows)) / 2, middle + np.hypot(*(highs - values)) / 2),
        rows=sum(part.rows for part in parts),
        level=parts[0].level,
        formula="(recall + specificity) / 2",
    )


def _matthews(table: ScoreTable, place: int, precision: Precision) -> Metric:
    """Matthews correlation r; its interval is that of the share (1 + r) / 2."""
    weights, squares = (
        np.stack(astuple(Confusion.at(sums[NEGATIVE], sums[POSITIVE], place)))
        for sums in (table.sums_of("weight"), table.sums_of("weight", "weight"))
    )
    value = Confusion(*weights).matthews
    drawn = np.concatenate(list(poisson_replicates(weights, squares, precision.replicates, precision.seed)))
    error = spread(Confusion(*drawn.T).matthews) / 2
    low, high = wilson_by_variance((1 + value) / 2, error**2, effective_rows(table).min(), precision.level)
    return metric(
        "mcc",
        "Matthews correlation",
        value,
        (2 * low - 1, 2 * high - 1),
        rows=table.rows,
        level=precision.level,
        unit="",
        formula="(TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN))",
    )
