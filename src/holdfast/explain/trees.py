"""Exact Shapley values of trees, from the libraries that grew them.

They differ in what they put in place of a feature that is not known. LightGBM and XGBoost are *path-dependent*: the
training rows that went through a tree decide, without a background sample, so that the features which a tree splits on
first may take a share of others that go along with them. scikit-learn's trees and forests are *interventional*: the
values come from background rows, as in `shapley.contributions`.

Sources: Lundberg et al., *From local explanations to global understanding with explainable AI for trees*, Nature
Machine Intelligence 2 (2020); Janzing, Minorics & Blöbaum, *Feature relevance quantification in explainable AI*,
AISTATS (2020), for the difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from holdfast.errors import InputError, MissingExtraError, ModelError
from holdfast.explain.mixing import Array
from holdfast.explain.shapley import Contributions

TOLERANCE = 1e-3
"""Largest difference of a sum of contributions to the model's own answer, relative to 1 + its size: XGBoost adds float32."""


def lightgbm_contributions(model: Any, matrix: Array, features: Sequence[str]) -> Contributions:
    """Path-dependent Shapley values of a LightGBM model.

    Parameters
    ----------
    model
        A `Booster`, or an estimator that holds one.
    matrix
        The rows as the model takes them, shape `(n, P)`.
    features
        Names of the P columns.

    Returns
    -------
    Contributions
        On the scale of the score for a regression without link, else of the margin (log-odds for two classes).

    Raises
    ------
    InputError
        If the matrix has not one column for each feature.
    ModelError
        If LightGBM cannot say (linear trees), or the contributions do not add up to the model's answers.
    """
    _check(matrix, features)
    booster = getattr(model, "booster_", model)
    try:
        found = booster.predict(matrix, pred_contrib=True)
    except Exception as error:  # LightGBMError, whose package need not be imported for it
        raise ModelError(f"LightGBM gives no contributions for this model: {error}; leave `exact` out") from error
    raw, answers = booster.predict(matrix, raw_score=True), booster.predict(matrix)
    # For K classes LightGBM writes K blocks of P + 1 side by side.
    table = np.asarray(found, dtype=np.float64).reshape(len(matrix), -1, len(features) + 1).transpose(0, 2, 1)
    return _added_up(table, features, answers, raw)


def xgboost_contributions(model: Any, matrix: Array, features: Sequence[str]) -> Contributions:
    """Path-dependent Shapley values of an XGBoost model; parameters, result and errors as of `lightgbm_contributions`.

    An estimator that stopped early answers with its best trees, a bare `Booster` with all. Needs the extra `xgboost`.
    """
    _check(matrix, features)
    try:
        import xgboost
    except ImportError as error:
        raise MissingExtraError("xgboost", "xgboost", "explaining an XGBoost model") from error
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    stopped = None if model is booster else getattr(model, "early_stopping_rounds", None)
    trees = (0, 0 if stopped is None else model.best_iteration + 1)
    rows = xgboost.DMatrix(matrix)

    def predicted(**what: bool) -> Array:
        return np.asarray(booster.predict(rows, validate_features=False, iteration_range=trees, **what), np.float64)

    try:
        table = predicted(pred_contribs=True, strict_shape=True).transpose(0, 2, 1)
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise ModelError(f"XGBoost gives no contributions for this model: {error}; leave `exact` out") from error
    return _added_up(table, features, predicted(), predicted(output_margin=True))


