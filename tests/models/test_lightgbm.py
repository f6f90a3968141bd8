"""Boosters and wrappers against LightGBM itself, and their ONNX against both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from holdfast.errors import ModelError, SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession

FEATURES = ["amount", "age", "hour", "city"]
SMALL = {"n_estimators": 20, "min_child_samples": 5, "verbose": -1}


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def categories(people: pd.DataFrame) -> pd.DataFrame:
    return people[FEATURES].assign(city=people.city.astype("category"), hour=people.hour.astype("category"))


def agrees(model: Any, frame: pd.DataFrame, own: Any, **options: Any) -> None:
    """Scores equal those of the library, and those of ONNX within float32 rounding."""
    rows = arrow(frame)
    loaded = load_model(model, **options)
    session = OnnxSession(to_onnx(loaded, rows).content)
    assert loaded.family == session.family == "lightgbm"
    assert np.array_equal(loaded.predict(rows), own)
    found = parity(loaded, session, rows, lambda score: score >= 0.5 if score.ndim == 1 else score.argmax(axis=1), 1e-6)
    assert (found.beyond, found.flips) == (0, 0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_missing": False},
        {"zero_as_missing": True},
        {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
        {"boosting_type": "dart"},
        {"objective": "cross_entropy"},
    ],
    ids=str,
)
def test_a_binary_classifier_with_categories_and_missing_values(people: pd.DataFrame, options: dict[str, Any]) -> None:
    frame = categories(people).assign(age=np.where(people.age < 40, 0.0, people.age))
    model = lightgbm.LGBMClassifier(**(SMALL | options)).fit(frame, people.target)
    agrees(model, frame, model.booster_.predict(frame))


def test_the_positive_class_can_be_the_first(people: pd.DataFrame) -> None:
    model = lightgbm.LGBMClassifier(**SMALL).fit(categories(people), np.where(people.target, "bad", "good"))
    agrees(model, categories(people), model.predict_proba(categories(people))[:, 0], positive="bad")


@pytest.mark.parametrize("objective", ["multiclass", "multiclassova"])
def test_several_classes(people: pd.DataFrame, objective: str) -> None:
    kinds = np.array(["a", "b", "c"])[people.target + (people.hour > 12)]
    model = lightgbm.LGBMClassifier(objective=objective, **SMALL).fit(categories(people), kinds)
    agrees(model, categories(people), model.predict_proba(categories(people)))


@pytest.mark.parametrize(
    "options",
    [
        *({"objective": name} for name in ("regression", "l1", "huber", "fair", "quantile", "mape")),
        *({"objective": name} for name in ("poisson", "gamma", "tweedie")),
        {"reg_sqrt": True},
    ],
    ids=str,
)
def test_the_link_of_each_objective(people: pd.DataFrame, options: dict[str, Any]) -> None:
    model = lightgbm.LGBMRegressor(**SMALL, **options).fit(categories(people), people.age + people.hour)
    agrees(model, categories(people), model.predict(categories(people)))


def test_an_intensity_is_no_probability(people: pd.DataFrame) -> None:
    """Of cross_entropy_lambda, which may exceed one."""
    model = lightgbm.LGBMRegressor(objective="cross_entropy_lambda", **SMALL).fit(categories(people), people.target)
    agrees(model, categories(people), model.predict(categories(people)))
    assert load_model(model).task == "regression"


def test_a_booster_in_a_file(people: pd.DataFrame, tmp_path: Path) -> None:
    """Which still knows its categories, and is told its classes."""
    data = lightgbm.Dataset(categories(people), people.target)
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, 10)
    booster.save_model(tmp_path / "model.txt")
    path = tmp_path / "model.txt"
    agrees(path, categories(people), booster.predict(categories(people)), classes=["no", "yes"])
    assert load_model(path, classes=["no", "yes"]).classes == ("no", "yes")
    with pytest.raises(SettingError, match="3 classes are given, and the booster was fitted with 2"):
        load_model(path, classes=["a", "b", "c"])


def test_unknown_categories_count_as_missing(people: pd.DataFrame) -> None:
    model = lightgbm.LGBMClassifier(**SMALL).fit(categories(people), people.target)
    loaded = load_model(model)
    strange = pa.table({"city": ["Lyon", None], "hour": [99, None], "age": [30.0, 40.0], "amount": [5.0, None]})
    missing = pa.table({"city": [None, None], "hour": [None, None], "age": [30.0, 40.0], "amount": [5.0, None]})
    missing = missing.cast(strange.schema)
    assert np.array_equal(loaded.predict(strange), loaded.predict(missing))
    session = OnnxSession(to_onnx(loaded, strange))
    assert session.predict(strange) == pytest.approx(loaded.predict(strange), abs=1e-6)


def test_inside_a_pipeline(people: pd.DataFrame) -> None:
    """Numbers are fed as doubles there too."""
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(), ["amount", "age", "hour"]),
            ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
        ]
    )
    columns.set_output(transform="default")
    pipeline = make_pipeline(columns, lightgbm.LGBMClassifier(**SMALL))
    pipeline[0].sparse_threshold = 0.0
    named = pipeline[:-1].fit_transform(people[FEATURES])
    pipeline[-1].fit(named, people.target)
    own = pipeline[-1].booster_.predict(named)
    loaded = load_model(pipeline, features=FEATURES)
    converted = to_onnx(loaded, arrow(people))
    assert converted.signature.inputs[0].element == "double"
    assert OnnxSession(converted).predict(arrow(people)) == pytest.approx(own, abs=1e-6)


def test_a_booster_without_names_needs_them() -> None:
    x, y = np.arange(40.0)[:, None], np.arange(40) // 20
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(x, y), 2)
    with pytest.raises(SettingError, match="1 columns without names"):
        load_model(booster)
    assert load_model(booster, features=["x"]).features == ("x",)


def test_linear_trees_are_refused_by_the_conversion() -> None:
    x, y = np.arange(60.0)[:, None], np.arange(60.0) ** 2
    model = lightgbm.LGBMRegressor(linear_tree=True, **SMALL).fit(x, y)
    loaded = load_model(model, features=["x"])
    with pytest.raises(ModelError, match="linear_tree=False"):
        to_onnx(loaded, pa.table({"x": [1.0]}))


def test_a_wrapper_that_is_not_fitted_is_refused() -> None:
    with pytest.raises(ModelError, match="not fitted"):
        load_model(lightgbm.LGBMClassifier())


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_bytes(b"tree\nversion=v4\nnum_class=")
    with pytest.raises(ModelError, match="cannot be read as a LightGBM model"):
        load_model(tmp_path / "model.txt")
