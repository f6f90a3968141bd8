"""Figures by slice, as limits name them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from sklearn.metrics import precision_score
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.evaluation.limits import limit_findings
from holdfast.evidence import Evidence
from holdfast.gate.champion import Champion, compared
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import Trial, figures
from holdfast.gate.limits import figures_by_slice
from holdfast.gate.reading import loaded_model, read_parts, scores_of
from holdfast.records import Status

Asked = Callable[..., Project]
ZUG, OZ = (("city", "Zug"),), (("city", "Oz"),)


@pytest.fixture(scope="module")
def case(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> tuple[Trial, Evidence]:
    limits = [
        {"metric": "precision", "at_least": 0.1, "slice": {"city": "Zug"}},
        {"metric": "precision", "at_least": 0.1, "slice": {"city": "Oz"}},
        {"metric": "objective", "against": "never"},
        {"metric": "objective", "against": "champion", "slice": {"city": "Zug"}},
    ]
    project = asked(gate={"limits": limits}, policy={"threshold": 0.3})
    model = loaded_model(pipeline, project)
    parts, schema = read_parts(payments, project, model)
    trial, why = tried(model, schema, parts, scores_of(model, parts), project)
    return trial, figures(trial, why, uses=1)


def test_a_slice_has_its_own_figures(case: tuple[Trial, Evidence], pipeline: Pipeline, payments: pd.DataFrame) -> None:
    zug = payments[2400:].query("city == 'Zug'")
    answer = pipeline.predict_proba(zug[["x", "y", "city"]])[:, 1] >= 0.3
    found = figures_by_slice(*case, None)
    assert found[ZUG].metrics["precision"].estimate.value == pytest.approx(precision_score(zug["bad"], answer))
    assert set(found) == {(), ZUG}  # no row is in Oz


def test_simple_rules_are_compared_on_all_rows_alone(case: tuple[Trial, Evidence]) -> None:
    found = figures_by_slice(*case, None)
    assert {"never", "always", "simple"} <= set(found[()].baselines)
    assert found[ZUG].baselines == {}


def test_what_is_named_and_missing_fails(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    findings = limit_findings(trial.project.gate.limits, figures_by_slice(trial, evidence, None))
    assert {finding.subject: finding.status for finding in findings} == {
        "precision where city = Zug": Status.PASS,
        "precision where city = Oz": Status.FAIL,
        "objective against never": Status.PASS,
        "objective against champion where city = Zug": Status.NOT_APPLICABLE,
    }


def test_a_comparison_with_the_champion_belongs_to_its_slice(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    champion = Champion(name="1", model=trial.model, policy=trial.policy)
    found = figures_by_slice(trial, compared(trial, evidence, champion), champion)
    assert {key: set(one.champion or {}) for key, one in found.items()} == {(): {"objective"}, ZUG: {"objective"}}
