"""Small ONNX graphs put together by hand: the inputs that all conversions share, and nodes with their constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.models.onnx_model import import_onnx

OPSET = 18
ML_OPSET = 3
"""The last with `TreeEnsembleRegressor`, which takes thresholds as doubles; every ONNX Runtime since 1.12 runs it."""

IR_VERSION = 8
ML = "ai.onnx.ml"


class Graph:
    """A graph that grows by nodes; names of values are made here, so that two parts never clash.

    Parameters
    ----------
    prefix
        Of every name that is made, where the nodes go into a larger graph.
    """

    def __init__(self, prefix: str = "") -> None:
        self.onnx = import_onnx("Converting a model")
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []

    def input(self, name: str, element: str, width: int) -> str:
        """An input of shape (n, width); gives back its name."""
        kind = getattr(self.onnx.TensorProto, element.upper())
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, ["rows", width]))
        return name

    def constant(self, values: Any, dtype: Any = None) -> str:
        """A tensor that the model holds."""
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(self.tensor(np.asarray(values, dtype=dtype), name))
        return name

    def tensor(self, values: NDArray[Any], name: str = "") -> Any:
        """An ONNX tensor, for an attribute."""
        return self.onnx.numpy_helper.from_array(values, name)

    def node(self, kind: str, inputs: Sequence[str], *, domain: str = "", output: str = "", **attributes: Any) -> str:
        """A node with one output; gives back the output's name."""
        name = output or f"{self.prefix}{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def cast(self, value: str, element: str) -> str:
        """The same values as another type."""
        return self.node("Cast", [value], to=getattr(self.onnx.TensorProto, element.upper()))

    def model(self, output: str, width: int) -> Any:
        """The whole as an `onnx.ModelProto`, whose one output has shape (n, width)."""
        helper, floats = self.onnx.helper, self.onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "holdfast",
            self.inputs,
            [helper.make_tensor_value_info(output, floats, ["rows", width])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
