"""pytorch-tabnet models against themselves. The package comes with `make test-models`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import ModelError, SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession

pytestmark = [
    pytest.mark.slow_models,
    # The package and PyTorch's exporter warn of each other's old ways.
    pytest.mark.filterwarnings("ignore"),
]
tab_model = pytest.importorskip("pytorch_tabnet.tab_model", reason="it is installed by `make test-models`")

FEATURES = ["a", "b", "c", "d", "kind"]
RANDOM = np.random.default_rng(0)
X = np.column_stack([RANDOM.normal(size=(300, 4)), RANDOM.integers(0, 6, 300)]).astype(np.float32)
ROWS = pa.table({name: X[:, place] for place, name in enumerate(FEATURES)})
SMALL = {"n_d": 4, "n_a": 4, "n_steps": 2, "cat_idxs": [4], "cat_dims": [6], "cat_emb_dim": 2, "verbose": 0, "seed": 1}
TRAINING = {"max_epochs": 2, "batch_size": 128, "virtual_batch_size": 64}


def test_a_classifier_of_two_classes() -> None:
    tabnet = tab_model.TabNetClassifier(**SMALL)
    tabnet.fit(X, (X[:, 0] + (X[:, 4] == 2) > 0).astype(int), **TRAINING)
    model = load_model(tabnet, features=FEATURES)
    assert (model.family, model.task, model.classes) == ("tabnet", "binary", ("0", "1"))
    assert model.predict(ROWS) == pytest.approx(tabnet.predict_proba(X)[:, 1])
    session = OnnxSession(to_onnx(model, ROWS).content)
    found = parity(model, session, ROWS, lambda score: score >= 0.5)
    assert (found.beyond, found.flips) == (0, 0)
    assert session.predict(ROWS.slice(7, 1)) == pytest.approx(model.predict(ROWS)[7:8], abs=1e-5)


def test_a_classifier_of_three_classes_and_a_regressor() -> None:
    tabnet = tab_model.TabNetClassifier(**SMALL)
    tabnet.fit(X, np.digitize(X[:, 0], [-0.5, 0.5]), **TRAINING)
    model = load_model(tabnet, features=FEATURES)
    assert parity(model, OnnxSession(to_onnx(model, ROWS)), ROWS, lambda score: score.argmax(axis=1)).beyond == 0
    regressor = tab_model.TabNetRegressor(**SMALL)
    regressor.fit(X, X[:, :1] * 2, **TRAINING)
    value = load_model(regressor, features=FEATURES)
    assert value.task == "regression"
    assert parity(value, OnnxSession(to_onnx(value, ROWS)), ROWS, np.round).beyond == 0


def test_names_are_needed_and_it_must_be_fitted() -> None:
    with pytest.raises(ModelError, match="not fitted"):
        load_model(tab_model.TabNetClassifier(verbose=0), features=FEATURES)
    tabnet = tab_model.TabNetClassifier(n_d=2, n_a=2, n_steps=1, verbose=0)
    tabnet.fit(X, (X[:, 0] > 0).astype(int), max_epochs=1, batch_size=300, virtual_batch_size=300)
    with pytest.raises(SettingError, match="give them in order"):
        load_model(tabnet)
    with pytest.raises(SettingError, match="2 features are named, and the model was fitted with 5"):
        load_model(tabnet, features=["a", "b"])
