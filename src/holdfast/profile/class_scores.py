"""Scores of several classes by truth: the confusion matrix, and a score table of each class against the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import InputError, ProfileError
from holdfast.profile.envelope import array_in, array_out, seal, unseal
from holdfast.profile.rowwise import weights_of
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import ScoreTable

Floats = NDArray[np.float64]

MAGIC = b"HOLDFAST-CLASSES\n"
VERSION = 1

EDGES = ScoreEdges.standard(steps=16)
"""Coarser than for two classes, because there is a table for each."""


@dataclass(frozen=True, eq=False, slots=True)
class ClassTable:
    """Rows by truth and answer, and scores of each class.

    Attributes
    ----------
    classes
        Names of the K classes, in the order of the codes.
    counts, weights, squares
        Rows, weights and squared weights by truth and answer, each of shape (K, K).
    loss
        Sums of weight x log loss, of weight squared x log loss, and of both squared.
    tables
        A table for each class: its probability, and whether it was the truth.
    missing
        Rows with a score that is NaN or no probability. They stand nowhere else.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    weights: Floats
    squares: Floats
    loss: Floats
    tables: tuple[ScoreTable, ...]
    missing: int = 0

    @staticmethod
    def count(
        classes: tuple[str, ...],
        scores: Floats,
        truth: NDArray[np.integer[Any]],
        answer: NDArray[np.integer[Any]] | None = None,
        weight: Floats | None = None,
        edges: ScoreEdges = EDGES,
    ) -> ClassTable:
        """Table of one batch of n rows.

        Parameters
        ----------
        classes
            Names of the K classes.
        scores
            Probabilities, shape (n, K).
        truth
            Places in `classes`, shape (n,); -1 where the truth is not known: such a row counts for the score tables.
        answer
            Places in `classes`, shape (n,); None for the class with the highest score.
        weight
            Weights of the rows, finite and >= 0, shape (n,); None if all count alike.
        edges
            Bins of the score tables.

        Raises
        ------
        InputError
            If the shapes differ, a truth or an answer is no class, or a weight is not as above.

        Examples
        --------
        >>> scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
        >>> ClassTable.count(("a", "b", "c"), scores, np.array([0, 1])).counts.tolist()
        [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
        """
        scores, size = np.asarray(scores, dtype=np.float64), len(classes)
        rows = len(scores)
        if scores.shape != (rows, size):
            raise InputError(f"Expected scores of shape ({rows:,}, {size}), one for each class; got {scores.shape}.")
        truth = _places(truth, rows, size, -1, "truth")
        inside = ((scores >= 0) & (scores <= 1)).all(axis=1)
        weight, missing = weights_of(weight, rows)[inside], rows - int(inside.sum())
        answer = scores.argmax(axis=1) if answer is None else _places(answer, rows, size, 0, "answer")
        scores, truth, answer = scores[inside], truth[inside], answer[inside]
        known = truth >= 0
        cells, sure = truth[known] * size + answer[known], weight[known]
        bound = np.finfo(np.float64).eps
        # Normed and bounded as scikit-learn does.
        normed = scores[known] / scores[known].sum(axis=1, keepdims=True).clip(bound)
        loss = -np.log(normed[np.arange(len(sure)), truth[known]].clip(bound, 1))
        counts = np.bincount(cells, minlength=size**2).reshape(size, size)
        weights, squares = (
            np.bincount(cells, w, size**2).reshape(size, size).astype(np.float64) for w in (sure, sure**2)
        )
        return ClassTable(
            classes,
            counts,
            weights,
            squares,
            np.array([sure @ loss, sure**2 @ loss, sure**2 @ loss**2]),
            tuple(
                ScoreTable.count(edges, scores[:, place], np.where(known, truth == place, np.nan), weight)
                for place in range(size)
            ),
            missing,
        )

    def __add__(self, other: ClassTable) -> ClassTable:
        """Rows of both."""
        return self._with(other, 1, tuple(a + b for a, b in zip(self.tables, other.tables, strict=False)))

    def __sub__(self, other: ClassTable) -> ClassTable:
        """Rows of `self` without those of `other`."""
        return self._with(other, -1, tuple(a - b for a, b in zip(self.tables, other.tables, strict=False)))

    def __eq__(self, other: object) -> bool:
        """Same classes, counts and sums, to the last digit."""
        return isinstance(other, ClassTable) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    @property
    def rows(self) -> int:
        """Rows with scores and a known truth."""
        return int(self.counts.sum())

    def to_bytes(self) -> bytes:
        """The table as bytes, in the envelope of `profile.envelope`."""
        body = {
            "classes": self.classes,
            "counts": array_out(self.counts),
            "sums": [array_out(array) for array in (self.weights, self.squares, self.loss)],
            "tables": [table.to_bytes() for table in self.tables],
            "missing": self.missing,
        }
        return seal(MAGIC, VERSION, self.tables[0].edges.digest, body)

    @staticmethod
    def from_bytes(data: bytes, where: str = "these bytes") -> ClassTable:
        """The table that `to_bytes` wrote; `ProfileError` if the bytes are damaged or no class table."""
        body = unseal(MAGIC, VERSION, data, where, "class table")
        size = len(body["classes"])
        weights, squares, loss = map(array_in, body["sums"])
        return ClassTable(
            tuple(body["classes"]),
            array_in(body["counts"]).reshape(size, size),
            weights.reshape(size, size),
            squares.reshape(size, size),
            loss,
            tuple(ScoreTable.from_bytes(table, where) for table in body["tables"]),
            body["missing"],
        )

    def _with(self, other: ClassTable, sign: int, tables: tuple[ScoreTable, ...]) -> ClassTable:
        if self.classes != other.classes:
            raise ProfileError(
                "The two class tables have different classes. Make both with the same ones, in one order."
            )
        sums = {
            name: getattr(self, name) + sign * getattr(other, name)
            for name in ("counts", "weights", "squares", "loss", "missing")
        }
        return replace(self, **sums, tables=tables)


def _places(codes: NDArray[np.integer[Any]], rows: int, size: int, least: int, what: str) -> NDArray[np.intp]:
    codes = np.asarray(codes)
    if codes.shape != (rows,) or codes.dtype.kind not in "iu":
        raise InputError(f"Expected the {what} as {rows:,} whole numbers; got {codes.dtype} of shape {codes.shape}.")
    wrong = int(((codes < least) | (codes >= size)).sum())
    if wrong:
        raise InputError(f"Expected the {what} as places among {size} classes; {wrong:,} of {rows:,} are none.")
    return codes.astype(np.intp)
