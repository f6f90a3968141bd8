"""Contributions to the margins of a linear model, against background rows: weights times differences."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.explain.graph import Graph, Node
from holdfast.explain.mixing import Array


class Weights(NamedTuple):
    """A linear model: its weights, shape (C, J), for C columns of a matrix and J margins, and intercepts, shape (J,)."""

    weights: Array
    intercepts: Array

    @property
    def columns(self) -> NDArray[np.intp]:
        """The columns that count."""
        return np.flatnonzero(self.weights.any(axis=1))


class Linear:
    """A linear model that knows background rows.

    Parameters
    ----------
    owners
        Of each column, the feature that it is made of; P where it is made of none.
    features
        How many there are, P.
    known
        The matrix of the background rows, shape (B, C).
    """

    def __init__(self, model: Weights, owners: NDArray[np.intp], features: int, known: NDArray[Any]) -> None:
        self._columns = model.columns  # what has no weight may be missing
        self._weights, self._intercepts = model.weights[self._columns], model.intercepts
        self._owns = (owners[self._columns, None] == np.arange(features)).astype(np.float64)
        self._known = self._parts(self.read(known))

    def read(self, matrix: NDArray[Any]) -> Array:
        """The columns that count, as doubles."""
        return matrix[:, self._columns].astype(np.float64)

    def margins(self, read: Array) -> Array:
        """Shape (n, J), of rows that were read."""
        return np.asarray(read @ self._weights + self._intercepts)

    def contributions(self, read: Array, slopes: Array) -> Array:
        """What each feature brings, times the slope of each background row and margin, summed over both.

        Parameters
        ----------
        read
            Of a row that was read.
        slopes
            Shape (B, J).

        Returns
        -------
        array, shape (P,)
        """
        own = self._parts(read[None])[0]
        return np.asarray(own @ slopes.sum(axis=0) - np.einsum("bpj,bj->p", self._known, slopes))

    def _parts(self, read: Array) -> Array:
        """What each feature adds to the margins, shape (n, P, J)."""
        return np.stack([(read * weights) @ self._owns for weights in self._weights.T], axis=2)


def weights_of(graph: Graph, node: Node) -> Weights | None:
    """The weights of a node; None if it is not linear."""
    held = node.attributes
    match node.kind:
        case "LinearRegressor" | "LinearClassifier":
            intercepts = held["intercepts"].floats().astype(np.float64) if "intercepts" in held else np.zeros(1)
            weights = held["coefficients"].floats().astype(np.float64).reshape(len(intercepts), -1).T
        case "MatMul" if (constant := graph.constant(node.inputs[1])) is not None and constant.ndim <= 2:
            weights = constant.reshape(len(constant), -1).astype(np.float64)
            intercepts = np.resize(_added(graph, node), weights.shape[1])
        case _:
            return None
    return Weights(weights, intercepts)


def _added(graph: Graph, node: Node) -> Array:
    """What the next node adds to what a node makes."""
    (made,) = node.outputs
    for reader in graph.nodes:
        if reader.kind == "Add" and made in reader.inputs:
            constants = [graph.constant(name) for name in reader.inputs if name != made]
            return np.concatenate(
                [one.ravel().astype(np.float64) for one in constants if one is not None] or [np.zeros(1)]
            )
    return np.zeros(1)
