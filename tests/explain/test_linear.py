from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast.explain.graph import Graph
from holdfast.explain.linear import Linear, Weights, weights_of

onnx = pytest.importorskip("onnx")


def test_contributions_are_weights_times_distances_from_the_background() -> None:
    """The closed form of Shapley values of a sum, for columns that share a feature and for one that has none."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 2))
    owners = np.array([0, 1, 1, 2])  # the last column is of no feature: there are two
    known, row = rng.normal(size=(6, 4)), rng.normal(size=4)
    known[:, 3] = row[3] = 5.0
    model = Linear(Weights(weights, np.array([1.0, -1.0])), owners, 2, known)
    slopes = rng.random((6, 2))
    read = model.read(row[None])
    parts = (row - known)[:, :, None] * weights  # (B, C, J)
    expected = np.einsum("bcj,bj->c", parts, slopes)
    np.testing.assert_allclose(model.contributions(read[0], slopes), [expected[0], expected[1] + expected[2]])
    np.testing.assert_allclose(model.margins(read)[0], row @ weights + [1, -1])


def test_a_column_without_weight_may_be_missing() -> None:
    weights = Weights(np.array([[2.0], [0.0]]), np.zeros(1))
    known, row = np.array([[1.0, np.nan], [3.0, 0.0]]), np.array([[5.0, np.nan]])
    model = Linear(weights, np.array([0, 1]), 2, known)
    np.testing.assert_allclose(model.contributions(model.read(row)[0], np.full((2, 1), 0.5)), [6, 0])


def node(kind: str, domain: str = "ai.onnx.ml", **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, ["x"], ["y"], domain=domain, **attributes)


def read(nodes: list[Any], constants: dict[str, np.ndarray] | None = None) -> Weights | None:
    made = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, ["rows", 2])],
        [],
        [onnx.numpy_helper.from_array(values, name) for name, values in (constants or {}).items()],
    )
    graph = Graph(onnx.helper.make_model(made).SerializeToString())
    return weights_of(graph, graph.nodes[0])


def test_weights_of_a_regressor_and_a_classifier_are_read() -> None:
    found = read([node("LinearRegressor", coefficients=[1.0, 2.0], intercepts=[0.5])])
    assert found is not None
    assert (found.weights.tolist(), found.intercepts.tolist()) == ([[1], [2]], [0.5])
    found = read([node("LinearClassifier", coefficients=[1.0, 2.0, 3.0, 4.0], intercepts=[0.5, 0.25])])
    assert found is not None
    assert (found.weights.tolist(), found.intercepts.tolist()) == ([[1, 3], [2, 4]], [0.5, 0.25])
    found = read([node("LinearRegressor", coefficients=[1.0, 2.0])])
    assert found is not None
    assert found.intercepts.tolist() == [0]


def test_weights_of_a_product_and_what_is_added_to_it_are_read() -> None:
    product = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    add = onnx.helper.make_node("Add", ["y", "b"], ["z"])
    constants = {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array([[5.0, 6.0]])}
    found = read([product, add], constants)
    assert found is not None
    assert (found.weights.tolist(), found.intercepts.tolist()) == ([[1, 2], [3, 4]], [5, 6])
    found = read([product], constants)
    assert found is not None
    assert found.intercepts.tolist() == [0, 0]


def test_other_nodes_are_not_linear() -> None:
    assert read([node("Scaler", offset=[0.0, 0.0], scale=[1.0, 1.0])]) is None
    assert read([onnx.helper.make_node("MatMul", ["x", "x"], ["y"])]) is None
