"""Calibrate intervals, or sets of classes, on validation, and see on the test part what they hold."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.config import Project
from holdfast.errors import SettingError
from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.paired import mean_of
from holdfast.evaluation.periods import by_period
from holdfast.evaluation.slices import groups, share
from holdfast.evidence import Coverage, Estimate
from holdfast.models.loading import load_model
from holdfast.models.protocol import Model
from holdfast.stats import conformal, error_scale, prediction_sets
from holdfast.uncertainty import Uncertainty, classes_in_doubt, intervals

Array: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]
METHODS = {"binary": ("auto",), "classes": ("auto", "lac", "aps"), "regression": ("auto", "split", "normalised", "cqr")}


def quantile_models(project: Project, *, trust: bool = False) -> tuple[Model, Model] | None:
    """The models of a lower and an upper quantile, where the project names both."""
    asked = project.uncertainty
    if (asked.lower is None) != (asked.upper is None):
        raise SettingError("uncertainty.lower and uncertainty.upper belong together: name both models, or none.")
    if asked.lower is None or asked.upper is None:
        if asked.method == "cqr":
            raise SettingError(
                "The method `cqr` needs two quantile models: name uncertainty.lower and uncertainty.upper."
            )
        return None
    features = project.data.features or None
    lower, upper = (
        load_model(project.path(path), trust=trust, features=features, task="regression")
        for path in (asked.lower, asked.upper)
    )
    if lower.task != "regression" or upper.task != "regression":
        raise SettingError("uncertainty.lower and uncertainty.upper are models that predict numbers: name two such.")
    return lower, upper


def calibrated(project: Project, rows: Labelled, score: Array, quantiles: Array | None = None) -> Uncertainty | None:
    """What validation says of the uncertainty; None for two classes, whose probabilities say it.

    Parameters
    ----------
    rows, score
        Validation rows and the model's predictions.
    quantiles
        (n, 2) predictions of the two quantile models, where there are.
    """
    asked = project.uncertainty
    if asked.method not in METHODS[rows.task]:
        known = ", ".join(METHODS[rows.task])
        raise SettingError(f"uncertainty.method {asked.method!r} is not for this kind of model; there are: {known}.")
    if rows.task == "binary":
        return None
    if rows.task == "classes":
        kind: Literal["lac", "aps"] = "lac" if asked.method == "lac" else "aps"
        return Uncertainty(sets=prediction_sets.fit(score, rows.truth, method=kind, level=asked.level))
    truth = rows.truth.astype(np.float64)
    segment = segments(rows, asked.segment)
    if quantiles is not None and asked.method in {"auto", "cqr"}:
        if np.mean(quantiles[:, 0] > quantiles[:, 1]) > 0.5:
            raise SettingError(
                "The model of uncertainty.lower predicts more than that of uncertainty.upper in most rows: swap them."
            )
        found = conformal.fit(truth, quantiles, level=asked.level, segment=segment)
        return Uncertainty(conformal=found, segment=asked.segment)
    if asked.method == "split" or len(rows) < 4 * error_scale.FEWEST_ROWS:
        found = conformal.fit(truth, score, level=asked.level, segment=segment)
        return Uncertainty(conformal=found, segment=asked.segment)
    # The scale is learned from every other row: the rows that calibrate must not have been looked at.
    looked, held = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    scale = error_scale.fit(score[looked], truth[looked])
    found = conformal.fit(
        truth[held],
        score[held],
        level=asked.level,
        sigma=error_scale.sigma(scale, score[held]),
        segment=None if segment is None else segment[held],
    )
    return Uncertainty(conformal=found, scale=scale, segment=asked.segment)


def coverage(project: Project, found: Uncertainty, rows: Labelled, score: Array, quantiles: Array | None) -> Coverage:
    """What the intervals or sets hold on rows that they were not calibrated on: overall, by group and over time."""
    method: str
    if found.sets is not None:
        inside = classes_in_doubt(found, score)
        held, size = inside[np.arange(len(rows)), rows.truth], inside.sum(axis=1).astype(np.float64)
        method, unit = found.sets.method, "classes"
    else:
        assert found.conformal is not None
        use = quantiles if found.conformal.kind == "cqr" else score
        low, high = intervals(found, use if use is not None else score, segments(rows, found.segment))
        held, size = (low <= rows.truth) & (rows.truth <= high), high - low
        method, unit = found.conformal.kind, project.objective.unit
    everyone = np.ones(len(rows), bool)

    def figures(at: Rows) -> dict[str, Estimate]:
        weight = None if rows.weight is None else rows.weight[at]
        return {
            "coverage": share(held[at], everyone[at], weight),
            "width": mean_of(size[at], weight, unit=unit),
        }

    overall = figures(np.arange(len(rows)))
    return Coverage(
        method=method,
        level=project.uncertainty.level,
        coverage=overall["coverage"],
        width=overall["width"],
        groups=groups(rows.groups, figures, minimum_rows=project.slices.minimum_rows),
        periods=() if rows.time is None else by_period(rows.time, figures),
    )


def segments(rows: Labelled, column: str | None) -> NDArray[np.str_] | None:
    """Name of each row's segment; missing values are a segment of their own."""
    if column is None:
        return None
    codes = rows.groups[column]
    return np.array([*codes.values, "(missing)"])[codes.codes]
