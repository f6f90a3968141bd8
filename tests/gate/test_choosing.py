"""The policy is chosen on validation alone, and settings without effect are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.errors import SettingError
from holdfast.gate.choosing import decider, identity_of, tuned
from holdfast.gate.reading import Parts, Scores, loaded_model, read_parts, scores_of
from holdfast.policy import REASONS
from holdfast.schema import Schema

Asked = Callable[..., Project]
Read = tuple[Parts, Schema, Scores]


@pytest.fixture(scope="module")
def read(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> Read:
    project = asked(data={"id": "customer"})
    model = loaded_model(pipeline, project)
    parts, schema = read_parts(payments, project, model)
    return parts, schema, scores_of(model, parts)


def test_no_other_threshold_is_cheaper_on_validation(read: Read, asked: Asked) -> None:
    parts, _, scores = read
    objective = {"kind": "cost", "false_positive": 5, "false_negative": 12}
    policy = tuned(asked(objective=objective, policy={"rule": "threshold"}), parts.validation, scores.validation).policy

    def cost(threshold: float) -> float:
        answer, truth = scores.validation >= threshold, parts.validation.truth
        return float(np.mean(np.where(truth, 12.0 * ~answer, 5.0 * answer)))

    assert policy.threshold is not None
    # Part of the weight goes to the calibrated probabilities: what is chosen is within 3% of the best in hindsight.
    assert cost(policy.threshold) <= 1.03 * min(map(cost, scores.validation))


def test_a_fixed_threshold_stays(read: Read, asked: Asked) -> None:
    parts, _, scores = read
    policy = tuned(asked(policy={"threshold": 0.3}), parts.validation, scores.validation).policy
    assert (policy.rule, policy.threshold) == ("threshold", 0.3)


@pytest.mark.parametrize("setting", [{"review_cost": 1.0}, {"review_capacity": 0.1}, {"support": True}])
def test_where_rows_go_to_review_those_outside_the_support_do_too(
    read: Read, asked: Asked, setting: dict[str, Any]
) -> None:
    parts, schema, scores = read
    project = asked(policy=setting)
    policy = tuned(project, parts.validation, scores.validation).policy
    deciding = decider(project, schema, policy, parts.train, parts.validation)
    far = replace(parts.test, features=parts.test.features.set_column(0, "x", [np.full(len(parts.test), 1e6)]))
    assert deciding.policy.support_limit is not None
    assert (deciding.outcome(far, scores.test).answers.reason == REASONS.index("support")).mean() > 0.9
    assert (deciding.outcome(parts.test, scores.test).answers.reason == REASONS.index("support")).mean() < 0.05


def test_without_review_there_is_no_support_limit(read: Read, asked: Asked) -> None:
    parts, schema, scores = read
    policy = tuned(asked(), parts.validation, scores.validation).policy
    assert decider(asked(), schema, policy, parts.train, parts.validation).policy.support_limit is None


def test_exploration_depends_on_the_row_and_not_on_its_place(read: Read, asked: Asked) -> None:
    parts, schema, scores = read
    project = asked(policy={"threshold": 0.2, "explore": 0.3})
    deciding = decider(
        project, schema, tuned(project, parts.validation, scores.validation).policy, parts.train, parts.test
    )
    back = np.arange(len(parts.test))[::-1]
    one = deciding.outcome(parts.test, scores.test).answers
    other = deciding.outcome(parts.test.take(back), scores.test[back]).answers
    np.testing.assert_array_equal(one.decision, other.decision[back])
    assert 0.2 < (one.reason == REASONS.index("explore")).sum() / (scores.test >= 0.2).sum() < 0.4


def test_rows_without_an_identity_are_told_apart_by_their_place(read: Read) -> None:
    rows = replace(read[0].test, ids=None)
    assert identity_of(rows).tolist() == list(range(len(rows)))


def test_a_guarantee_that_cannot_be_given_sends_everything_to_review(read: Read, asked: Asked) -> None:
    parts, schema, scores = read
    project = asked(policy={"guarantee": {"risk": 0.001}})
    found = tuned(project, parts.validation, scores.validation)
    deciding = decider(project, schema, found.policy, parts.train, parts.validation)
    assert found.guaranteed is None
    assert found.notes[0].startswith("Nothing can be guaranteed")
    assert deciding.outcome(parts.test, scores.test).answers.review.all()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "costs for a score": ({"objective": {"kind": "f_beta"}, "policy": {"rule": "expected_cost"}}, "needs an objective"),
    "money for a score": (
        {"objective": {"kind": "f_beta"}, "policy": {"review_cost": 1.0}},
        "A review cost is in money",
    ),
    "threshold for costs": ({"policy": {"rule": "expected_cost", "threshold": 0.5}}, "leave one of them out"),
}


@pytest.mark.parametrize(("sections", "told"), BAD.values(), ids=BAD)
def test_settings_that_do_not_fit_are_refused(read: Read, asked: Asked, sections: dict[str, Any], told: str) -> None:
    parts, _, scores = read
    with pytest.raises(SettingError, match=told):
        tuned(asked(**sections), parts.validation, scores.validation)


@pytest.mark.parametrize(
    "setting", [{"threshold": 0.5}, {"rule": "threshold"}, {"calibrate": "platt"}, {"support": True}, {"explore": 0.1}]
)
def test_a_number_is_its_own_answer(read: Read, asked: Asked, setting: dict[str, Any]) -> None:
    parts, _, scores = read
    numbers = replace(parts.validation, task="regression", truth=scores.validation)
    with pytest.raises(SettingError, match=f"policy.{next(iter(setting))} has no effect here"):
        tuned(asked(objective={"kind": "mae"}, policy=setting), numbers, scores.validation)
