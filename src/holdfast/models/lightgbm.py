"""LightGBM boosters, and the scikit-learn wrappers around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.errors import MissingExtraError, ModelError
from holdfast.models.boosters import classifier, column_names
from holdfast.models.columns import is_text
from holdfast.models.encoding import code_matrix, encoded
from holdfast.models.forest import Forest, probabilities
from holdfast.models.graph import Graph
from holdfast.models.onnx_model import OnnxModel, sealed, signature_of
from holdfast.models.protocol import FittedModel
from holdfast.models.tree import Leaf, Split, Tree

ZERO = 1e-35
"""Numbers up to this size are zero to LightGBM (`kZeroThreshold`)."""


def load_lightgbm(
    model: Any,
    features: Sequence[str] | None = None,
    positive: Any | None = None,
    classes: Sequence[Any] | None = None,
) -> FittedModel:
    """A `Booster`, or an `LGBMClassifier`, `LGBMRegressor` or `LGBMRanker`.

    Parameters
    ----------
    features
        Names of its columns; needed when it was fitted without.
    classes
        Labels in the order of their codes, for a booster; by default 0, 1, ...

    Raises
    ------
    ModelError
        When it is not fitted, or its categorical columns cannot be told.
    SettingError
        When names or classes are as many as they are not.
    """
    booster = model
    if hasattr(model, "booster_") or not hasattr(model, "dump_model"):
        if not getattr(model, "fitted_", False):
            raise ModelError(f"{type(model).__name__} is not fitted; fit it first")
        booster = model.booster_
        classes = getattr(model, "classes_", classes)
        if features is None and hasattr(model, "feature_names_in_"):
            features = [str(name) for name in model.feature_names_in_]
    dump = booster.dump_model(num_iteration=1)
    held = dump["feature_names"]
    unnamed = all(name == f"Column_{place}" for place, name in enumerate(held))
    names = column_names(len(held), None if unnamed else held, features)
    codes = categories(booster)
    objective = dump.get("objective", "").partition(" ")[0]
    outputs = dump["num_tree_per_iteration"]

    def run(rows: pa.Table) -> Any:
        return booster.predict(code_matrix(rows, names, codes))

    if outputs == 1 and objective not in {"binary", "cross_entropy"}:
        return FittedModel("lightgbm", "regression", (), names, booster, run)
    return classifier("lightgbm", names, booster, run, outputs, classes, positive)


def load_lightgbm_file(
    file: Path, features: Sequence[str] | None, positive: Any | None, classes: Sequence[Any] | None
) -> FittedModel:
    """A booster from LightGBM's text."""
    try:
        import lightgbm
    except ModuleNotFoundError:
        raise MissingExtraError("lightgbm", "lightgbm", f"Reading {file}") from None
    try:
        booster = lightgbm.Booster(model_file=str(file))
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(f"{file} cannot be read as a LightGBM model; it is damaged or cut off") from error
    return load_lightgbm(booster, features, positive, classes)


def lightgbm_to_onnx(model: FittedModel, sample: pa.Table) -> OnnxModel:
    """Convert a booster: double thresholds, missing values, categories and the link of its objective.

    Raises
    ------
    ModelError
        For linear trees and objectives without a known link.
    """
    dump = model.native.dump_model()
    graph = Graph()
    codes = categories(model.native)
    front = encoded(graph, model.features, codes, sample, "double")
    as_codes = {place for place, name in enumerate(model.features) if is_text(sample.schema.field(name).type)}
    values = {place: codes[place] for place in codes if place not in as_codes}
    output = _linked(graph, dump, _margins(graph, dump, front.matrix, front.column, values))
    proto = graph.model(output, 1 if model.task == "regression" else len(model.classes))
    return sealed(proto, signature_of(model, front.inputs, output))


def categories(booster: Any) -> dict[int, Sequence[Any]]:
    """Categories of the columns that were pandas categories, by place and in the order of their codes.

    Raises
    ------
    ModelError
        When the booster does not say which columns they were.
    """
    lists = booster.pandas_categorical or []
    params = booster.params
    places = params.get("categorical_column", params.get("categorical_feature")) if lists else []
    if not isinstance(places, list) or len(places) != len(lists):
        raise ModelError(
            f"the booster was fitted on {len(lists)} pandas categories and does not say which columns they were (ordered "
            "categories are not supported): fit it with unordered ones"
        )
    return dict(zip(sorted(places), lists, strict=True))


def score(graph: Graph, estimator: Any, matrix: str, margins: bool) -> str:
    """Put a fitted wrapper into a graph, from a tensor of floats to probabilities or predicted values (or margins)."""
    dump = estimator.booster_.dump_model()
    margin = _margins(graph, dump, graph.cast(matrix, "double"), range(estimator.n_features_in_), {})
    return margin if margins else _linked(graph, dump, margin)


