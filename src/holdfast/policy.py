"""How a score becomes an answer: numbers only, so that evaluation, release and serving decide alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.objective import Cost, CostMatrix, expected_regrets
from holdfast.stats.calibration import Calibration, apply

Array: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, NDArray[Any]]
Rule: TypeAlias = Literal["threshold", "expected_cost", "most_probable", "value"]

REASONS = ("", "band", "support", "unknown", "explore")
"""By code. Why a row goes to review: its score lies in the band of doubt, it lies outside the reference's support, or
its score or a cost is unknown. `explore`: it was decided the other way, so that its truth becomes known."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a score becomes an answer; all that is chosen here is chosen on validation.

    Attributes
    ----------
    rule
        `threshold`: positive from `threshold` on; `expected_cost`: the answer that `costs` make cheapest in each row;
        `most_probable`: the class with the highest probability; `value`: the predicted number itself.
    calibration
        Of the score of two classes: what the confidence and the expected costs are computed from.
    threshold
        On the model's own score, of the rule `threshold`: calibration never changes the order of rows, but may join them.
    costs
        Of the rule `expected_cost`.
    classes
        Names, in the order of the scores' columns, where there are more than two.
    review_low, review_high
        The model's scores from `review_low` on and below `review_high` go to review; of the rule `threshold`.
    review_cost
        What a review costs, at most: rows whose answer is expected to cost more than this beyond the right one go to
        review; of the rule `expected_cost`.
    confidence_limit
        Rows whose answer is less probably right than this, 0 to 1, go to review.
    support_limit
        Rows that are farther than this from the reference go to review.
    explore, explore_decision, seed
        Share of the rows with this decision (the one that keeps the truth from coming, such as a blocked payment) that
        get the other one instead, chosen by a hash of the seed and the row's identity. Two classes only.
    """

    rule: Rule
    calibration: Calibration = Calibration()
    threshold: float | None = None
    costs: Cost | CostMatrix | None = None
    classes: tuple[str, ...] = ()
    review_low: float | None = None
    review_high: float | None = None
    review_cost: float | None = None
    confidence_limit: float | None = None
    support_limit: float | None = None
    explore: Annotated[float, Meta(ge=0, lt=0.5)] = 0.0
    explore_decision: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        # ValueErrors, because msgspec then adds the path in the stored file.
        if (self.rule == "threshold") != (self.threshold is not None):
            raise ValueError("a threshold belongs to the rule 'threshold', and that needs one")
        if (self.rule == "expected_cost") != (self.costs is not None):
            raise ValueError("costs belong to the rule 'expected_cost', and that needs them")
        if (self.review_low is None) != (self.review_high is None):
            raise ValueError("a review band has two ends: review_low and review_high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a policy makes of scores, (n,) each.

    Attributes
    ----------
    decision
        bool for two classes, codes for several, numbers for regression; False, 0 or NaN where the score is unknown.
    confidence
        Calibrated probability that the decision is right; NaN for regression, and where the score is unknown.
    review
        Whether a person should decide.
    reason
        Codes into `REASONS`.
    propensity
        Probability with which a row like this gets this decision: 1 without exploration.
    """

    decision: NDArray[Any]
    confidence: Array
    review: NDArray[np.bool_]
    reason: NDArray[np.int8]
    propensity: Array


