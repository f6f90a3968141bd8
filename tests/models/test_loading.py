from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.errors import ModelError, SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.session import OnnxSession


def estimator() -> LogisticRegression:
    return LogisticRegression().fit(pd.DataFrame({"x": [0.0, 1.0]}), [0, 1])


@pytest.mark.parametrize("name", ["model.joblib", "model.pkl"])
def test_a_pickle_needs_trust(tmp_path: Path, name: str) -> None:
    joblib.dump(estimator(), tmp_path / name)
    with pytest.raises(ModelError, match=r"is a pickle, and loading it runs the code that it holds.*--trust"):
        load_model(tmp_path / name)
    model = load_model(str(tmp_path / name), trust=True)
    assert (model.family, model.features) == ("sklearn", ("x",))


def test_nothing_of_a_pickle_runs_without_trust(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"cos\nmkdir\n(S'" + str(tmp_path / "ran").encode() + b"'\ntR.")
    with pytest.raises(ModelError, match="--trust"):
        load_model(tmp_path / "model.pkl")
    assert not (tmp_path / "ran").exists()


def test_a_damaged_pickle_and_one_of_a_missing_package(tmp_path: Path) -> None:
    (tmp_path / "cut.pkl").write_bytes(b"\x80\x04\x95")
    with pytest.raises(ModelError, match="cannot be unpickled"):
        load_model(tmp_path / "cut.pkl", trust=True)
    (tmp_path / "foreign.pkl").write_bytes(b"cno_such_package\nModel\n.")
    with pytest.raises(ModelError, match="needs the package 'no_such_package'"):
        load_model(tmp_path / "foreign.pkl", trust=True)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelError, match="is no model file that is known"):
        load_model(tmp_path / "notes.txt")
    with pytest.raises(ModelError, match="neither MLmodel"):
        load_model(tmp_path / "folder")
    with pytest.raises(ModelError, match="there is no model at"):
        load_model(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match=r"a builtins.dict is no model"):
        load_model({"weights": [1.0]})


def test_a_loaded_model_is_given_back() -> None:
    model = load_model(estimator())
    session = OnnxSession(to_onnx(model, pa.table({"x": [0.5]})))
    for one in (model, session):
        assert load_model(one) is one
        assert load_model(one, features=["x"], positive=1, task="binary") is one


def test_a_loaded_model_of_which_something_else_is_told_is_loaded_again() -> None:
    model, rows = load_model(estimator()), pa.table({"x": [0.25], "other": [0.25]})
    turned = load_model(model, positive=0)
    assert turned.classes == ("1", "0")
    np.testing.assert_allclose(turned.predict(rows), 1 - model.predict(rows))
    assert load_model(turned, positive=1).classes == ("0", "1")
    renamed = load_model(model, features=["other"])
    assert renamed.features == ("other",)
    np.testing.assert_array_equal(renamed.predict(rows), model.predict(rows))
    called = load_model(lambda table: table["x"].to_numpy(), features=["x"], task="binary", classes=["no", "yes"])
    assert load_model(called, features=["other"]).classes == ("no", "yes")
    with pytest.raises(SettingError, match="was loaded with other features"):
        load_model(OnnxSession(to_onnx(model, rows)), features=["other"])


def test_an_onnx_file_and_its_bytes(tmp_path: Path) -> None:
    rows = pa.table({"x": [0.25, 0.75]})
    converted = to_onnx(load_model(estimator()), rows)
    (tmp_path / "model.onnx").write_bytes(converted.content)
    own = estimator().predict_proba(pd.DataFrame({"x": [0.25, 0.75]}))[:, 1]
    for source in (tmp_path / "model.onnx", converted.content):
        assert load_model(source).predict(rows) == pytest.approx(own, abs=1e-6)


def test_fewer_classes_than_the_data_have_is_for_the_model_to_say() -> None:
    """The scores stay those of the classes that it was fitted with."""
    fitted = LogisticRegression().fit(np.arange(6.0)[:, None], [0, 0, 1, 1, 2, 2])
    model = load_model(fitted, features=["x"])
    assert model.classes == ("0", "1", "2")
    assert model.predict(pa.table({"x": [99.0]})).shape == (1, 3)
