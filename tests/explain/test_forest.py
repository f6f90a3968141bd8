from __future__ import annotations

import itertools
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import ModelError
from holdfast.explain.forest import Forest
from holdfast.explain.graph import Graph
from holdfast.explain.tree_nodes import Trees, ends_of_chains, steps, trees_of

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def grown(rng: np.random.Generator, *, trees: int, depth: int, columns: int, outputs: int) -> dict[str, Any]:
    """Attributes of a `TreeEnsembleRegressor` with tests of all kinds, on whole numbers from 0 to 3."""
    held: dict[str, list[Any]] = {}

    def put(**values: Any) -> None:
        for name, value in values.items():
            held.setdefault(name, []).append(value)

    for tree in range(trees):
        todo, number = [(0, 0)], 1
        while todo:
            place, level = todo.pop()
            leaf = level >= depth or (level and rng.random() < 0.2)
            put(
                nodes_treeids=tree,
                nodes_nodeids=place,
                nodes_modes="LEAF" if leaf else MODES[rng.integers(len(MODES))],
                nodes_featureids=0 if leaf else int(rng.integers(columns)),
                nodes_values=0.0 if leaf else float(rng.integers(4)),
                nodes_missing_value_tracks_true=0 if leaf else int(rng.integers(2)),
                nodes_truenodeids=0 if leaf else number,
                nodes_falsenodeids=0 if leaf else number + 1,
            )
            if leaf:
                for output in range(outputs):
                    put(target_treeids=tree, target_nodeids=place, target_ids=output, target_weights=rng.normal())
            else:
                todo += [(number, level + 1), (number + 1, level + 1)]
                number += 2
    return held | {"n_targets": outputs, "base_values": rng.normal(size=outputs).tolist(), "post_transform": "NONE"}


def model_of(attributes: dict[str, Any], columns: int) -> bytes:
    node = onnx.helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    graph = onnx.helper.make_graph(
        [node],
        "trees",
        [onnx.helper.make_tensor_value_info("x", 1, ["rows", columns])],
        [onnx.helper.make_tensor_value_info("y", 1, ["rows", attributes["n_targets"]])],
    )
    opsets = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return content


def read(content: bytes) -> Trees:
    found = trees_of(Graph(content).nodes[0], 1_000)
    assert found is not None
    return found


def enumerated(run: Any, row: np.ndarray, known: np.ndarray, slopes: np.ndarray, owners: list[int]) -> np.ndarray:
    """Shapley values by all subsets of features: of each background row by itself, times its slopes."""
    features = max(owners) + 1
    worth = {}
    for subset in itertools.product([False, True], repeat=features):
        keeps = np.array(subset)[owners]
        worth[subset] = (run(np.where(keeps, row, known)) * slopes).sum()
    found = np.zeros(features)
    for subset, value in worth.items():
        size = sum(subset)
        for feature in range(features):
            if not subset[feature]:
                with_it = (*subset[:feature], True, *subset[feature + 1 :])
                share = factorial(size) * factorial(features - size - 1) / factorial(features)
                found[feature] += share * (worth[with_it] - value)
    return found


@given(st.integers(0, 10_000))
def test_values_are_those_of_all_subsets(seed: int) -> None:
    """ONNX Runtime is asked about every mix of a row and a background row; tests of all kinds, missing values, shared columns."""
    rng = np.random.default_rng(seed)
    outputs, owners = int(rng.integers(1, 3)), [0, 1, 1, 2, 3]
    content = model_of(grown(rng, trees=3, depth=4, columns=5, outputs=outputs), 5)
    session = onnxruntime.InferenceSession(content)
    rows = rng.integers(0, 4, (9, 5)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.15] = np.nan
    row, known = rows[0], rows[1:]
    forest = Forest(read(content), np.array(owners), 4, known)
    pattern = forest.read(rows)
    (expected,) = session.run(None, {"x": rows})
    np.testing.assert_allclose(forest.margins(pattern), expected, atol=1e-5)
    slopes = rng.normal(size=(8, outputs))
    found = forest.contributions(pattern[0], slopes)
    all_subsets = enumerated(lambda x: session.run(None, {"x": x})[0].astype(float), row, known, slopes, owners)
    np.testing.assert_allclose(found, all_subsets, atol=1e-4)


def test_a_column_of_no_feature_brings_nothing() -> None:
    content = model_of(grown(np.random.default_rng(3), trees=2, depth=3, columns=2, outputs=1), 2)
    known = np.array([[0, 1], [2, 1]], np.float32)
    row = np.array([[3, 1]], np.float32)
    alone = Forest(read(content), np.array([0, 1]), 1, known)
    both = Forest(read(content), np.array([0, 1]), 2, known)
    slopes = np.full((2, 1), 0.5)
    (first,) = alone.contributions(alone.read(row)[0], slopes)
    assert both.contributions(both.read(row)[0], slopes).tolist() == pytest.approx([first, 0.0])


