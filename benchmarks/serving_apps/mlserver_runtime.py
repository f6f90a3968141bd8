"""A runtime of MLServer, as its documentation has it: NumPy's codec, ONNX Runtime, the scores."""

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from onnx_scores import load


class Scores(MLModel):  # type: ignore[misc]
    """The model."""

    async def load(self) -> bool:
        """Open the file."""
        self._scores = load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Scores of a tensor of rows."""
        scores = np.array(self._scores(NumpyCodec.decode_input(payload.inputs[0])))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output(name="score", payload=scores)])
