"""A candidate against the release in place: the same rows, one error budget, and the rates of error that it promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.evaluation.judging import judge
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.outcome import as_if, outcome
from holdfast.evaluation.paired import improvement
from holdfast.evidence import Evidence
from holdfast.gate.champion import Champion, compared
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import Trial, figures
from holdfast.gate.reading import loaded_model, read_parts, scores_of
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.session import OnnxSession
from holdfast.objective import Cost
from holdfast.policy import Policy
from holdfast.records import Status
from holdfast.stats.intervals import wilson

Asked = Callable[..., Project]
LIMITS = [
    {"metric": "objective", "against": "champion", "margin": 0.1},
    {"metric": "roc_auc", "against": "champion", "margin": 0.01},
    {"metric": "pr_auc", "against": "champion", "margin": 0.01, "slice": {"city": "Zug"}},
]


@pytest.fixture(scope="module")
def case(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> tuple[Trial, Evidence]:
    project = asked(gate={"limits": LIMITS}, slices={"columns": ["city"]})
    model = loaded_model(pipeline, project)
    parts, schema = read_parts(payments, project, model)
    trial, why = tried(model, schema, parts, scores_of(model, parts), project)
    return trial, figures(trial, why, uses=1)


class Worse:
    """The candidate's scores, told with noise."""

    def __init__(self, model: Any, noise: float) -> None:
        self.model, self.noise = model, noise
        self.family, self.task, self.classes, self.features = model.family, model.task, model.classes, model.features

    def predict(self, rows: pa.Table) -> np.ndarray[Any, Any]:
        score = self.model.predict(rows)
        shaken = np.log(score / (1 - score)) + np.random.default_rng(0).normal(0, self.noise, len(score))
        return 1 / (1 + np.exp(-shaken))


def test_a_candidate_is_as_good_as_itself(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    for one in compared(trial, evidence, Champion(name="1", model=trial.model, policy=trial.policy)).champion:
        assert one.difference.value == 0
        assert one.candidate.value == one.champion.value


@pytest.mark.parametrize(
    ("estimator", "target", "objective"),
    [
        (LogisticRegression(), "bad", {"kind": "f_beta"}),
        (GradientBoostingClassifier(n_estimators=20), "city", {"kind": "f_beta", "average": "macro"}),
        (GradientBoostingRegressor(n_estimators=20), "y", {"kind": "rmse"}),
        (LinearRegression(), "amount", {"kind": "mae", "unit": "EUR"}),
    ],
    ids=["binary", "classes", "trees", "line"],
)
def test_a_model_is_as_good_as_its_own_release(
    estimator: Any, target: str, objective: dict[str, Any], payments: pd.DataFrame, asked: Asked
) -> None:
    """The release is an ONNX form, whose rounding is no difference that more rows would have to decide."""
    limits = [{"metric": "objective", "against": "champion"}]
    project = asked(data={"target": target, "features": ["x", "amount2"]}, objective=objective, gate={"limits": limits})
    history = payments.assign(amount2=payments["amount"] + payments["y"])
    fitted = estimator.fit(history[:1500][["x", "amount2"]].to_numpy(), history[:1500][target])
    model = loaded_model(fitted, project)
    parts, schema = read_parts(history, project, model)
    trial, why = tried(model, schema, parts, scores_of(model, parts), project)
    sealed = OnnxSession(to_onnx(model, parts.test.features))
    assert (sealed.predict(parts.test.features) != trial.scores.test).any()
    champion = Champion(name="p/1", model=sealed, policy=trial.policy)
    found = compared(trial, figures(trial, why, uses=1), champion)
    [difference] = [one.difference for one in found.champion]
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)
    assert judge(difference, at_least=0.0).status is Status.PASS
    assert found.notes[-1].startswith("The model scores as release p/1 does")


def test_models_that_differ_and_answer_alike_are_not_certainly_alike(case: tuple[Trial, Evidence]) -> None:
    """No row of 600 is answered otherwise: with a margin of a row in a hundred that passes, without one it does not."""
    trial, evidence = case
    always = Policy(rule="threshold", threshold=0.0)
    plain = Cost(false_positive=1.0, false_negative=1.0)
    test = replace(as_if(trial.test, np.ones(600, bool)), objective=plain)
    other = replace(trial, test=test, policy=always, project=msgspec.structs.replace(trial.project, objective=plain))
    champion = Champion(name="1", model=Worse(trial.model, 2.0), policy=always)
    difference = compared(other, evidence, champion).champion[0].difference
    assert difference.value == 0
    assert judge(difference, at_least=0.0).status is Status.INCONCLUSIVE
    assert judge(difference, at_least=-0.01).status is Status.PASS


