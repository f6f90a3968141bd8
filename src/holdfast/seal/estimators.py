"""What is needed to estimate performance before the truth has come, fitted on rows that the model did not fit.

Classes: the calibrated score is the probability of the truth, so what an answer is worth can be expected without knowing
the truth (confidence-based performance estimation; Białek et al. 2024, *Estimating model performance under covariate shift
without labels*). Numbers: the mean absolute error by predicted number (direct loss estimation from the prediction alone).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.parts import digest_of
from holdfast.gate.evaluation import Evaluation
from holdfast.stats import calibration, error_scale
from holdfast.stats.calibration import Calibration
from holdfast.stats.error_scale import ErrorScale

Array: TypeAlias = NDArray[np.float64]


class Estimators(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a score says what is to be expected, and how well it said so on other rows.

    Attributes
    ----------
    method
        `cbpe` for classes, `dle` for numbers.
    calibrations
        From the model's score to the probability of the positive class; of several classes, one for each against the rest.
    error
        Mean absolute error by predicted number.
    rows, data
        Validation rows that it was fitted on, and their digest.
    figure, expected, realised
        What was estimated on the test part as if its truth were not known (share of positive rows, accuracy, or mean
        absolute error), and what it was.
    """

    method: Literal["cbpe", "dle"]
    calibrations: tuple[Calibration, ...] = ()
    error: ErrorScale | None = None
    rows: int
    data: str
    figure: Literal["positives", "accuracy", "mean_absolute_error"]
    expected: float
    realised: float


def estimators(evaluation: Evaluation) -> Estimators:
    """Fit on validation, try on test."""
    parts, scores = evaluation.parts, evaluation.scores
    rows, data = len(parts.validation), digest_of(parts.validation)
    if evaluation.model.task == "regression":
        scale = error_scale.fit(scores.validation, parts.validation.truth)
        return Estimators(
            method="dle",
            error=scale,
            rows=rows,
            data=data,
            figure="mean_absolute_error",
            expected=_mean(error_scale.sigma(scale, scores.test), parts.test),
            realised=_mean(np.abs(scores.test - parts.test.truth), parts.test),
        )
    if evaluation.model.task == "binary":
        curve = _calibrated(scores.validation, parts.validation.truth, parts.validation.weight)
        return Estimators(
            method="cbpe",
            calibrations=(curve,),
            rows=rows,
            data=data,
            figure="positives",
            expected=_mean(calibration.apply(curve, scores.test), parts.test),
            realised=_mean(parts.test.truth, parts.test),
        )
    curves = tuple(
        _calibrated(scores.validation[:, k], parts.validation.truth == k, parts.validation.weight)
        for k in range(scores.validation.shape[1])
    )
    answer = scores.test.argmax(axis=1)
    return Estimators(
        method="cbpe",
        calibrations=curves,
        rows=rows,
        data=data,
        figure="accuracy",
        expected=_mean(probabilities(curves, scores.test)[np.arange(len(answer)), answer], parts.test),
        realised=_mean(answer == parts.test.truth, parts.test),
    )


def probabilities(curves: tuple[Calibration, ...], scores: Array) -> Array:
    """Calibrated probabilities of several classes, (n, K), which sum to 1: each against the rest, then normalised.

    Source: Zadrozny & Elkan (2002), *Transforming classifier scores into accurate multiclass probability estimates*, KDD.

    Examples
    --------
    >>> curve = Calibration(kind="isotonic", x=(0.0, 1.0), y=(0.0, 0.5))
    >>> probabilities((curve, Calibration()), np.array([[0.5, 0.5]])).round(3).tolist()
    [[0.333, 0.667]]
    """
    each = np.stack([calibration.apply(curve, scores[:, k]) for k, curve in enumerate(curves)], axis=1)
    total: Array = each / each.sum(axis=1, keepdims=True)
    return total


def _calibrated(score: Array, truth: NDArray[np.bool_], weight: Array | None) -> Calibration:
    """The curve that validation chooses; none for a class that validation does not have, or has alone."""
    counted = truth if weight is None else truth[weight > 0]
    return calibration.choose(score, truth, weight) if 0 < np.count_nonzero(counted) < len(counted) else Calibration()


def _mean(values: NDArray[np.float64] | NDArray[np.bool_], rows: Labelled) -> float:
    return float(np.average(values, weights=rows.weight))