def sklearn_contributions(model: Any, matrix: Array, features: Sequence[str], background: Array) -> Contributions:
    """Shapley values of a tree, forest or boosting of scikit-learn, through the package `shap`.

    They are interventional, but for HistGradientBoosting, which is path-dependent. `background` are rows as the model
    takes them, shape `(B, P)`, such as 100 of the training data: each costs time in every row.
    Parameters, result and errors else as of `lightgbm_contributions`; forests are explained on the scale of the score.
    Needs the extra `sklearn`.
    """
    _check(matrix, features)
    _check(background, features)
    try:
        import shap
    except ImportError as error:
        raise MissingExtraError("shap", "sklearn", "exact Shapley values of scikit-learn's trees") from error
    # shap 0.51 compares thresholds as float32: on rows that lie on one its interventional values do not add up.
    histogram = type(model).__name__.startswith("HistGradientBoosting")
    try:
        # Without its masker shap would draw 100 of the background rows by itself.
        masker = None if histogram else shap.maskers.Independent(background, max_samples=len(background))
        perturbation = "tree_path_dependent" if histogram else "interventional"
        explainer = shap.TreeExplainer(model, data=masker, feature_perturbation=perturbation)
        values = np.asarray(explainer.shap_values(matrix, check_additivity=False), dtype=np.float64)
    except Exception as error:  # shap raises what its many readers raise
        raise ModelError(f"shap cannot explain this model as trees: {error}; leave `exact` out") from error
    base = np.broadcast_to(explainer.expected_value, (len(matrix), 1, np.size(explainer.expected_value)))
    table = np.concatenate([values.reshape(*values.shape[:2], -1), base], axis=1)
    answers, raw = _answers(model, matrix)
    if np.ndim(answers) == 2 and answers.shape[1] == 2:  # of two classes the second one is the positive
        answers, table = answers[:, 1], table[:, :, -1:]
    raw = _log(answers) if raw is None else raw
    found = _added_up(table, features, answers, raw)
    return found if histogram else replace(found, method="interventional")


def by_feature(found: Contributions, owners: Sequence[str]) -> Contributions:
    """Contributions of encoded columns, summed for the features that they were made of: sums stay what they are.

    `owners` names the feature of each column, such as `("age", "city", "city")` where city was one-hot encoded.

    Examples
    --------
    >>> names = ("age", "city_a", "city_b")
    >>> found = Contributions(features=names, values=np.array([[1.0, 2.0, -0.5]]), base=np.array(0.0))
    >>> summed = by_feature(found, ("age", "city", "city"))
    >>> summed.features, summed.values.tolist()
    (('age', 'city'), [[1.0, 1.5]])
    """
    features = tuple(dict.fromkeys(owners))
    where = np.array([features.index(owner) for owner in owners])
    values = np.stack([found.values[:, where == j].sum(axis=1) for j in range(len(features))], axis=1)
    return replace(found, features=features, values=values)


def _check(matrix: Array, features: Sequence[str]) -> None:
    if np.ndim(matrix) != 2 or np.shape(matrix)[1] != len(features) or matrix.dtype.kind not in "fiub":
        raise InputError(
            f"expected a matrix of numbers with {len(features)} columns, one for each feature, "
            f"got {matrix.dtype} of shape {np.shape(matrix)}"
        )


def _answers(model: Any, matrix: Array) -> tuple[Array, Array | None]:
    """What the model says, and its raw sums where it has them."""
    with warnings.catch_warnings():
        # A model that was fitted on a data frame warns of a matrix, whose columns are in its order here.
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        answers = model.predict_proba(matrix) if hasattr(model, "predict_proba") else model.predict(matrix)
        return answers, model.decision_function(matrix) if hasattr(model, "decision_function") else None


def _log(answers: Array) -> Array:
    """Raw sums behind a log link, which a regression has that is neither the identity nor a decision function."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(answers)


def _added_up(table: Array, features: Sequence[str], answers: Array, raw: Array) -> Contributions:
    """Contributions from P + 1 columns, the base last, shape `(n, P + 1, K)`, held against the model's own answers."""
    values, base = table[:, :-1], table[0, -1] if len(table) else np.zeros(table.shape[2])
    if table.shape[2] == 1:
        values, base = values[:, :, 0], base[0]
    found = Contributions(features=tuple(features), values=values, base=np.asarray(base), method="path-dependent")
    totals = found.totals
    if _close(totals, answers):
        return found
    if _close(totals, raw):
        return replace(found, scale="margin")
    raise ModelError("the contributions do not add up to the model's answers: leave `exact` out, and they are sampled")


def _close(totals: Array, expected: Array) -> bool:
    return np.shape(expected) == totals.shape and np.allclose(totals, expected, rtol=TOLERANCE, atol=TOLERANCE)
