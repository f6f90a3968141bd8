"""Folders as MLflow writes them, without MLflow."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from holdfast.errors import ModelError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.mlflow import mlflow_model, parsed

SKLEARN = """\
artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.9.1
is_signature_from_type_hint: false
mlflow_version: 3.6.0
model_size_bytes: 911
model_uuid: m-1b2c
signature:
  inputs: '[{"type": "double", "name": "amount", "required": true}, {"type": "long",
    "name": "the customer''s age", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-01-05 10:20:30.123456'
"""

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0], [3.0, 1.0]])
ROWS = pa.table({"the customer's age": X[:, 1], "amount": X[:, 0]})


def test_a_pickled_estimator_gets_its_features_from_the_signature(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(X, [0, 1, 0, 1])
    (tmp_path / "MLmodel").write_text(SKLEARN)
    joblib.dump(estimator, tmp_path / "model.pkl")
    with pytest.raises(ModelError, match="--trust"):
        load_model(tmp_path)
    model = load_model(tmp_path, trust=True)
    assert model.features == ("amount", "the customer's age")
    assert np.array_equal(model.predict(ROWS), estimator.predict_proba(X)[:, 1])


def test_onnx_is_read_before_a_pickle(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(X, [0, 1, 0, 1])
    loaded = load_model(estimator, features=["amount", "the customer's age"])
    (tmp_path / "model.onnx").write_bytes(to_onnx(loaded, ROWS).content)
    (tmp_path / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.pkl\n  onnx:\n    data: model.onnx\n    onnx_version: 1.23.2\n"
        "    providers:\n    - CPUExecutionProvider\n"
    )
    assert mlflow_model(tmp_path).flavour == "onnx"
    assert load_model(tmp_path).predict(ROWS) == pytest.approx(estimator.predict_proba(X)[:, 1], abs=1e-6)


def test_lightgbm_and_xgboost_are_native_files(tmp_path: Path) -> None:
    import lightgbm
    import xgboost

    x, y = np.arange(60.0)[:, None], np.arange(60) // 30
    rows = pa.table({"x": x[:, 0]})
    for flavour, name in (("lightgbm", "model.lgb"), ("xgboost", "model.ubj")):
        folder = tmp_path / flavour
        folder.mkdir()
        (folder / "MLmodel").write_text(f"flavors:\n  {flavour}:\n    data: {name}\n")
        if flavour == "lightgbm":
            booster = lightgbm.train({"verbose": -1, "objective": "binary"}, lightgbm.Dataset(x, y), 3)
            booster.save_model(folder / name)
            expected = booster.predict(x)
        else:
            booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(x, y), 3)
            booster.save_model(folder / name)
            expected = booster.predict(xgboost.DMatrix(x))
        model = load_model(folder, features=["x"])
        assert model.family == flavour
        assert model.predict(rows) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flavors:\n  spacy:\n    data: m\n", "has the flavours spacy; known are onnx"),
        ("run_id: a\n", "has the flavours none"),
        ("flavors:\n  sklearn:\n    pickled_model: model.pkl\n", "model.pkl is missing"),
        ("flavors:\n  sklearn:\n    pickled_model: ../outside.pkl\n", "is not there"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, text: str, message: str) -> None:
    """A path that leads out of the folder counts as not there."""
    (tmp_path / "outside.pkl").touch()
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(text)
    with pytest.raises(ModelError, match=message):
        load_model(folder, trust=True)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text("abc'\"\\: #é", max_size=12), max_size=4))
def test_quoted_scalars_come_back(held: dict[str, str]) -> None:
    text = "".join(f"{key}: '{value.replace(chr(39), chr(39) * 2)}'\n" for key, value in held.items())
    assert parsed(f"outer:\n{''.join('  ' + line + chr(10) for line in text.splitlines())}")["outer"] == held
