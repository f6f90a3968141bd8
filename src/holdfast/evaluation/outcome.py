"""What a policy makes of labelled rows, and what that is worth: the one place where review enters the objective."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.worth import better_by, worth
from holdfast.evidence import Estimate
from holdfast.objective import Cost, CostMatrix, Judged, Objective, contributions
from holdfast.policy import REASONS, Answers, Policy, decide

Array: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Labelled rows, the model's scores, and the answers of a policy.

    Attributes
    ----------
    rows
        What was judged.
    score
        As the model gives it: (n,), or (n, K) for several classes.
    answers
        What the policy made of it.
    objective
        What it is judged by.
    review_cost
        What a person's look at a row costs, in the unit of a cost objective.
    """

    rows: Labelled
    score: Array
    answers: Answers
    objective: Objective
    review_cost: float = 0.0

    @property
    def judged(self) -> Judged:
        """The rows as an objective reads them. Of costs, a person's answer is right; it is what the look is paid for."""
        answer = self.answers.decision
        if isinstance(self.objective, Cost | CostMatrix):
            answer = np.where(self.answers.review, self.rows.truth, answer).astype(answer.dtype)
        return self.rows.judged(self.score, answer)

    @property
    def counted(self) -> Rows:
        """Rows that the objective is about: all for costs, else those that were not sent to review."""
        if isinstance(self.objective, Cost | CostMatrix):
            return np.arange(len(self.rows))
        return np.flatnonzero(~self.answers.review)

    def contributions(self, rows: Rows | None = None) -> tuple[Array, Array | None]:
        """Contributions to the objective and weights, of the counted ones among some rows (all by default)."""
        part, found = self._paid(rows)
        return found, part.weight if len(found) else None

    def value(self, rows: Rows | None = None, *, level: float = 0.95) -> Estimate:
        """The objective, with its interval, of all rows or of some."""
        part, found = self._paid(rows)
        if not len(found):
            return Estimate(value=None, level=level, unit=self.objective.unit)
        return worth(self.objective, part, found, level=level)

    def better_by(self, other: Outcome, rows: Rows | None = None, *, level: float = 0.95) -> Estimate:
        """By how much it is better than another one, on the rows among some that count for both."""
        both = np.intersect1d(self.counted, other.counted)
        both = both if rows is None else np.intersect1d(both, rows)
        (part, mine), (_, theirs) = self._paid(both), other._paid(both)
        if not len(mine):
            return Estimate(value=None, level=level, unit=self.objective.unit)
        return better_by(self.objective, part, mine, theirs, level=level)

    def _paid(self, rows: Rows | None) -> tuple[Judged, Array]:
        """The counted ones among some rows, and their contributions; none where none has weight."""
        chosen = self.counted if rows is None else np.intersect1d(rows, self.counted, assume_unique=True)
        part = self.judged.take(chosen)
        if not len(chosen) or (part.weight is not None and not part.weight.sum() > 0):
            return part, np.empty(0)
        paid = self.review_cost * self.answers.review[chosen] if isinstance(self.objective, Cost | CostMatrix) else 0.0
        return part, contributions(self.objective, part) + paid

    def take(self, rows: Rows) -> Outcome:
        """Some of the rows."""
        answers = self.answers
        return replace(
            self,
            rows=self.rows.take(rows),
            score=self.score[rows],
            answers=Answers(
                decision=answers.decision[rows],
                confidence=answers.confidence[rows],
                review=answers.review[rows],
                reason=answers.reason[rows],
                propensity=answers.propensity[rows],
            ),
        )

    @property
    def reviewed(self) -> dict[str, float]:
        """Share of the rows that go to review, by the reason, each row by its weight."""
        review, reason = self.answers.review, self.answers.reason
        return {
            name: self.share(review & (reason == code))
            for code, name in enumerate(REASONS)
            if (reason[review] == code).any()
        }

    def share(self, hit: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> float:
        """Share of the rows, or of those `among` them, that `hit`, each row by its weight; NaN where none counts."""
        weight = np.ones(len(self.rows)) if self.rows.weight is None else self.rows.weight
        weight = weight if among is None else weight * among
        total = float(weight.sum())
        return float(np.dot(weight, hit)) / total if total > 0 else float("nan")


def outcome(
    rows: Labelled,
    score: Array,
    policy: Policy,
    objective: Objective,
    *,
    review_cost: float = 0.0,
    distance: Array | None = None,
    identity: NDArray[np.uint64] | None = None,
) -> Outcome:
    """Apply a policy to scored rows. For what `distance` and `identity` are, see `policy.decide`."""
    answers = decide(policy, score, rows.columns, distance=distance, identity=identity)
    return Outcome(rows=rows, score=score, answers=answers, objective=objective, review_cost=review_cost)


def as_if(found: Outcome, answer: NDArray[Any]) -> Outcome:
    """The same rows under other answers, without review: what a simple rule would have made of them."""
    n = len(found.rows)
    answers = Answers(
        decision=answer,
        confidence=np.full(n, np.nan),
        review=np.zeros(n, bool),
        reason=np.zeros(n, np.int8),
        propensity=np.ones(n),
    )
    return replace(found, answers=answers)
