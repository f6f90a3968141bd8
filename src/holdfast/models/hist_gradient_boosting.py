"""Scikit-learn's HistGradientBoosting as ONNX, which skl2onnx cannot convert.

Its trees compare doubles (`x <= threshold`), send missing values where they fitted better, and split categories by
sets in which unknown categories count as missing: `sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import ModelError
from holdfast.models.columns import is_text
from holdfast.models.encoding import encoded
from holdfast.models.forest import Forest, probabilities
from holdfast.models.graph import Graph
from holdfast.models.onnx_model import OnnxModel, sealed, signature_of
from holdfast.models.protocol import FittedModel
from holdfast.models.tree import Leaf, Split, Tree


def is_hist_gradient_boosting(estimator: Any) -> bool:
    """Whether an estimator is `HistGradientBoostingClassifier` or `...Regressor`."""
    return any(kind.__name__ == "BaseHistGradientBoosting" for kind in type(estimator).__mro__)


def hist_gradient_boosting_to_onnx(model: FittedModel, estimator: Any, sample: pa.Table) -> OnnxModel:
    """Convert an estimator that stands alone, its own categories included.

    Parameters
    ----------
    estimator
        `model.native`, out of its parameter search if it was in one.
    sample
        A few rows: their types say which features are text.
    """
    graph = Graph()
    front = encoded(graph, model.features, categories(estimator), sample, "double")
    by_code = {place for place, name in enumerate(model.features) if is_text(sample.schema.field(name).type)}
    output = _linked(graph, estimator, _margins(graph, estimator, front.matrix, front.column, by_code))
    proto = graph.model(output, 1 if model.task == "regression" else len(model.classes))
    return sealed(proto, signature_of(model, front.inputs, output))


def categories(estimator: Any) -> dict[int, Sequence[Any]]:
    """Categories of the categorical features by place, in the order of their codes; missing ones last, as fitted."""
    if estimator._preprocessor is None:
        return {}
    places = np.flatnonzero(estimator.is_categorical_)
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    return {int(place): list(values) for place, values in zip(places, encoder.categories_, strict=True)}


def score(graph: Graph, estimator: Any, matrix: str, margins: bool) -> str:
    """Put a fitted estimator into a graph, from a tensor of floats to probabilities or predicted values (or margins)."""
    places = range(estimator.n_features_in_)
    margin = _margins(graph, estimator, graph.cast(matrix, "double"), places, set())
    if not margins:
        return _linked(graph, estimator, margin)
    if estimator.n_trees_per_iteration_ > 1:
        return margin
    return graph.node("Concat", [graph.node("Neg", [margin]), margin], axis=1)


def _margins(graph: Graph, estimator: Any, matrix: str, columns: Sequence[int], by_code: set[int]) -> str:
    """Sums of leaves and the baseline, shape (n, outputs), from a tensor of doubles.

    Parameters
    ----------
    columns
        Column of the matrix for each feature of the estimator.
    by_code
        Features whose categories are codes in the matrix; those of others are the values themselves.
    """
    known = categories(estimator)
    # The estimator puts its categorical features first before it grows trees.
    order = [*known, *(place for place in range(estimator.n_features_in_) if place not in known)]
    bitsets, row_of = estimator._bin_mapper.make_known_categories_bitsets()
    outputs = estimator.n_trees_per_iteration_
    forest = Forest(outputs)
    for iteration in estimator._predictors:
        for output, predictor in enumerate(iteration):
            forest.add(_tree(predictor, order, columns, known, by_code, bitsets, row_of), output)
    return forest.emit(graph, matrix, np.ravel(estimator._baseline_prediction), double=True)


def _linked(graph: Graph, estimator: Any, margin: str) -> str:
    """Scores from margins, as the estimator's loss says."""
    if hasattr(estimator, "classes_"):
        return probabilities(graph, margin, estimator.n_trees_per_iteration_)
    link = type(estimator._loss.link).__name__
    if link == "LogLink":
        return graph.node("Exp", [margin])
    if link != "IdentityLink":
        raise ModelError(f"the link {link} of {type(estimator).__name__} has no conversion")
    return margin


def _tree(
    predictor: Any,
    order: Sequence[int],
    columns: Sequence[int],
    known: dict[int, Sequence[Any]],
    by_code: set[int],
    bitsets: NDArray[np.uint32],
    row_of: NDArray[np.uint32],
) -> Tree:
    tree: list[Split | Leaf] = []
    for node in predictor.nodes:
        if node["is_leaf"]:
            tree.append(Leaf(float(node["value"])))
            continue
        inner = int(node["feature_idx"])
        feature, missing_left = order[inner], bool(node["missing_go_to_left"])
        left, right = int(node["left"]), int(node["right"])
        if not node["is_categorical"]:
            tree.append(Split(columns[feature], float(node["num_threshold"]), missing_left, left, right))
            continue
        members = _members(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
        if missing_left:  # name those that go right instead, so that the missing and the unknown go with the rest
            members = [code for code in _members(bitsets[row_of[inner]]) if code not in set(members)]
            left, right = right, left
        values = [float(code if feature in by_code else known[feature][code]) for code in members]
        tree.append(Split(columns[feature], 0.0, False, left, right, tuple(values)))
    return tree


def _members(bitset: NDArray[np.uint32]) -> list[int]:
    """Codes whose bit is set."""
    bits = np.unpackbits(np.ascontiguousarray(bitset, dtype="<u4").view(np.uint8), bitorder="little")
    return [int(code) for code in np.flatnonzero(bits)]
