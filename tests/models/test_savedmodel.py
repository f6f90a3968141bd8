"""A TensorFlow SavedModel, converted and scored in TensorFlow's own environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.parity import parity
from holdfast.models.savedmodel import environment
from holdfast.models.session import OnnxSession

pytestmark = pytest.mark.slow_models

KERAS = """
import sys
import tensorflow as tf
tf.keras.utils.set_random_seed(3)
layers = [tf.keras.Input((3,), name="rows"), tf.keras.layers.Dense(8, activation="relu")]
tf.keras.Sequential([*layers, tf.keras.layers.Dense(1, activation="sigmoid")]).export(sys.argv[1], verbose=False)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Keras network."""
    path = tmp_path_factory.mktemp("keras") / "saved"
    subprocess.run([environment(), "-c", KERAS, str(path)], check=True, capture_output=True)
    return path


def test_it_scores_as_tensorflow_does(folder: Path) -> None:
    random = np.random.default_rng(0)
    rows = pa.table({name: random.normal(size=100) for name in ("c", "b", "a")})
    model = load_model(folder, features=["a", "b", "c"], task="binary")
    assert (model.family, model.classes) == ("savedmodel", ("0", "1"))
    session = OnnxSession(to_onnx(model, rows).content)
    assert (session.family, session.features) == ("savedmodel", ("a", "b", "c"))
    found = parity(model, session, rows, lambda score: score >= 0.5)
    assert (found.beyond, found.flips) == (0, 0)
    assert 0 < model.predict(rows).std() < 0.5


def test_what_it_does_not_say_must_be_given(folder: Path) -> None:
    with pytest.raises(SettingError, match="give their names in order as `features`"):
        load_model(folder, task="binary")
    with pytest.raises(SettingError, match="`task` binary or regression"):
        load_model(folder, features=["a", "b", "c"])
