"""A service of BentoML, as its documentation has it, with one worker: ONNX Runtime, the scores."""

from __future__ import annotations

import bentoml
from onnx_scores import load


@bentoml.service(workers=1)
class Scores:
    """The model."""

    def __init__(self) -> None:
        self._scores = load()

    @bentoml.api  # type: ignore[untyped-decorator]
    async def predict(self, rows: list[list[float]]) -> list[float]:
        """Scores of rows."""
        return self._scores(rows)