def decide(
    policy: Policy,
    score: Array,
    columns: Columns | None = None,
    *,
    distance: Array | None = None,
    identity: NDArray[np.uint64] | None = None,
) -> Answers:
    """Apply a policy to the model's scores.

    Parameters
    ----------
    policy
        What was chosen on validation.
    score
        As the model gives it: probability of the positive class, (n,); of each class, (n, K); or a number, (n,).
    columns
        Those that the policy's costs name, (n,) each.
    distance
        Of each row from the reference, (n,); needed if the policy has a `support_limit`.
    identity
        64-bit hash of what identifies each row, (n,); needed if the policy explores.

    Raises
    ------
    InputError
        If the score has the wrong shape, or what the policy needs is not given.

    Examples
    --------
    >>> policy = Policy(rule="threshold", threshold=0.5, review_low=0.4, review_high=0.6)
    >>> answers = decide(policy, np.array([0.1, 0.45, 0.9]))
    >>> answers.decision.tolist(), answers.review.tolist(), [REASONS[code] for code in answers.reason]
    ([False, False, True], [False, True, False], ['', 'band', ''])
    """
    expected = 2 if policy.classes else 1
    if score.ndim != expected or (policy.classes and score.shape[1] != len(policy.classes)):
        shape = f"(n, {len(policy.classes)})" if policy.classes else "(n,)"
        raise InputError(f"The policy takes scores of shape {shape}; got {score.shape}: use the model it was made for.")
    if policy.support_limit is not None and distance is None:
        raise InputError("The policy sends rows outside the support to review: give their distance.")
    decision, confidence, doubtful, unknown = _decided(policy, score, columns or {})
    reason = np.zeros(len(score), dtype=np.int8)
    reason[doubtful] = REASONS.index("band")
    if policy.support_limit is not None and distance is not None:
        # Written so that an unknown distance counts as outside.
        reason[~(distance <= policy.support_limit)] = REASONS.index("support")
    reason[unknown] = REASONS.index("unknown")
    review, propensity = reason > 0, np.ones(len(score))
    if policy.explore:
        if identity is None:
            raise InputError("The policy explores by the rows' identity: give a hash of it.")
        open_rows = ~review & (decision == policy.explore_decision)
        flipped = open_rows & (_uniform(identity, policy.seed) < policy.explore)
        decision, confidence = decision ^ flipped, np.where(flipped, 1 - confidence, confidence)
        propensity = np.where(open_rows, np.where(flipped, policy.explore, 1 - policy.explore), 1.0)
        reason[flipped] = REASONS.index("explore")
    return Answers(decision=decision, confidence=confidence, review=review, reason=reason, propensity=propensity)


def _decided(
    policy: Policy, score: Array, columns: Columns
) -> tuple[NDArray[Any], Array, NDArray[np.bool_], NDArray[np.bool_]]:
    """Decision, confidence, whether a person should look, and whether the score or a cost is unknown."""
    finite = np.isfinite(score.reshape(len(score), -1 if score.size else 1))
    unknown = np.asarray(~finite.all(axis=1))
    doubtful = np.zeros(len(score), dtype=np.bool_)
    if policy.rule == "value":
        return score, np.full(len(score), np.nan), doubtful, unknown
    probability = score if policy.classes else apply(policy.calibration, score)
    by_class = probability if policy.classes else np.stack([1 - probability, probability], axis=1)
    if policy.rule == "expected_cost":
        assert policy.costs is not None
        regrets = expected_regrets(policy.costs, probability, columns, policy.classes)
        unknown = unknown | ~np.isfinite(regrets).all(axis=1)
        code = np.where(unknown[:, None], 0.0, regrets).argmin(axis=1)
        if policy.review_cost is not None:
            doubtful = regrets.min(axis=1) > policy.review_cost
    elif policy.rule == "most_probable":
        code = np.where(unknown[:, None], 0.0, score).argmax(axis=1)
    else:
        assert policy.threshold is not None
        code = (score >= policy.threshold).astype(np.intp)
        if policy.review_low is not None and policy.review_high is not None:
            doubtful = (score >= policy.review_low) & (score < policy.review_high)
    confidence = np.where(unknown, np.nan, by_class[np.arange(len(score)), code])
    if policy.confidence_limit is not None:
        doubtful = doubtful | ~(confidence >= policy.confidence_limit)
    return (code if policy.classes else code == 1), confidence, doubtful, unknown


def _uniform(identity: NDArray[np.uint64], seed: int) -> Array:
    """A number from 0 to 1 for each row, the same for the same row and seed in every process.

    The finaliser of SplitMix64 (Steele, Lea & Flood 2014), once for the seed and once for the row.
    """

    def mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))

    start = mixed(np.array([seed % 2**64], dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    return np.asarray((mixed(identity ^ start) >> np.uint64(11)) * 2.0**-53)
