"""Simple rules that a model has to beat on the same rows: never, always, and the best of a few that need no model.

What the rules need is learned on train, chosen on validation, and judged on test, as the model's policy is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.one_feature import best_feature
from holdfast.evaluation.outcome import Outcome, as_if
from holdfast.evaluation.tuning import tune
from holdfast.evidence import Baseline
from holdfast.objective import AsymmetricCost, Objective, PinballLoss, RootMeanSquaredError, value
from holdfast.policy import decide

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A score for validation and for test rows, as a model would give it."""

    title: str
    validation: Array
    test: Array


def baselines(
    train: Labelled, validation: Labelled, found: Outcome, *, entity: str | None = None, delay_seconds: float = 0.0
) -> tuple[Baseline, ...]:
    """The objective of simple rules on the test rows, and what the model's policy saves against each.

    `never` and `always` answer negative, and positive, to every row of two classes; `half` is the model with the
    threshold 0.5. `simple` is the best, on validation, of: one constant score, the best single feature, and, of numbers
    over time, the previous known value. Its threshold, if it needs one, is tuned like that of the model.

    Parameters
    ----------
    train, validation
        What the rules are learned and chosen on.
    found
        The test rows with the model's answers.
    entity
        Group whose own previous value is taken; None: the last one of all.
    delay_seconds
        How long the truth takes to arrive: until then a value is not known.
    """
    test, objective = found.rows, found.objective
    rules: list[tuple[str, str, Array, NDArray[Any]]] = []
    if test.task == "binary":
        nothing = np.zeros(len(test), dtype=bool)
        rules = [
            ("never", "Never", nothing.astype(np.float64), nothing),
            ("always", "Always", (~nothing).astype(np.float64), ~nothing),
            ("half", "The model with the threshold 0.5", found.score, found.score >= 0.5),
        ]
    tried = []
    for simple in _simple(objective, train, validation, test, entity, delay_seconds):
        seen = validation.judged(simple.validation)
        policy = tune(objective, seen, calibrate="none").policy
        reached = value(objective, replace(seen, answer=decide(policy, seen.score, seen.columns).decision))
        tried.append((reached if objective.direction == "lower" else -reached, simple, policy))
    _, simple, policy = min(tried, key=lambda one: np.inf if np.isnan(one[0]) else one[0])
    answer = decide(policy, simple.test, test.columns).decision
    return tuple(_judged(found, *rule) for rule in [*rules, ("simple", simple.title, simple.test, answer)])


def _simple(
    objective: Objective,
    train: Labelled,
    validation: Labelled,
    test: Labelled,
    entity: str | None,
    delay_seconds: float,
) -> Iterator[_Rule]:
    constant = _constant(objective, train)
    yield _Rule(
        title="Always the same score",
        validation=np.repeat(constant[None], len(validation), axis=0),
        test=np.repeat(constant[None], len(test), axis=0),
    )
    if (found := best_feature(train, validation, test)) is not None:
        name, *scores = found
        yield _Rule(title=f"Only the feature {name}", validation=scores[0], test=scores[1])
    if test.task == "regression" and test.time is not None:
        before = previous([train, validation, test], entity, delay_seconds, otherwise=float(constant))
        yield _Rule(
            title="The previous value" + (f" of the same {entity}" if entity else ""),
            validation=before[len(train) : len(train) + len(validation)],
            test=before[len(train) + len(validation) :],
        )


def previous(parts: list[Labelled], entity: str | None, delay_seconds: float, otherwise: float) -> Array:
    """The last truth that was known at the time of each row, of all parts one after another.

    It is that of an earlier moment, by at least the delay; `otherwise` where there is none.

    Examples
    --------
    >>> import pyarrow as pa
    >>> empty = pa.table({"x": [0.0] * 3})
    >>> rows = Labelled(
    ...     task="regression", classes=(), features=empty, truth=np.array([5.0, 6.0, 7.0]), time=np.array([0.0, 1.0, 2.0])
    ... )
    >>> previous([rows], None, 1.0, otherwise=0.0).tolist()
    [0.0, 5.0, 6.0]
    """
    truth = np.concatenate([part.truth for part in parts])
    time = np.concatenate([np.zeros(len(part)) if part.time is None else part.time for part in parts])
    names = np.concatenate([_names(part, entity) for part in parts])
    group = np.unique(names, return_inverse=True)[1]
    # Moments as numbers, so that (group, moment) is one key to search for.
    moments, moment = np.unique(time, return_inverse=True)
    order = np.lexsort((moment, group))
    keys = (group * (len(moments) + 1) + moment)[order]
    # Strictly earlier even without a delay: the truth of a row is never its own prediction.
    known = np.minimum(np.searchsorted(moments, time - delay_seconds, side="right"), moment)
    place = np.searchsorted(keys, group * (len(moments) + 1) + known) - 1
    found = (place >= 0) & (group[order][place] == group)
    return np.where(found, truth[order][place], otherwise)


def _names(rows: Labelled, entity: str | None) -> NDArray[np.str_]:
    if entity is None:
        return np.zeros(len(rows), dtype="<U1")
    codes = rows.groups[entity]
    return np.array(["", *codes.values])[codes.codes + 1]


def _constant(objective: Objective, train: Labelled) -> Array:
    """The one score that is best on train: the shares of the classes, or a quantile or the mean of the numbers."""
    weight = np.ones(len(train)) if train.weight is None else train.weight
    if train.task == "classes":
        counts = np.bincount(train.truth.astype(np.intp), weights=weight, minlength=len(train.classes))
        return np.asarray(counts / weight.sum())
    if train.task == "binary" or isinstance(objective, RootMeanSquaredError):
        return np.asarray(np.average(train.truth, weights=weight))
    quantile = 0.5
    if isinstance(objective, PinballLoss):
        quantile = objective.quantile
    elif isinstance(objective, AsymmetricCost) and not objective.needs:
        quantile = float(objective.under) / (float(objective.under) + float(objective.over))
    order = np.argsort(train.truth, kind="stable")
    upto = np.cumsum(weight[order])
    return np.asarray(train.truth[order][min(int(np.searchsorted(upto, quantile * upto[-1])), len(order) - 1)])


def _judged(found: Outcome, key: str, title: str, score: Array, answer: NDArray[Any]) -> Baseline:
    """The rule on the test rows, and what the model saves against it on the rows that both answer."""
    rule = replace(as_if(found, answer), score=score)
    return Baseline(key=key, title=title, objective=rule.value(), saving=found.better_by(rule))
