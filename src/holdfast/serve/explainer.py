"""What each feature of a row brings to its score, against the background rows of the release: see docs/explanation.md."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError, ModelError, ReleaseError
from holdfast.models.session import start, tensor
from holdfast.serve.engine import Engine
from holdfast.serve.errors import ServeError
from holdfast.serve.outputs import BASE
from holdfast.serve.request import Explanation, Reply
from holdfast.serve.rows import Row

if TYPE_CHECKING:
    from holdfast.explain.online import Online

MOST_ROWS = 1_000
"""Rows of one request whose contributions are told; of slow models fewer."""

MOST_SECONDS = 5.0
"""What these may take."""

logger = logging.getLogger("holdfast.serve")


class Explainer:
    """Explains the answers of a release. For one thread, in which it is made ready when it is first asked.

    Parameters
    ----------
    engine
        What answers.
    background
        Reads the background rows.
    """

    def __init__(self, engine: Engine, background: Callable[[], pa.Table]) -> None:
        self._engine, self._background = engine, background
        self._online: Online | None = None
        self._refused = False

    def expected(self, rows: int, seconds: float) -> float:
        """Seconds that a request will take, as far as is known; `seconds` is what sampling may take."""
        if self._online is None:
            return seconds
        return max(rows * self._online.row_seconds, 0.0 if self._online.is_exact else seconds)

    def prepare(self, rows: int) -> None:
        """Be ready to explain so many rows of a request.

        Raises
        ------
        ServeError
            413: too many; 422: the release has no background rows that its model answers.
        """
        if self._online is None and not self._refused:
            try:
                self._online = self._made()
            except (InputError, ModelError, ReleaseError) as error:
                self._refused = True
                logger.warning("%s cannot be explained: %s", self._engine.released.name, error)
        if self._online is None:
            raise ServeError(
                422, "Contributions need background rows, and the release has none that its model answers."
            )
        most = max(1, min(MOST_ROWS, int(MOST_SECONDS / max(self._online.row_seconds, 1e-9))))
        if rows > most:
            raise ServeError(413, f"Contributions are told of at most {most} rows of this model at once: send fewer.")

    def explain(self, reply: Reply, tuples: Sequence[Row], seconds: float) -> None:
        """Put contributions into a reply.

        Parameters
        ----------
        tuples
            The reply's rows.
        seconds
            What sampling may take.
        """
        assert self._online is not None
        answered, span = reply.answered, slice(reply.first, reply.first + reply.rows)
        place = {name: k for k, name in enumerate(answered.classes)}
        targets = [place.get(decision, -1) if place else 0 for decision in answered.decision[span]]
        scores = [one[k] if place else one for one, k in zip(answered.score[span], targets, strict=True)]
        told = [i for i, (k, score) in enumerate(zip(targets, scores, strict=True)) if k >= 0 and math.isfinite(score)]
        reply.contributions = [{} for _ in scores]
        reply.explanation = Explanation(scale="score", method="none", background=0)
        if not told:
            return
        tensors = self._engine.tensors(self._engine.rows([tuples[i] for i in told]))
        try:
            found = self._online.explain(tensors, np.array(scores)[told], np.array(targets)[told], seconds)
        except ModelError as error:
            logger.warning("answers of %s go out without contributions: %s", self._engine.released.name, error)
            return
        reply.explanation = Explanation(
            scale="score", method=found.method, background=found.background, pairs=found.pairs, error=found.error
        )
        names = (*self._engine.released.model.features, BASE)
        for i, row in zip(told, np.column_stack([found.values, found.base]).tolist(), strict=True):
            reply.contributions[i] = dict(zip(names, row, strict=True))

    def _made(self) -> Online:
        # Those who never ask do not pay for it.
        from holdfast.explain.online import Online
        from holdfast.explain.owners import Columns as Owned

        model, rows = self._engine.released.model, self._background()
        pieces, place = model.signature.inputs, {name: k for k, name in enumerate(model.features)}
        return Online(
            model.content,
            {one.name: Owned(tuple(frozenset([place[name]]) for name in one.features), one.flat) for one in pieces},
            len(place),
            lambda tensors: (scores := self._engine.scored(tensors)).reshape(len(scores), -1),
            {one.name: tensor(rows, one, model.signature.null_text) for one in pieces},
            _loaded,
        )


def _loaded(content: bytes) -> Callable[[Mapping[str, NDArray[Any]]], NDArray[Any]]:
    """A small ONNX model, ready to run."""
    session = start(content)
    names = [one.name for one in session.get_inputs()]

    def run(tensors: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        (made,) = session.run(None, {name: tensors[name] for name in names})
        return np.asarray(made)

    return run
