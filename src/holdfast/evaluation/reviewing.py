"""What goes to review: the rows that are expected to gain most by a person's look, at its cost or within a capacity."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.objective import Cost, FBeta, Judged, Objective, expected_regrets
from holdfast.policy import Policy, decide
from holdfast.stats.calibration import apply
from holdfast.stats.review import review_band

Array: TypeAlias = NDArray[np.float64]


def with_review(
    policy: Policy, objective: Objective, judged: Judged, cost: float | None, capacity: float | None
) -> Policy:
    """A policy that also sends rows to review.

    Parameters
    ----------
    policy
        What decides the other rows.
    objective, judged
        What wrong answers cost, and validation rows.
    cost
        Of a review, in the unit of a cost objective; None if it is free within the capacity.
    capacity
        Share of the rows that can be reviewed, 0 to 1; None if there is no limit. One of the two is stated.

    Examples
    --------
    >>> score = np.linspace(0, 1, 1_001)
    >>> judged = Judged(truth=score > 0.5, score=score)
    >>> objective = Cost(false_positive=5, false_negative=10)
    >>> found = with_review(Policy(rule="threshold", threshold=0.5), objective, judged, 1.0, None)
    >>> round(found.review_low, 2), round(found.review_high, 2)
    (0.1, 0.8)
    """
    if policy.rule == "threshold":
        return _with_band(policy, objective, judged, cost or 0.0, 1.0 if capacity is None else capacity)
    if policy.rule == "expected_cost":
        assert policy.costs is not None
        if cost is not None:
            return msgspec.structs.replace(policy, review_cost=cost)
        probability = judged.score if policy.classes else apply(policy.calibration, judged.score)
        regret = expected_regrets(policy.costs, probability, judged.columns, policy.classes).min(axis=1)
        return msgspec.structs.replace(policy, review_cost=_exceeded_by(regret, judged.weight, capacity))
    confidence = decide(policy, judged.score).confidence
    return msgspec.structs.replace(policy, confidence_limit=-_exceeded_by(-confidence, judged.weight, capacity))


def _with_band(policy: Policy, objective: Objective, judged: Judged, cost: float, capacity: float) -> Policy:
    """The best band of scores around the threshold."""
    assert policy.threshold is not None
    scores, place = np.unique(judged.score, return_inverse=True)
    # Calibration may join scores; a nudge by their order keeps them apart, and leads back from the band to the scores.
    nudged = np.clip(apply(policy.calibration, scores), 1e-6, 1 - 1e-6) + 1e-9 * np.arange(len(scores)) / len(scores)
    above = int(np.searchsorted(scores, policy.threshold))
    threshold = nudged[above] if above < len(scores) else 1.0
    false_positive, false_negative = _wrong(objective, judged)
    band = review_band(
        nudged[place],
        threshold,
        false_positive=false_positive,
        false_negative=false_negative,
        review=cost,
        capacity=capacity,
        weight=judged.weight,
    )
    edges = np.append(scores, np.nextafter(scores[-1], np.inf))
    low, high = (float(edges[np.searchsorted(nudged, end)]) for end in (band.low, band.high))
    if band.low == band.high:
        low = high = policy.threshold
    return msgspec.structs.replace(policy, review_low=low, review_high=high)


def _wrong(objective: Objective, judged: Judged) -> tuple[Array, Array]:
    """What a wrong answer costs beyond the right one: positive and negative ones, (n,) each."""
    if not isinstance(objective, Cost):
        # No money: recall counts beta^2 times, all others alike.
        ratio = objective.beta**2 if isinstance(objective, FBeta) else 1.0
        return np.ones(len(judged.truth)), np.full(len(judged.truth), ratio)
    nobody, everybody = np.zeros(len(judged.truth)), np.ones(len(judged.truth))
    false_positive = expected_regrets(objective, nobody, judged.columns)[:, 1]
    false_negative = expected_regrets(objective, everybody, judged.columns)[:, 0]
    # What is missing goes to review in any case; and where the wrong answer is cheaper, nothing is lost by it.
    return np.nan_to_num(np.maximum(false_positive, 0)), np.nan_to_num(np.maximum(false_negative, 0))


def _exceeded_by(numbers: Array, weight: Array | None, share: float | None) -> float:
    """The least of the numbers that at most a share of the rows exceeds."""
    assert share is not None
    order = np.argsort(-numbers, kind="stable")
    mass = np.ones(len(numbers)) if weight is None else weight
    upto = np.cumsum(mass[order])
    allowed = int(np.searchsorted(upto, share * upto[-1] * (1 + 1e-12), side="right"))
    return float(numbers[order[min(allowed, len(order) - 1)]])
