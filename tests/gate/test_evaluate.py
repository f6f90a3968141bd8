"""From a model and a history to a verdict, through `evaluate` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from holdfast.config import Project
from holdfast.errors import InputError, ModelError
from holdfast.gate.champion import Champion
from holdfast.gate.evaluate import evaluate
from holdfast.gate.evaluation import Evaluation
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.policy import decide
from holdfast.records import Status

Asked = Callable[..., Project]
FULL: dict[str, Any] = {
    "data": {"roles": {"customer": "group"}},
    "policy": {"review_cost": 1.0},
    "slices": {"columns": ["city"], "protected": ["city"], "search": True},
    "explain": {"rows": 20, "background": 10},
    "split": {"folds": 2, "test": "6d", "validation": "6d", "delay": "1d"},
    "gate": {"limits": [{"metric": "roc_auc", "at_least": 0.7}]},
}


@pytest.fixture(scope="module")
def full(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> Evaluation:
    return evaluate(pipeline, payments, asked(**FULL), keep=False)


def test_all_that_was_asked_for_is_there(full: Evaluation) -> None:
    evidence = full.evidence
    assert (full.verdict, full.passed) == ("pass", True)
    assert [part.rows for part in evidence.parts] == [len(full.parts.train), 288, 288]
    assert evidence.total is not None
    assert evidence.inflated is not None
    assert len(evidence.folds) == 2
    assert {group.name for group in evidence.groups} == {"city = Bern", "city = Genf", "city = Zug"}
    assert {one.feature for one in evidence.importances} == {"x", "y", "city"}
    assert evidence.parity is not None
    assert evidence.parity.beyond == evidence.parity.flips == 0
    assert evidence.decided is not None
    assert evidence.decided.reviewed["band"] > 0
    assert not [finding for finding in full.findings if finding.status is Status.ERROR]


def test_the_report_is_written_where_it_is_asked_for(full: Evaluation, tmp_path: Path) -> None:
    assert full.to_html(tmp_path / "report.html") is None
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == full.to_html()


def test_a_mapping_is_a_configuration_and_a_loaded_model_a_model(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked
) -> None:
    project = asked()
    values = msgspec.to_builtins(project)
    del values["model"], values["data"]["path"]  # what is given needs no path
    found = evaluate(load_model(pipeline), payments, values, keep=False)
    assert found.project == project
    assert found.model.family == "sklearn"


def test_the_record_is_json_and_comes_back(full: Evaluation) -> None:
    content = msgspec.json.encode(full.evidence)
    assert msgspec.json.decode(content, type=type(full.evidence)) == full.evidence
    assert msgspec.json.decode(full.to_json())["verdict"] == "pass"
    assert not list(_numpy(full.evidence, "evidence"))
    assert not list(_numpy(full.findings, "findings"))


def _numpy(value: Any, place: str) -> Iterator[str]:
    """Places of numpy's own numbers, some of which encoders take for Python's."""
    if isinstance(value, np.generic):
        yield place
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _numpy(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _numpy(below, f"{place}.{name}")
    elif isinstance(value, tuple | list):
        for i, below in enumerate(value):
            yield from _numpy(below, f"{place}[{i}]")


def test_the_same_again_finds_the_same(
    full: Evaluation, pipeline: Pipeline, payments: pd.DataFrame, asked: Asked
) -> None:
    again = evaluate(pipeline, payments, asked(**FULL), keep=False)

    def lasting(found: Evaluation) -> Any:
        return msgspec.structs.replace(found.evidence, created="", running=None)

    assert lasting(again) == lasting(full)
    assert [f for f in again.findings if f.code != "model.cost"] == [f for f in full.findings if f.code != "model.cost"]


@pytest.mark.parametrize(
    "policy",
    [{}, {"rule": "threshold"}, {"review_cost": 1.0}, {"review_capacity": 0.1}, {"guarantee": {"risk": 0.3}}],
    ids=str,
)
def test_the_truth_of_the_test_part_decides_nothing(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, policy: dict[str, Any]
) -> None:
    late = payments["bad"].to_numpy().copy()
    late[2400:] = np.random.default_rng(0).permutation(late[2400:])
    project = asked(policy=policy)
    honest = evaluate(pipeline, payments, project, keep=False)
    other = evaluate(pipeline, payments.assign(bad=late), project, keep=False)
    assert other.policy == honest.policy
    assert other.evidence.objective != honest.evidence.objective


def test_each_look_at_a_test_part_is_counted(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, tmp_path: Path
) -> None:
    def uses(rows: pd.DataFrame) -> int:
        return evaluate(pipeline, rows, asked(where=tmp_path)).evidence.parts[-1].uses

    shuffled = payments.sample(frac=1, random_state=0)
    assert [uses(payments), uses(shuffled), uses(payments[:-1]), uses(payments)] == [1, 2, 1, 3]


def test_a_refused_evaluation_is_kept(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, tmp_path: Path) -> None:
    project = asked(where=tmp_path, gate={"limits": [{"metric": "roc_auc", "at_least": 0.99}]})
    found = evaluate(pipeline, payments, project)
    assert found.verdict == "fail"
    assert found.identity.startswith("sha256:")
    kept = tmp_path / ".holdfast/evaluations/payments" / found.identity.removeprefix("sha256:") / "evidence.json"
    assert msgspec.json.decode(kept.read_bytes(), type=type(found.evidence)) == found.evidence


@pytest.mark.parametrize(("noise", "verdict"), [(0.0, "pass"), (4.0, "fail")])
def test_a_worse_candidate_is_refused(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, noise: float, verdict: str
) -> None:
    shaken = payments.assign(x=payments["x"] + np.random.default_rng(0).normal(0, noise, len(payments)))
    candidate = _fitted(shaken, "bad")
    project = asked(gate={"limits": [{"metric": "roc_auc", "against": "champion", "margin": 0.05}]})
    in_place = evaluate(pipeline, payments, project, keep=False)
    champion = Champion(name="1", model=in_place.model, policy=in_place.policy)
    assert evaluate(candidate, payments, project, champion=champion, keep=False).verdict == verdict


OBJECTIVES: list[dict[str, Any]] = [
    {"kind": "f_beta", "beta": 2},
    {"kind": "precision_at_capacity", "capacity": 0.05},
    {"kind": "precision_at_capacity", "capacity": 5, "per": "1d"},
    {"kind": "recall_at_precision", "precision": 0.6},
    {"kind": "top_k", "top": 3, "per": "1d", "by": "customer"},
    {"kind": "ndcg", "k": 5, "query": "customer"},
    {"kind": "map", "k": 5, "query": "customer"},
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective["kind"])
def test_every_objective_of_two_classes(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, objective: dict[str, Any]
) -> None:
    slices = {"columns": ["city"], "protected": ["city"]}
    found = evaluate(pipeline, payments, asked(objective=objective, slices=slices), keep=False)
    value = found.evidence.objective
    assert value.low is not None
    assert value.value is not None
    assert value.high is not None
    assert 0 <= value.low <= value.value <= value.high
    assert not [finding for finding in found.findings if finding.status is Status.ERROR]


def test_figures_are_those_of_scikit_learn(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    found = evaluate(pipeline, payments, asked(objective={"kind": "f_beta"}), keep=False)
    late = payments[2400:]
    score = pipeline.predict_proba(late[["x", "y", "city"]])[:, 1]
    figures = {metric.key: metric.estimate.value for metric in found.evidence.metrics}
    assert found.policy.threshold is not None
    assert figures["objective"] == pytest.approx(f1_score(late["bad"], score >= found.policy.threshold))
    assert figures["f1"] == pytest.approx(figures["objective"])
    assert figures["roc_auc"] == pytest.approx(roc_auc_score(late["bad"], score), abs=1e-3)


@pytest.mark.parametrize(
    "objective",
    [
        {"kind": "f_beta", "average": "macro"},
        {"kind": "f_beta", "average": "weighted"},
        {"kind": "cost_matrix", "costs": {"a": {"b": 2, "c": "amount"}}, "otherwise": 1, "currency": "EUR"},
    ],
    ids=str,
)
def test_several_classes(payments: pd.DataFrame, asked: Asked, objective: dict[str, Any]) -> None:
    noise = np.random.default_rng(2).normal(0, 0.5, len(payments))
    rows = payments.assign(
        kind=np.where(payments["x"] + noise > 0.6, "c", np.where(payments["y"] > 0, "a", "b")).astype(object)
    )
    model = _fitted(rows, "kind")
    sections = FULL | {"policy": {}, "data": {"target": "kind"}, "gate": {"limits": []}}
    found = evaluate(model, rows, asked(objective=objective, **sections), keep=False)
    late = rows.iloc[-288:]
    answer = pd.Series(found.policy.classes).to_numpy()[_answers(found)]
    if objective["kind"] == "f_beta":
        expected = f1_score(late["kind"], answer, average=objective["average"])
        assert found.evidence.objective.value == pytest.approx(expected)
    assert found.evidence.coverage[0].method == "aps"
    assert not [finding for finding in found.findings if finding.status is Status.ERROR]
    more = rows.assign(kind=rows["kind"].where(np.arange(len(rows)) != 2990, "d"))
    with pytest.raises(InputError, match="4 classes, of which the model does not know 1"):
        evaluate(model, more, asked(objective=objective, **sections), keep=False)


def _answers(found: Evaluation) -> Any:
    return decide(found.policy, found.scores.test, found.parts.test.columns).decision


@pytest.mark.parametrize(
    "objective",
    [
        {"kind": "mae", "unit": "kg"},
        {"kind": "rmse"},
        {"kind": "pinball", "quantile": 0.9},
        {"kind": "asymmetric", "over": 1, "under": "amount", "unit": "EUR"},
    ],
    ids=lambda objective: objective["kind"],
)
def test_numbers(payments: pd.DataFrame, asked: Asked, objective: dict[str, Any]) -> None:
    rows = payments.assign(kg=3 * payments["x"] + np.random.default_rng(1).normal(size=len(payments)))
    model = HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(rows[["x", "y"]][:1500], rows["kg"][:1500])
    sections = FULL | {
        "policy": {},
        "data": {"target": "kg"},
        "gate": {"limits": []},
        "uncertainty": {"segment": "city"},
    }
    found = evaluate(model, rows, asked(objective=objective, **sections), keep=False)
    truth, predicted = rows["kg"].to_numpy()[-288:], model.predict(rows[["x", "y"]][-288:])
    error = predicted - truth
    amount = rows["amount"].to_numpy()[-288:]
    expected = {
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt(np.mean(error**2)),
        "pinball": np.where(error < 0, -0.9 * error, 0.1 * error).mean(),
        "asymmetric": np.where(error > 0, error, -error * amount).mean(),
    }[objective["kind"]]
    assert found.evidence.objective.value == pytest.approx(expected)
    assert [group.name for group in found.evidence.coverage[0].groups] == ["city = Bern", "city = Genf", "city = Zug"]
    assert not [finding for finding in found.findings if finding.status is Status.ERROR]


def test_an_onnx_file_is_judged_like_the_model_that_it_was_made_from(
    full: Evaluation, pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, tmp_path: Path
) -> None:
    sample = pa.Table.from_pandas(payments[["x", "y", "city"]])
    (tmp_path / "model.onnx").write_bytes(to_onnx(load_model(pipeline), sample).content)
    found = evaluate(tmp_path / "model.onnx", payments, asked(**FULL), keep=False)
    assert found.evidence.objective.value == pytest.approx(full.evidence.objective.value, abs=1e-3)
    assert found.evidence.subject.features == ("x", "y", "city")


def test_lightgbm(payments: pd.DataFrame, asked: Asked) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=10, verbosity=-1, n_jobs=1)
    model.fit(payments[["x", "y", "amount"]][:1500], payments["bad"][:1500])
    found = evaluate(model, payments, asked(objective={"kind": "f_beta"}), keep=False)
    score = model.predict_proba(payments[["x", "y", "amount"]][2400:])[:, 1]
    expected = f1_score(payments["bad"][2400:], score >= (found.policy.threshold or 0.0))
    assert found.evidence.objective.value == pytest.approx(expected)
    assert found.evidence.inflated is not None


def test_weights_count_as_rows(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    """Case-control rows: negatives stand for 20 each."""
    weight = np.where(payments["bad"] == 1, 1.0, 20.0)
    project = asked(
        data={"weight": "w"}, policy={"threshold": 0.5}, slices={"columns": ["city"], "protected": ["city"]}
    )
    found = evaluate(pipeline, payments.assign(w=weight), project, keep=False)
    late = payments[2400:]
    answer = pipeline.predict_proba(late[["x", "y", "city"]])[:, 1] >= 0.5
    cost = np.where(late["bad"] == 1, late["amount"] * ~answer, 5.0 * answer)
    figures = {metric.key: metric.estimate.value for metric in found.evidence.metrics}
    assert figures["objective"] == pytest.approx(np.average(cost, weights=weight[2400:]))
    assert figures["prevalence"] == pytest.approx(np.average(late["bad"], weights=weight[2400:]))
    assert found.evidence.total is not None
    assert found.evidence.total.value == pytest.approx(np.dot(cost, weight[2400:]))
    assert not [finding for finding in found.findings if finding.status is Status.ERROR]


def test_names_with_spaces_quotes_and_umlauts(payments: pd.DataFrame, asked: Asked) -> None:
    rows = payments.rename(
        columns={"x": 'the "x"', "y": "größe, m²", "city": "Ort\n1", "amount": "it's", "bad": "bad ☂"}
    )
    columns = make_column_transformer(
        (StandardScaler(), ['the "x"', "größe, m²"]), (OneHotEncoder(handle_unknown="ignore"), ["Ort\n1"])
    )
    features = ['the "x"', "größe, m²", "Ort\n1"]
    model = make_pipeline(columns, LogisticRegression()).fit(rows[features][:1500], rows["bad ☂"][:1500])
    objective = {"kind": "cost", "false_positive": 5, "false_negative": "it's"}
    slices = {"columns": ["Ort\n1"], "protected": ["Ort\n1"]}
    sections = FULL | {"slices": slices, "data": {"target": "bad ☂"}}
    found = evaluate(model, rows, asked(objective=objective, **sections), keep=False)
    assert found.evidence.parity is not None
    assert found.evidence.parity.beyond == 0
    assert not [finding for finding in found.findings if finding.status is Status.ERROR]


def test_a_group_of_three_rows_has_no_figures(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    rare = payments.assign(city=payments["city"].where(~np.isin(np.arange(len(payments)), [2500, 2600, 2700]), "Uri"))
    limits = [{"metric": "roc_auc", "at_least": 0.5, "slice": {"city": city}} for city in ("Uri", "Oz")]
    found = evaluate(pipeline, rare, asked(slices={"columns": ["city"]}, gate={"limits": limits}), keep=False)
    [group] = [group for group in found.evidence.groups if group.name == "city = Uri"]
    assert (group.rows, group.enough, group.figures) == (3, False, {})
    judged = {finding.subject: finding.status for finding in found.findings if finding.code == "gate.limit"}
    assert judged["roc_auc where city = Oz"] is Status.FAIL
    assert judged["roc_auc where city = Uri"] in {Status.INCONCLUSIVE, Status.FAIL}


class Broken(ClassifierMixin, BaseEstimator):
    """A classifier that does what its mode says where `x` is above 2."""

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def fit(self, x: pd.DataFrame, y: pd.Series) -> Broken:
        self.classes_, self.n_features_in_ = np.unique(y), x.shape[1]
        self.feature_names_in_ = np.array(x.columns, dtype=object)
        return self

    def predict_proba(self, x: pd.DataFrame) -> Any:
        far = x["x"].to_numpy() > 2
        if self.mode == "raises" and far.any():
            raise ValueError(f"a secret {x['x'].max()}")
        wrong = {"nan": np.nan, "above": 1.5, "below": -0.5}.get(self.mode, 0.3)
        score = np.where(far, wrong, 0.3)
        return np.column_stack([1 - score, score])


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("raises", r"raised ValueError at row \d+"),
        ("nan", "the score is NaN or infinite at row"),
        ("above", r"the score is no probability in \[0, 1\]"),
        ("below", r"the score is no probability in \[0, 1\]"),
    ],
)
def test_a_broken_model_is_refused_and_the_row_named(
    payments: pd.DataFrame, asked: Asked, mode: str, told: str
) -> None:
    model = Broken(mode).fit(payments[["x", "y"]], payments["bad"])
    with pytest.raises(ModelError, match=told) as caught:
        evaluate(model, payments, asked(), keep=False)
    assert "secret" not in str(caught.value)


def test_a_model_that_says_the_same_of_all_rows_fails(payments: pd.DataFrame, asked: Asked) -> None:
    model = Broken("constant").fit(payments[["x", "y"]], payments["bad"])
    project = asked(gate={"limits": [{"metric": "roc_auc", "at_least": 0.6}]})
    assert evaluate(model, payments, project, keep=False).verdict == "fail"


def _fitted(rows: pd.DataFrame, target: str) -> Pipeline:
    columns = make_column_transformer(
        (StandardScaler(), ["x", "y"]), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    model = make_pipeline(columns, LogisticRegression())
    return model.fit(rows[["x", "y", "city"]][:1500], rows[target][:1500])
