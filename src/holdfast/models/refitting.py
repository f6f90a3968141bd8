"""Fit a model of the same kind again on other rows, where what was given says how."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.models.columns import frame
from holdfast.models.loading import load_model
from holdfast.models.protocol import FittedModel, Model


def refitted(model: Model, features: pa.Table, truth: NDArray[Any]) -> Model | None:
    """A model of the same kind and settings, fitted on other rows; None where a fitted model does not say how it was.

    scikit-learn estimators and pipelines, and the estimators of LightGBM and XGBoost, hold their settings. Boosters of
    these two are fitted again with their parameters and number of trees.

    Parameters
    ----------
    model
        As `load_model` gave it.
    features, truth
        Rows (n,), and what they are to predict: bool, codes of the model's classes, or numbers.
    """
    if not isinstance(model, FittedModel):
        return None
    native = model.native
    if hasattr(native, "get_params") and hasattr(native, "fit"):
        from sklearn.base import clone

        fitted = clone(native).fit(frame(features, model.features, None), truth)
        return load_model(fitted, features=model.features)
    if model.family == "lightgbm":
        return _lightgbm(model, features, truth)
    return None


def _lightgbm(model: FittedModel, features: pa.Table, truth: NDArray[Any]) -> Model | None:
    import lightgbm as lgb

    settings = {key: value for key, value in model.native.params.items() if key not in _OF_A_RUN}
    settings["verbosity"] = -1
    rows = lgb.Dataset(frame(features, model.features, np.nan), label=truth.astype(np.float64))
    fitted = lgb.train(
        settings, rows, num_boost_round=model.native.num_trees() // max(model.native.num_model_per_iteration(), 1)
    )
    return load_model(fitted, features=model.features)


_OF_A_RUN = {"num_iterations", "data", "valid", "input_model", "output_model", "early_stopping_round", "snapshot_freq"}
"""Parameters that a stored booster has, and that belong to the run that made it."""
