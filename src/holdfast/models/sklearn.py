"""Scikit-learn estimators and pipelines, text columns included."""

from __future__ import annotations

import copy
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.errors import MissingExtraError, ModelError, SettingError
from holdfast.models.columns import frame, is_text, numbers
from holdfast.models.graph import IR_VERSION, ML, ML_OPSET, OPSET, Graph
from holdfast.models.hist_gradient_boosting import hist_gradient_boosting_to_onnx, is_hist_gradient_boosting
from holdfast.models.labels import class_names, positive_last
from holdfast.models.onnx_model import Element, Input, OnnxModel, sealed, signature_of
from holdfast.models.protocol import FittedModel
from holdfast.models.session import start


def load_sklearn(estimator: Any, features: Sequence[str] | None = None, positive: Any | None = None) -> FittedModel:
    """A fitted estimator or pipeline.

    Parameters
    ----------
    features
        Names of its columns in their order; needed when it was fitted on an array.
    positive
        Label of the positive class of two; by default the second one.

    Raises
    ------
    ModelError
        When it is not fitted, gives no probabilities, or has several outputs.
    SettingError
        When the names of the features are needed, or are not as many as it was fitted with.
    """
    names = _features(estimator, features)
    null = null_text(estimator)
    if hasattr(estimator, "classes_"):
        if not hasattr(estimator, "predict_proba"):
            raise ModelError(
                f"{type(estimator).__name__} gives no probabilities; wrap it in sklearn.calibration.CalibratedClassifierCV"
            )
        if isinstance(estimator.classes_, list):
            raise ModelError(
                "a classifier with several outputs cannot be judged as one model; load one for each output"
            )
        classes = class_names(estimator.classes_)

        def probabilities(rows: pa.Table) -> Any:
            return estimator.predict_proba(arranged(estimator, rows, names, null))

        if len(classes) != 2:
            return FittedModel("sklearn", "classes", classes, names, estimator, probabilities)
        classes, place = positive_last(classes, positive)
        return FittedModel(
            "sklearn", "binary", classes, names, estimator, lambda rows: probabilities(rows)[:, place], place
        )
    if not _is_regressor(estimator):
        raise ModelError(
            f"{type(estimator).__name__} is no fitted classifier and no regressor: fit it, or take the estimator that predicts"
        )

    def run(rows: pa.Table) -> Any:
        return estimator.predict(arranged(estimator, rows, names, null))

    return FittedModel("sklearn", "regression", (), names, estimator, run)


def arranged(estimator: Any, rows: pa.Table, features: Sequence[str], null: float | None) -> Any:
    """Rows as the estimator was fitted with them: a data frame, or where it knows no names, a matrix."""
    if not hasattr(estimator, "feature_names_in_"):
        return numbers(rows, features)
    table = frame(rows, features, null)
    # A given list of features may rename what the estimator was fitted with.
    table.columns = list(estimator.feature_names_in_)
    return table


def sklearn_to_onnx(model: FittedModel, sample: pa.Table) -> OnnxModel:
    """Convert through skl2onnx, with one tensor of numbers and one of texts in front.

    Parameters
    ----------
    sample
        A few rows: their types say which features are text.

    Raises
    ------
    ModelError
        When skl2onnx has no converter for a step.
    """
    alone = unwrapped(model.native)
    if is_hist_gradient_boosting(alone):
        return hist_gradient_boosting_to_onnx(model, alone, sample)
    estimator = copy.deepcopy(alone)
    for part in _parts(estimator):
        if hasattr(part, "flatten_transform"):  # of `transform` only, and skl2onnx wants it so
            part.flatten_transform = False
        _round_thresholds_down(part)
    names = [str(name) for name in getattr(estimator, "feature_names_in_", model.features)]
    text_places = [place for place, name in enumerate(model.features) if is_text(sample.schema.field(name).type)]
    by_column = len(text_places) not in {0, len(model.features)} or _starts_by_column(estimator)
    proto, element = _converted(estimator, names, text_places, by_column)
    output = proto.graph.output[-1].name
    del proto.graph.output[:-1]
    grouped = _grouped_inputs(model.features, text_places, element)
    if by_column:
        # skl2onnx writes names of its own where a column's is no identifier.
        inputs = [held.name for held in proto.graph.input]
        _split_inputs(proto, grouped, dict(zip(model.features, inputs, strict=True)))
    return sealed(proto, signature_of(model, grouped, output))


