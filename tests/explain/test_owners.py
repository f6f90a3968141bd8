from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from holdfast.explain.graph import Graph
from holdfast.explain.owners import Columns, owners

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

ONE = {"x": Columns((frozenset([0]), frozenset([1]), frozenset([2])))}


def graph_of(nodes: list[Any], constants: dict[str, np.ndarray]) -> tuple[Graph, bytes]:
    """A graph from `x`, shape (rows, 3), to `out`."""
    floats = onnx.TensorProto.FLOAT
    made = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("x", floats, ["rows", 3])],
        [onnx.helper.make_empty_tensor_value_info("out")],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    content = onnx.helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()
    return Graph(content), content


def node(kind: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, inputs, outputs, domain=domain, **attributes)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


CASES: dict[str, tuple[list[Any], dict[str, np.ndarray]]] = {
    "scaled and clipped": (
        [node("Sub", ["x", "m"], ["a"]), node("Div", ["a", "s"], ["b"]), node("Clip", ["b", "", "top"], ["out"])],
        {"m": floats(1, 2, 3), "s": floats(2), "top": np.float32(1)},
    ),
    "picked, stretched and put together": (
        [
            node("Gather", ["x", "last"], ["a"], axis=1),
            node("Equal", ["a", "codes"], ["b"]),
            node("Cast", ["b"], ["c"], to=1),
            node("Concat", ["c", "x"], ["out"], axis=-1),
        ],
        {"last": np.array([2]), "codes": floats(0, 1, 2, 3)[None]},
    ),
    "split and mixed by value": (
        [
            node("Split", ["x"], ["a", "b", "c"], axis=1, num_outputs=3),
            node("Less", ["a", "two"], ["small"]),
            node("Where", ["small", "b", "a"], ["d"]),
            node("Add", ["c", "d"], ["e"]),
            node("Concat", ["e", "d"], ["out"], axis=1),
        ],
        {"two": floats(2)},
    ),
    "split in unequal parts": (
        [
            node("Split", ["x", "sizes"], ["a", "b"], axis=1),
            node("Mul", ["a", "k"], ["d"]),
            node("Concat", ["d", "b"], ["out"], axis=1),
        ],
        {"sizes": np.array([2, 1]), "k": floats(2)},
    ),
    "looked up in a table": (
        [
            node("Gather", ["x", "first"], ["a"], axis=1),
            node("Cast", ["a"], ["code"], to=7),
            node("Gather", ["table", "code"], ["b"], axis=0),
            node("Concat", ["b", "x"], ["out"], axis=1),
        ],
        {"first": np.array(0), "table": np.arange(8, dtype=np.float32).reshape(4, 2)},
    ),
    "scaled and extracted by operators of ai.onnx.ml": (
        [
            node("Scaler", ["x"], ["a"], "ai.onnx.ml", offset=[0.0, 1.0, 2.0], scale=[1.0, 2.0, 3.0]),
            node("ArrayFeatureExtractor", ["a", "places"], ["b"], "ai.onnx.ml"),
            node("FeatureVectorizer", ["b", "a"], ["out"], "ai.onnx.ml", inputdimensions=[2, 3]),
        ],
        {"places": np.array([[2, 0]])},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_column_changes_with_its_owners_and_with_nothing_else(name: str) -> None:
    graph, content = graph_of(*CASES[name])
    found = owners(graph, ONE, "out")
    assert found is not None
    session = onnxruntime.InferenceSession(content)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 4, (200, 3)).astype(np.float32)
    (before,) = session.run(None, {"x": rows})
    changed: list[set[int]] = [set() for _ in found]
    for feature in range(3):
        other = rows.copy()
        other[:, feature] = (other[:, feature] + 1) % 4
        (after,) = session.run(None, {"x": other})
        for column in range(len(found)):
            if (before[:, column] != after[:, column]).any():
                changed[column].add(feature)
    assert [set(owner) for owner in found] == changed


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("MatMul", ["x", "w"], ["out"])], {"w": np.eye(3, dtype=np.float32)}),
        ([node("Normalizer", ["x"], ["out"], "ai.onnx.ml", norm="L2")], {}),
        ([node("ReduceProd", ["x"], ["a"]), node("Add", ["x", "a"], ["out"])], {}),
        ([node("Concat", ["x", "x"], ["out"], axis=0)], {}),
        ([node("Softmax", ["x"], ["out"], axis=1)], {}),
        ([node("Add", ["x", "rows"], ["out"])], {"rows": np.ones((4, 3), np.float32)}),
        ([node("Gather", ["x", "first"], ["a"], axis=1), node("Add", ["a", "x"], ["out"])], {"first": np.array(0)}),
    ],
    ids=["mixes", "normalises", "reduces", "stacks rows", "softmax", "a constant for each row", "meets other rows"],
)
def test_what_is_not_known_to_keep_columns_apart_has_no_owners(
    nodes: list[Any], constants: dict[str, np.ndarray]
) -> None:
    graph, _ = graph_of(nodes, constants)
    assert owners(graph, ONE, "out") is None


def test_an_input_owns_itself() -> None:
    graph, _ = graph_of([node("Identity", ["x"], ["out"])], {})
    assert owners(graph, ONE, "x") == ONE["x"].owners
    assert owners(graph, {"x": Columns((frozenset([0]),), flat=True)}, "x") is None
