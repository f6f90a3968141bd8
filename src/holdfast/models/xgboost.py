"""XGBoost boosters, and the scikit-learn wrappers around them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import MissingExtraError, ModelError
from holdfast.models.boosters import classifier, column_names
from holdfast.models.columns import is_text
from holdfast.models.encoding import code_matrix, encoded
from holdfast.models.forest import Forest, probabilities
from holdfast.models.graph import Graph
from holdfast.models.onnx_model import OnnxModel, sealed, signature_of
from holdfast.models.protocol import FittedModel
from holdfast.models.tree import Leaf, Split, Tree

IDENTITY = {"reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror"}
LOGISTIC = {"binary:logistic", "reg:logistic"}
LOG = {"count:poisson", "reg:gamma", "reg:tweedie"}


def load_xgboost(
    model: Any,
    features: Sequence[str] | None = None,
    positive: Any | None = None,
    classes: Sequence[Any] | None = None,
) -> FittedModel:
    """A `Booster`, or an `XGBClassifier`, `XGBRegressor` or `XGBRanker`.

    Parameters
    ----------
    features
        Names of its columns; needed when it was fitted without.
    classes
        Labels in the order of their codes, for a booster; by default 0, 1, ...

    Raises
    ------
    ModelError
        When it is not fitted, gives labels instead of probabilities, or has several outputs.
    SettingError
        When names or classes are as many as they are not.
    """
    import xgboost

    booster = model
    if hasattr(model, "get_booster"):
        try:
            booster = model.get_booster()
        except Exception as error:
            raise ModelError(f"{type(model).__name__} is not fitted; fit it first") from error
        classes = getattr(model, "classes_", classes)
        if booster.attr("best_iteration") is not None:  # the wrapper stops there, a booster of its own does not
            booster = _first_rounds(booster, int(booster.attr("best_iteration")) + 1)
    learner = learner_of(booster)
    names = column_names(int(learner["learner_model_param"]["num_feature"]), booster.feature_names, features)
    codes = categories(learner)
    objective = learner["objective"]["name"]
    outputs = _outputs(learner)

    def run(rows: pa.Table) -> Any:
        matrix = code_matrix(rows, names, codes)
        data = xgboost.DMatrix(matrix, feature_names=booster.feature_names, feature_types=booster.feature_types)
        return booster.predict(data)

    if not objective.startswith(("binary:", "multi:")):
        if outputs > 1:
            raise ModelError(f"the booster has {outputs} outputs; a regression model has one: fit one for each")
        return FittedModel("xgboost", "regression", (), names, booster, run)
    if objective not in {"binary:logistic", "multi:softprob"}:
        raise ModelError(f"{objective} gives no probabilities; fit with binary:logistic or multi:softprob")
    return classifier("xgboost", names, booster, run, outputs, classes, positive)


def load_xgboost_file(
    file: Path, features: Sequence[str] | None, positive: Any | None, classes: Sequence[Any] | None
) -> FittedModel:
    """A booster from XGBoost's JSON or UBJSON."""
    try:
        import xgboost
    except ModuleNotFoundError:
        raise MissingExtraError("xgboost", "xgboost", f"Reading {file}") from None
    try:
        booster = xgboost.Booster(model_file=str(file))
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise ModelError(f"{file} cannot be read as an XGBoost model; it is damaged, or something else") from error
    return load_xgboost(booster, features, positive, classes)


def xgboost_to_onnx(model: FittedModel, sample: pa.Table) -> OnnxModel:
    """Convert a booster of trees: float32 thresholds, missing values, categories and the link of its objective.

    Raises
    ------
    ModelError
        For linear boosters, trees with vectors in their leaves and objectives without a known link.
    """
    learner = learner_of(model.native)
    graph = Graph()
    codes = categories(learner)
    front = encoded(graph, model.features, codes, sample, "float")
    as_codes = {place for place, name in enumerate(model.features) if is_text(sample.schema.field(name).type)}
    values = {place: codes[place] for place in codes if place not in as_codes}
    output = _linked(graph, learner, _margins(graph, learner, front.matrix, front.column, values))
    proto = graph.model(output, 1 if model.task == "regression" else len(model.classes))
    return sealed(proto, signature_of(model, front.inputs, output))


def score(graph: Graph, estimator: Any, matrix: str, margins: bool) -> str:
    """Put a fitted wrapper into a graph, from a tensor of floats to probabilities or predicted values (or margins)."""
    native = load_xgboost(estimator, [str(place) for place in range(estimator.n_features_in_)]).native
    learner = learner_of(native)
    margin = _margins(graph, learner, matrix, range(estimator.n_features_in_), {})
    return margin if margins else _linked(graph, learner, margin)


