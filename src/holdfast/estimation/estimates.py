"""Metrics of rows whose truth is not known, from the table of what is expected, with intervals for what will be realised.

The value is that of the expected table. An interval holds two errors: labels come out by chance (drawn from their
probabilities), and the probabilities are estimates (the spread between the members of the ensemble and the plain curve,
scaled by what was learned on the reference's own windows).

Source: confidence-based performance estimation, Bialek et al. (2024), *Estimating model performance under covariate shift
without labels*; for numbers, direct loss estimation, NannyML's documentation (2022).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.figure import DRAWS, Figure
from holdfast.estimation.figures import figures
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.parts import Seen
from holdfast.estimation.tables import Expected
from holdfast.evidence import Estimate
from holdfast.objective import Objective

Array: TypeAlias = NDArray[np.float64]

OUTSIDE = 0.1
"""Share of the rows outside the support from which on nothing is said: in the reference it is 0.01."""
EFFECTIVE = 0.1
"""Effective sample size of the reference, weighted as the window, as a share of its rows, below which nothing is said."""
FEWEST = 30
"""Rows below which nothing is said."""


class Estimated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An estimate of what a metric will be when all labels have come.

    Attributes
    ----------
    estimate
        Value and interval; without a value where it is unknown.
    deviation
        Standard deviation of what will be realised around the value, estimation error included.
    status, reason
        Whether it is known, and if not, why.
    """

    estimate: Estimate
    deviation: float | None = None
    status: Literal["known", "unknown"] = "known"
    reason: str = ""


def estimate(
    fitted: Fitted,
    table: Expected,
    objective: Objective | None = None,
    *,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimated]:
    """Every metric that can be estimated without labels, by its key.

    Two classes: the metrics of the answers, ROC AUC, average precision, cost. Several: the averages, those of each class,
    macro ROC AUC. Numbers: mean absolute error and the root of the mean squared one.

    Parameters
    ----------
    fitted
        As sealed; the table was counted with it.
    table
        What is expected of the window.
    objective
        Adds `"objective"`, where it is an F-beta, a cost, or one of the two errors.
    unit
        Of a predicted number.
    level
        Of the intervals.
    seed
        Of the draws of labels.
    """
    found = figures(table, fitted.classes, objective, unit, seed)
    reason = unknown(fitted, table.seen, table.rows)
    return {key: stated(key, figure, fitted, table.rows, reason, level) for key, figure in found.items()}


def stated(key: str, figure: Figure, fitted: Fitted, rows: int, reason: str, level: float) -> Estimated:
    """A figure with its interval, or the reason why it is unknown."""
    from scipy.special import ndtri

    drawn = figure.drawn[np.isfinite(figure.drawn)]
    if not reason and not (np.isfinite(figure.value) and len(drawn) > DRAWS / 2):
        reason = "too few rows of a class are expected"
    if reason:
        return Estimated(estimate=Estimate(value=None, level=level, rows=rows), status="unknown", reason=reason)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) - figure.value
    model = figure.model_error * fitted.spread.get(key, 1.0)
    half = float(ndtri((1 + level) / 2)) * model
    # Independent errors: Zou & Donner, Statistics in Medicine 27 (2008).
    ends = figure.value - np.hypot(min(low, 0.0), half), figure.value + np.hypot(max(high, 0.0), half)
    if figure.unit == "share":
        ends = max(ends[0], -1.0 if key == "mcc" else 0.0), min(ends[1], 1.0)
    return Estimated(
        estimate=Estimate(
            value=figure.value, low=float(ends[0]), high=float(ends[1]), level=level, unit=figure.unit, rows=rows
        ),
        deviation=float(np.hypot(drawn.std(), model)),
    )


def unknown(fitted: Fitted, seen: Seen | None, rows: int) -> str:
    """Why nothing can be said of the window; empty: it can. `seen` None: that rows look otherwise is no reason."""
    if rows < FEWEST:
        return f"fewer than {FEWEST} rows have a score"
    if seen is None:
        return ""
    if seen.looked and seen.outside / seen.looked > OUTSIDE + 2 * np.sqrt(OUTSIDE / seen.looked):
        return f"{seen.outside / seen.looked:.0%} of the rows are unlike any that the model knows"
    size, name = effective_share(fitted, seen)
    if size < EFFECTIVE:
        what = f"{name!r}" if name else "the score"
        return f"{what} has shifted so far that only {size:.0%} of the reference can speak for the window"
    return ""


def effective_share(fitted: Fitted, seen: Seen) -> tuple[float, str]:
    """Effective size of the reference when weighted like the window, as a share, by the feature where it is smallest.

    Source: Kish, *Survey Sampling* (1965), section 8.2, of the ratios of the shares; less what sampling alone adds.
    """
    if not len(seen.codes):
        return 1.0, ""
    rows = np.maximum(seen.codes.sum(axis=1, keepdims=True), 2)
    here = seen.codes / rows
    squares = (here * (rows * here - 1) / (rows - 1)).clip(min=0.0)
    sums = [(square[: len(there)] / there).sum() for square, there in zip(squares, fitted.shares, strict=True)]
    sizes = 1 / np.maximum(sums, 1.0)
    least = int(sizes.argmin())
    return float(sizes[least]), fitted.features[least].name
