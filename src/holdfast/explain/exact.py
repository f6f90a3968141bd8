"""Exact contributions of models that are linear or trees, with preprocessing that keeps features apart, from their ONNX form.

The part of the graph that makes the matrix of the model is cut out and run; which feature each of its columns is made of is
read from the operators. The weights or trees are read from their node, and give contributions to the margins. The link is
found by trying which one makes the model's scores of them: where none does, something else happens on the way, and these
contributions are not taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.explain.forest import Forest
from holdfast.explain.graph import Graph
from holdfast.explain.linear import Linear, Weights, weights_of
from holdfast.explain.links import Link, link_of
from holdfast.explain.mixing import Array
from holdfast.explain.owners import Columns, owners
from holdfast.explain.tree_nodes import Trees, trees_of

TREE_ROWS = 100
"""Background rows of trees, each of which costs time in every row."""

FEWEST_ROWS = 20

PAIRS = 1_000_000
"""Background rows times leaves, or times features and margins: 20 MB at most, and 10 ms for each row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """How contributions are found.

    Attributes
    ----------
    model
        What adds up to the margins.
    matrix
        Name of the value that it reads, shape (n, C).
    front
        An ONNX model that makes it of what the whole model is fed; None where it is one of these values itself.
    owners
        Of each column, the place of the feature that it is made of; P where it is made of none.
    features
        How many there are, P.
    """

    model: Weights | Trees
    matrix: str
    front: bytes | None
    owners: NDArray[np.intp]
    features: int

    @property
    def rows(self) -> int:
        """The most background rows."""
        if isinstance(self.model, Weights):
            return max(FEWEST_ROWS, PAIRS // max(1, self.features * len(self.model.intercepts)))
        return min(TREE_ROWS, PAIRS // max(1, len(self.model.leaves)))


def plan_of(content: bytes, inputs: Mapping[str, Columns], features: int) -> Plan | None:
    """How exact contributions of a model are found; None if it is no linear model and no trees.

    Parameters
    ----------
    content
        The model.
    inputs
        What it is fed, and the place of the feature in each column.
    features
        How many there are, P.

    Raises
    ------
    ModelError
        The model cannot be read.
    """
    graph = Graph(content)
    try:
        return _plan(graph, inputs, features)
    except (KeyError, IndexError, ValueError) as error:  # attributes that the operators have by their definition
        raise ModelError("the ONNX model cannot be read: an operator lacks what it must have") from error


def _plan(graph: Graph, inputs: Mapping[str, Columns], features: int) -> Plan | None:
    found = [
        (node.inputs[0], model)
        for node in graph.nodes
        if (model := weights_of(graph, node) or trees_of(node, PAIRS // FEWEST_ROWS)) is not None
    ]
    if len(found) != 1:
        return None
    ((matrix, model),) = found
    made_of = owners(graph, inputs, matrix)
    if made_of is None or any(len(made_of[column]) > 1 for column in model.columns):
        return None
    owner = np.array([min(some) if len(some) == 1 else features for some in made_of])
    front = None if matrix in inputs else graph.cut(matrix)
    return Plan(model=model, matrix=matrix, front=front, owners=owner, features=features)


class Additive(Protocol):
    """What adds up to margins, and knows background rows; see `Linear` and `Forest`."""

    def read(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """What it has to know of rows."""

    def margins(self, read: NDArray[Any]) -> Array:
        """Shape (n, J)."""

    def contributions(self, read: NDArray[Any], slopes: Array) -> Array:
        """Of one row, shape (P,)."""


class Exact:
    """Exact contributions, against background rows.

    Attributes
    ----------
    rows
        How many there are.
    link
        What makes scores of margins.
    """

    def __init__(self, model: Additive, link: Link, margins: Array, scores: Array) -> None:
        self.rows, self.link = len(margins), link
        self._model, self._margins, self._base = model, margins, scores.mean(axis=0)

    def contributions(self, matrix: NDArray[Any], targets: NDArray[np.intp]) -> tuple[Array, Array]:
        """Contributions to one score of each row.

        Parameters
        ----------
        matrix
            Of the rows, shape (n, C).
        targets
            Which score, (n,): 0, or the place of a class.

        Returns
        -------
        values
            Shape (n, P).
        base
            Mean score of the background rows, (n,). With the values it adds up to the score, but for rounding.
        """
        values = [self._of(row[None], target) for row, target in zip(matrix, targets.tolist(), strict=True)]
        return np.array(values), self._base[targets]

    def _of(self, row: NDArray[Any], target: int) -> Array:
        read = self._model.read(row)
        slopes = self.link.slopes(self._model.margins(read)[0], self._margins, target)
        return self._model.contributions(read[0], slopes / self.rows)


def exact(plan: Plan, matrix: NDArray[Any], scores: Array) -> Exact | None:
    """Exact contributions; None where the margins do not explain the scores, or too few background rows could be used.

    Parameters
    ----------
    matrix
        Of the background rows, shape (N, C). Of more than `plan.rows`, those in the middle of equal strata of their score.
    scores
        Of these, shape (N, K), finite.

    Raises
    ------
    ModelError
        The nodes of the model are no trees.
    """
    kept = stratified(scores[:, 0], plan.rows)
    if len(kept) < min(FEWEST_ROWS, len(scores)):
        return None
    matrix, scores = matrix[kept], scores[kept]
    model = _additive(plan, matrix)
    margins = model.margins(model.read(matrix))
    link = link_of(margins, scores)
    return None if link is None else Exact(model, link, margins, scores)


def _additive(plan: Plan, known: NDArray[Any]) -> Additive:
    if isinstance(plan.model, Weights):
        return Linear(plan.model, plan.owners, plan.features, known)
    return Forest(plan.model, plan.owners, plan.features, known)


def stratified(score: Array, rows: int) -> NDArray[np.intp]:
    """Places of those rows that are in the middle of equal strata of a score.

    Examples
    --------
    >>> stratified(np.array([0.9, 0.1, 0.5, 0.3, 0.2, 0.8]), 3).tolist()
    [4, 2, 0]
    """
    order = np.argsort(score, kind="stable")
    rows = min(rows, len(order))
    return order[((np.arange(rows) + 0.5) / max(rows, 1) * len(order)).astype(np.intp)]
