"""A Python model of MLflow, as its documentation has it: ONNX Runtime, the scores. Run with a folder, it is saved there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mlflow
from onnx_scores import load


class Scores(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """The model."""

    def load_context(self, context: Any) -> None:  # noqa: ARG002  # as MLflow has it
        """Open the file."""
        self._scores = load()

    def predict(self, context: Any, model_input: Any, params: Any = None) -> list[float]:  # noqa: ARG002
        """Scores of a matrix of rows."""
        return self._scores(model_input)


if __name__ == "__main__":
    mlflow.pyfunc.save_model(
        sys.argv[1], python_model=__file__, code_paths=[str(Path(__file__).with_name("onnx_scores.py"))]
    )
else:
    mlflow.models.set_model(Scores())
