"""Contributions to scores that a model in ONNX has just given: exact where it is linear or trees, sampled within a time else."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.explain.exact import Exact, exact, plan_of
from holdfast.explain.mixing import Array
from holdfast.explain.owners import Columns
from holdfast.explain.shapley import shared_out
from holdfast.explain.timed import FIRST_PAIRS, timed_contributions

Tensors: TypeAlias = Mapping[str, NDArray[Any]]
Score: TypeAlias = Callable[[Tensors], Array]
"""Scores of rows, shape (n, K)."""
Run: TypeAlias = Callable[[Tensors], NDArray[Any]]
Method: TypeAlias = Literal["interventional", "rescaled", "sampling"]

BATCH_ROWS = 2_048
"""Mixed rows that are scored at once: others wait for the processor meanwhile."""

TOLERANCE = 1e-4
"""Largest rounding of a sum of exact contributions, relative to 1 + the score: models add up in float32."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explained:
    """Contributions of P features to a score of each of n rows.

    Attributes
    ----------
    values
        Shape (n, P).
    base
        Mean score of the background rows, (n,). With the values it adds up to the score.
    method
        `interventional`: exact Shapley values of the score. `rescaled`: exact ones of the margin, brought to the score (see
        `links`). `sampling`: estimates of those of the score.
    background
        How many background rows stand for what is not known.
    pairs, error
        Of sampling: how many pairs of orders were drawn for each row, and the largest standard error of a contribution.
    """

    values: Array
    base: Array
    method: Method
    background: int
    pairs: int | None = None
    error: float | None = None


class Online:
    """Explains scores of one model. For one thread.

    Parameters
    ----------
    content
        The model.
    inputs
        What it is fed, and the place of the feature in each column.
    features
        How many there are, P.
    score
        Asks the model.
    known
        What it is fed for background rows.
    load
        Makes an ONNX model ready to run, to its only output.

    Raises
    ------
    ModelError
        The model has no finite scores for any background row.

    Attributes
    ----------
    row_seconds
        About what a row takes: what it took once.
    """

    def __init__(
        self,
        content: bytes,
        inputs: Mapping[str, Columns],
        features: int,
        score: Score,
        known: Tensors,
        load: Callable[[bytes], Run],
    ) -> None:
        self._inputs, self._features, self._score = inputs, features, score
        scores = score(known)
        sound = np.isfinite(scores).all(axis=1)
        if not sound.any():
            raise ModelError("the model has no finite score for any of the background rows")
        self._known = {name: tensor[sound] for name, tensor in known.items()}
        self._known_scores = scores[sound]
        self._matrix: Run | None = None
        self._exact: Exact | None = None
        try:
            self._find_exact(content, load)
        except ModelError:
            self._exact = None  # sampling always works
        self.row_seconds = self._measured()

    @property
    def is_exact(self) -> bool:
        """Whether contributions are exact."""
        return self._exact is not None

    def explain(self, tensors: Tensors, scores: Array, targets: NDArray[np.intp], seconds: float) -> Explained:
        """Contributions to one score of each row.

        Parameters
        ----------
        tensors
            What the model was fed, n rows.
        scores
            What it answered: the score that is explained, (n,).
        targets
            Which of its K scores that is, (n,).
        seconds
            What sampling may take; two pairs of orders are drawn in any case.

        Raises
        ------
        ModelError
            The model has no finite score for mixes of rows and background rows.
        """
        return self._exactly(tensors, scores, targets) or self._sampled(tensors, scores, targets, seconds)

    def _find_exact(self, content: bytes, load: Callable[[bytes], Run]) -> None:
        plan = plan_of(content, self._inputs, self._features)
        if plan is not None:
            name = plan.matrix
            self._matrix = load(plan.front) if plan.front is not None else lambda tensors: tensors[name]
            self._exact = exact(plan, self._matrix(self._known), self._known_scores)

    def _exactly(self, tensors: Tensors, scores: Array, targets: NDArray[np.intp]) -> Explained | None:
        if self._exact is None or self._matrix is None:
            return None
        values, base = self._exact.contributions(self._matrix(tensors), targets)
        left = scores - base - values.sum(axis=1)
        if (np.abs(left) > TOLERANCE * (1 + np.abs(scores))).any():
            return None
        values += shared_out(left, values, np.zeros_like(values))
        method: Method = "interventional" if self._exact.link.linear else "rescaled"
        return Explained(values=values, base=base, method=method, background=self._exact.rows)

    def _sampled(self, tensors: Tensors, scores: Array, targets: NDArray[np.intp], seconds: float) -> Explained:
        known = self._known_scores.T

        def mixed(own: NDArray[np.bool_], row: NDArray[np.intp], other: NDArray[np.intp]) -> Array:
            found = np.empty(len(row))
            for start in range(0, len(row), BATCH_ROWS):
                some = slice(start, start + BATCH_ROWS)
                scored = self._score(self._mixed(tensors, own[some], row[some], other[some]))
                found[some] = scored[np.arange(len(scored)), targets[row[some]]]
            if not np.isfinite(found).all():
                raise ModelError("the model has no finite scores for mixes of rows and background rows")
            return found

        found = timed_contributions(
            mixed, self._features, scores, known, targets, _numbers(tensors, len(scores)), seconds=seconds
        )
        return Explained(
            values=found.values,
            base=known.mean(axis=1)[targets],
            method="sampling",
            background=known.shape[1],
            pairs=found.pairs,
            error=float(found.errors.max()),
        )

    def _mixed(
        self, tensors: Tensors, own: NDArray[np.bool_], row: NDArray[np.intp], other: NDArray[np.intp]
    ) -> dict[str, NDArray[Any]]:
        """Rows that keep some features, and take the others from background rows."""
        made = {}
        for name, columns in self._inputs.items():
            (places,) = zip(*(tuple(owner) for owner in columns.owners), strict=True)
            keeps = own[:, places[0]] if columns.flat else own[:, places]
            made[name] = np.where(keeps, tensors[name][row], self._known[name][other])
        return made

    def _measured(self) -> float:
        """Seconds that a row takes, exactly, or sampled with as few draws as may be: the best of three tries."""
        some = min(len(self._known_scores), 1 if self.is_exact else 256)
        fed = {name: tensor[:some] for name, tensor in self._known.items()}
        tries = []
        for _ in range(3):
            started = time.monotonic()
            if self.is_exact:
                self._exactly(fed, self._known_scores[:1, 0], np.zeros(1, dtype=np.intp))
            else:
                self._score(fed)
            tries.append((time.monotonic() - started) / some)
        return min(tries) if self.is_exact else min(tries) * 2 * FIRST_PAIRS * max(self._features - 1, 1)


def _numbers(tensors: Tensors, rows: int) -> list[int]:
    """64 bits of each row's values."""
    found = []
    for i in range(rows):
        digest = hashlib.blake2b(digest_size=8)
        for tensor in tensors.values():
            row = tensor[i]
            digest.update(repr(np.ravel(row).tolist()).encode() if tensor.dtype == object else row.tobytes())
        found.append(int.from_bytes(digest.digest(), "little"))
    return found
