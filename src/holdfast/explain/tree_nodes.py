"""The trees of an ONNX node, and the ways through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.explain.graph import Attribute, Node
from holdfast.explain.mixing import Array

LEAF = "LEAF"
EQUAL = "BRANCH_EQ"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """Nodes of all trees: N of them, of which L are leaves, for J margins.

    Attributes
    ----------
    mode, column, threshold, missing
        Of each node: its test, what it looks at, and whether a missing value passes it.
    passed, failed
        Where rows go that pass the test, and the others.
    leaves
        Which nodes are leaves.
    values
        What each leaf adds to the margins, shape (L, J).
    base
        Added to the margins, shape (J,).
    """

    mode: NDArray[np.str_]
    column: NDArray[np.int64]
    threshold: NDArray[Any]
    missing: NDArray[np.bool_]
    passed: NDArray[np.intp]
    failed: NDArray[np.intp]
    leaves: NDArray[np.intp]
    values: Array
    base: Array

    @property
    def columns(self) -> NDArray[np.int64]:
        """The columns that some test looks at."""
        return np.unique(self.column[self.mode != LEAF])


def trees_of(node: Node, most_leaves: int) -> Trees | None:
    """The trees of a node; None if it has none, has more leaves, or does not add them up."""
    prefix = {"TreeEnsembleRegressor": "target", "TreeEnsembleClassifier": "class"}.get(node.kind)
    if prefix is None:
        return None
    held = node.attributes
    sums = held["aggregate_function"].text() if "aggregate_function" in held else "SUM"
    tree, number = held["nodes_treeids"].ints(), held["nodes_nodeids"].ints()
    if sums not in ("SUM", "AVERAGE") or len(tree) > 2 * most_leaves:  # each test makes one way more
        return None
    mode = np.array(held["nodes_modes"].texts())
    leaves = np.flatnonzero(mode == LEAF)
    keys = tree * (number.max() + 1) + number
    order = np.argsort(keys)

    def place(trees: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.intp]:
        found: NDArray[np.intp] = order[np.searchsorted(keys, trees * (number.max() + 1) + numbers, sorter=order)]
        return found

    base, margin = _numbers(held, "base_values"), held[f"{prefix}_ids"].ints()
    values = np.zeros((len(mode), max(int(margin.max()) + 1, len(base))))
    at = place(held[f"{prefix}_treeids"].ints(), held[f"{prefix}_nodeids"].ints())
    np.add.at(values, (at, margin), _numbers(held, f"{prefix}_weights").astype(np.float64))
    if sums == "AVERAGE":
        values /= len(np.unique(tree))
    missing = held.get("nodes_missing_value_tracks_true")
    return Trees(
        mode=mode,
        column=held["nodes_featureids"].ints(),
        threshold=_numbers(held, "nodes_values"),
        missing=missing.ints() > 0 if missing else np.zeros(len(mode), dtype=bool),
        passed=place(tree, held["nodes_truenodeids"].ints()),
        failed=place(tree, held["nodes_falsenodeids"].ints()),
        leaves=leaves,
        values=values[leaves],
        base=np.resize(base if len(base) else np.zeros(1), values.shape[1]).astype(np.float64),
    )


def _numbers(held: Mapping[str, Attribute], name: str) -> NDArray[Any]:
    """Numbers as floats, or as a tensor of doubles."""
    if name in held:
        return held[name].floats()
    return held[f"{name}_as_tensor"].tensor() if f"{name}_as_tensor" in held else np.zeros(0, np.float32)


def ends_of_chains(trees: Trees) -> NDArray[np.intp]:
    """Of each node the last one of the chain that it belongs to; most nodes are a chain of their own.

    A test for a set of categories is a chain of equalities: each that fails goes on to the next, and all that pass go to the
    same node.
    """
    on = trees.failed
    goes_on = (trees.mode == EQUAL) & (trees.mode[on] == EQUAL)
    goes_on &= (trees.column == trees.column[on]) & (trees.passed == trees.passed[on])
    last = np.where(goes_on, on, np.arange(len(on)))
    while (last[last] != last).any():
        last = last[last]
    return last


def steps(trees: Trees, last: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """The steps on the ways to the leaves: of each, the leaf (0 to L - 1), the node, and whether its test is passed.

    Raises
    ------
    ModelError
        A node is reached on two ways.
    """
    inner = np.unique(last[trees.mode != LEAF])
    below = np.concatenate([last[trees.passed[inner]], last[trees.failed[inner]]])
    if len(np.unique(below)) != len(below):
        raise ModelError("the nodes of the ONNX model are no trees")
    above, passes = np.full(len(last), -1), np.zeros(len(last), dtype=bool)
    above[below] = np.tile(inner, 2)
    passes[below[: len(inner)]] = True
    found = [(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, bool))]
    leaf, at = np.arange(len(trees.leaves)), trees.leaves
    while len(leaf):
        has = above[at] >= 0
        leaf, passed, at = leaf[has], passes[at[has]], above[at[has]]
        found.append((leaf, at, passed))
    leaves, nodes, passed = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return leaves, nodes, passed