def _converted(
    estimator: Any, names: Sequence[str], text_places: Sequence[int], by_column: bool
) -> tuple[Any, Element]:
    """What skl2onnx makes of an estimator, with one input per column or one for all, and how numbers are fed."""
    try:
        import skl2onnx
        from skl2onnx.common import data_types
    except ModuleNotFoundError:
        raise MissingExtraError("skl2onnx", "sklearn", "Converting a scikit-learn model") from None
    from holdfast.models.skl2onnx_converters import register

    register()
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    failure: Exception | None = None
    for element in _elements(estimator):
        number = data_types.DoubleTensorType if element == "double" else data_types.FloatTensorType
        kinds = [data_types.StringTensorType if place in text_places else number for place in range(len(names))]
        if by_column:
            inputs = [(name, kind([None, 1])) for name, kind in zip(names, kinds, strict=True)]
        else:
            inputs = [("texts" if text_places else "numbers", kinds[0]([None, len(names)]))]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                proto = skl2onnx.convert_sklearn(
                    estimator, initial_types=inputs, options=options, target_opset={"": OPSET, ML: ML_OPSET}
                )
            proto.ir_version = IR_VERSION
            if element == "double" and not _compares_doubles(estimator):
                _single_before_trees(proto)
            start(proto.SerializeToString())
        except Exception as error:  # noqa: BLE001  # skl2onnx raises whatever its converters meet
            failure = error
        else:
            return proto, element
    assert failure is not None
    step = _failing_step(failure)
    named = f"the step {step} of {type(estimator).__name__}" if step else type(estimator).__name__
    raise ModelError(
        f"skl2onnx {skl2onnx.__version__} cannot convert {named} ({type(failure).__name__}); replace "
        f"{'that step' if step else 'it'}, or convert the model yourself and give the .onnx file"
    ) from failure


def _failing_step(failure: Exception) -> str | None:
    """Type of the innermost part that skl2onnx was at when it failed; its own message may hold values of the data."""
    step = None
    for called, _ in traceback.walk_tb(failure.__traceback__):
        part = getattr(called.f_locals.get("operator"), "raw_operator", None)
        step = step if part is None else type(part).__name__
    return step


def unwrapped(estimator: Any) -> Any:
    """The estimator that a search over parameters chose; any other as it is."""
    return getattr(estimator, "best_estimator_", estimator)


def _elements(estimator: Any) -> tuple[Element, ...]:
    """How numbers may be fed, best first.

    HistGradientBoosting and LightGBM compare doubles, and often with a value that is in the data: in float32 such rows
    fall on the other side. Other trees compare what the steps before them made in doubles, rounded to float32. Not
    every operator of ONNX Runtime takes doubles.
    """
    double = _compares_doubles(estimator) or any(_trees(part) for part in _parts(estimator))
    return ("double", "float") if double else ("float",)


def _compares_doubles(estimator: Any) -> bool:
    """Whether some part compares doubles, not float32."""
    return any(is_hist_gradient_boosting(part) or hasattr(part, "booster_") for part in _parts(estimator))


def _trees(part: Any) -> list[Any]:
    """The single trees of a tree, a forest or a gradient boosting."""
    if hasattr(part, "tree_"):
        return [part.tree_]
    if is_hist_gradient_boosting(part):
        return []
    held = np.ravel(np.array(getattr(part, "estimators_", []), dtype=object))
    return [one.tree_ for one in held if hasattr(one, "tree_")]


def _round_thresholds_down(part: Any) -> None:
    """Thresholds of a copy as the largest float32 below: `x <= t` is the same for every float32, which trees compare."""
    for tree in _trees(part):
        below = tree.threshold.astype(np.float32)
        tree.threshold[:] = np.where(below > tree.threshold, np.nextafter(below, np.float32(-np.inf)), below)


