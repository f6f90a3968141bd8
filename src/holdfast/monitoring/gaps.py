"""Gaps: how far answers and errors of a group lie from those of everybody else.

Never of too few rows: neither of the group nor of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.monitoring.counts.arrived import Arrived, Sums, sums_of
from holdfast.profile.window import AnswerEdges, Counted
from holdfast.stats.intervals import newcombe

SMALLEST_GROUP = 100
"""Rows of a group, below which nothing is said of it; likewise of all others."""

SMALLEST_OF_A_KIND = 30
"""Rows of a group that are positive, or negative, below which nothing is said of its rates; likewise of all others."""

FEW = 3.0
"""Rows: where fewer are expected, a count is far from normal, and a single row would be an alarm."""

Z = 1.959963984540054

Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A figure of a group less that of all other rows.

    Attributes
    ----------
    value, low, high
        With the ends of its 95% interval; of shares as shares.
    deviation
        Standard error where both are alike.
    rows
        Of the group.
    """

    value: float
    low: float
    high: float
    deviation: float
    rows: int


@dataclass(slots=True)
class Gaps:
    """Of one group: gaps by what they are of, and what cannot be spoken of, with why."""

    found: dict[str, Gap] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def of_shares(
        self, name: str, of: str, inside: tuple[int, int], outside: tuple[int, int], least: int = SMALLEST_GROUP
    ) -> None:
        """A gap of shares, from hits and rows; Newcombe's interval, and the deviation of the pooled share."""
        (hits, n), (other_hits, m) = inside, outside
        if self.too_few(name, of, n, m, least):
            return
        low, high = newcombe(hits, n, other_hits, m)
        scarce = min(FEW / min(n, m), 0.5)
        share = min(max((hits + other_hits) / (n + m), scarce), 1 - scarce)
        self.found[name] = Gap(
            value=hits / n - other_hits / m,
            low=float(low),
            high=float(high),
            deviation=float(np.sqrt(share * (1 - share) * (1 / n + 1 / m))),
            rows=n,
        )

    def of_means(self, name: str, of: str, inside: Sums, outside: Sums) -> None:
        """A gap of means, from sums; normal interval.

        Its variance is Welch's (*The generalization of 'Student's' problem*, Biometrika 34, 1947), but not less than that of
        equal groups: of seldom and large losses a group may have had none.
        """
        n, m = int(inside[0]), int(outside[0])
        if self.too_few(name, of, n, m, SMALLEST_GROUP):
            return
        value = inside[1] / n - outside[1] / m
        both = (n + m, inside[1] + outside[1], inside[2] + outside[2])
        welch = _variance(inside) / n + _variance(outside) / m
        deviation = float(np.sqrt(max(welch, _variance(both) * (1 / n + 1 / m))))
        self.found[name] = Gap(
            value=value, low=value - Z * deviation, high=value + Z * deviation, deviation=deviation, rows=n
        )

    def too_few(self, name: str, of: str, inside: int, outside: int, least: int) -> bool:
        """Whether a figure cannot be spoken of; why is noted."""
        for rows, whose in ((inside, ""), (outside, " of all others")):
            if rows < least:
                self.left_out[name] = f"{rows:,} rows{whose} {of}, fewer than {least}"
                return True
        return False


def answer_gaps(answers: AnswerEdges, inside: Counts, everyone: Counts) -> Gaps:
    """Gaps of the shares of each answer, of two the second; none of numbers.

    This is what demographic parity asks about (Dwork et al., *Fairness through awareness*, 2012).
    """
    found, outside = Gaps(), everyone - inside
    n, m = int(inside.sum()), int(outside.sum())
    for k, name in enumerate(answers.classes or ("no", "yes") if len(everyone) else ()):
        if k or answers.classes:
            found.of_shares(name, "with an answer", (int(inside[k]), n), (int(outside[k]), m))
    return found


def error_gaps(answers: AnswerEdges, inside: Arrived, everyone: Arrived) -> Gaps:
    """Gaps of the errors, of rows whose truth is known.

    Of all tasks `loss`, in the unit of the objective; of two classes `true_positive_rate` (equal opportunity) and
    `false_positive_rate` (with the former: equalised odds; Hardt, Price & Srebro, *Equality of opportunity in supervised
    learning*, 2016); of more classes `accuracy`; of numbers `bias`, truth less prediction.
    """
    found = Gaps()
    found.of_means("loss", "whose truth is known", inside.losses, _less(everyone.losses, inside.losses))
    if answers.task == "regression":
        residuals = _less(everyone.residuals, inside.residuals)
        found.of_means("bias", "whose truth is known", inside.residuals, residuals)
        return found
    size = answers.answers
    own, whole = (np.array(one.confusion or [0] * size**2).reshape(size, size) for one in (inside, everyone))
    others = whole - own
    if answers.task == "classes":
        right = [(int(np.trace(table)), int(table.sum())) for table in (own, others)]
        found.of_shares("accuracy", "whose truth is known", right[0], right[1])
        return found
    if unseen := [name for name in answers.names if answers.observed and name not in answers.observed]:
        why = f"the truth of rows answered {unseen[0]} cannot come to be known"
        found.left_out |= dict.fromkeys(("true_positive_rate", "false_positive_rate"), why)
        return found
    for truth, name, of in ((1, "true_positive_rate", "that are positive"), (0, "false_positive_rate", "that are not")):
        if found.too_few(name, "whose truth is known", int(own.sum()), int(others.sum()), SMALLEST_GROUP):
            continue
        rates = [(int(table[truth, 1]), int(table[truth].sum())) for table in (own, others)]
        found.of_shares(name, of, rates[0], rates[1], SMALLEST_OF_A_KIND)
    return found


def shown_gaps(answers: AnswerEdges, inside: Counted, everyone: Counted) -> dict[str, Any]:
    """All gaps of a group in a window, as far as the truth is known, JSON-ready: with their intervals; and what is left out."""
    both = (
        answer_gaps(answers, inside.decisions, everyone.decisions),
        error_gaps(answers, sums_of(inside), sums_of(everyone)),
    )
    return {
        "gaps": {name: (gap.value, gap.low, gap.high) for one in both for name, gap in one.found.items()},
        "left_out": {name: reason for one in both for name, reason in one.left_out.items()},
    }


def _less(one: Sums, other: Sums) -> Sums:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def _variance(sums: Sums) -> float:
    n, total, squares = sums
    return max(squares / n - (total / n) ** 2, 0.0) * n / max(n - 1, 1)
