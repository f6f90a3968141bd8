"""The matrix that trees read, from the tensors of numbers and texts: categories become their codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.models.columns import is_text, numbers
from holdfast.models.graph import ML, Graph
from holdfast.models.onnx_model import Element, Input


class Encoded(NamedTuple):
    """Inputs of a graph, the name of the matrix, and the column of the matrix that holds each feature."""

    inputs: tuple[Input, ...]
    matrix: str
    column: tuple[int, ...]


def encoded(
    graph: Graph, features: Sequence[str], codes: Mapping[int, Sequence[Any]], sample: pa.Table, element: Element
) -> Encoded:
    """Add the shared inputs to a graph, and bring them together.

    Parameters
    ----------
    codes
        For features by place: their categories in the order of their codes. Categories that are no text are left as they
        are in the matrix.
    sample
        Says which features are text.
    element
        `"float"` or `"double"`: what the matrix holds.

    Returns
    -------
    Encoded
        Texts that are no category are NaN in the matrix.
    """
    text_places = [place for place, name in enumerate(features) if is_text(sample.schema.field(name).type)]
    plain = [place for place in range(len(features)) if place not in text_places]
    pieces, inputs = [], []
    if plain:
        inputs.append(Input(name="numbers", element=element, features=tuple(features[place] for place in plain)))
        pieces.append(graph.input("numbers", element, len(plain)))
    if text_places:
        inputs.append(Input(name="texts", element="string", features=tuple(features[place] for place in text_places)))
        source = graph.input("texts", "string", len(text_places))
        pieces += [_codes(graph, source, at, codes.get(place, ()), element) for at, place in enumerate(text_places)]
    matrix = pieces[0] if len(pieces) == 1 else graph.node("Concat", pieces, axis=1)
    order = [*plain, *text_places]
    return Encoded(tuple(inputs), matrix, tuple(order.index(place) for place in range(len(features))))


def code_matrix(rows: pa.Table, features: Sequence[str], codes: Mapping[int, Sequence[Any]]) -> NDArray[np.float64]:
    """The same matrix for the library itself: numbers, categories as their codes, NaN for unknown ones.

    Examples
    --------
    >>> code_matrix(pa.table({"a": [0.5, None], "b": ["y", "z"]}), ["b", "a"], {0: ["x", "y"]})
    array([[1. , 0.5], [nan, nan]])
    """
    matrix = np.empty((rows.num_rows, len(features)))
    for place, name in enumerate(features):
        known = codes.get(place)
        matrix[:, place] = numbers(rows, [name])[:, 0] if known is None else _looked_up(rows, name, known)
    return matrix


def _looked_up(rows: pa.Table, name: str, known: Sequence[Any]) -> NDArray[np.float64]:
    """Codes of a column of categories."""
    if is_text(rows.schema.field(name).type):
        values = rows.column(name).cast(pa.large_string())
        wanted = pa.array([category if isinstance(category, str) else None for category in known], values.type)
    else:
        values = pa.array(numbers(rows, [name])[:, 0] + 0.0)  # to Arrow, -0.0 is another number than 0.0
        wanted = pa.array([None if isinstance(category, str) else float(category) for category in known], values.type)
    found = pc.index_in(values, wanted, skip_nulls=True)
    codes: NDArray[np.float64] = found.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return codes


def _codes(graph: Graph, texts: str, at: int, categories: Sequence[Any], element: str) -> str:
    """Codes of one text column, shape (n, 1)."""
    column = graph.node("Gather", [texts, graph.constant([at])], axis=1)
    known = {str(category): code for code, category in enumerate(categories) if isinstance(category, str)}
    codes = graph.node(
        "LabelEncoder",
        [column],
        domain=ML,
        keys_strings=list(known) or [""],
        values_floats=[float(code) for code in known.values()] or [float("nan")],
        default_float=float("nan"),
    )
    return codes if element == "float" else graph.cast(codes, element)
