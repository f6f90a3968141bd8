from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.errors import InputError, ModelError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.protocol import BATCH_ROWS
from holdfast.models.session import OnnxSession


def session() -> OnnxSession:
    estimator = LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], [0, 1, 1])
    sample = pa.table({"a": [0.0], "b": [1.0]})
    return OnnxSession(to_onnx(load_model(estimator, features=["a", "b"]), sample))


def test_many_rows_score_as_each_alone_does() -> None:
    """Over several batches and threads, in order."""
    random = np.random.default_rng(0)
    rows = pa.table({"a": random.normal(size=2 * BATCH_ROWS + 7), "b": random.normal(size=2 * BATCH_ROWS + 7)})
    model = session()
    whole = model.predict(rows)
    assert whole.shape == (rows.num_rows,)
    for place in (0, BATCH_ROWS - 1, BATCH_ROWS, rows.num_rows - 1):
        assert model.predict(rows.slice(place, 1))[0] == whole[place]


def test_no_rows_give_no_scores() -> None:
    assert session().predict(pa.table({"a": pa.array([], pa.float64()), "b": pa.array([], pa.float64())})).shape == (0,)


def test_tensors_can_be_fed_directly() -> None:
    model = session()
    (piece,) = model.signature.inputs
    assert (piece.name, piece.element, piece.features) == ("numbers", "float", ("a", "b"))
    fed = model.run({"numbers": np.array([[0.5, 0.25]], dtype=np.float32)})
    assert fed.tolist() == model.predict(pa.table({"a": [0.5], "b": [0.25]})).tolist()
    with pytest.raises(ModelError, match="refused the tensors"):
        model.run({"numbers": np.zeros((1, 3), dtype=np.float32)})


def test_the_row_whose_score_is_nan_is_named() -> None:
    """A linear model makes NaN of a missing number."""
    with pytest.raises(ModelError, match="NaN or infinite at row 1"):
        session().predict(pa.table({"a": [0.5, None], "b": [0.25, 0.5]}))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="'b'"):
        session().predict(pa.table({"a": [0.5]}))
