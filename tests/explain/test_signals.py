from __future__ import annotations

import pytest

from holdfast.evidence import Estimate, Importance
from holdfast.explain.signals import SEVERITIES, TITLES, SignalLimits, signals
from holdfast.kinds import Kind, Role
from holdfast.records import Finding, Status
from holdfast.schema import Column, Schema

NOTHING = Schema(columns=())


def column(name: str, kind: Kind = Kind.NUMBER, **others: object) -> Column:
    return Column(name=name, physical=name, kind=kind, type="double", **others)


def shares(**share: float) -> list[Importance]:
    return [Importance(feature=name, shapley=value) for name, value in share.items()]


def worth(feature: str, test: float, train: float | None, half: float = 0.1) -> Importance:
    def estimate(value: float) -> Estimate:
        return Estimate(value=value, low=value - half, high=value + half)

    return Importance(
        feature=feature,
        permutation=estimate(test),
        permutation_train=None if train is None else estimate(train),
    )


def asked(code: str, importances: list[Importance], schema: Schema = NOTHING, **limits: float) -> list[Finding]:
    return [found for found in signals(importances, schema, SignalLimits(**limits)) if found.code == f"explain.{code}"]


def said(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.status.value, one.subject) for one in found]


def test_every_question_is_answered_with_its_severity() -> None:
    found = signals(shares(a=0.5, b=0.5), NOTHING)
    assert {one.code for one in found} == set(TITLES) == set(SEVERITIES)
    assert all(one.severity is SEVERITIES[one.code] for one in found)
    assert {one.status for one in signals([], NOTHING)} == {Status.NOT_APPLICABLE}


def test_a_feature_that_carries_almost_all_is_named() -> None:
    [found] = asked("dominant", shares(a=0.85, b=0.15))
    assert (found.status, found.subject, found.value, found.limit) == (Status.WARN, "a", 0.85, 0.8)
    assert said(asked("dominant", shares(a=0.85, b=0.15), dominant=0.9)) == [("pass", "")]
    assert said(asked("dominant", shares(a=1.0))) == [("not_applicable", "")]


def test_without_shapley_values_the_permutations_give_the_shares() -> None:
    importances = [worth("a", 9, None), worth("b", 1, None), worth("c", -0.1, None)]
    assert said(asked("dominant", importances)) == [("warn", "a")]
    assert said(asked("unused", importances)) == [("warn", "c")]
    assert said(asked("dominant", [*importances, Importance(feature="d")])) == [("not_applicable", "")]


def test_importance_that_is_lost_on_new_rows_is_named() -> None:
    importances = [worth("kept", 2.0, 2.0), worth("memory", 0.1, 2.0)]
    [found] = asked("overfit_importance", importances)
    assert (found.status, found.subject, found.limit) == (Status.WARN, "memory", 0.5)
    assert found.value == pytest.approx(0.95)
    assert found.evidence == {"train": 2.0, "test": 0.1}


def test_a_loss_that_is_not_certain_is_left_open() -> None:
    found = asked("overfit_importance", [worth("kept", 2.0, 2.0), worth("perhaps", 0.8, 2.0, half=1.0)])
    assert said(found) == [("inconclusive", "")]
    assert "'perhaps'" in found[0].message


def test_a_loss_of_less_than_the_limit_or_of_little_is_none() -> None:
    kept = [worth("kept", 1.4, 2.0), worth("tiny", 0.0, 0.01, half=0.001)]
    assert said(asked("overfit_importance", kept)) == [("pass", "")]
    assert said(asked("overfit_importance", kept, overfit=0.2)) == [("warn", "kept")]
    assert said(asked("overfit_importance", kept, material=0.0)) == [("warn", "tiny")]


def test_without_training_rows_overfitting_is_not_asked() -> None:
    assert said(asked("overfit_importance", [worth("a", 1, None)])) == [("not_applicable", "")]
    assert said(asked("overfit_importance", [worth("a", 1, -1)])) == [("not_applicable", "")]


def test_certain_estimates_need_no_interval() -> None:
    assert said(asked("overfit_importance", [worth("a", 0.0, 1.0, half=0.0)])) == [("warn", "a")]
    assert said(asked("overfit_importance", [worth("a", 1.0, 1.0, half=0.0)])) == [("pass", "")]


@pytest.mark.parametrize(
    ("used", "status"),
    [
        (column("x", identifier=True), "fail"),
        (column("x", role=Role.ID), "fail"),
        (column("x", role=Role.GROUP), "fail"),
        (column("x", role=Role.TIME), "warn"),
        (column("x", kind=Kind.TIME), "warn"),
    ],
)
def test_a_used_identifier_or_time_is_named(used: Column, status: str) -> None:
    schema = Schema(columns=(used, column("y")))
    assert said(asked("identifier_feature", shares(x=0.3, y=0.7), schema)) == [(status, "x")]
    assert said(asked("identifier_feature", shares(x=0.01, y=0.99), schema)) == [("warn", "x")]
    assert said(asked("identifier_feature", shares(x=0.0, y=1.0), schema)) == [("pass", "")]
    assert said(asked("identifier_feature", shares(y=1.0), schema)) == [("pass", "")]


def test_unused_features_are_named_one_by_one() -> None:
    assert said(asked("unused", shares(a=1.0, b=0.0, c=0.0001))) == [("warn", "b"), ("warn", "c")]
    assert said(asked("unused", shares(a=0.9, b=0.1))) == [("pass", "")]
    assert said(asked("unused", shares(a=0.0, b=0.0))) == [("warn", "a"), ("warn", "b")]
