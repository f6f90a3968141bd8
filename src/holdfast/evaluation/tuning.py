"""Choose a policy on validation rows: calibration, decision rule, threshold, and what goes to review.

Between the best single threshold and the rule of least expected cost for each row, the one is taken that costs less on
rows that it was not tuned on (cross-fitting). What is guaranteed is measured on rows that nothing was chosen on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.evaluation.curves import thinned
from holdfast.evaluation.thresholds import best_threshold, threshold_curve
from holdfast.evidence import Curve
from holdfast.objective import Cost, CostMatrix, FBeta, Judged, Objective, expected_regrets, value
from holdfast.policy import Policy, Rule, decide
from holdfast.stats import calibration
from holdfast.stats.calibration import Calibration
from holdfast.stats.review import review_band
from holdfast.stats.selective import Guarantee, guarantee, risk_coverage

Array: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]

FOLDS = 5
ALL = float(np.nextafter(1, 2))
"""A confidence that no row reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A policy, and what its choice rests on.

    Attributes
    ----------
    policy
        What was chosen.
    compared
        The objective of each rule that was compared, cross-fitted; empty where there was nothing to compare.
    curves
        The objective against the threshold, and the risk against the coverage, on validation.
    guaranteed
        What is promised of the decided rows; None if nothing was asked for, or nothing can be promised.
    notes
        What a reader should know.
    """

    policy: Policy
    compared: dict[str, float]
    curves: tuple[Curve, ...]
    guaranteed: Guarantee | None = None
    notes: tuple[str, ...] = ()


def tune(
    objective: Objective,
    judged: Judged,
    *,
    rule: Literal["auto", "threshold", "expected_cost"] = "auto",
    threshold: float | None = None,
    calibrate: Literal["auto"] | calibration.Kind = "auto",
    review_cost: float | None = None,
    review_capacity: float | None = None,
    risk: float | None = None,
    delta: float = 0.05,
    seed: int = 0,
) -> Tuned:
    """The policy that is best for an objective on validation rows.

    Parameters
    ----------
    objective
        What the business pays.
    judged
        Validation rows: neither fitted on nor in the test part. Answers are not looked at.
    rule
        "auto" compares both where the objective is a cost.
    threshold
        A fixed threshold on the score; the rule is then "threshold".
    calibrate
        "auto" chooses by cross-validated log loss.
    review_cost
        What a review costs, in the objective's unit, >= 0: what would cost more is sent there.
    review_capacity
        Share of the rows that can be reviewed, 0 to 1: those are sent there that are expected to gain most from it.
    risk, delta
        At most this share of the decided rows is wrong, but for a chance of `delta`: the others are sent to review. It
        is measured on a random half of the rows, and the policy is chosen on the other half.
    seed
        Of the halves and folds.

    Raises
    ------
    SettingError
        If the settings do not fit the objective, or each other.
    InputError
        If the rows cannot be judged, or, of two classes, only one occurs.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score, amount = rng.random(5_000) ** 3, rng.lognormal(3, 1, 5_000)
    >>> judged = Judged(truth=rng.random(5_000) < score, score=score, columns={"amount": amount})
    >>> tuned = tune(Cost(false_positive=10, false_negative="amount"), judged)
    >>> tuned.policy.rule, sorted(tuned.compared)
    ('expected_cost', ['expected_cost', 'threshold'])
    """
    if sum(setting is not None for setting in (review_cost, review_capacity, risk)) > 1:
        raise SettingError("review_cost, review_capacity and a guarantee exclude each other: keep one.")
    if objective.task == "regression":
        return _of_numbers(review_cost, review_capacity, risk)
    _check(objective, rule, threshold, review_cost)
    rows, held_out = _halves(judged, risk, seed)
    choose = _choice(objective, calibrate, threshold)
    rules = _rules(objective, rule, threshold, review_cost)
    chosen = _subset(judged, rows)
    compared = _cross_fitted(objective, chosen, rules, choose, seed) if len(rules) > 1 else {}
    best = min(compared, key=compared.__getitem__) if compared else rules[0]
    policy = choose(chosen, best)
    if review_cost is not None or review_capacity is not None:
        policy = _with_review(policy, objective, chosen, review_cost, review_capacity)
    notes: tuple[str, ...] = ()
    promised = None
    if risk is not None:
        answers = decide(policy, judged.score[held_out], _columns(judged, held_out))
        promised = guarantee(answers.confidence, answers.decision != judged.truth[held_out], risk, delta)
        policy = msgspec.structs.replace(policy, confidence_limit=promised.threshold if promised else ALL)
        notes = (_promise(promised, risk, delta, len(held_out)),)
    curves = _curves(objective, judged, policy)
    return Tuned(policy=policy, compared=compared, curves=curves, guaranteed=promised, notes=notes)


def _of_numbers(*settings: float | None) -> Tuned:
    if any(setting is not None for setting in settings):
        raise SettingError("A predicted number is its own answer: review_* and a guarantee are for classes only.")
    return Tuned(policy=Policy(rule="value"), compared={}, curves=())


def _check(objective: Objective, rule: str, threshold: float | None, review_cost: float | None) -> None:
    costs = isinstance(objective, Cost | CostMatrix)
    if rule == "expected_cost" and not costs:
        raise SettingError(f"The rule 'expected_cost' needs an objective that states costs, not {objective.title}.")
    if review_cost is not None and not costs:
        raise SettingError(
            f"A review cost is in money, and {objective.title} is not: state a review_capacity or a guarantee, or costs."
        )
    if objective.task == "classes" and (threshold is not None or rule == "threshold"):
        raise SettingError("Several classes have no threshold: leave policy.threshold and policy.rule out.")
    if threshold is not None and rule == "expected_cost":
        raise SettingError("A fixed threshold belongs to the rule 'threshold': leave one of them out.")


def _rules(objective: Objective, rule: str, threshold: float | None, review_cost: float | None) -> tuple[Rule, ...]:
    """Rules to compare; the first is the simplest."""
    if objective.task == "classes":
        if not isinstance(objective, CostMatrix):
            return ("most_probable",)
        # Only the rule that knows the costs can weigh them against that of a review.
        wanted = rule == "expected_cost" or review_cost is not None
        return ("expected_cost",) if wanted else ("most_probable", "expected_cost")
    if threshold is not None or rule == "threshold" or not isinstance(objective, Cost):
        return ("threshold",)
    return ("expected_cost",) if rule == "expected_cost" else ("threshold", "expected_cost")


def _choice(
    objective: Objective, calibrate: Literal["auto"] | calibration.Kind, threshold: float | None
) -> Callable[[Judged, Rule], Policy]:
    """How a policy with a given rule is chosen on rows."""

    def choose(rows: Judged, rule: Rule) -> Policy:
        costs = objective if rule == "expected_cost" and isinstance(objective, Cost | CostMatrix) else None
        if objective.task == "classes":
            return Policy(rule=rule, costs=costs, classes=rows.classes)
        if calibrate == "auto":
            fitted = calibration.choose(rows.score, rows.truth, rows.weight)
        else:
            fitted = calibration.fit(calibrate, rows.score, rows.truth, rows.weight)
        if rule == "expected_cost":
            return Policy(rule=rule, costs=costs, calibration=fitted)
        best = threshold
        if best is None:
            best = best_threshold(objective, rows, calibration.apply(fitted, rows.score))
        return Policy(rule=rule, threshold=best, calibration=fitted)

    return choose


def _cross_fitted(
    objective: Objective, judged: Judged, rules: tuple[Rule, ...], choose: Callable[[Judged, Rule], Policy], seed: int
) -> dict[str, float]:
    """Value of each rule on rows that it was not chosen on."""
    fold = np.random.default_rng(seed).permutation(len(judged.truth)) % FOLDS
    values = {}
    for rule in rules:
        answer = np.zeros_like(judged.truth)
        for number in range(FOLDS):
            inside, outside = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            policy = choose(_subset(judged, outside), rule)
            answer[inside] = decide(policy, judged.score[inside], _columns(judged, inside)).decision
        values[str(rule)] = value(objective, replace(judged, answer=answer))
    return values


def _with_review(
    policy: Policy, objective: Objective, judged: Judged, cost: float | None, capacity: float | None
) -> Policy:
    """The policy with the rows that are expected to gain most by it sent to review."""
    if policy.rule == "threshold":
        return _with_band(policy, objective, judged, cost or 0.0, 1.0 if capacity is None else capacity)
    if policy.rule == "expected_cost":
        assert policy.costs is not None
        if cost is not None:
            return msgspec.structs.replace(policy, review_cost=cost)
        probability = judged.score if policy.classes else calibration.apply(policy.calibration, judged.score)
        regret = expected_regrets(policy.costs, probability, judged.columns, policy.classes).min(axis=1)
        return msgspec.structs.replace(policy, review_cost=_exceeded_by(regret, judged.weight, capacity))
    confidence = decide(policy, judged.score).confidence
    return msgspec.structs.replace(policy, confidence_limit=-_exceeded_by(-confidence, judged.weight, capacity))


def _with_band(policy: Policy, objective: Objective, judged: Judged, cost: float, capacity: float) -> Policy:
    """The best band of scores around the threshold."""
    assert policy.threshold is not None
    scores, place = np.unique(judged.score, return_inverse=True)
    # Calibration may join scores; a nudge by their order keeps them apart, and leads back from the band to the scores.
    nudged = np.clip(calibration.apply(policy.calibration, scores), 1e-6, 1 - 1e-6) + 1e-9 * np.arange(
        len(scores)
    ) / len(scores)
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


def _halves(judged: Judged, risk: float | None, seed: int) -> tuple[Rows, Rows]:
    """Rows to choose on, and rows to measure a guarantee on; all and none if there is none to give."""
    n = len(judged.truth)
    if risk is None:
        return np.arange(n), np.arange(0)
    if judged.weight is not None:
        raise SettingError("A guarantee is about rows that count alike: leave out the weight, or the guarantee.")
    drawn = np.random.default_rng(seed).permutation(n)
    return np.sort(drawn[: n // 2]), np.sort(drawn[n // 2 :])


def _promise(promised: Guarantee | None, risk: float, delta: float, rows: int) -> str:
    asked = f"at most {risk:.3g} of the decided rows are wrong, with {1 - delta:.3g} confidence"
    if promised is None:
        return f"Nothing can be guaranteed ({asked}) from {rows:,} rows: all go to review. Take more rows, or a higher risk."
    return (
        f"Guaranteed on {rows:,} rows that nothing was chosen on: {asked}; {promised.coverage:.1%} of rows are decided."
    )


def _curves(objective: Objective, judged: Judged, policy: Policy) -> tuple[Curve, ...]:
    answers = decide(policy, judged.score, judged.columns)
    known = np.isfinite(answers.confidence)
    if not known.any():
        return ()
    weight = None if judged.weight is None else judged.weight[known]
    found = risk_coverage(answers.confidence[known], (answers.decision != judged.truth)[known], weight)
    x, y = thinned(found.coverage, found.risk)
    decided = float(np.average(~answers.review, weights=judged.weight))
    curve = Curve(
        key="risk_coverage",
        title="Errors among the rows that are decided",
        x_title="Share of rows that are decided, the most confident first",
        y_title="Share of them that is wrong",
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        marks={"decided": decided} if answers.review.any() else {},
    )
    if isinstance(objective, Cost) or (isinstance(objective, FBeta) and objective.task == "binary"):
        return threshold_curve(objective, judged, policy.threshold), curve
    return (curve,)


def _columns(judged: Judged, rows: Rows) -> dict[str, NDArray[np.float64]]:
    return {name: column[rows] for name, column in judged.columns.items()}


def _subset(judged: Judged, rows: Rows) -> Judged:
    if len(rows) == len(judged.truth):
        return judged
    return Judged(
        truth=judged.truth[rows],
        score=judged.score[rows],
        columns=_columns(judged, rows),
        weight=None if judged.weight is None else judged.weight[rows],
        time=None if judged.time is None else judged.time[rows],
        classes=judged.classes,
    )
