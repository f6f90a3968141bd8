"""Scikit-learn's `SimpleImputer` as ONNX, for numbers as doubles and for text, with its indicators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from holdfast.models.graph import ML, Graph
from holdfast.models.onnx_model import NULL_TEXT


def impute(graph: Graph, imputer: Any, columns: Sequence[str], texts: Sequence[bool]) -> str:
    """Fill what is missing.

    Parameters
    ----------
    columns
        Names of tensors of shape (n, 1), one per column of the imputer.
    texts
        Which of them hold strings.

    Returns
    -------
    str
        Name of a tensor of the columns' type, shape (n, number of columns that are kept and indicators).

    Raises
    ------
    NotImplementedError
        For indicators beside text, which no tensor can hold together.
    """
    filled, missing = [], []
    for column, text, value in zip(columns, texts, imputer.statistics_, strict=True):
        gap = _missing(graph, column, text, imputer.missing_values)
        missing.append(gap)
        if not text and _is_nan(value) and not imputer.keep_empty_features:
            continue  # a column that was all missing is dropped
        constant = graph.constant([[str(value)]], object) if text else _like(graph, value, column)
        filled.append(graph.node("Where", [gap, constant, column]))
    if imputer.add_indicator:
        if any(texts):
            raise NotImplementedError("SimpleImputer(add_indicator=True) on text")
        flags = [graph.node("CastLike", [missing[place], columns[0]]) for place in imputer.indicator_.features_]
        filled += flags
    return filled[0] if len(filled) == 1 else graph.node("Concat", filled, axis=1)


def width(imputer: Any) -> int:
    """Columns that come out."""
    return len(imputer.get_feature_names_out())


def _missing(graph: Graph, column: str, text: bool, marker: Any) -> str:
    """Which rows have no value, as booleans."""
    if text:
        key = marker if isinstance(marker, str) else NULL_TEXT
        hit = graph.node("LabelEncoder", [column], domain=ML, keys_strings=[key], values_int64s=[1], default_int64=0)
        return graph.cast(hit, "bool")
    if _is_nan(marker) or marker is None:
        return graph.node("IsNaN", [column])
    return graph.node("Equal", [column, _like(graph, marker, column)])


def _like(graph: Graph, value: Any, column: str) -> str:
    """A number as a constant of the column's type."""
    return graph.node("CastLike", [graph.constant([[float(value)]], np.float64), column])


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isnan(value))
