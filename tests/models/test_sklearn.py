"""Estimators and pipelines against scikit-learn itself, and their ONNX against both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from holdfast.errors import InputError, ModelError, SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.onnx_model import Input
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession

FEATURES = ["amount", "age", "hour", "city"]


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def preprocessing() -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    hot = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("numbers", numbers, ["amount", "age"]), ("hot", hot, ["city", "hour"])])


PIPELINES = {
    "logistic": Pipeline([("columns", preprocessing()), ("model", LogisticRegression(max_iter=500))]),
    "forest": Pipeline([("columns", preprocessing()), ("model", RandomForestClassifier(10, random_state=0))]),
    "filled text": make_pipeline(
        ColumnTransformer(
            [
                ("numbers", SimpleImputer(strategy="median", add_indicator=True), ["amount", "age"]),
                (
                    "text",
                    make_pipeline(
                        SimpleImputer(strategy="constant", fill_value="?", missing_values=None),
                        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                    ),
                    ["city"],
                ),
            ],
            remainder="passthrough",
        ),
        LogisticRegression(max_iter=2000),
    ),
    "selector": make_pipeline(
        ColumnTransformer(
            [
                ("numbers", SimpleImputer(), make_column_selector(dtype_include=np.number)),
                ("text", OneHotEncoder(drop="first"), make_column_selector(dtype_exclude=np.number)),
            ]
        ),
        GradientBoostingClassifier(n_estimators=10),
    ),
    "trees on doubles": make_pipeline(
        ColumnTransformer(
            [
                ("numbers", "passthrough", ["amount", "age", "hour"]),
                ("text", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["city"]),
            ]
        ),
        HistGradientBoostingClassifier(max_iter=20),
    ),
    "calibrated": make_pipeline(
        ColumnTransformer([("numbers", SimpleImputer(), ["amount", "age", "hour"]), ("rest", "drop", ["city"])]),
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=5), cv=2),
    ),
    "search": GridSearchCV(
        make_pipeline(preprocessing(), LogisticRegression(max_iter=500)), {"logisticregression__C": [0.1, 1.0]}, cv=2
    ),
    "vote": VotingClassifier(
        [
            ("a", make_pipeline(preprocessing(), LogisticRegression(max_iter=500))),
            ("b", make_pipeline(preprocessing(), RandomForestClassifier(5, random_state=0))),
        ],
        voting="soft",
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_gives_its_own_scores_and_so_does_its_onnx(name: str, people: pd.DataFrame) -> None:
    """With missing numbers and texts, and columns in another order."""
    pipeline = PIPELINES[name].fit(people[FEATURES], people.target)
    model = load_model(pipeline)
    rows = arrow(people[["target", "city", "hour", "age", "amount"]])
    assert (model.family, model.task, model.classes) == ("sklearn", "binary", ("0", "1"))
    assert model.features == tuple(FEATURES)
    assert np.array_equal(model.predict(rows), pipeline.predict_proba(people[FEATURES])[:, 1])
    session = OnnxSession(to_onnx(model, rows).content)
    found = parity(model, session, rows, lambda score: score >= 0.5)
    assert found.worst < 1e-6
    assert found.flips == 0


def test_numbers_come_in_one_tensor_and_texts_in_another(people: pd.DataFrame) -> None:
    model = load_model(PIPELINES["logistic"].fit(people[FEATURES], people.target))
    assert to_onnx(model, arrow(people)).signature.inputs == (
        Input(name="numbers", element="float", features=("amount", "age", "hour")),
        Input(name="texts", element="string", features=("city",)),
    )


def test_unknown_categories_count_as_fitted(people: pd.DataFrame) -> None:
    pipeline = PIPELINES["logistic"].fit(people[FEATURES], people.target)
    cities = pd.Series(["Lyon", None, "Zug"], dtype=object)
    strange = people[FEATURES].head(3).assign(city=cities, hour=[99, 3, -1])
    session = OnnxSession(to_onnx(load_model(pipeline), arrow(people)))
    assert session.predict(arrow(strange)) == pytest.approx(pipeline.predict_proba(strange)[:, 1], abs=1e-6)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_text_is_what_it_was_when_fitted(missing: Any) -> None:
    """Encoders keep None and NaN apart: a category of its own must be met by the same one."""
    frame = pd.DataFrame({"city": pd.Series(["a", "b", missing, "a", "b", missing], dtype=object)})
    pipeline = make_pipeline(ColumnTransformer([("city", OneHotEncoder(), ["city"])]), LogisticRegression(C=100.0)).fit(
        frame, [0, 0, 1, 0, 0, 1]
    )
    model = load_model(pipeline)
    rows = pa.table({"city": ["a", None]})
    assert model.predict(rows) == pytest.approx(pipeline.predict_proba(frame)[[0, 2], 1])
    assert OnnxSession(to_onnx(model, rows)).predict(rows) == pytest.approx(model.predict(rows), abs=1e-6)


def test_several_classes_keep_their_order(people: pd.DataFrame) -> None:
    kinds = np.where(people.hour > 15, "late", np.where(people.age > 50, "old", "early"))
    pipeline = make_pipeline(preprocessing(), LogisticRegression(max_iter=500)).fit(people[FEATURES], kinds)
    model = load_model(pipeline)
    assert (model.task, model.classes) == ("classes", ("early", "late", "old"))
    session = OnnxSession(to_onnx(model, arrow(people)).content)
    assert session.classes == model.classes
    assert session.predict(arrow(people)) == pytest.approx(pipeline.predict_proba(people[FEATURES]), abs=1e-6)


def test_a_regression(people: pd.DataFrame) -> None:
    pipeline = make_pipeline(preprocessing(), LinearRegression()).fit(people[FEATURES], people.age * 3 + people.hour)
    model = load_model(pipeline)
    assert (model.task, model.classes) == ("regression", ())
    session = OnnxSession(to_onnx(model, arrow(people)))
    assert parity(model, session, arrow(people), np.round, 1e-6).beyond == 0


def test_the_positive_class_can_be_the_first() -> None:
    x = np.arange(20.0)[:, None]
    estimator = LogisticRegression().fit(x, np.where(x[:, 0] < 8, "bad", "good"))
    model = load_model(estimator, features=["x"], positive="bad")
    rows = pa.table({"x": x[:, 0]})
    assert model.classes == ("good", "bad")
    assert np.array_equal(model.predict(rows), estimator.predict_proba(x)[:, 0])
    assert OnnxSession(to_onnx(model, rows)).predict(rows) == pytest.approx(model.predict(rows), abs=1e-6)


def test_a_model_without_names_needs_them() -> None:
    estimator = LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    with pytest.raises(SettingError, match="an array of 2 columns without names"):
        load_model(estimator)
    with pytest.raises(SettingError, match="3 features are named, and the model was fitted with 2"):
        load_model(estimator, features=["a", "b", "c"])
    model = load_model(estimator, features=["b", "a"])
    swapped = pa.table({"a": [1.0, 0.0], "b": [0.0, 1.0]})
    assert np.array_equal(model.predict(swapped), estimator.predict_proba([[0.0, 1.0], [1.0, 0.0]])[:, 1])


def test_features_can_be_renamed(people: pd.DataFrame) -> None:
    estimator = LogisticRegression().fit(people[["age", "hour"]], people.target)
    model = load_model(estimator, features=["years", "clock"])
    rows = pa.table({"clock": people.hour, "years": people.age})
    assert np.array_equal(model.predict(rows), estimator.predict_proba(people[["age", "hour"]])[:, 1])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression(), "is not fitted"),
        (LinearSVC().fit([[0.0], [1.0]], [0, 1]), "gives no probabilities"),
        (MultiOutputClassifier(LogisticRegression()).fit([[0.0], [1.0]], [[0, 1], [1, 0]]), "several outputs"),
        (StandardScaler().fit([[0.0], [1.0]]), "no fitted classifier and no regressor"),
    ],
)
def test_what_cannot_be_judged_is_refused(estimator: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(estimator, features=["x"] if hasattr(estimator, "n_features_in_") else None)


def test_a_step_that_skl2onnx_does_not_know_is_a_model_error() -> None:
    class Doubled(StandardScaler):  # type: ignore[misc]
        pass

    estimator = make_pipeline(Doubled(), LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    model = load_model(estimator, features=["x"])
    with pytest.raises(ModelError, match=r"cannot convert the step Doubled of Pipeline .*; replace that step"):
        to_onnx(model, pa.table({"x": [0.5]}))


def test_a_function_of_one_s_own_is_named_where_it_stops_the_conversion() -> None:
    columns = make_column_transformer((FunctionTransformer(np.log1p), ["x"]), (StandardScaler(), ["y"]))
    rows = pd.DataFrame({"x": [0.0, 1.0], "y": [1.0, 0.0]})
    model = load_model(make_pipeline(columns, LogisticRegression()).fit(rows, [0, 1]))
    with pytest.raises(ModelError, match="cannot convert the step FunctionTransformer of Pipeline"):
        to_onnx(model, pa.Table.from_pandas(rows))


def test_a_fitted_pipeline_that_does_not_say_its_columns_is_not_called_unfitted() -> None:
    class Plain(TransformerMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, *_: Any) -> Plain:
            return self

        def transform(self, rows: Any) -> Any:
            return rows

    estimator = make_pipeline(Plain(), LogisticRegression()).fit(pd.DataFrame({"x": [0.0, 1.0]}), [0, 1])
    with pytest.raises(SettingError, match="does not say which columns it was fitted on"):
        load_model(estimator)


def test_text_where_numbers_are_wanted_is_the_data_s_fault() -> None:
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(InputError, match="wants numbers in 'x', and the data hold string"):
        load_model(estimator, features=["x"]).predict(pa.table({"x": ["0.5"]}))


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(30, min_samples_leaf=2, random_state=0),
        DecisionTreeClassifier(random_state=0),
        GradientBoostingClassifier(n_estimators=10, random_state=0),
        ExtraTreesRegressor(20, random_state=0),
    ],
    ids=lambda one: type(one).__name__,
)
def test_trees_behind_a_scaler_agree_on_every_row(estimator: Any) -> None:
    """They compare float32 with thresholds that are doubles: cents lie so close that a rounded threshold moves rows."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"amount": np.round(rng.lognormal(4, 1, 4_000), 2), "age": rng.integers(18, 90, 4_000)})
    truth = rng.random(4_000) < 1 / (1 + np.exp(3 - rows["amount"] / 50))
    model = load_model(make_pipeline(StandardScaler(), estimator).fit(rows, truth))
    table = pa.Table.from_pandas(rows, preserve_index=False)
    converted = OnnxSession(to_onnx(model, table))
    assert np.abs(model.predict(table) - converted.predict(table)).max() < 1e-5
