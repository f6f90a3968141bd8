"""Ensembles of decision trees as one ONNX node, with the comparisons of the library that fitted them.

`TreeEnsembleRegressor` of `ai.onnx.ml` 3 takes thresholds, leaves and inputs as doubles: a library that compares doubles
then decides exactly as ONNX does, and a float32 input is compared as the same number. Where a library compares
float32 (XGBoost), so does the node.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from holdfast.models.category_sets import labelled
from holdfast.models.graph import ML, Graph
from holdfast.models.tree import Leaf, Tree


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
        self.trees: list[Tree] = []
        self.counts_for: list[tuple[int, float]] = []

    def add(self, tree: Tree, output: int = 0, weight: float = 1.0) -> None:
        """Add a tree whose leaves count for one of the outputs."""
        self.trees.append(tree)
        self.counts_for.append((output, weight))

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
        matrix, trees = labelled(graph, matrix, self.trees, "double" if double else "float")
        nodes = [(at, *node) for at, tree in enumerate(trees) for node in _nodes(tree, self.mode)]
        leaves = [
            (at, place, output, node.value * weight)
            for at, (tree, (output, weight)) in enumerate(zip(trees, self.counts_for, strict=True))
            for place, node in enumerate(tree)
            if isinstance(node, Leaf)
        ]
        tree_of, place, mode, column, value, left, right, missing = zip(*nodes, strict=True)
        leaf_tree, leaf_place, leaf_output, leaf_value = zip(*leaves, strict=True)
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
            nodes_treeids=tree_of,
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


def _nodes(tree: Tree, mode: str) -> Iterator[tuple[int, str, int, float, int, int, int]]:
    """Of each node of the ONNX tree: place, mode, column, value, true child, false child, whether missing is true."""
    spare = len(tree)
    for place, node in enumerate(tree):
        if isinstance(node, Leaf):
            yield place, "LEAF", 0, 0.0, 0, 0, 0
        elif node.members is None:
            yield place, mode, node.column, node.threshold, node.left, node.right, int(node.missing_left)
        else:
            # A chain of equalities whose true branches meet in the same child.
            # Without members all rows go right: NaN equals nothing.
            members = node.members or (np.nan,)
            chain = [place, *range(spare, spare + len(members) - 1)]
            spare += len(members) - 1
            for here, onward, member in zip(chain, [*chain[1:], node.right], members, strict=True):
                yield here, "BRANCH_EQ", node.column, member, node.left, onward, int(node.missing_left)


def probabilities(graph: Graph, margin: str, outputs: int) -> str:
    """Probabilities of all classes, shape (n, K), from log odds (n, 1) or from one margin per class."""
    if outputs > 1:
        return graph.node("Softmax", [margin], axis=1)
    positive = graph.node("Sigmoid", [margin])
    one = graph.constant([[1.0]], np.float32)
    return graph.node("Concat", [graph.node("Sub", [one, positive]), positive], axis=1)
