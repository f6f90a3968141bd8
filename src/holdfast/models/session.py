"""An ONNX model that ONNX Runtime runs: what is served, and what everything else is compared with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError, MissingExtraError, ModelError
from holdfast.models.columns import numbers, table_of, texts
from holdfast.models.onnx_model import Input, OnnxModel, Signature, stored_signature
from holdfast.models.protocol import Scores, Task, checked, joined

DTYPES = {"float": np.float32, "double": np.float64, "int64": np.int64, "int32": np.int32, "bool": np.bool_}

BATCH_ROWS = 16_384
"""Rows that are run at once: with labels of categories, each may take 8 kB."""

FEWEST_ROWS = 1_024
"""Rows that are worth a thread of their own."""


class OnnxSession:
    """A model in ONNX Runtime, which implements `Model`. Safe to call from several threads.

    Parameters
    ----------
    model
        ONNX bytes that hold their signature, as `to_onnx` makes them, or an `OnnxModel`.

    Raises
    ------
    MissingExtraError
        When ONNX Runtime is not installed.
    ModelError
        When the bytes are no ONNX model, or have no signature (`load_model` makes one for files from elsewhere).
    """

    def __init__(self, model: OnnxModel | bytes) -> None:
        self.content = model.content if isinstance(model, OnnxModel) else model
        self._session = start(self.content)
        signature = (
            model.signature
            if isinstance(model, OnnxModel)
            else stored_signature(self._session.get_modelmeta().custom_metadata_map)
        )
        if signature is None:
            raise ModelError("the ONNX model does not say its features and classes; load it with `load_model`")
        self.signature: Signature = signature

    @property
    def family(self) -> str:
        """Of the model that was converted; `"onnx"` for a file from elsewhere."""
        return self.signature.family

    @property
    def task(self) -> Task:
        """What the scores are."""
        return self.signature.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; of two, the positive one is last."""
        return self.signature.classes

    @property
    def features(self) -> tuple[str, ...]:
        """Columns that the model wants."""
        return self.signature.features

    def predict(self, rows: pa.Table) -> Scores:
        """Scores of rows, as of every `Model`; many rows in batches, one thread per processor."""
        rows = table_of(rows)
        threads = os.cpu_count() or 1
        size = min(BATCH_ROWS, max(FEWEST_ROWS, -(-rows.num_rows // threads)))
        starts = range(0, rows.num_rows, size)
        if len(starts) <= 1:
            return self._batch(rows, 0) if rows.num_rows else joined(self, [])
        with ThreadPoolExecutor(threads) as pool:
            return joined(self, pool.map(lambda at: self._batch(rows.slice(at, size), at), starts))

    def run(self, tensors: Mapping[str, NDArray[Any]]) -> Scores:
        """Scores of tensors that are laid out as `signature.inputs` say; nothing is checked."""
        try:
            (output,) = self._session.run([self.signature.output], dict(tensors))
        except Exception as error:  # ONNX Runtime raises a dozen types, all of them its own
            raise ModelError(f"ONNX Runtime refused the tensors ({type(error).__name__})") from error
        if isinstance(output, list):  # classifiers exported with one dictionary per row
            output = np.array([list(row.values()) for row in output])
        scores: Scores = np.asarray(output, dtype=np.float64)
        return scores if self.signature.column is None or scores.ndim == 1 else scores[:, self.signature.column]

    def _batch(self, rows: pa.Table, start: int) -> Scores:
        tensors = {piece.name: tensor(rows, piece, self.signature.null_text) for piece in self.signature.inputs}
        return checked(self, self.run(tensors), rows.num_rows, start)


def start(content: bytes) -> Any:
    """An ONNX Runtime session on one thread: rows are spread over threads by whoever calls.

    Raises
    ------
    MissingExtraError, ModelError
        As `OnnxSession`.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingExtraError("onnxruntime", "onnx", "Running an ONNX model") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the model ({type(error).__name__}): the file is damaged, "
            "or it uses operators that this version does not know"
        ) from error


def tensor(rows: pa.Table, piece: Input, null_text: str) -> NDArray[Any]:
    """Columns as one input.

    Raises
    ------
    InputError
        When a column is missing or of another type, or whole numbers are wanted and some are missing.
    """
    matrix: NDArray[Any]
    if piece.element == "string":
        matrix = texts(rows, piece.features, null_text)
    else:
        matrix = numbers(rows, piece.features)
        if piece.element not in {"float", "double"} and np.isnan(matrix).any():
            raise InputError(
                f"the model wants whole numbers in {', '.join(piece.features)}, and some are missing; fill them first"
            )
        matrix = np.ascontiguousarray(matrix, dtype=DTYPES[piece.element])
    return matrix[:, 0] if piece.flat else matrix