def test_areas_of_perfect_models_are_not_certain(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    truth = trial.test.rows.truth
    perfect = replace(trial, test=replace(trial.test, score=np.where(truth, 0.9, 0.1)))

    class Perfect(Worse):
        def predict(self, rows: pa.Table) -> np.ndarray[Any, Any]:
            return np.where(truth[: rows.num_rows], 0.8, 0.3)

    champion = Champion(name="1", model=Perfect(trial.model, 0.0), policy=trial.policy)
    area = compared(perfect, evidence, champion).champion[1]
    positives = int(truth.sum())
    assert (area.candidate.value, area.difference.value) == (1.0, 0.0)
    level = 1 - 0.05 / 3
    assert area.candidate.low == pytest.approx(wilson(positives, positives, level)[0])
    assert area.difference.high == -area.difference.low == pytest.approx(wilson(0, positives, level)[1])


def test_figures_are_those_of_both_models_on_the_same_rows(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    worse = Worse(trial.model, 2.0)
    found = compared(trial, evidence, Champion(name="1", model=worse, policy=trial.policy)).champion
    rows, score = trial.test.rows, worse.predict(trial.test.rows.features)
    zug = rows.groups["city"].codes == rows.groups["city"].values.index("Zug")
    objective, auc, precision = found
    assert [(one.metric, one.slice) for one in found] == [("objective", ""), ("roc_auc", ""), ("pr_auc", "city = Zug")]
    assert auc.candidate.value == pytest.approx(roc_auc_score(rows.truth, trial.test.score))
    assert auc.champion.value == pytest.approx(roc_auc_score(rows.truth, score))
    assert precision.champion.value == pytest.approx(average_precision_score(rows.truth[zug], score[zug]))
    assert objective.candidate.value == pytest.approx(trial.test.value().value)
    for one in found:
        sign = -1 if one.metric == "objective" else 1
        assert one.difference.value == pytest.approx(sign * (one.candidate.value - one.champion.value))
        assert one.difference.level == pytest.approx(1 - 0.05 / 3)  # three comparisons share the budget


def test_the_difference_is_surer_than_either_figure(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    champion = Champion(name="1", model=Worse(trial.model, 0.1), policy=trial.policy)
    for one in compared(trial, evidence, champion).champion:
        assert one.difference.high - one.difference.low < one.candidate.high - one.candidate.low


def test_no_champion_changes_nothing(case: tuple[Trial, Evidence]) -> None:
    assert compared(*case, None) is case[1]


def test_a_champion_that_needs_other_columns_is_named(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    other = load_model(lambda rows: rows["age"], features=["age"], task="binary")
    found = compared(trial, evidence, Champion(name="7", model=other, policy=trial.policy))
    assert found.champion == ()
    assert found.notes[-1] == "Release 7 needs columns that the history lacks (age): it is not compared."


def test_a_champion_decides_by_a_feature_that_the_objective_does_not_read(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    policy = Policy(rule="expected_cost", costs=Cost(false_positive=5.0, false_negative="x"))
    plain = Cost(false_positive=5.0, false_negative=10.0)
    unread = replace(trial.test, rows=replace(trial.test.rows, columns={}), objective=plain)
    project = msgspec.structs.replace(trial.project, objective=plain)
    other = replace(trial, test=unread, project=project)
    champion = Champion(name="1", model=trial.model, policy=policy)
    assert compared(other, evidence, champion).champion[0].champion.value is not None
    unknown = msgspec.structs.replace(policy, costs=Cost(false_positive=5.0, false_negative="absent"))
    found = compared(other, evidence, Champion(name="7", model=trial.model, policy=unknown))
    assert found.notes[-1] == "Release 7 needs columns that the history lacks (absent): it is not compared."


@pytest.mark.parametrize(
    ("worse", "status", "low", "high"),
    [
        (0.10, Status.PASS, 0.0, 0.06),  # worse by exactly the margin: it passes in 2.5% of cases
        (0.25, Status.PASS, 0.0, 0.0),
        (0.25, Status.FAIL, 0.95, 1.0),
        (-0.05, Status.PASS, 0.95, 1.0),
    ],
)
def test_error_rates_of_non_inferiority(worse: float, status: Status, low: float, high: float) -> None:
    """200 seeded test parts of 4,000 rows; wrong answers cost 1, and the margin is 0.10 per row."""
    n, margin, objective = 4_000, 0.10, Cost(false_positive=1, false_negative=1)
    hits = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        truth = random.random(n) < 0.5
        rows = Labelled(task="binary", classes=("0", "1"), features=pa.table({"x": np.zeros(n)}), truth=truth)
        start = outcome(rows, np.full(n, 0.5), Policy(rule="threshold", threshold=0.5), objective)
        share_wrong = 0.3
        old = as_if(start, truth ^ (random.random(n) < share_wrong))
        new = as_if(start, truth ^ (random.random(n) < share_wrong + worse))
        difference = improvement(new.contributions()[0], old.contributions()[0], "lower")
        hits += judge(difference, at_least=-margin).status is status
    assert low <= hits / 200 <= high


def test_rows_without_weight_do_not_count(case: tuple[Trial, Evidence]) -> None:
    trial, evidence = case
    weight = np.where(np.arange(len(trial.test.rows)) % 2, 1.0, 0.0)
    weighted = replace(trial, test=replace(trial.test, rows=replace(trial.test.rows, weight=weight)))
    half = np.flatnonzero(weight)
    champion = Champion(name="1", model=Worse(trial.model, 2.0), policy=trial.policy)
    found = compared(weighted, evidence, champion).champion
    assert found[0].candidate.value == pytest.approx(trial.test.value(half).value)
    assert found[1].candidate.value == pytest.approx(roc_auc_score(trial.test.rows.truth[half], trial.test.score[half]))
