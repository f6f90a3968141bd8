"""What is needed to estimate performance before the truth has come, fitted on rows that the model did not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.decoding import ready
from holdfast.estimation import features
from holdfast.estimation.corrected import Corrected, Curve, best, class_probabilities
from holdfast.estimation.fitted import Fitted
from holdfast.evaluation.support import background_of, support
from holdfast.objective import Cost, Objective
from holdfast.policy import Policy, decide
from holdfast.schema import Schema
from holdfast.stats.calibration import Calibration
from holdfast.stats.error_scale import ErrorScale
from holdfast.stats.support import support_limit

if TYPE_CHECKING:
    from holdfast.evaluation.labelled import Labelled
    from holdfast.gate.evaluation import Evaluation

Array: TypeAlias = NDArray[np.float64]

ESTIMATORS = "estimators.json"
LOOKED = 2_000
"""Validation rows whose distance from the background is measured."""


class Estimators(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is sealed, and how well it did on other rows.

    Attributes
    ----------
    method
        `cbpe` for classes (confidence-based performance estimation; Białek et al. 2024, *Estimating model performance
        under covariate shift without labels*), `dle` for numbers (direct loss estimation).
    fitted
        Expected truth, or expected loss, by score and features; None in releases that were sealed before there was one.
    calibrations, error
        What those releases have instead: the probability by the score alone (of several classes, one for each), or the
        mean absolute error by predicted number.
    rows, data
        Validation rows that it was fitted on, and their digest.
    figure, expected, realised
        What was estimated on the test part as if its truth were not known (share of positive rows, accuracy, or mean
        absolute error), and what it was.
    """

    method: Literal["cbpe", "dle"]
    fitted: Fitted | None = None
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
    known = parts.train if len(parts.train) else parts.validation
    limit = limit_of(known.features, parts.validation.features, evaluation.schema, evaluation.project.split.seed)
    return fitted_on(
        parts.validation,
        scores.validation,
        parts.test,
        scores.test,
        limit,
        policy=evaluation.policy,
        objective=evaluation.project.objective,
    )


def fitted_on(
    seen: Labelled,
    score: Array,
    test: Labelled,
    test_score: Array,
    limit: float | None,
    *,
    policy: Policy | None = None,
    objective: Objective | None = None,
) -> Estimators:
    """Fit on some rows with their scores, try on others.

    Parameters
    ----------
    limit
        Distance from the background beyond which a row lies outside the support; None: it cannot be said.
    policy, objective
        What is answered, and what it is worth: with them it is tried how far estimates are off. None: it is not.
    """
    # Who only reads what was fitted has no need of them.
    from holdfast.estimation.fitting import fit
    from holdfast.evaluation.parts import digest_of

    task, answer = seen.task, None
    needs = objective.needs if isinstance(objective, Cost) else ()
    if policy is not None and task != "regression":
        # Who looks at a row, and which are answered at random, is no part of what the model answers.
        plain = msgspec.structs.replace(policy, support_limit=None, explore=0.0)
        answer = decide(plain, score, seen.columns).decision
    fitted = fit(
        task,
        score,
        seen.truth,
        seen.features,
        seen.weight,
        classes=test.classes if task == "classes" else (),
        support_limit=limit,
        answer=answer,
        columns={name: seen.columns[name] for name in needs if name in seen.columns},
        objective=objective,
        ordered=seen.time is not None,
    )
    main = test_score if task != "classes" else test_score.max(axis=1)
    codes = features.coded(fitted.features, test.features, main)
    told: dict[str, Literal["positives", "accuracy", "mean_absolute_error"]] = {
        "binary": "positives",
        "classes": "accuracy",
        "regression": "mean_absolute_error",
    }
    if task == "classes":
        likely = test_score.argmax(axis=1)
        expected = best(class_probabilities(fitted.corrected, test_score, codes))[likely, np.arange(len(likely))]
        realised = likely == test.truth
    else:
        expected = best(fitted.corrected[0].each(test_score, codes))
        realised = test.truth if task == "binary" else np.abs(test_score - test.truth)
    return Estimators(
        method="dle" if task == "regression" else "cbpe",
        fitted=fitted,
        rows=len(seen),
        data=digest_of(seen),
        figure=told[task],
        expected=_mean(expected, test),
        realised=_mean(realised, test),
    )


def load_fitted(content: bytes) -> Fitted:
    """What estimates, from the content of `estimators.json`, also of earlier releases: those have no corrections."""
    found = msgspec.json.decode(content, type=ready(Estimators))
    if found.fitted is not None:
        return found.fitted
    if found.error is not None:
        curve = Corrected(link="log", plain=Curve(scale=found.error))
        return Fitted(task="regression", corrected=(curve,), rows=found.rows)
    curves = tuple(Corrected(link="logit", plain=Curve(calibration=one)) for one in found.calibrations)
    return Fitted(task="binary" if len(curves) == 1 else "classes", corrected=curves, rows=found.rows)


def limit_of(known_rows: pa.Table, other_rows: pa.Table, schema: Schema, seed: int) -> float | None:
    """Distance from the background of some rows beyond which a row is unlike them, as other rows say what is usual."""
    known = background_of(known_rows, schema, seed)
    held_out = background_of(other_rows, schema, seed, rows=LOOKED)
    if all(known[name].null_count == known.num_rows for name in known.column_names):
        return None
    return support_limit(support(known).distance(held_out))


def _mean(values: Array | NDArray[np.bool_], rows: Labelled) -> float:
    return float(np.average(values, weights=rows.weight))
