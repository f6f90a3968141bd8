"""What tests of contributions share: fitted models in ONNX, and what explains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from holdfast.explain.online import Online
from holdfast.explain.owners import Columns


class Explained(NamedTuple):
    """A model in ONNX: what explains it, what it is fed for rows, and how it scores what it is fed."""

    online: Online
    fed: Callable[[pa.Table], dict[str, np.ndarray]]
    score: Callable[[dict[str, np.ndarray]], np.ndarray]
    inputs: dict[str, Columns]


@pytest.fixture
def explained() -> Callable[..., Explained]:
    """Converts a fitted model, and explains it against background rows."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from holdfast.models.convert import to_onnx
    from holdfast.models.loading import load_model
    from holdfast.models.session import OnnxSession, start, tensor

    def load(content: bytes) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
        session = start(content)
        names = [one.name for one in session.get_inputs()]
        return lambda tensors: np.asarray(session.run(None, {name: tensors[name] for name in names})[0])

    def made(fitted: Any, features: Sequence[str], background: pa.Table) -> Explained:
        session = OnnxSession(to_onnx(load_model(fitted, features=features), background.select(list(features))))
        pieces, places = session.signature.inputs, {name: k for k, name in enumerate(session.features)}
        inputs = {
            one.name: Columns(tuple(frozenset([places[name]]) for name in one.features), one.flat) for one in pieces
        }

        def fed(rows: pa.Table) -> dict[str, np.ndarray]:
            return {one.name: tensor(rows, one, session.signature.null_text) for one in pieces}

        def score(tensors: dict[str, np.ndarray]) -> np.ndarray:
            return session.run(tensors).reshape(len(next(iter(tensors.values()))), -1)

        online = Online(session.content, inputs, len(places), score, fed(background), load)
        return Explained(online, fed, score, inputs)

    return made
