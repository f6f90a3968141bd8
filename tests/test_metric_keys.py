"""Keys that limits may name are those of the metrics that an evaluation computes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import outcome
from holdfast.evaluation.performance import performance
from holdfast.evidence import Task
from holdfast.metric_keys import is_of_class, metric_keys
from holdfast.objective import FBeta, MeanAbsoluteError, Objective
from holdfast.policy import Policy

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("task", "objective", "policy"),
    [
        ("binary", FBeta(beta=0.5), Policy(rule="threshold", threshold=0.5)),
        ("binary", FBeta(), Policy(rule="threshold", threshold=0.5)),
        ("classes", FBeta(average="macro"), Policy(rule="most_probable", classes=("a", "b", "c"))),
        ("regression", MeanAbsoluteError(), Policy(rule="value")),
    ],
)
def test_they_are_the_keys_that_are_computed(task: Task, objective: Objective, policy: Policy) -> None:
    truth = {"binary": RNG.random(90) < 0.5, "classes": RNG.integers(0, 3, 90), "regression": RNG.random(90)}[task]
    score = RNG.dirichlet([1, 1, 1], 90) if task == "classes" else RNG.random(90)
    rows = Labelled(
        task=task,
        classes=("a", "b", "c") if task == "classes" else (),
        features=pa.table({"x": RNG.random(90)}),
        truth=truth,
    )
    computed = [metric.key for metric in performance(outcome(rows, score, policy, objective), policy)]
    beta = objective.beta if isinstance(objective, FBeta) else None
    assert {key for key in computed if not is_of_class(key)} == set(metric_keys(task, beta))
    assert [key for key in computed if is_of_class(key)] == (
        [f"{key}[{name}]" for name in "abc" for key in ("precision", "recall", "f1")] if task == "classes" else []
    )
