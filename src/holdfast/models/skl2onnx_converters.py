"""Our converters in skl2onnx, so that pipelines and ensembles may hold such estimators anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from holdfast.models import encoders, hist_gradient_boosting, imputer, lightgbm, xgboost
from holdfast.models.graph import ML, ML_OPSET, OPSET, Graph

Encode = Callable[[Graph, Any, Sequence[str], Sequence[bool]], str]
Score = Callable[[Graph, Any, str, bool], str]


def register() -> None:
    """Tell skl2onnx of them.

    The registry is skl2onnx's own. Only scikit-learn's classes and wrappers that are imported already are entered: no
    other can be in the pipeline.
    """
    import sys

    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
    from sklearn import ensemble, impute, preprocessing

    for kind, encode in (
        (preprocessing.OneHotEncoder, encoders.one_hot),
        (preprocessing.OrdinalEncoder, encoders.ordinal),
        (preprocessing.TargetEncoder, encoders.target),
    ):
        update_registered_converter(kind, f"Holdfast{kind.__name__}", _encoder_shape, _encoder(encode), overwrite=True)
    update_registered_converter(
        impute.SimpleImputer, "HoldfastSimpleImputer", _imputer_shape, _encoder(imputer.impute), overwrite=True
    )
    hist = ensemble.HistGradientBoostingClassifier
    scorers: list[tuple[type, type, Score]] = [
        (hist, ensemble.HistGradientBoostingRegressor, hist_gradient_boosting.score)
    ]
    if "lightgbm" in sys.modules:
        module = sys.modules["lightgbm"]
        scorers.append((module.LGBMClassifier, module.LGBMRegressor, lightgbm.score))
    if "xgboost" in sys.modules:
        module = sys.modules["xgboost"]
        scorers.append((module.XGBClassifier, module.XGBRegressor, xgboost.score))
    options = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
    for classifier, regressor, score in scorers:
        # What has a `decision_function` is calibrated on its margins.
        raw = {"raw_scores": [True, False]} if classifier is hist else {}
        update_registered_converter(
            classifier,
            f"Holdfast{classifier.__name__}",
            calculate_linear_classifier_output_shapes,
            _scorer(score),
            overwrite=True,
            options={**options, **raw},
        )
        update_registered_converter(
            regressor,
            f"Holdfast{regressor.__name__}",
            calculate_linear_regressor_output_shapes,
            _scorer(score),
            overwrite=True,
        )


def _encoder_shape(operator: Any) -> None:
    """One tensor of floats, as wide as the encoder's names say."""
    from skl2onnx.common.data_types import FloatTensorType

    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = FloatTensorType([rows, len(operator.raw_operator.get_feature_names_out())])


def _imputer_shape(operator: Any) -> None:
    """A tensor of the type that comes in."""
    rows, kind = operator.inputs[0].get_first_dimension(), type(operator.inputs[0].type)
    operator.outputs[0].type = kind([rows, imputer.width(operator.raw_operator)])


def _encoder(encode: Encode) -> Callable[[Any, Any, Any], None]:
    """A converter for skl2onnx of what treats columns one by one."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        from skl2onnx.common.data_types import StringTensorType

        graph = Graph(scope.get_unique_operator_name("holdfast") + "_")
        columns, texts = [], []
        for variable in operator.inputs:
            width = variable.get_second_dimension()
            for place in range(width):
                whole = variable.full_name
                columns.append(whole if width == 1 else graph.node("Gather", [whole, graph.constant([place])], axis=1))
                texts.append(isinstance(variable.type, StringTensorType))
        _finish(graph, operator, container, encode(graph, operator.raw_operator, columns, texts))

    return convert


def _scorer(score: Score) -> Callable[[Any, Any, Any], None]:
    """A converter for skl2onnx of trees."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        estimator = operator.raw_operator
        graph = Graph(scope.get_unique_operator_name("holdfast") + "_")
        names = [variable.full_name for variable in operator.inputs]
        matrix = names[0] if len(names) == 1 else graph.node("Concat", names, axis=1)
        margins = container.get_options(estimator, {}).get("raw_scores", False)
        _finish(graph, operator, container, score(graph, estimator, matrix, margins))

    return convert


def _finish(graph: Graph, operator: Any, container: Any, scores: str) -> None:
    """Name the outputs as the operator does, of the types that it declared, and hand the nodes over."""
    names = [variable.full_name for variable in operator.outputs]
    if len(names) == 2:
        best = graph.node("ArgMax", [scores], axis=1, keepdims=0)
        labels = operator.raw_operator.classes_
        kept = (
            labels.astype(np.int64)
            if labels.dtype.kind in "biuf"
            else np.array([str(label) for label in labels], object)
        )
        graph.node("Gather", [graph.constant(kept), best], output=names[0])
    graph.node("Cast", [scores], output=names[-1], to=operator.outputs[-1].type.to_onnx_type().tensor_type.elem_type)
    container.nodes.extend(graph.nodes)
    container.initializers.extend(graph.constants)
    container.node_domain_version_pair_sets.update({("", OPSET), (ML, ML_OPSET)})
