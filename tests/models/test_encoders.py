"""ONNX lookups against scikit-learn's encoders and imputer, column by column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from holdfast.models.encoders import one_hot, ordinal, target
from holdfast.models.graph import Graph
from holdfast.models.imputer import impute
from holdfast.models.onnx_model import NULL_TEXT


def onnx_of(build: Callable[..., str], fitted: Any, frame: pd.DataFrame) -> Any:
    """What the graph of a fitted transformer makes of a frame."""
    graph = Graph()
    texts = [kind == object for kind in frame.dtypes]  # noqa: E721  # a NumPy type equals object
    for name, text in zip(frame, texts, strict=True):
        graph.input(name, "string" if text else "double", 1)
    output = graph.cast(build(graph, fitted, list(frame), texts), "float")
    session = onnxruntime.InferenceSession(graph.model(output, 1).SerializeToString())
    fed = {
        name: frame[[name]].fillna(NULL_TEXT).to_numpy() if text else frame[[name]].to_numpy(np.float64)
        for name, text in zip(frame, texts, strict=True)
    }
    return session.run(None, fed)[0]


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "city": pd.Series(["a", "b", None, "a", "c", "a", "b", "d"], dtype=object),
            "hour": [1.0, 2.0, 2.0, 7.5, np.nan, 1.0, 2.0, 1.0],
        }
    )


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(drop="first", handle_unknown="ignore"),
        OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
        OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist"),
        OneHotEncoder(max_categories=2, handle_unknown="ignore", sparse_output=False),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_one_hot(encoder: OneHotEncoder) -> None:
    encoder.fit(table())
    strange = table().assign(city=pd.Series(["z", *"abcdab", None], dtype=object))
    for frame in (table(), strange):
        expected = encoder.transform(frame)
        expected = expected.toarray() if hasattr(expected, "toarray") else expected
        assert np.array_equal(onnx_of(one_hot, encoder, frame), expected)


@pytest.mark.parametrize(
    "encoder",
    [
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-2),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=99, min_frequency=2),
    ],
    ids=str,
)
def test_ordinal(encoder: OrdinalEncoder) -> None:
    encoder.fit(table())
    strange = table().assign(city=pd.Series(["z", *"abcdab", None], dtype=object))
    for frame in (table(), strange):
        assert np.array_equal(onnx_of(ordinal, encoder, frame), encoder.transform(frame), equal_nan=True)


@pytest.mark.parametrize(
    "truth", [[0, 1, 1, 0, 1, 0, 0, 1], [0.5, 1.0, 2.0, 3.0, 1.0, 0.0, 2.0, 4.0], list("abcabcab")]
)
def test_target(truth: list[Any]) -> None:
    encoder = TargetEncoder().fit(table(), truth)
    assert onnx_of(target, encoder, table()) == pytest.approx(encoder.transform(table()), rel=1e-6)


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(),
        SimpleImputer(strategy="most_frequent", add_indicator=True),
        SimpleImputer(missing_values=-1, strategy="constant", fill_value=5.0),
        SimpleImputer(keep_empty_features=True),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_imputed_numbers(imputer: SimpleImputer) -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0, -1.0], "b": [0.1, 0.2, np.nan, 7.0], "empty": [np.nan] * 4})
    if imputer.missing_values == -1:
        frame = frame.fillna(-1.0)
    imputer.fit(frame)
    assert onnx_of(impute, imputer, frame) == pytest.approx(imputer.transform(frame), rel=1e-6)


def test_imputed_text() -> None:
    frame = table()[["city"]]
    imputer = SimpleImputer(strategy="most_frequent", missing_values=None).fit(frame)
    filled = OrdinalEncoder().fit(imputer.transform(frame))

    def both(graph: Graph, fitted: SimpleImputer, columns: list[str], texts: list[bool]) -> str:
        return ordinal(graph, filled, [impute(graph, fitted, columns, texts)], [True])

    assert np.array_equal(onnx_of(both, imputer, frame), filled.transform(imputer.transform(frame)))