def _single_before_trees(proto: Any) -> None:
    """Round what trees are given to float32, as scikit-learn does before it compares.

    They then answer in float32, too, which skl2onnx declares for some of them only.
    """
    from onnx import TensorProto, helper

    nodes: list[Any] = []
    for place, node in enumerate(proto.graph.node):
        if node.op_type.startswith("TreeEnsemble"):
            nodes.append(helper.make_node("Cast", [node.input[0]], [f"single_{place}"], to=TensorProto.FLOAT))
            node.input[0] = f"single_{place}"
        nodes.append(node)
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del proto.graph.node[:], proto.graph.value_info[:]
    proto.graph.node.extend(kept)
    for output in proto.graph.output:
        if output.type.tensor_type.elem_type == TensorProto.DOUBLE:
            output.type.tensor_type.elem_type = TensorProto.FLOAT


def _grouped_inputs(features: Sequence[str], text_places: Sequence[int], element: Element) -> tuple[Input, ...]:
    """One tensor of numbers and one of texts, each where there are any."""
    texts = tuple(features[place] for place in text_places)
    plain = tuple(name for name in features if name not in texts)
    pieces = (
        Input(name="numbers", element=element, features=plain),
        Input(name="texts", element="string", features=texts),
    )
    return tuple(piece for piece in pieces if piece.features)


def _split_inputs(proto: Any, grouped: Sequence[Input], names: dict[str, str]) -> None:
    """Feed a graph of one input per column from the grouped tensors."""
    front = Graph()
    for piece in grouped:
        source = front.input(piece.name, piece.element, len(piece.features))
        columns = [names[feature] for feature in piece.features]
        node = front.onnx.helper.make_node("Split", [source], columns, axis=1, num_outputs=len(columns))
        front.nodes.append(node)
    del proto.graph.input[:]
    proto.graph.input.extend(front.inputs)
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*front.nodes, *nodes])
    for opset in proto.opset_import:
        if opset.domain == "":
            opset.version = max(opset.version, OPSET)


def _features(estimator: Any, given: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the features: as given, or as fitted."""
    count = getattr(estimator, "n_features_in_", None)
    if given is not None:
        if count is not None and len(given) != count:
            raise SettingError(f"{len(given)} features are named, and the model was fitted with {count}")
        return tuple(given)
    if hasattr(estimator, "feature_names_in_"):
        return tuple(str(name) for name in estimator.feature_names_in_)
    if count is None:
        if _is_fitted(estimator):
            raise SettingError(
                f"the first step of {type(estimator).__name__} does not say which columns it was fitted on: give their names "
                "in order as `features`"
            )
        raise ModelError(f"{type(estimator).__name__} is not fitted; fit it first")
    raise SettingError(
        f"the model was fitted on an array of {count} columns without names: give their names in order as `features`"
    )


def _is_fitted(estimator: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    return True


def _is_regressor(estimator: Any) -> bool:
    from sklearn.base import is_regressor

    return bool(is_regressor(estimator)) and hasattr(estimator, "predict")


def _starts_by_column(estimator: Any) -> bool:
    """Whether the first step picks its columns by name or place."""
    steps = getattr(estimator, "steps", None)
    first = steps[0][1] if steps else estimator
    return hasattr(first, "transformers_")


def _parts(estimator: Any) -> Iterator[Any]:
    """The estimator and every one that it is made of."""
    seen: set[int] = set()
    todo = [estimator]
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, list | tuple):
            todo.extend(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif hasattr(item, "get_params"):
            yield item
            todo.extend(vars(item).values())


def null_text(estimator: Any) -> float | None:
    """What missing text was when it was fitted, None or NaN: encoders keep them apart."""
    for part in _parts(estimator):
        lists = getattr(part, "categories_", ())
        if any(values.dtype == object and any(value is None for value in values) for values in lists):
            return None
        if getattr(part, "missing_values", "") is None:
            return None
    return float("nan")
