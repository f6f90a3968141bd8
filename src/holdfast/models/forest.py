"""Ensembles of decision trees as one ONNX node, with the comparisons of the library that fitted them.

`TreeEnsembleRegressor` of `ai.onnx.ml` 3 takes thresholds, leaves and inputs as doubles: a library that compares doubles
then decides exactly as ONNX does, and a float32 input is compared as the same number. Where a library compares
float32 (XGBoost), so does the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from holdfast.models.graph import ML, Graph


class Split(NamedTuple):
    """Rows whose value is at most (or below) a threshold go to `left`; with `members`, rows whose value is one of them.

    Attributes
    ----------
    column
        Of the matrix that the trees read.
    missing_left
        Whether rows without a value go left.
    left, right
        Places of the children in the tree.
    """

    column: int
    threshold: float
    missing_left: bool
    left: int
    right: int
    members: tuple[float, ...] | None = None


class Leaf(NamedTuple):
    """What a tree adds to the score."""

    value: float


Tree = Sequence[Split | Leaf]
"""Nodes by place; the root is the first."""


class Forest:
    """Trees, collected into the attributes of one node.

    Parameters
    ----------
    outputs
        Numbers per row.
    below
        Compare `<` and not `<=`.
    """

    def __init__(self, outputs: int, *, below: bool = False) -> None:
        self.outputs = outputs
        self.mode = "BRANCH_LT" if below else "BRANCH_LEQ"
        self.trees = 0
        self.nodes: list[tuple[int, int, str, int, float, int, int, int]] = []
        self.leaves: list[tuple[int, int, int, float]] = []

    def add(self, tree: Tree, output: int = 0, weight: float = 1.0) -> None:
        """Add a tree whose leaves count for one of the outputs."""
        spare = len(tree)
        for place, node in enumerate(tree):
            if isinstance(node, Leaf):
                self._node(place, "LEAF", 0, 0.0, 0, 0)
                self.leaves.append((self.trees, place, output, node.value * weight))
            elif node.members is None:
                self._node(place, self.mode, node.column, node.threshold, node.left, node.right, node.missing_left)
            else:
                # A chain of equalities whose true branches meet in the same child: ONNX Runtime makes it one set.
                # Without members all rows go right: NaN equals nothing.
                members = node.members or (np.nan,)
                here = place
                for last, member in zip([*[False] * (len(members) - 1), True], members, strict=True):
                    onward = node.right if last else spare
                    self._node(here, "BRANCH_EQ", node.column, member, node.left, onward, node.missing_left)
                    if not last:
                        here, spare = spare, spare + 1
        self.trees += 1

    def _node(
        self, place: int, mode: str, column: int, value: float, left: int, right: int, missing_left: bool = False
    ) -> None:
        self.nodes.append((self.trees, place, mode, column, value, left, right, int(missing_left)))

    def emit(self, graph: Graph, matrix: str, base: ArrayLike, *, double: bool) -> str:
        """Put the node into a graph.

        Parameters
        ----------
        matrix
            Name of the tensor that the trees read; of doubles if `double`, else of floats.
        base
            Added to each output.

        Returns
        -------
        str
            Name of a tensor of floats, shape (n, outputs).
        """
        dtype = np.float64 if double else np.float32
        tree, place, mode, column, value, left, right, missing = zip(*self.nodes, strict=True)
        leaf_tree, leaf_place, leaf_output, leaf_value = zip(*self.leaves, strict=True)
        thresholds = np.array(value, dtype)
        weights, bases = np.array(leaf_value, dtype), np.array(base, dtype)
        stored = (
            {
                "nodes_values_as_tensor": graph.tensor(thresholds, "thresholds"),
                "target_weights_as_tensor": graph.tensor(weights, "leaves"),
                "base_values_as_tensor": graph.tensor(bases, "base"),
            }
            if double
            else {"nodes_values": thresholds, "target_weights": weights, "base_values": bases}
        )
        return graph.node(
            "TreeEnsembleRegressor",
            [matrix],
            domain=ML,
            n_targets=self.outputs,
            nodes_treeids=tree,
            nodes_nodeids=place,
            nodes_modes=mode,
            nodes_featureids=column,
            nodes_truenodeids=left,
            nodes_falsenodeids=right,
            nodes_missing_value_tracks_true=missing,
            target_treeids=leaf_tree,
            target_nodeids=leaf_place,
            target_ids=leaf_output,
            post_transform="NONE",
            **stored,
        )


def probabilities(graph: Graph, margin: str, outputs: int) -> str:
    """Probabilities of all classes, shape (n, K), from log odds (n, 1) or from one margin per class."""
    if outputs > 1:
        return graph.node("Softmax", [margin], axis=1)
    positive = graph.node("Sigmoid", [margin])
    one = graph.constant([[1.0]], np.float32)
    return graph.node("Concat", [graph.node("Sub", [one, positive]), positive], axis=1)
