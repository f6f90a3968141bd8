"""The same kind of model on other rows: what it would have been, had it been fitted on them."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from holdfast.errors import ModelError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.refitting import refitted

NUMBERS = ["amount", "age", "hour"]


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(people.fillna({"amount": 0.0}), preserve_index=False)


@pytest.fixture(scope="module")
def truth(people: pd.DataFrame) -> np.ndarray:
    return people["target"].to_numpy() == 1


def forms(rows: pa.Table, features: list[str]) -> pd.DataFrame:
    return rows.select(features).to_pandas()


@pytest.mark.parametrize("labels", [(0, 1), ("no", "yes"), (False, True)], ids=str)
@pytest.mark.parametrize("positive", [0, 1])
def test_the_positive_class_stays(rows: pa.Table, truth: np.ndarray, labels: tuple[Any, Any], positive: int) -> None:
    """Weights of classes are settings by the labels' own names."""
    target = np.array(labels)[truth.astype(int)]
    estimator = LogisticRegression(class_weight={labels[0]: 1, labels[1]: 3}, max_iter=2000)
    estimator.fit(forms(rows, NUMBERS)[:200], target[:200])
    model = load_model(estimator, positive=labels[positive])
    again = refitted(model, rows.slice(200), truth[200:] == bool(positive))
    assert again is not None
    expected = clone(estimator).fit(forms(rows, NUMBERS)[200:], target[200:])
    np.testing.assert_allclose(again.predict(rows), expected.predict_proba(forms(rows, NUMBERS))[:, positive])
    assert again.classes == model.classes


def test_text_that_is_missing_stays_what_it_was(rows: pa.Table, truth: np.ndarray, people: pd.DataFrame) -> None:
    estimator = make_pipeline(make_column_transformer((OneHotEncoder(), ["city"])), LogisticRegression())
    estimator.fit(people[["city"]][:200], truth[:200])
    again = refitted(load_model(estimator), rows.slice(200), truth[200:])
    assert again is not None
    expected = clone(estimator).fit(people[["city"]][200:], truth[200:])
    np.testing.assert_allclose(again.predict(rows), expected.predict_proba(people[["city"]])[:, 1])


def test_an_estimator_that_knows_no_names(rows: pa.Table, truth: np.ndarray) -> None:
    matrix = forms(rows, NUMBERS).to_numpy(float)
    model = load_model(LogisticRegression(max_iter=2000).fit(matrix[:200], truth[:200]), features=NUMBERS)
    again = refitted(model, rows.slice(200), truth[200:])
    assert again is not None
    expected = LogisticRegression(max_iter=2000).fit(matrix[200:], truth[200:])
    np.testing.assert_allclose(again.predict(rows), expected.predict_proba(matrix)[:, 1])


def test_numbers(rows: pa.Table) -> None:
    target = rows["age"].to_numpy()
    estimator = HistGradientBoostingRegressor(max_iter=5).fit(forms(rows, ["amount", "hour"])[:200], target[:200])
    again = refitted(load_model(estimator), rows.slice(200), target[200:])
    assert again is not None
    expected = clone(estimator).fit(forms(rows, ["amount", "hour"])[200:], target[200:])
    np.testing.assert_allclose(again.predict(rows), expected.predict(forms(rows, ["amount", "hour"])))


@pytest.mark.parametrize("positive", [0, 1])
def test_lightgbm(rows: pa.Table, truth: np.ndarray, positive: int) -> None:
    settings: dict[str, Any] = {"n_estimators": 7, "num_leaves": 5, "learning_rate": 0.3, "verbosity": -1, "n_jobs": 1}
    estimator = lightgbm.LGBMClassifier(**settings).fit(forms(rows, NUMBERS)[:200], truth[:200])
    model = load_model(estimator.booster_, positive=positive)
    again = refitted(model, rows.slice(200), truth[200:] == bool(positive))
    assert again is not None
    expected = lightgbm.LGBMClassifier(**settings).fit(forms(rows, NUMBERS)[200:], truth[200:])
    np.testing.assert_allclose(again.predict(rows), expected.predict_proba(forms(rows, NUMBERS))[:, positive])


def test_what_does_not_say_how_it_was_fitted(rows: pa.Table, truth: np.ndarray) -> None:
    model = load_model(LogisticRegression(max_iter=2000).fit(forms(rows, NUMBERS), truth))
    onnx = load_model(to_onnx(model, rows).content)
    assert refitted(onnx, rows, truth) is None
    assert refitted(load_model(lambda table: table["age"], features=["age"], task="binary"), rows, truth) is None


def test_rows_without_some_class_are_refused(rows: pa.Table, truth: np.ndarray) -> None:
    model = load_model(LogisticRegression(max_iter=2000).fit(forms(rows, NUMBERS), truth))
    with pytest.raises(ModelError, match="not every class occurs"):
        refitted(model, rows, np.zeros(len(truth), bool))


def test_an_estimator_that_raises_is_named_without_its_words(rows: pa.Table, truth: np.ndarray) -> None:
    estimator = LogisticRegression(max_iter=2000).fit(forms(rows, NUMBERS), truth).set_params(C=-1.0)
    with pytest.raises(ModelError, match="sklearn model raised InvalidParameterError when it was fitted again"):
        refitted(load_model(estimator), rows, truth)
