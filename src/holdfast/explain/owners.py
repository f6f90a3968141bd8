"""Which feature each column of a value in an ONNX graph is made of: what exact contributions of a preprocessed model need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.explain.graph import Graph, Node

Owners: TypeAlias = frozenset[int]
"""Places of the features that a column is made of."""

BY_VALUE = {
    *("Cast", "CastLike", "Identity", "LabelEncoder", "Scaler", "Imputer", "Binarizer", "Clip", "Where"),
    *("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "IsNaN", "IsInf", "And", "Or", "Not", "Xor"),
    *("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Min", "Max", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round"),
    *("Exp", "Log", "Sqrt", "Reciprocal", "Sigmoid", "Tanh"),
}
"""Operators that make each value of the values at its own place."""


class Columns(NamedTuple):
    """Owners of each column of a value of shape (n, width); `flat`: of shape (n,), a single one."""

    owners: tuple[Owners, ...]
    flat: bool = False


def owners(graph: Graph, inputs: Mapping[str, Columns], value: str) -> tuple[Owners, ...] | None:
    """The features that each column of a value is made of.

    Parameters
    ----------
    inputs
        What the graph is fed.
    value
        Name of a value of shape (n, width).

    Returns
    -------
    tuple of frozenset of int, or None
        None where an operator on the way is not known to keep columns apart.
    """
    known = dict(inputs)
    for node in graph.nodes:
        if value in known:
            break
        made = _made(graph, node, known)
        known |= zip(node.outputs, made, strict=False)
    found = known.get(value)
    return None if found is None or found.flat else found.owners


def _made(graph: Graph, node: Node, known: Mapping[str, Columns]) -> Sequence[Columns]:
    """What a node makes; nothing, where that is not known."""
    given = [known.get(name) for name in node.inputs]
    constants = [None if name in known or not name else graph.constant(name) for name in node.inputs]
    if any(a is None and b is None and name for a, b, name in zip(given, constants, node.inputs, strict=True)):
        return []
    values = [one for one in given if one is not None]
    if not values:
        return []
    axis = node.attributes["axis"].int() if "axis" in node.attributes else 0
    match node.kind:
        case kind if kind in BY_VALUE:
            return _by_value(values, [one for one in constants if one is not None])
        case "Concat" | "FeatureVectorizer" if len(values) == len(given) and not any(one.flat for one in values):
            if node.kind == "Concat" and axis not in (1, -1):
                return []
            return [Columns(tuple(owner for one in values for owner in one.owners))]
        case "Split" if axis in (1, -1) and not values[0].flat:
            return _split(values[0], len(node.outputs), constants[1] if len(constants) > 1 else None)
        case "Gather" | "ArrayFeatureExtractor" if given[0] is not None and constants[1] is not None:
            extracts = node.kind == "ArrayFeatureExtractor"
            if given[0].flat or not (extracts or axis in (1, -1)) or constants[1].ndim > 1 + extracts:
                return []
            places = constants[1].ravel().tolist()
            return [Columns(tuple(given[0].owners[at] for at in places), flat=not extracts and constants[1].ndim == 0)]
        case "Gather" if constants[0] is not None and given[1] is not None and axis == 0:
            return _looked_up(constants[0], given[1])
    return []


def _by_value(values: Sequence[Columns], constants: Sequence[NDArray[Any]]) -> Sequence[Columns]:
    """Values and constants, stretched to the widest of them."""
    flat = values[0].flat
    if any(one.flat is not flat for one in values) or any(one.size != one.shape[-1] for one in constants if one.ndim):
        return []  # rows would meet other rows
    width = max([len(one.owners) for one in values] + [one.size for one in constants])
    if (flat and width > 1) or any(len(one.owners) not in (1, width) for one in values):
        return []
    columns = zip(*(one.owners * (width // len(one.owners)) for one in values), strict=True)
    return [Columns(tuple(frozenset().union(*some) for some in columns), flat)]


def _split(value: Columns, pieces: int, sizes: NDArray[Any] | None) -> Sequence[Columns]:
    width = len(value.owners)
    each = -(-width // pieces)
    ends = np.cumsum(sizes) if sizes is not None else np.minimum(np.arange(1, pieces + 1) * each, width)
    return [
        Columns(value.owners[start:end]) for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)
    ]


def _looked_up(table: NDArray[Any], place: Columns) -> Sequence[Columns]:
    """Rows of a table of constants."""
    if not place.flat or table.ndim != 2:
        return []
    return [Columns(place.owners * table.shape[1])]