def categories(learner: Mapping[str, Any]) -> dict[int, Sequence[Any]]:
    """Categories of the columns that were data frame categories, by place and in the order of their codes.

    XGBoost keeps them since 3.1; of older boosters the codes themselves are wanted.
    """
    held = learner["gradient_booster"].get("gbtree", learner["gradient_booster"]).get("model", {}).get("cats", {})
    return {place: values for place, entry in enumerate(held.get("enc", ())) if (values := _values(entry))}


def _values(entry: Mapping[str, Any]) -> list[Any]:
    """Categories of one column: numbers, or texts in one string of bytes."""
    if "offsets" not in entry:
        return list(entry["values"])
    raw, ends = bytes(value % 256 for value in entry["values"]), entry["offsets"]
    return [raw[start:end].decode() for start, end in pairwise(ends)]


def _margins(
    graph: Graph, learner: Mapping[str, Any], matrix: str, columns: Sequence[int], values: Mapping[int, Sequence[Any]]
) -> str:
    """Sums of leaves and the base score, shape (n, outputs)."""
    booster = learner["gradient_booster"]
    if booster["name"] not in {"gbtree", "dart"}:
        raise ModelError(f"XGBoost's {booster['name']} has no conversion to ONNX; fit trees (gbtree or dart)")
    model = booster.get("gbtree", booster)["model"]
    weights = booster.get("weight_drop") or [1.0] * len(model["trees"])
    outputs = _outputs(learner)
    forest = Forest(outputs, below=True)
    for tree, output, weight in zip(model["trees"], model["tree_info"], weights, strict=True):
        forest.add(_tree(tree, columns, values), output, weight)
    return forest.emit(graph, matrix, _base(learner, outputs), double=False)


def _tree(tree: Mapping[str, Any], columns: Sequence[int], values: Mapping[int, Sequence[Any]]) -> Tree:
    """A tree as `GetNextNode` and `Decision` of XGBoost's `predict_fn.h` and `categorical.h` read it."""
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise ModelError(
            "XGBoost's trees with several outputs have no conversion; fit multi_strategy='one_output_per_tree'"
        )
    sets = {
        node: tree["categories"][start : start + size]
        for node, start, size in zip(
            tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
        )
    }
    nodes: list[Split | Leaf] = []
    for place, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
        condition = float(tree["split_conditions"][place])
        if left < 0:
            nodes.append(Leaf(condition))
            continue
        feature, default_left = tree["split_indices"][place], bool(tree["default_left"][place])
        if place not in sets:
            nodes.append(Split(columns[feature], condition, default_left, left, right))
            continue
        known = values.get(feature)  # the categories that are chosen go right
        members = tuple(float(code if known is None else known[code]) for code in sets[place])
        nodes.append(Split(columns[feature], 0.0, not default_left, right, left, members))
    return nodes


def _base(learner: Mapping[str, Any], outputs: int) -> NDArray[np.float64]:
    """The base score as margins, one per output."""
    objective = learner["objective"]["name"]
    held = json.loads(learner["learner_model_param"]["base_score"])
    base: NDArray[np.float64] = np.broadcast_to(np.atleast_1d(held), outputs).astype(np.float64)
    if objective in LOGISTIC:
        base = np.log(base / (1 - base))
    elif objective in LOG:
        base = np.log(base)
    return base


def _linked(graph: Graph, learner: Mapping[str, Any], margin: str) -> str:
    """Scores from margins: `PredTransform` of each of XGBoost's objectives."""
    name = learner["objective"]["name"]
    if name in {"binary:logistic", "multi:softprob"}:
        return probabilities(graph, margin, _outputs(learner))
    if name == "reg:logistic":
        return graph.node("Sigmoid", [margin])
    if name in LOG:
        return graph.node("Exp", [margin])
    if name in IDENTITY or name.startswith("rank:"):
        return margin
    raise ModelError(f"XGBoost's objective {name} has no known link to scores; fit with another")


def _first_rounds(booster: Any, rounds: int) -> Any:
    """A booster of the first rounds; slicing it would lose the categories."""
    whole = json.loads(bytes(booster.save_raw("json")))
    held = whole["learner"]["gradient_booster"]
    model = held.get("gbtree", held)["model"]
    trees = model["iteration_indptr"][rounds]
    model["trees"], model["tree_info"] = model["trees"][:trees], model["tree_info"][:trees]
    model["iteration_indptr"] = model["iteration_indptr"][: rounds + 1]
    model["gbtree_model_param"]["num_trees"] = str(trees)
    if "weight_drop" in held:
        held["weight_drop"] = held["weight_drop"][:trees]
    return type(booster)(model_file=bytearray(json.dumps(whole).encode()))


def learner_of(booster: Any) -> dict[str, Any]:
    """What a booster's JSON says of its trees, categories and objective."""
    learner: dict[str, Any] = json.loads(bytes(booster.save_raw("json")))["learner"]
    return learner


def _outputs(learner: Mapping[str, Any]) -> int:
    """Numbers per row."""
    held = learner["learner_model_param"]
    return max(int(held["num_class"]), int(held.get("num_target", 1)), 1)
