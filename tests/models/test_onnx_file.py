"""ONNX files from elsewhere, with all the shapes that exporters give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import skl2onnx
from onnx import TensorProto, helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LinearRegression, LogisticRegression

from holdfast.errors import InputError, ModelError, SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.session import OnnxSession

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0], [3.0, 1.0]], dtype=np.float32)
ROWS = pa.table({"b": X[:, 1], "a": X[:, 0]})


def exported(estimator: Any, **options: Any) -> Any:
    return skl2onnx.convert_sklearn(
        estimator,
        initial_types=[("input", FloatTensorType([None, 2]))],
        options={id(estimator): options} if options else None,
        target_opset=18,
    )


def graph(inputs: list[Any], nodes: list[Any], outputs: list[Any]) -> bytes:
    made = helper.make_graph(nodes, "test", inputs, outputs)
    content: bytes = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    ).SerializeToString()
    return content


def test_a_classifier_with_a_dictionary_per_row_or_a_tensor(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(X, ["no", "yes", "no", "yes"])
    (tmp_path / "model.onnx").write_bytes(exported(estimator).SerializeToString())
    with_dictionaries = load_model(tmp_path / "model.onnx", features=["a", "b"])
    assert (with_dictionaries.task, with_dictionaries.classes) == ("binary", ("no", "yes"))
    assert with_dictionaries.predict(ROWS) == pytest.approx(estimator.predict_proba(X)[:, 1], abs=1e-6)
    plain = load_model(exported(estimator, zipmap=False), features=["a", "b"], classes=["no", "yes"], positive="no")
    assert plain.classes == ("yes", "no")
    assert plain.predict(ROWS) == pytest.approx(estimator.predict_proba(X)[:, 0], abs=1e-6)


def test_several_classes_and_a_regression() -> None:
    classifier = LogisticRegression().fit(X, [0, 1, 2, 1])
    model = load_model(exported(classifier, zipmap=False), features=["a", "b"])
    assert (model.task, model.classes) == ("classes", ("0", "1", "2"))
    assert model.predict(ROWS) == pytest.approx(classifier.predict_proba(X), abs=1e-6)
    regressor = LinearRegression().fit(X, [1.0, 2.0, 3.0, 5.0])
    found = load_model(exported(regressor), features=["a", "b"])
    assert found.task == "regression"
    assert found.predict(ROWS) == pytest.approx(regressor.predict(X), abs=1e-5)


def test_inputs_of_one_column_name_the_features() -> None:
    content = graph(
        [
            helper.make_tensor_value_info("a", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("b", TensorProto.INT64, [None]),
        ],
        [
            helper.make_node("Cast", ["b"], ["flat"], to=TensorProto.FLOAT),
            helper.make_node("Squeeze", ["a"], ["one"]),
            helper.make_node("Add", ["one", "flat"], ["variable"]),
        ],
        [helper.make_tensor_value_info("variable", TensorProto.FLOAT, [None])],
    )
    model = load_model(content)
    assert (model.features, model.task) == (("a", "b"), "regression")
    assert model.predict(pa.table({"b": [1, 2], "a": [0.5, 0.25]})).tolist() == [1.5, 2.25]
    with pytest.raises(InputError, match="wants whole numbers in b, and some are missing"):
        model.predict(pa.table({"b": [1, None], "a": [0.5, 0.25]}))


def test_the_signature_goes_into_the_file() -> None:
    estimator = LogisticRegression().fit(X, [0, 1, 0, 1])
    model = load_model(exported(estimator, zipmap=False), features=["a", "b"])
    content = to_onnx(model, ROWS).content
    again = load_model(content)
    assert isinstance(again, OnnxSession)
    assert (again.features, again.classes, again.family) == (("a", "b"), ("0", "1"), "onnx")
    assert np.array_equal(again.predict(ROWS), model.predict(ROWS))
    assert OnnxSession(content).features == ("a", "b")
    with pytest.raises(SettingError, match="names its features itself"):
        load_model(content, features=["b", "a"])
    with pytest.raises(SettingError, match="the other class as the positive one"):
        load_model(content, positive=0)


def test_what_cannot_be_known_must_be_given() -> None:
    classifier = LogisticRegression().fit(X, [0, 1, 0, 1])
    with pytest.raises(SettingError, match="give their names in order as `features`"):
        load_model(exported(classifier, zipmap=False))
    with pytest.raises(SettingError, match="3 features are named, and the ONNX model takes 2 columns"):
        load_model(exported(classifier, zipmap=False), features=["a", "b", "c"])
    with pytest.raises(SettingError, match="3 classes are given"):
        load_model(exported(classifier, zipmap=False), features=["a", "b"], classes=["x", "y", "z"])
    score = graph(
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_node("Sigmoid", ["x"], ["score"])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
    )
    with pytest.raises(SettingError, match="`task` binary or regression"):
        load_model(score)
    assert load_model(score, task="binary").predict(pa.table({"x": [0.0]})).tolist() == [0.5]


def test_inputs_that_a_table_cannot_feed_are_refused() -> None:
    content = graph(
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 3, 8, 8])],
        [helper.make_node("Identity", ["image"], ["out"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, 3, 8, 8])],
    )
    with pytest.raises(ModelError, match="of 4 dimensions"):
        load_model(content)


def test_damaged_bytes_are_refused() -> None:
    with pytest.raises(ModelError, match="cannot load the model"):
        load_model(b"no onnx")
    with pytest.raises(ModelError, match="load it with `load_model`"):
        OnnxSession(exported(LogisticRegression().fit(X, [0, 1, 0, 1])).SerializeToString())
