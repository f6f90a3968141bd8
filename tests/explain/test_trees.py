from __future__ import annotations

import sys

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
import xgboost
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from holdfast.errors import InputError, MissingExtraError, ModelError
from holdfast.explain.shapley import Contributions, contributions
from holdfast.explain.trees import by_feature, lightgbm_contributions, sklearn_contributions, xgboost_contributions

NAMES = ("a", "b", "c")
X = np.random.default_rng(0).normal(size=(600, 3))
SIGNAL = X[:, 0] * X[:, 1] + X[:, 0]
TARGETS = {"regression": SIGNAL, "binary": SIGNAL > 0, "classes": np.digitize(SIGNAL, [-1, 1]), "log": np.exp(SIGNAL)}


def booster(library: str, target: str) -> object:
    if library == "lightgbm":
        kind = {"regression": "regression", "binary": "binary", "classes": "multiclass", "log": "poisson"}[target]
        kind_of = lightgbm.LGBMRegressor if target in ("regression", "log") else lightgbm.LGBMClassifier
        return kind_of(objective=kind, n_estimators=10, verbose=-1, n_jobs=1).fit(X, TARGETS[target])
    if target in ("regression", "log"):
        objective = "count:poisson" if target == "log" else "reg:squarederror"
        return xgboost.XGBRegressor(objective=objective, n_estimators=10, n_jobs=1).fit(X, TARGETS[target])
    return xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(X, TARGETS[target])


def answers(model: object) -> np.ndarray:
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("library", "explain"), [("lightgbm", lightgbm_contributions), ("xgboost", xgboost_contributions)]
)
def test_contributions_of_a_booster_add_up_to_its_answers(library: str, explain, target: str) -> None:
    model = booster(library, target)
    found = explain(model, X, NAMES)
    if target == "regression":
        expected, scale = found.totals, "score"
    elif target == "classes":
        powers = np.exp(found.totals)
        expected, scale = powers / powers.sum(axis=1, keepdims=True), "margin"
    else:
        expected, scale = np.exp(found.totals), "margin"
    if target == "binary":
        expected = np.column_stack([1 / (1 + expected), expected / (1 + expected)])
    np.testing.assert_allclose(expected, answers(model), atol=2e-3)
    assert (found.scale, found.method, found.features, found.errors) == (scale, "path-dependent", NAMES, None)
    assert found.values.shape == ((600, 3, 3) if target == "classes" else (600, 3))


def test_a_bare_booster_is_explained_like_its_estimator() -> None:
    light, extreme = booster("lightgbm", "binary"), booster("xgboost", "binary")
    np.testing.assert_array_equal(
        lightgbm_contributions(light.booster_, X, NAMES).values, lightgbm_contributions(light, X, NAMES).values
    )
    np.testing.assert_array_equal(
        xgboost_contributions(extreme.get_booster(), X, NAMES).values, xgboost_contributions(extreme, X, NAMES).values
    )


def test_an_xgboost_model_that_stopped_early_is_explained_as_it_answers() -> None:
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=2, learning_rate=0.9, n_jobs=1)
    model.fit(X[:100], TARGETS["binary"][:100], eval_set=[(X[100:], TARGETS["binary"][100:])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    found = xgboost_contributions(model, X, NAMES)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.totals)), model.predict_proba(X)[:, 1], atol=1e-4)


def test_forests_are_explained_exactly_as_sampling_says() -> None:
    """Interventional values of the same background: sampling finds them within its standard errors."""
    model = RandomForestRegressor(10, max_depth=4, random_state=0).fit(X, SIGNAL)
    rows, background = X[:20], X[100:250]
    exact = sklearn_contributions(model, rows, NAMES, background)

    def table(values: np.ndarray) -> pa.Table:
        return pa.table({name: values[:, j] for j, name in enumerate(NAMES)})

    sampled = contributions(
        lambda t: model.predict(np.column_stack(t.columns)), table(rows), table(background), pairs=150
    )
    np.testing.assert_allclose(exact.base, sampled.base, atol=1e-9)
    np.testing.assert_allclose(exact.totals, model.predict(rows), atol=1e-6)
    assert (np.abs(exact.values - sampled.values) > 2 * sampled.errors + 1e-6).mean() < 0.05
    assert (exact.scale, exact.method) == ("score", "interventional")


