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
from holdfast.evaluation.reviewing import with_review
from holdfast.evaluation.thresholds import best_threshold, threshold_curve
from holdfast.evidence import Curve
from holdfast.objective import Cost, CostMatrix, FBeta, Judged, Objective, value
from holdfast.policy import Policy, Rule, decide
from holdfast.stats import calibration
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
    compared: dict[Rule, float]
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
    chosen = judged.take(rows)
    choose = _choice(objective, _kind(chosen, calibrate) if objective.task == "binary" else "none", threshold)
    rules = _rules(objective, rule, threshold, review_cost)
    compared = _cross_fitted(objective, chosen, rules, choose, seed) if len(rules) > 1 and _enough(chosen) else {}
    policy = choose(chosen, min(compared, key=compared.__getitem__, default=rules[0]))
    if review_cost is not None or review_capacity is not None:
        policy = with_review(policy, objective, chosen, review_cost, review_capacity)
    notes: tuple[str, ...] = ()
    promised = None
    if risk is not None:
        answers = decide(policy, judged.score[held_out], judged.take(held_out).columns)
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
    if rule == "expected_cost":
        return ("expected_cost",)
    # Costs that are the same for every row make one threshold, which people can read.
    return ("threshold", "expected_cost") if objective.needs else ("threshold",)


def _kind(rows: Judged, calibrate: Literal["auto"] | calibration.Kind) -> calibration.Kind:
    return calibration.choose(rows.score, rows.truth, rows.weight).kind if calibrate == "auto" else calibrate


def _enough(rows: Judged) -> bool:
    """Whether rules can be compared: each fold needs rows of both of two classes."""
    return len(rows.truth) >= FOLDS and (len(rows.classes) > 2 or np.bincount(rows.truth).min() >= calibration.FEWEST)


def _choice(objective: Objective, kind: calibration.Kind, threshold: float | None) -> Callable[[Judged, Rule], Policy]:
    """How a policy with a given rule is chosen on rows."""

    def choose(rows: Judged, rule: Rule) -> Policy:
        costs = objective if rule == "expected_cost" and isinstance(objective, Cost | CostMatrix) else None
        if objective.task == "classes":
            return Policy(rule=rule, costs=costs, classes=rows.classes)
        fitted = calibration.fit(kind, rows.score, rows.truth, rows.weight)
        if rule == "expected_cost":
            return Policy(rule=rule, costs=costs, calibration=fitted)
        best = threshold
        if best is None:
            best = best_threshold(objective, rows, calibration.apply(fitted, rows.score))
        return Policy(rule=rule, threshold=best, calibration=fitted)

    return choose


def _cross_fitted(
    objective: Objective, judged: Judged, rules: tuple[Rule, ...], choose: Callable[[Judged, Rule], Policy], seed: int
) -> dict[Rule, float]:
    """Value of each rule on rows that it was not chosen on."""
    # Each class is dealt out in turn, so that no fold is without it.
    order = np.random.default_rng(seed).permutation(len(judged.truth))
    order = order[np.argsort(judged.truth[order], kind="stable")]
    fold = np.empty(len(order), dtype=np.intp)
    fold[order] = np.arange(len(order)) % FOLDS
    values: dict[Rule, float] = {}
    for rule in rules:
        answer = np.zeros_like(judged.truth)
        for number in range(FOLDS):
            inside, outside = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            policy = choose(judged.take(outside), rule)
            answer[inside] = decide(policy, judged.score[inside], judged.take(inside).columns).decision
        values[rule] = value(objective, replace(judged, answer=answer))
    return values


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
