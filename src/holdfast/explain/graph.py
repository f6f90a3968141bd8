"""An ONNX graph, read from its bytes without the package `onnx`, which a server does not load.

Numbers are decoded where they are asked for.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, for the numbers of the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.explain.protobuf import Field, field, fields, varints

_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_NODES, _CONSTANTS, _INPUTS, _OUTPUTS, _TYPES = 1, 5, 11, 12, 13
_NODE_INPUTS, _NODE_OUTPUTS, _NODE_KIND, _NODE_ATTRIBUTES = 1, 2, 4, 5
_INT, _TEXT, _TENSOR, _FLOATS, _INTS, _TEXTS = 3, 4, 5, 7, 8, 9
_SHAPE, _TYPE, _RAW = 1, 2, 9
_NAME, _TENSOR_NAME = 1, 8

_DTYPES: Mapping[int, Any] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    4: np.uint16,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    11: np.float64,
    12: np.uint32,
    13: np.uint64,
}
_STRING, _STRINGS = 8, 6
_TYPED = {1: 4, 7: 7, 11: 10, 12: 11, 13: 11}
"""Where a tensor holds its values, by data type, if neither as raw bytes nor in the field of small whole numbers, 5."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of a node's attribute; whoever asks knows its type."""

    content: memoryview

    def text(self) -> str:
        """A text."""
        return _text(self.content, _TEXT)

    def texts(self) -> list[str]:
        """Texts."""
        return _texts(self.content, _TEXTS)

    def int(self) -> int:
        """A whole number."""
        return int(_ints(self.content, _INT)[0])

    def ints(self) -> NDArray[np.int64]:
        """Whole numbers."""
        return _ints(self.content, _INTS)

    def floats(self) -> NDArray[np.float32]:
        """Numbers."""
        return _floats(self.content, _FLOATS, np.float32)

    def tensor(self) -> NDArray[Any]:
        """Numbers of any type and shape."""
        (content,) = _bytes(self.content, _TENSOR)
        return _tensor(content)


class Node(NamedTuple):
    """An operator, with the names of what it reads and makes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


class Graph:
    """The graph of a model.

    Parameters
    ----------
    content
        The model.

    Attributes
    ----------
    nodes
        In an order in which they can be run.
    made_by
        The node that makes each value.

    Raises
    ------
    ModelError
        It cannot be read.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._model = list(fields(memoryview(content)))
            (graph,) = (one.value for one in self._model if one.number == _MODEL_GRAPH)
            assert isinstance(graph, memoryview)
            self._parts = list(fields(graph))
            self.nodes = [_node(one) for one in _bytes(graph, _NODES)]
            self._constants = {_text(one, _TENSOR_NAME): one for one in _bytes(graph, _CONSTANTS)}
        except (ValueError, IndexError) as error:
            raise ModelError("the ONNX model cannot be read: it is damaged, or of another format") from error
        self.made_by = {name: node for node in self.nodes for name in node.outputs}

    def constant(self, name: str) -> NDArray[Any] | None:
        """A tensor that the model holds; None if there is none of that name.

        Raises
        ------
        ModelError
            It is of a rare type, or has its values in another file.
        """
        if name in self._constants:
            return _tensor(self._constants[name])
        node = self.made_by.get(name)
        return (
            node.attributes["value"].tensor()
            if node and node.kind == "Constant" and "value" in node.attributes
            else None
        )

    def cut(self, output: str) -> bytes:
        """A model of what leads to one of the values: nodes, constants and inputs."""
        needed: set[str] = set()
        todo = [output]
        while todo:
            name = todo.pop()
            if name not in needed:
                needed.add(name)
                todo += self.made_by[name].inputs if name in self.made_by else ()
        kept = [one.whole for one in self._parts if _is_needed(one, needed)]
        graph = b"".join([*kept, field(_OUTPUTS, field(_NAME, output.encode()))])
        others = [one.whole for one in self._model if one.number not in (_MODEL_GRAPH, _MODEL_METADATA)]
        return b"".join([*others, field(_MODEL_GRAPH, graph)])


def _is_needed(part: Field, needed: set[str]) -> bool:
    """Whether a part of a graph leads to one of these values; outputs and types of values are said anew, or found out."""
    named = {_NODES: _NODE_OUTPUTS, _CONSTANTS: _TENSOR_NAME, _INPUTS: _NAME}.get(part.number)
    if named is None:
        return part.number not in (_OUTPUTS, _TYPES)
    assert isinstance(part.value, memoryview)
    return not needed.isdisjoint(_texts(part.value, named))


def _node(content: memoryview) -> Node:
    attributes = {_text(one, _NAME): Attribute(one) for one in _bytes(content, _NODE_ATTRIBUTES)}
    return Node(
        kind=_text(content, _NODE_KIND),
        inputs=tuple(_texts(content, _NODE_INPUTS)),
        outputs=tuple(_texts(content, _NODE_OUTPUTS)),
        attributes=attributes,
    )


def _tensor(content: memoryview) -> NDArray[Any]:
    kind = int(_ints(content, _TYPE)[0])
    values: NDArray[Any]
    if kind == _STRING:
        values = np.array(_texts(content, _STRINGS), dtype=object)
    elif kind not in _DTYPES:
        raise ModelError("a tensor of the ONNX model is of a type that is not read")
    elif raw := _bytes(content, _RAW):
        values = np.frombuffer(raw[0], dtype=_DTYPES[kind])
    elif np.issubdtype(_DTYPES[kind], np.floating):
        values = _floats(content, _TYPED[kind], _DTYPES[kind])
    else:
        values = _ints(content, _TYPED.get(kind, 5)).astype(_DTYPES[kind])
    shape = _ints(content, _SHAPE)
    if values.size != shape.prod():
        raise ModelError("a tensor of the ONNX model has its values in another file")
    return values.reshape(shape)


def _bytes(message: memoryview, number: int) -> list[memoryview]:
    return [one.value for one in fields(message) if one.number == number and isinstance(one.value, memoryview)]


def _text(message: memoryview, number: int) -> str:
    """The first text of a field; what comes behind it is not looked at."""
    for one in fields(message):
        if one.number == number and isinstance(one.value, memoryview):
            return bytes(one.value).decode()
    raise ValueError("a message lacks a field")


def _texts(message: memoryview, number: int) -> list[str]:
    return [bytes(one).decode() for one in _bytes(message, number)]


def _ints(message: memoryview, number: int) -> NDArray[np.int64]:
    """Whole numbers of a field, packed or not."""
    found = [one.value for one in fields(message) if one.number == number]
    parts = [varints(one) if isinstance(one, memoryview) else one for one in found]
    return np.concatenate([np.zeros(0, np.uint64), *parts]).view(np.int64)


def _floats(message: memoryview, number: int, dtype: Any) -> NDArray[Any]:
    """Numbers of a field, packed or not."""
    found = [one.value for one in fields(message) if one.number == number]
    parts = [one if isinstance(one, memoryview) else one.tobytes() for one in found]
    return np.frombuffer(b"".join(parts), dtype=np.dtype(dtype).newbyteorder("<"))