def test_classifiers_of_scikit_learn_are_explained_for_the_positive_class() -> None:
    forest = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, TARGETS["binary"])
    found = sklearn_contributions(forest, X[:10], NAMES, X[:50])
    np.testing.assert_allclose(found.totals, forest.predict_proba(X[:10])[:, 1], atol=1e-6)
    boosting = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, TARGETS["binary"])
    found = sklearn_contributions(boosting, X[:10], NAMES, X[:50])
    np.testing.assert_allclose(found.totals, boosting.decision_function(X[:10]), atol=1e-6)
    assert found.scale == "margin"


def test_histogram_boosting_is_path_dependent() -> None:
    model = HistGradientBoostingRegressor(max_iter=5).fit(X, SIGNAL)
    found = sklearn_contributions(model, X[:10], NAMES, X[:50])
    np.testing.assert_allclose(found.totals, model.predict(X[:10]), atol=1e-6)
    assert found.method == "path-dependent"


def test_path_dependent_values_differ_from_interventional_ones_where_features_go_together() -> None:
    """The score uses `a` alone; a copy that another tree splits on takes a share only in the path-dependent values."""
    rng = np.random.default_rng(1)
    a = rng.normal(size=2_000)
    x = np.column_stack([a, a + 0.1 * rng.normal(size=2_000), rng.normal(size=2_000)])
    model = lightgbm.LGBMRegressor(n_estimators=20, colsample_bytree=0.5, verbose=-1, n_jobs=1).fit(x, a)

    def table(values: np.ndarray) -> pa.Table:
        return pa.table({name: values[:, j] for j, name in enumerate(NAMES)})

    path = lightgbm_contributions(model, x[:50], NAMES)
    sampled = contributions(
        lambda t: model.predict(np.column_stack(t.columns)), table(x[:50]), table(x[100:300]), pairs=50
    )
    np.testing.assert_allclose(path.totals, sampled.totals, atol=1e-6)
    assert np.abs(path.values - sampled.values).max() > 0.02


def test_encoded_columns_are_summed_and_still_add_up() -> None:
    values = np.arange(24.0).reshape(2, 4, 3)
    found = Contributions(features=("w", "x_1", "y", "x_2"), values=values, base=np.zeros(3))
    summed = by_feature(found, ("w", "x", "y", "x"))
    assert summed.features == ("w", "x", "y")
    np.testing.assert_array_equal(summed.values[:, 1], values[:, 1] + values[:, 3])
    np.testing.assert_array_equal(summed.totals, found.totals)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [(X[:, :2], "3 columns.*shape .600, 2"), (X[0], "shape .3,"), (X.astype(str), "matrix of numbers")],
)
def test_a_matrix_that_is_none_is_refused(matrix: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lightgbm_contributions(booster("lightgbm", "binary"), matrix, NAMES)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shap", None)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(MissingExtraError, match=r"holdfast\[sklearn\]"):
        sklearn_contributions(object(), X, NAMES, X)
    with pytest.raises(MissingExtraError, match=r"holdfast\[xgboost\]"):
        xgboost_contributions(object(), X, NAMES)


def test_what_a_library_cannot_explain_is_a_model_error() -> None:
    linear = lightgbm.LGBMRegressor(linear_tree=True, n_estimators=2, verbose=-1, n_jobs=1).fit(X, SIGNAL)
    with pytest.raises(ModelError, match=r"LightGBM gives no contributions.*leave `exact` out"):
        lightgbm_contributions(linear, X, NAMES)
    with pytest.raises(ModelError, match="shap cannot explain this model as trees"):
        sklearn_contributions(object(), X[:5], NAMES, X[:5])
