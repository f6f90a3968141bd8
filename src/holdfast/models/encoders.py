"""Scikit-learn's encoders of categories as ONNX lookups.

skl2onnx has converters of its own, which read missing categories as the text "None", cut numbers to whole ones, and do
not know infrequent categories of a whole table. Here each category's code comes from the encoder itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.models.graph import ML, Graph
from holdfast.models.onnx_model import NULL_TEXT


def one_hot(graph: Graph, encoder: Any, columns: Sequence[str], texts: Sequence[bool]) -> str:
    """`OneHotEncoder`, with dropped and infrequent categories.

    Parameters
    ----------
    columns
        Names of tensors of shape (n, 1), one per column of the encoder.
    texts
        Which of them hold strings.

    Returns
    -------
    str
        Name of a tensor of floats.
    """
    table = _encoded_categories(encoder)
    ends = np.cumsum(encoder._n_features_outs)
    pieces = []
    for place, (column, width) in enumerate(zip(columns, encoder._n_features_outs, strict=True)):
        known = encoder.categories_[place]
        ones = table[: len(known), ends[place] - width : ends[place]]
        output = np.where(ones.any(axis=1), ones.argmax(axis=1), -1) if width else np.full(len(known), -1)
        unknown = -1.0
        rare = getattr(encoder, "infrequent_categories_", [None] * len(columns))[place]
        if rare is not None and encoder.handle_unknown in {"infrequent_if_exist", "warn"}:
            unknown = float(output[list(known).index(rare[0])])
        if width:
            found = _lookup(graph, column, texts[place], known, output.astype(np.float64), unknown)
            hit = graph.node("Equal", [found, graph.constant(np.arange(width)[None, :], np.float32)])
            pieces.append(graph.cast(hit, "float"))
    return pieces[0] if len(pieces) == 1 else graph.node("Concat", pieces, axis=1)


def ordinal(graph: Graph, encoder: Any, columns: Sequence[str], texts: Sequence[bool]) -> str:
    """`OrdinalEncoder`, with missing, unknown and infrequent categories. See `one_hot`."""
    table = _encoded_categories(encoder)
    unknown = float(encoder.unknown_value) if encoder.handle_unknown == "use_encoded_value" else np.nan
    found = [
        _lookup(graph, column, texts[place], known, table[: len(known), place], unknown)
        for place, (column, known) in enumerate(zip(columns, encoder.categories_, strict=True))
    ]
    return found[0] if len(found) == 1 else graph.node("Concat", found, axis=1)


def target(graph: Graph, encoder: Any, columns: Sequence[str], texts: Sequence[bool]) -> str:
    """`TargetEncoder`; unknown categories get the mean of the target. See `one_hot`."""
    means = np.atleast_1d(encoder.target_mean_)
    found = []
    for at, values in enumerate(encoder.encodings_):
        place, output = divmod(at, len(means))
        known = encoder.categories_[place]
        found.append(_lookup(graph, columns[place], texts[place], known, values, float(means[output])))
    return found[0] if len(found) == 1 else graph.node("Concat", found, axis=1)


def _encoded_categories(encoder: Any) -> NDArray[np.float64]:
    """What the encoder makes of its own categories: row i holds the i-th of every column, the first where there are fewer."""
    rows = max(len(known) for known in encoder.categories_)
    table = np.empty((rows, len(encoder.categories_)), dtype=object)
    for place, known in enumerate(encoder.categories_):
        table[:, place] = known[0]
        table[: len(known), place] = known
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it was fitted with names
        found = encoder.transform(table)
    dense = found.toarray() if hasattr(found, "toarray") else found
    return np.asarray(dense, dtype=np.float64)


def _lookup(
    graph: Graph, column: str, text: bool, known: Sequence[Any], values: NDArray[np.float64], unknown: float
) -> str:
    """The value of each row's category, shape (n, 1)."""
    pairs = list(zip(known, values.tolist(), strict=True))
    if text:
        keys = {NULL_TEXT if _is_missing(key) else str(key): value for key, value in pairs}
        return graph.node(
            "LabelEncoder",
            [column],
            domain=ML,
            keys_strings=list(keys),
            values_floats=list(keys.values()),
            default_float=unknown,
        )
    column = graph.cast(column, "float")
    present = [(float(key), value) for key, value in pairs if not _is_missing(key)]
    found = graph.node(
        "LabelEncoder",
        [column],
        domain=ML,
        keys_floats=[key for key, _ in present],
        values_floats=[value for _, value in present],
        default_float=unknown,
    )
    missing = [value for key, value in pairs if _is_missing(key)]
    if not missing:
        return found
    return graph.node("Where", [graph.node("IsNaN", [column]), graph.constant(missing[0], np.float32), found])


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
