"""Our converter against the estimator itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession

FEATURES = ["amount", "age", "hour", "city"]


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def categories(people: pd.DataFrame) -> pd.DataFrame:
    return people[FEATURES].assign(city=people.city.astype("category"), hour=people.hour.astype("category"))


def agrees(estimator: Any, frame: pd.DataFrame) -> None:
    """Scores within float32 rounding of the estimator's own, on what it was fitted on and beyond."""
    rows = arrow(frame)
    model = load_model(estimator)
    session = OnnxSession(to_onnx(model, rows).content)
    own = estimator.predict(frame) if model.task == "regression" else estimator.predict_proba(frame)
    assert np.array_equal(model.predict(rows), own[:, 1] if model.task == "binary" else own)
    found = parity(model, session, rows, lambda score: score >= 0.5 if score.ndim == 1 else score.argmax(axis=1), 1e-6)
    assert (found.beyond, found.flips) == (0, 0)


def test_missing_numbers_go_where_they_were_sent(people: pd.DataFrame) -> None:
    frame = people[["amount", "age", "hour"]]
    agrees(HistGradientBoostingClassifier(max_iter=20).fit(frame, people.target), frame)


@pytest.mark.parametrize("seed", [0, 1])
def test_categories_as_text_and_as_numbers_with_missing_and_unknown_ones(people: pd.DataFrame, seed: int) -> None:
    """Also more categories than ONNX Runtime keeps in one set."""
    random = np.random.default_rng(seed)
    frame = categories(people)
    frame["shop"] = pd.Categorical(random.integers(100, 170, len(frame)))
    truth = people.target ^ frame.shop.cat.codes.isin([3, 40, 41, 69]).to_numpy()
    estimator = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5).fit(frame, truth)
    agrees(estimator, frame)
    model = load_model(estimator)
    strange = pa.table(
        {"amount": [1.5, None], "age": [30.0, 40.0], "hour": [99, None], "city": ["Lyon", None], "shop": [1, None]}
    )
    session = OnnxSession(to_onnx(model, arrow(frame)))
    assert session.predict(strange) == pytest.approx(model.predict(strange), abs=1e-6)


def test_several_classes(people: pd.DataFrame) -> None:
    kinds = np.array(["a", "b", "c"])[people.target + (people.hour > 12)]
    agrees(HistGradientBoostingClassifier(max_iter=10).fit(categories(people), kinds), categories(people))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "gamma", "poisson", "quantile"])
def test_the_link_of_each_loss(people: pd.DataFrame, loss: str) -> None:
    quantile = 0.8 if loss == "quantile" else None
    estimator = HistGradientBoostingRegressor(loss=loss, quantile=quantile, max_iter=20)
    agrees(estimator.fit(categories(people), people.age + people.hour), categories(people))


def test_a_tree_without_splits() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    agrees(HistGradientBoostingRegressor().fit(frame, [1.0, 2.0, 4.0]), frame)


@settings(max_examples=10)
@given(st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=8, max_size=40, unique=True))
def test_a_value_at_its_threshold_decides_as_in_scikit_learn(values: list[float]) -> None:
    """Thresholds are doubles between neighbours, or such values themselves: float32 would put rows on the other side."""
    frame = pd.DataFrame({"x": values})
    truth = np.arange(len(values)) % 2
    estimator = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=1, early_stopping=False).fit(frame, truth)
    thresholds = [
        node["num_threshold"]
        for (tree,) in estimator._predictors
        for node in tree.nodes
        if not node["is_leaf"] and np.isfinite(node["num_threshold"])
    ]
    near = [*values, *thresholds, *np.nextafter(thresholds, np.inf), *np.nextafter(thresholds, -np.inf)]
    agrees(estimator, pd.DataFrame({"x": near}))