def leaf_only() -> dict[str, Any]:
    """One tree that is a leaf, and one with a test."""
    return {
        "nodes_treeids": [0, 1, 1, 1],
        "nodes_nodeids": [0, 0, 1, 2],
        "nodes_modes": ["LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_featureids": [0, 0, 0, 0],
        "nodes_values": [0.0, 0.5, 0.0, 0.0],
        "nodes_truenodeids": [0, 1, 0, 0],
        "nodes_falsenodeids": [0, 2, 0, 0],
        "target_treeids": [0, 1, 1],
        "target_nodeids": [0, 1, 2],
        "target_ids": [0, 0, 0],
        "target_weights": [10.0, 1.0, 2.0],
        "n_targets": 1,
    }


def test_a_tree_that_is_a_leaf_is_part_of_every_margin() -> None:
    forest = Forest(read(model_of(leaf_only(), 1)), np.array([0]), 1, np.zeros((1, 1), np.float32))
    pattern = forest.read(np.array([[1.0], [0.0]], np.float32))
    assert forest.margins(pattern).tolist() == [[12], [11]]
    assert forest.contributions(pattern[0], np.ones((1, 1))).tolist() == [1]


def test_trees_that_are_leaves_only_bring_nothing() -> None:
    held = {name: value[:1] if isinstance(value, list) else value for name, value in leaf_only().items()}
    forest = Forest(read(model_of(held, 1)), np.array([0]), 1, np.zeros((2, 1), np.float32))
    pattern = forest.read(np.zeros((3, 1), np.float32))
    assert forest.margins(pattern).tolist() == [[10]] * 3
    assert forest.contributions(pattern[0], np.ones((2, 1))).tolist() == [0]


def test_a_mean_of_trees_is_divided_by_their_number() -> None:
    trees = read(model_of(leaf_only() | {"aggregate_function": "AVERAGE"}, 1))
    assert trees.values.ravel().tolist() == [5, 0.5, 1]


def test_what_is_no_sum_of_few_leaves_is_not_read() -> None:
    (node,) = Graph(model_of(leaf_only() | {"aggregate_function": "MAX"}, 1)).nodes
    assert trees_of(node, 1_000) is None
    (node,) = Graph(model_of(leaf_only(), 1)).nodes
    assert trees_of(node, 1) is None
    assert trees_of(node._replace(kind="Sigmoid"), 1_000) is None


def chain() -> dict[str, Any]:
    """Whether x is 1, 2 or 5: three equalities that lead to the same leaf."""
    return {
        "nodes_treeids": [0] * 5,
        "nodes_nodeids": [0, 1, 2, 3, 4],
        "nodes_modes": ["BRANCH_EQ", "LEAF", "LEAF", "BRANCH_EQ", "BRANCH_EQ"],
        "nodes_featureids": [0] * 5,
        "nodes_values": [1.0, 0.0, 0.0, 2.0, 5.0],
        "nodes_truenodeids": [1, 0, 0, 1, 1],
        "nodes_falsenodeids": [3, 0, 0, 4, 2],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 0.0],
        "n_targets": 1,
    }


def test_a_chain_of_equalities_is_one_test() -> None:
    trees = read(model_of(chain(), 1))
    last = ends_of_chains(trees)
    assert last.tolist() == [4, 1, 2, 4, 4]
    assert [len(part) for part in steps(trees, last)] == [2, 2, 2]
    forest = Forest(trees, np.array([0]), 1, np.array([[0.0]], np.float32))
    values = np.array([[1], [2], [3], [5], [np.nan]], np.float32)
    assert forest.margins(forest.read(values)).ravel().tolist() == [1, 1, 0, 1, 0]


def test_nodes_that_are_reached_on_two_ways_are_refused() -> None:
    held = chain()
    held["nodes_modes"][3] = "BRANCH_NEQ"
    with pytest.raises(ModelError, match="no trees"):
        Forest(read(model_of(held, 1)), np.array([0]), 1, np.zeros((1, 1), np.float32))


def test_ways_with_too_many_features_are_refused() -> None:
    depth = 65
    held: dict[str, Any] = {
        "nodes_treeids": [0] * (2 * depth + 1),
        "nodes_nodeids": list(range(2 * depth + 1)),
        "nodes_modes": ["BRANCH_LEQ"] * depth + ["LEAF"] * (depth + 1),
        "nodes_featureids": [*range(depth), *[0] * (depth + 1)],
        "nodes_values": [0.5] * (2 * depth + 1),
        "nodes_truenodeids": [*range(1, depth), 2 * depth, *[0] * (depth + 1)],
        "nodes_falsenodeids": [*range(depth, 2 * depth), *[0] * (depth + 1)],
        "target_treeids": [0],
        "target_nodeids": [depth],
        "target_ids": [0],
        "target_weights": [1.0],
        "n_targets": 1,
    }
    with pytest.raises(ModelError, match="too many features"):
        Forest(read(model_of(held, depth)), np.arange(depth), depth, np.zeros((1, depth), np.float32))
