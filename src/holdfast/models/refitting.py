"""Fit a model of the same kind again on other rows, where what was given says how."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import HoldfastError, ModelError
from holdfast.models.columns import frame
from holdfast.models.loading import load_model
from holdfast.models.protocol import FittedModel, Model


def refitted(model: Model, features: pa.Table, truth: NDArray[Any]) -> Model | None:
    """A model of the same kind and settings, fitted on other rows; None where a fitted model does not say how it was.

    Estimators and pipelines of scikit-learn hold their settings, and so do boosters of LightGBM. What else was given to
    `fit`, such as weights, they do not hold: all rows count alike.

    Parameters
    ----------
    model
        As `load_model` gave it.
    features, truth
        Rows (n,), and what they are to predict: bool, codes of the model's classes, or numbers.

    Raises
    ------
    ModelError
        Not every class occurs in these rows, or the model raises while it is fitted.
    """
    if not isinstance(model, FittedModel):
        return None
    fit = _fit_sklearn if hasattr(model.native, "get_params") and hasattr(model.native, "fit") else _fit_lightgbm
    if fit is _fit_lightgbm and model.family != "lightgbm":
        return None
    if model.task != "regression" and len(np.unique(truth)) < len(model.classes):
        raise ModelError("not every class occurs in the rows that the model is to be fitted on again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user saw them at the first fit
            return fit(model, features, truth)
    except HoldfastError:
        raise
    except Exception as error:
        raise ModelError(f"the {model.family} model raised {type(error).__name__} when it was fitted again") from error


def _fit_sklearn(model: FittedModel, features: pa.Table, truth: NDArray[Any]) -> Model:
    from sklearn.base import clone

    from holdfast.models.sklearn import arranged, null_text

    native, target = model.native, truth
    if model.task != "regression":
        # Under the names that it knows: its settings may hold weights of classes.
        codes = truth.astype(np.intp)
        target = native.classes_[
            np.where(codes == 1, model.positive, 1 - model.positive) if _is_binary(model) else codes
        ]
    fitted = clone(native).fit(arranged(native, features, model.features, null_text(native)), target)
    return load_model(fitted, features=model.features, positive=model.classes[1] if _is_binary(model) else None)


def _fit_lightgbm(model: FittedModel, features: pa.Table, truth: NDArray[Any]) -> Model:
    import lightgbm as lgb

    settings = {key: value for key, value in model.native.params.items() if key not in _OF_A_RUN}
    settings["verbosity"] = -1
    label = truth.astype(np.float64)
    if _is_binary(model) and model.positive == 0:
        label = 1 - label
    table = frame(features, model.features, np.nan)
    table = table.astype(dict.fromkeys(table.select_dtypes("object"), "category"))
    rows = lgb.Dataset(table, label=label)
    rounds = model.native.num_trees() // max(model.native.num_model_per_iteration(), 1)
    fitted = lgb.train(settings, rows, num_boost_round=rounds)
    if not _is_binary(model):
        return load_model(fitted, features=model.features, classes=model.classes or None)
    first, last = model.classes if model.positive else model.classes[::-1]
    return load_model(fitted, features=model.features, classes=(first, last), positive=model.classes[1])


def _is_binary(model: FittedModel) -> bool:
    return model.task == "binary"


_OF_A_RUN = {"num_iterations", "data", "valid", "input_model", "output_model", "early_stopping_round", "snapshot_freq"}
"""Parameters that a stored booster has, and that belong to the run that made it."""
