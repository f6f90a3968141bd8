"""Is a probability what it says? The reliability curve, the calibration error, and a test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.errors import InputError
from holdfast.stats.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Bins of rows with similar scores, ordered by score; every array has the shape (bins,).

    Attributes
    ----------
    score
        Mean score, 0 to 1.
    share
        Share of positive rows; `low` and `high` are its Wilson interval.
    weight
        Share of the (weighted) rows that lie in the bin; sums to 1.
    rows
        Effective number of rows, `sum(w)**2 / sum(w**2)`: their number when all weigh the same.
    """

    score: Floats
    share: Floats
    low: Floats
    high: Floats
    weight: Floats
    rows: Floats


def reliability(
    scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 10, level: float = 0.95
) -> Reliability:
    """Reliability curve over at most `bins` bins of (nearly) equal mass; equal scores share a bin.

    A calibrated score has its share of positives on the diagonal, `share = score`, within the noise of the interval.
    With weights the interval is that of the effective number of rows (Kish), which is an approximation.

    Parameters
    ----------
    scores
        Probabilities, shape (n,), 0 to 1.
    truth
        True where positive, shape (n,).
    weight
        Of the rows, shape (n,), at least 0.

    Raises
    ------
    InputError
        When a score is NaN or outside 0 to 1, shapes differ, or no row has weight.

    Source: Murphy & Winkler, *Reliability of subjective probability forecasts*, Applied Statistics 26 (1977); equal mass:
    Nguyen & O'Connor (2015), *Posterior calibration and exploratory analysis*, EMNLP; interval: Wilson (1927).

    Examples
    --------
    >>> curve = reliability([0.1, 0.2, 0.8, 0.9], [False, False, True, False], bins=2)
    >>> curve.score.round(2).tolist(), curve.share.tolist()
    ([0.15, 0.85], [0.0, 0.5])
    """
    s, y, w = probabilities(scores, truth, weight)
    _, place = np.unique(s, return_inverse=True)
    mass = np.bincount(place, w)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    _, place = np.unique(np.minimum(middle * bins, bins - 1).astype(np.intp)[place], return_inverse=True)
    mass = np.bincount(place, w)
    rows = mass**2 / np.bincount(place, w**2)
    share = np.bincount(place, w * y) / mass
    # Rounding may leave a share of 1 a hair above it, where it has no interval.
    low, high = wilson(np.minimum(share, 1) * rows, rows, level)
    return Reliability(
        score=np.bincount(place, w * s) / mass,
        share=share,
        low=np.asarray(low),
        high=np.asarray(high),
        weight=mass / mass.sum(),
        rows=rows,
    )


def calibration_error(curve: Reliability) -> float:
    """Expected calibration error: mean distance of the curve from the diagonal, over rows; 0 to 1.

    Chance alone makes it positive: compare it with `chance_error`.

    Source: Naeini, Cooper & Hauskrecht (2015), *Obtaining well calibrated probabilities using Bayesian binning*, AAAI.

    Examples
    --------
    >>> curve = reliability([0.1, 0.2, 0.8, 0.9], [False, False, True, False], bins=2)
    >>> round(calibration_error(curve), 3)
    0.25
    """
    return float(curve.weight @ np.abs(curve.share - curve.score))


def chance_error(curve: Reliability) -> float:
    """The calibration error to expect of a perfectly calibrated score on as many rows: sampling noise alone.

    The mean of `abs(share - score)` for a normal share of variance `score * (1 - score) / rows`, never more than
    `2 * score * (1 - score)`, the value for a single row.

    Source: the mean absolute deviation of the normal law, `sqrt(2 / pi) * sd`; the bias itself: Roelofs et al. (2022),
    *Mitigating bias in calibration error estimation*, AISTATS.

    Examples
    --------
    >>> curve = reliability([0.5] * 100, [False, True] * 50)
    >>> round(chance_error(curve), 3)
    0.04
    """
    variance = curve.score * (1 - curve.score)
    return float(curve.weight @ np.minimum(np.sqrt(2 / math.pi * variance / curve.rows), 2 * variance))


def spiegelhalter(scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, float]:
    """Test whether the probabilities are calibrated: z and its two-sided p-value.

    `z = sum(w * (y - p) * (1 - 2 p)) / sqrt(sum(w**2 * (1 - 2 p)**2 * p * (1 - p)))`, near normal when every `p` is the
    true probability of its row. Below zero the scores are not extreme enough, above zero too extreme. Errors that cancel
    in this sum, and scores near one half, are not seen: look at the curve too. NaN when all scores are 0, 1 or one half.

    Parameters and errors are those of `reliability`.

    Source: Spiegelhalter, *Probabilistic prediction in patient management and clinical trials*, Statistics in Medicine 5
    (1986).

    Examples
    --------
    >>> z, p_value = spiegelhalter([0.1] * 100, [True] * 20 + [False] * 80)
    >>> round(z, 3), round(p_value, 5)
    (3.333, 0.00086)
    """
    p, y, w = probabilities(scores, truth, weight)
    lean = w * (1 - 2 * p)
    variance = float(lean**2 @ (p * (1 - p)))
    if variance == 0:
        return math.nan, math.nan
    z = float(lean @ (y - p)) / math.sqrt(variance)
    return z, math.erfc(abs(z) / math.sqrt(2))


def probabilities(
    scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Scores, labels and weights of the rows of positive weight.

    Raises
    ------
    InputError
        When a score is NaN or outside 0 to 1, a weight negative or not finite, shapes differ, or no row has weight.

    Examples
    --------
    >>> [array.tolist() for array in probabilities([0.1, 0.2], [False, True], [0, 3])]
    [[0.2], [True], [3.0]]
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.bool_)
    w = np.ones(s.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    if s.ndim != 1 or not s.shape == y.shape == w.shape:
        raise InputError(f"expected as many scores, labels and weights; got shapes {s.shape}, {y.shape} and {w.shape}")
    if not np.all((s >= 0) & (s <= 1)):
        raise InputError("expected scores from 0 to 1; got NaN or others: give probabilities")
    if not np.all((w >= 0) & (w < np.inf)):
        raise InputError("expected weights of at least 0; got NaN, negative or infinite ones")
    if not w.any():
        raise InputError("expected rows with weight; got none")
    return s[w > 0], y[w > 0], w[w > 0]