def _margins(
    graph: Graph, dump: Mapping[str, Any], matrix: str, columns: Sequence[int], values: Mapping[int, Sequence[Any]]
) -> str:
    """Sums of leaves, shape (n, outputs), from a tensor of doubles.

    Parameters
    ----------
    columns
        Column of the matrix for each feature.
    values
        Categories of the features that are in the matrix as values and not as codes.
    """
    outputs, trees = dump["num_tree_per_iteration"], dump["tree_info"]
    weight = outputs / len(trees) if dump.get("average_output") else 1.0
    forest = Forest(outputs)
    zero_columns: set[int] = set()
    for at, tree in enumerate(trees):
        forest.add(_tree(tree["tree_structure"], columns, values, zero_columns), at % outputs, weight)
    matrix = _without_zeros(graph, matrix, zero_columns, len(columns))
    return forest.emit(graph, matrix, [0.0] * outputs, double=True)


def _tree(
    root: dict[str, Any], columns: Sequence[int], values: Mapping[int, Sequence[Any]], zero_columns: set[int]
) -> Tree:
    """A dumped tree by places. Columns in which zero counts as missing are added to `zero_columns`."""
    tree: list[Split | Leaf] = []
    todo = [(root, -1, "")]
    while todo:
        node, parent, side = todo.pop()
        place = len(tree)
        if parent >= 0:
            above = tree[parent]
            assert isinstance(above, Split)
            tree[parent] = above._replace(left=place) if side == "left" else above._replace(right=place)
        if "split_feature" not in node:
            if "leaf_coeff" in node:
                raise ModelError("LightGBM's linear trees have no conversion to ONNX; fit with linear_tree=False")
            tree.append(Leaf(float(node["leaf_value"])))
            continue
        tree.append(_split(node, columns, values, zero_columns))
        todo += [(node["right_child"], place, "right"), (node["left_child"], place, "left")]
    return tree


def _split(
    node: dict[str, Any], columns: Sequence[int], values: Mapping[int, Sequence[Any]], zero_columns: set[int]
) -> Split:
    """A node as `Tree::NumericalDecision` and `CategoricalDecision` of LightGBM's `tree.h` read it; children come later."""
    feature = node["split_feature"]
    column = columns[feature]
    if node["decision_type"] == "==":
        held = [int(code) for code in str(node["threshold"]).split("||")]
        known = values.get(feature)
        members = tuple(float(code if known is None else known[code]) for code in held)
        return Split(column, 0.0, False, 0, 0, members)
    threshold = float(node["threshold"])
    missing_left = bool(node["default_left"])
    if node["missing_type"] == "None":  # a missing value is compared as zero
        missing_left = threshold >= 0
    elif node["missing_type"] == "Zero":
        zero_columns.add(column)
    return Split(column, threshold, missing_left, 0, 0)


def _without_zeros(graph: Graph, matrix: str, zero_columns: set[int], width: int) -> str:
    """Zeros made NaN in the columns where they count as missing."""
    if not zero_columns:
        return matrix
    mask = np.zeros((1, width), dtype=bool)
    mask[0, list(zero_columns)] = True
    small = graph.node("LessOrEqual", [graph.node("Abs", [matrix]), graph.constant(ZERO, np.float64)])
    drop = graph.node("And", [small, graph.constant(mask)])
    return graph.node("Where", [drop, graph.constant(np.nan, np.float64), matrix])


def _linked(graph: Graph, dump: Mapping[str, Any], margin: str) -> str:
    """Scores from margins: `ConvertOutput` of each of LightGBM's objectives."""
    name, _, rest = dump.get("objective", "").partition(" ")
    options = dict(part.split(":", 1) for part in rest.split() if ":" in part)
    match name:
        case "binary" | "multiclassova":
            steep = float(options.get("sigmoid", 1.0))
            scaled = margin if steep == 1.0 else graph.node("Mul", [margin, graph.constant(steep, np.float32)])
            if name == "binary":
                return probabilities(graph, scaled, 1)
            return graph.node("Sigmoid", [scaled])
        case "multiclass":
            return probabilities(graph, margin, dump["num_tree_per_iteration"])
        case "cross_entropy":
            return probabilities(graph, margin, 1)
        case "cross_entropy_lambda":
            return graph.node("Softplus", [margin])
        case "poisson" | "gamma" | "tweedie":
            return graph.node("Exp", [margin])
        case "regression" if "sqrt" in rest.split():
            return graph.node("Mul", [margin, graph.node("Abs", [margin])])
        case "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" | "lambdarank" | "rank_xendcg":
            return margin
    raise ModelError(
        f"LightGBM's objective {name or 'of your own'!r} has no known link to scores; fit with one of its own"
    )
