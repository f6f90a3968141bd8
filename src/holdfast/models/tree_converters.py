"""Our tree converters for skl2onnx, so that pipelines and ensembles may hold such estimators anywhere."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from holdfast.models.graph import ML, ML_OPSET, OPSET, Graph
from holdfast.models.hist_gradient_boosting import add_trees


@cache
def register() -> None:
    """Tell skl2onnx of them; the second call does nothing.

    The registry is skl2onnx's own, and has no entry for these estimators.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False]}
    update_registered_converter(
        HistGradientBoostingClassifier,
        "HoldfastHistGradientBoostingClassifier",
        calculate_linear_classifier_output_shapes,
        _hist_gradient_boosting,
        overwrite=True,
        options=options,
    )
    update_registered_converter(
        HistGradientBoostingRegressor,
        "HoldfastHistGradientBoostingRegressor",
        calculate_linear_regressor_output_shapes,
        _hist_gradient_boosting,
        overwrite=True,
    )


def _hist_gradient_boosting(scope: Any, operator: Any, container: Any) -> None:
    estimator = operator.raw_operator
    graph = Graph(scope.get_unique_operator_name("holdfast") + "_")
    matrix = _matrix(graph, operator)
    places = range(estimator.n_features_in_)
    scores = add_trees(graph, estimator, matrix, places, set(), margins=container.get_options(estimator, {}).get("raw_scores", False))
    _finish(graph, operator, container, scores)


def _matrix(graph: Graph, operator: Any) -> str:
    """The operator's inputs as one matrix of doubles."""
    names = [variable.full_name for variable in operator.inputs]
    return graph.cast(names[0] if len(names) == 1 else graph.node("Concat", names, axis=1), "double")


def _finish(graph: Graph, operator: Any, container: Any, scores: str) -> None:
    """Name the outputs as the operator does, and hand the nodes over."""
    names = [variable.full_name for variable in operator.outputs]
    if len(names) == 2:
        best = graph.node("ArgMax", [scores], axis=1, keepdims=0)
        labels = operator.raw_operator.classes_
        if np.issubdtype(labels.dtype, np.number) or labels.dtype == bool:
            graph.node("Gather", [graph.constant(labels, np.int64), best], output=names[0])
        else:
            graph.node("Gather", [graph.constant([str(label) for label in labels], object), best], output=names[0])
    graph.node("Identity", [scores], output=names[-1])
    container.nodes.extend(graph.nodes)
    container.initializers.extend(graph.constants)
    container.node_domain_version_pair_sets.update({("", OPSET), (ML, ML_OPSET)})
