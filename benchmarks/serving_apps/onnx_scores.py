"""The model of all servers: one ONNX file, on one thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

FEATURES = tuple(f"f{i}" for i in range(30))


def load() -> Callable[[Any], list[float]]:
    """What scores rows, shape (n, 30), with the file that `MODEL` names: probability of the positive class."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
    (rows,) = session.get_inputs()
    outputs, column = [os.environ["MODEL_OUTPUT"]], int(os.environ["MODEL_COLUMN"])

    def scores(matrix: Any) -> list[float]:
        (found,) = session.run(outputs, {rows.name: np.asarray(matrix, dtype=np.float64)})
        positive: list[float] = found[:, column].tolist()
        return positive

    return scores
