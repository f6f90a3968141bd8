"""How large errors are at each predicted value: the scale that normalised intervals are measured in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from holdfast.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

BINS = 16
FEWEST_ROWS = 30
"""Rows of a bin: fewer would make its mean error luck."""
SMALLEST = 1e-3
"""Least scale, as a share of the mean one: errors of 0 in some bin must not make intervals of no width."""


class ErrorScale(msgspec.Struct, frozen=True, kw_only=True):
    """Mean absolute error by predicted value: between the knots `x` it is linear, beyond them constant."""

    x: tuple[float, ...]
    y: tuple[float, ...]


def fit(prediction: ArrayLike, truth: ArrayLike) -> ErrorScale:
    """Mean absolute error in bins of equal numbers of rows.

    Parameters
    ----------
    prediction, truth
        Finite, shape (n,), of rows that neither the model was fitted on nor the intervals are calibrated on.

    Raises
    ------
    InputError
        When there is no row, shapes differ, or a number is not finite.

    Source: locally weighted conformal prediction, Lei et al. (2018), JASA 113, section 5.2, with this estimate of the
    mean absolute deviation.

    Examples
    --------
    >>> x = np.arange(1.0, 1_001.0)
    >>> scale = fit(x, x + np.where(x % 2 == 0, 0.1, -0.1) * x)
    >>> sigma(scale, [100.0, 500.0, 900.0]).round().tolist()
    [10.0, 50.0, 90.0]
    """
    predicted, actual = np.asarray(prediction, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if predicted.shape != actual.shape or predicted.ndim != 1 or not len(predicted):
        raise InputError(f"expected a prediction and a truth per row; got {predicted.shape} and {actual.shape}")
    if not (np.isfinite(predicted).all() and np.isfinite(actual).all()):
        raise InputError("expected a truth and a prediction in every row; got NaN or infinite ones")
    order = np.argsort(predicted, kind="stable")
    bins = max(1, min(BINS, len(order) // FEWEST_ROWS))
    pieces = np.array_split(order, bins)
    x = np.array([predicted[piece].mean() for piece in pieces])
    y = np.array([np.abs(actual[piece] - predicted[piece]).mean() for piece in pieces])
    # Equal predictions may fill several bins: their knots are one.
    x, place = np.unique(x, return_inverse=True)
    y = np.bincount(place, y) / np.bincount(place)
    least = SMALLEST * y.mean() if y.mean() > 0 else 1.0
    return ErrorScale(x=tuple(x.tolist()), y=tuple(np.maximum(y, least).tolist()))


def sigma(scale: ErrorScale, prediction: ArrayLike) -> Floats:
    """Scale of the error of each prediction, shape (n,), above 0; NaN for NaN."""
    predicted = np.asarray(prediction, dtype=np.float64)
    return np.asarray(np.interp(predicted, scale.x, scale.y), dtype=np.float64)
