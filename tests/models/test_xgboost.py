"""Boosters and wrappers against XGBoost itself, and their ONNX against both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

from holdfast.errors import ModelError, SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession

FEATURES = ["amount", "age", "hour", "city"]
SMALL: dict[str, Any] = {"n_estimators": 15, "max_depth": 4, "enable_categorical": True, "n_jobs": 1}


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def categories(people: pd.DataFrame) -> pd.DataFrame:
    return people[FEATURES].assign(city=people.city.astype("category"), hour=people.hour.astype("category"))


def agrees(model: Any, frame: pd.DataFrame, own: Any, **options: Any) -> None:
    """Scores equal those of the library but for a rounding, and those of ONNX within float32 rounding."""
    rows = arrow(frame)
    loaded = load_model(model, **options)
    session = OnnxSession(to_onnx(loaded, rows).content)
    assert loaded.family == session.family == "xgboost"
    assert loaded.predict(rows) == pytest.approx(own, abs=1e-6, rel=1e-6)
    # XGBoost and ONNX both sum in float32, in another order, and some links are exponential.
    found = parity(loaded, session, rows, lambda score: score >= 0.5 if score.ndim == 1 else score.argmax(axis=1), 5e-6)
    assert (found.beyond, found.flips) == (0, 0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"booster": "dart", "rate_drop": 0.5},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"max_cat_to_onehot": 100},
        {"base_score": 0.2},
    ],
    ids=str,
)
def test_a_binary_classifier_with_categories_and_missing_values(people: pd.DataFrame, options: dict[str, Any]) -> None:
    model = xgboost.XGBClassifier(**(SMALL | options)).fit(categories(people), people.target)
    agrees(model, categories(people), model.predict_proba(categories(people))[:, 1])


def test_early_stopping_counts(people: pd.DataFrame) -> None:
    """The wrapper predicts with the best round, and the categories survive its being cut there."""
    frame = categories(people)
    model = xgboost.XGBClassifier(**(SMALL | {"n_estimators": 100, "early_stopping_rounds": 2}))
    model.fit(frame[:250], people.target[:250], eval_set=[(frame[250:], people.target[250:])], verbose=False)
    assert model.best_iteration < 97
    agrees(model, frame, model.predict_proba(frame)[:, 1])


def test_the_positive_class_can_be_the_first(people: pd.DataFrame) -> None:
    model = xgboost.XGBClassifier(**SMALL).fit(categories(people), people.target)
    agrees(model, categories(people), model.predict_proba(categories(people))[:, 0], positive=0)


def test_several_classes(people: pd.DataFrame) -> None:
    kinds = people.target + (people.hour > 12)
    model = xgboost.XGBClassifier(**SMALL).fit(categories(people), kinds)
    agrees(model, categories(people), model.predict_proba(categories(people)))


@pytest.mark.parametrize(
    "objective",
    ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "count:poisson", "reg:gamma", "reg:tweedie"],
)
def test_the_link_of_each_objective(people: pd.DataFrame, objective: str) -> None:
    model = xgboost.XGBRegressor(objective=objective, **SMALL).fit(categories(people), people.age + people.hour)
    agrees(model, categories(people), model.predict(categories(people)))


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_a_booster_in_a_file(people: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    data = xgboost.DMatrix(categories(people), people.target, enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 5)
    booster.save_model(tmp_path / f"model.{suffix}")
    agrees(tmp_path / f"model.{suffix}", categories(people), booster.predict(data))


def test_a_value_at_its_threshold_decides_as_float32_does() -> None:
    x = np.array([0.1, 0.2, 0.3, 0.4] * 10)
    model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(x[:, None], x > 0.25)
    loaded = load_model(model, features=["x"])
    near = pa.table({"x": [*x[:4], *np.nextafter(x[:4], 1), *np.nextafter(x[:4].astype("f"), np.float32(1))]})
    session = OnnxSession(to_onnx(loaded, near))
    assert parity(loaded, session, near, lambda score: score >= 0.5, 1e-6).flips == 0


def test_a_booster_without_names_needs_them() -> None:
    model = xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(SettingError, match="1 columns without names"):
        load_model(model)


@pytest.mark.parametrize("objective", ["multi:softmax", "binary:hinge", "binary:logitraw"])
def test_objectives_without_probabilities_are_refused(objective: str) -> None:
    parameters = {"objective": objective, "nthread": 1} | ({"num_class": 2} if "multi" in objective else {})
    booster = xgboost.train(parameters, xgboost.DMatrix([[0.0], [1.0]], [0, 1]), 1)
    with pytest.raises(ModelError, match="gives no probabilities"):
        load_model(booster, features=["x"])


def test_a_linear_booster_is_refused_by_the_conversion() -> None:
    model = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix([[0.0], [1.0]], [0, 1]), 1)
    with pytest.raises(ModelError, match="gblinear has no conversion"):
        to_onnx(load_model(model, features=["x"]), pa.table({"x": [0.5]}))


def test_what_is_not_fitted_or_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not fitted"):
        load_model(xgboost.XGBClassifier())
    (tmp_path / "model.json").write_text('{"learner": ')
    with pytest.raises(ModelError, match="cannot be read as an XGBoost model"):
        load_model(tmp_path / "model.json")
