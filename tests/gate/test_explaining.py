"""What the objective rests on, on a seeded sample of the test part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import lightgbm
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.evidence import Evidence
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import Trial, figures
from holdfast.gate.explaining import exact_contributions, explained, without_review
from holdfast.gate.reading import loaded_model, read_parts, scores_of
from holdfast.models.loading import load_model
from holdfast.policy import Policy, decide

Asked = Callable[..., Project]


@pytest.fixture(scope="module")
def case(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> tuple[Trial, Evidence]:
    project = asked(explain={"rows": 60, "background": 20}, policy={"review_cost": 1.0, "explore": 0.05})
    model = loaded_model(pipeline, project)
    parts, schema = read_parts(payments, project, model)
    trial, why = tried(model, schema, parts, scores_of(model, parts), project)
    return trial, figures(trial, why, uses=1)


def test_what_tells_of_the_truth_is_important_and_noise_is_not(case: tuple[Trial, Evidence]) -> None:
    found = {one.feature: one for one in explained(*case).importances}
    assert set(found) == {"x", "y", "city"}
    assert found["x"].shapley > found["city"].shapley > found["y"].shapley
    assert found["x"].permutation.value > abs(found["y"].permutation.value)
    assert found["x"].permutation.unit == "EUR"
    assert found["x"].direction > 0.9


def test_the_sample_is_seeded_and_its_size_is_told(case: tuple[Trial, Evidence]) -> None:
    one, other = explained(*case), explained(*case)
    assert one == other
    assert one.explained_rows == 60


def test_nothing_is_explained_where_no_rows_are_asked_for(case: tuple[Trial, Evidence], asked: Asked) -> None:
    trial, evidence = case
    off = msgspec.structs.replace(trial.project, explain=asked().explain)
    assert explained(replace(trial, project=off), evidence) is evidence


def test_a_model_that_cannot_score_mixed_rows_is_not_explained(payments: pd.DataFrame, asked: Asked) -> None:
    """The logarithm of a difference that is positive in every row of the history, and not across rows."""
    history = payments.assign(more=payments["x"] + 0.1)

    def model(rows: pa.Table) -> np.ndarray:
        apart = rows["more"].to_numpy() - rows["x"].to_numpy()
        return np.log(np.where(apart > 0, apart, np.nan)) / 100 + 0.5

    project = asked(
        data={"features": ["x", "more"]}, model={"task": "binary"}, explain={"rows": 60}, policy={"threshold": 0.3}
    )
    loaded = loaded_model(model, project)
    parts, schema = read_parts(history, project, loaded)
    trial, why = tried(loaded, schema, parts, scores_of(loaded, parts), project)
    found = explained(trial, figures(trial, why, uses=1))
    assert found.importances == ()
    assert found.notes[-1].startswith("The model was not explained: it cannot score rows that mix values of others")


def test_without_review_the_model_decides_every_row() -> None:
    score = np.linspace(0, 1, 101)
    policy = Policy(
        rule="threshold",
        threshold=0.5,
        review_low=0.4,
        review_high=0.6,
        confidence_limit=0.9,
        support_limit=1.0,
        explore=0.2,
    )
    answers = decide(without_review(policy), score)
    assert not answers.review.any()
    np.testing.assert_array_equal(answers.decision, score >= 0.5)


def fitted(family: str, rows: pd.DataFrame) -> object:
    """A small model of numbers alone."""
    if family == "lightgbm":
        return lightgbm.LGBMClassifier(n_estimators=20, verbosity=-1, n_jobs=1).fit(rows[["x", "y"]], rows["bad"])
    if family == "xgboost":
        return (
            pytest.importorskip("xgboost").XGBClassifier(n_estimators=20, n_jobs=1).fit(rows[["x", "y"]], rows["bad"])
        )
    kinds = {"forest": RandomForestClassifier(20, max_depth=5), "boosting": HistGradientBoostingClassifier(max_iter=20)}
    return {**kinds, "linear": LogisticRegression()}[family].fit(rows[["x", "y"]], rows["bad"])


@pytest.mark.parametrize(
    ("family", "method"),
    [
        ("lightgbm", "path-dependent"),
        ("xgboost", "path-dependent"),
        ("forest", "interventional"),
        ("boosting", "path-dependent"),
        ("linear", "sampling"),
    ],
)
def test_trees_are_explained_exactly(family: str, method: str, payments: pd.DataFrame, asked: Asked) -> None:
    project = asked(explain={"rows": 60, "background": 20})
    model = loaded_model(fitted(family, payments), project)
    parts, schema = read_parts(payments, project, model)
    trial, why = tried(model, schema, parts, scores_of(model, parts), project)
    found = explained(trial, figures(trial, why, uses=1))
    assert found.explained_by == method
    assert [one.feature for one in found.importances] == ["x", "y"]
    assert sum(one.shapley for one in found.importances) == pytest.approx(1.0)


@pytest.mark.parametrize("family", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("positive", [0, 1])
def test_contributions_of_categories_add_up_to_the_score_of_the_positive_class(family: str, positive: int) -> None:
    """Of texts, and of numbers whose codes are others."""
    random = np.random.default_rng(0)
    city, hour = random.choice(list("abcdefgh"), 800), random.integers(5, 25, 800)
    rows = pd.DataFrame({"city": pd.Categorical(city), "x": random.normal(size=800), "hour": pd.Categorical(hour)})
    truth = (rows.x + np.isin(city, ["a", "e"]) + hour % 2 > 1).astype(int)
    if family == "lightgbm":
        model = lightgbm.LGBMClassifier(n_estimators=20, verbosity=-1, n_jobs=1).fit(rows, truth)
    else:
        kind = pytest.importorskip("xgboost").XGBClassifier
        model = kind(n_estimators=20, n_jobs=1, enable_categorical=True).fit(rows, truth)
    loaded = load_model(model, positive=positive)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    exact = exact_contributions(loaded, table)
    assert exact is not None
    found = exact(table)
    assert found.scale == "margin"
    assert 1 / (1 + np.exp(-found.totals)) == pytest.approx(loaded.predict(table), abs=1e-6)
    assert (np.abs(found.values).mean(axis=0) > 0.1).all()


def test_contributions_to_a_probability_are_of_the_positive_class(payments: pd.DataFrame) -> None:
    model = load_model(fitted("forest", payments), positive=payments["bad"].min())
    table = pa.table({"x": payments["x"][:50], "y": payments["y"][:50]})
    found = exact_contributions(model, table)(table)
    assert found.scale == "score"
    assert found.totals == pytest.approx(model.predict(table), abs=1e-6)
