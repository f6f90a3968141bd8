from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import ModelError
from holdfast.explain.graph import Graph

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def small() -> Any:
    """`scaled = (x - mean) / 2`, `sum = scaled @ weights`, and `shout`, which nothing needs."""
    helper, numpy_helper, floats = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Sub", ["x", "mean"], ["centred"]),
        helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.float32(2))),
        helper.make_node("Div", ["centred", "two"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "weights"], ["sum"]),
        helper.make_node("Neg", ["y"], ["shout"]),
    ]
    values = [helper.make_tensor_value_info(name, floats, ["rows", 3]) for name in ("x", "y", "sum", "shout")]
    graph = helper.make_graph(
        nodes,
        "small",
        values[:2],
        values[2:],
        [
            numpy_helper.from_array(np.array([1, 2, 3], np.float32), "mean"),
            numpy_helper.from_array(np.eye(3, dtype=np.float32), "weights"),
        ],
        value_info=[helper.make_tensor_value_info("scaled", floats, ["rows", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_nodes_are_read_with_all_that_they_hold() -> None:
    held = {
        "text": "LOGISTIC",
        "texts": ["BRANCH_LEQ", "", "LEAF"],
        "int": -3,
        "ints": [0, -1, 2**40],
        "floats": [0.5, float("inf")],
        "tensor": onnx.numpy_helper.from_array(np.arange(6, dtype=np.float64).reshape(2, 3)),
    }
    proto = small()
    proto.graph.node.append(onnx.helper.make_node("Odd", ["x", ""], ["odd"], **held))
    (*_, node) = Graph(proto.SerializeToString()).nodes
    assert (node.kind, node.inputs, node.outputs) == ("Odd", ("x", ""), ("odd",))
    of = node.attributes
    assert (of["text"].text(), of["texts"].texts(), of["int"].int()) == (held["text"], held["texts"], -3)
    assert (of["ints"].ints().tolist(), of["floats"].floats().tolist()) == (held["ints"], held["floats"])
    np.testing.assert_array_equal(of["tensor"].tensor(), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "int32", "uint8", "int8", "uint64", "bool"])
@pytest.mark.parametrize("raw", [True, False])
def test_constants_are_those_that_onnx_reads(kind: str, raw: bool) -> None:
    values = np.array([[0, 1], [1, 0], [7, 9]]).astype(kind)
    if raw:
        tensor = onnx.numpy_helper.from_array(values, "held")
    else:
        type_ = onnx.helper.np_dtype_to_tensor_dtype(values.dtype)
        tensor = onnx.helper.make_tensor("held", type_, values.shape, values.ravel().tolist())
    proto = small()
    proto.graph.initializer.append(tensor)
    found = Graph(proto.SerializeToString()).constant("held")
    assert found is not None
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_texts_and_values_of_nodes_are_constants_too() -> None:
    proto = small()
    proto.graph.initializer.append(onnx.helper.make_tensor("names", onnx.TensorProto.STRING, [2], [b"a", "ä".encode()]))
    graph = Graph(proto.SerializeToString())
    names, two = graph.constant("names"), graph.constant("two")
    assert names is not None
    assert two is not None
    assert (names.tolist(), two.tolist()) == (["a", "ä"], 2.0)
    assert graph.constant("x") is None
    assert graph.constant("scaled") is None


def test_a_tensor_of_another_file_is_refused() -> None:
    proto = small()
    away = proto.graph.initializer.add(name="away", data_type=1, dims=[4])
    away.data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(ModelError, match="another file"):
        Graph(proto.SerializeToString()).constant("away")


def test_a_cut_makes_one_value_of_what_leads_to_it() -> None:
    content = Graph(small().SerializeToString()).cut("scaled")
    session = onnxruntime.InferenceSession(content)
    assert [one.name for one in session.get_inputs()] == ["x"]
    assert [one.name for one in session.get_outputs()] == ["scaled"]
    (found,) = session.run(None, {"x": np.array([[3, 4, 5]], np.float32)})
    np.testing.assert_array_equal(found, [[1, 1, 1]])
    again = onnx.load_model_from_string(content)
    assert [node.op_type for node in again.graph.node] == ["Sub", "Constant", "Div"]
    assert [one.name for one in again.graph.initializer] == ["mean"]


@given(st.data())
def test_damaged_bytes_are_refused_and_nothing_else_happens(data: st.DataObject) -> None:
    content = bytearray(small().SerializeToString())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with contextlib.suppress(ModelError):
        Graph(bytes(content[:cut]))
