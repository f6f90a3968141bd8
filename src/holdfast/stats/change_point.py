"""Since when, and by how much? The moment of a change with an interval, from the errors of one-step predictions.

A shift of the level by `d` leaves `d` in the error of the window in which it comes, and less in those after it, since what
they are predicted from has shifted as well: `(1 - memory (1 - fading^k)) d` after `k` windows.
For each window that may have been the first, the likelihood of the errors is integrated over `d` with a normal prior (closed
form). Over all of them this gives the posterior of the moment, and with it the least squares estimate of the size.

Source: Chernoff & Zacks, *Estimating the current mean of a normal distribution which is subjected to changes in time*,
Annals of Mathematical Statistics 35 (1964); Smith, *A Bayesian approach to inference about a change-point*, Biometrika 62 (1975).
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

PRIOR_SIZE = 3.0
"""Standard deviation of the prior of the size, in those of a typical error."""

Array = NDArray[np.float64]


class ChangePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Places count windows from 0, the first error given.

    Attributes
    ----------
    first
        The most probable first window after the change.
    earliest, latest
        Smallest interval of windows around it with at least the asked probability.
    effect
        Size of the change if it came with the window `first`, in the unit of the errors.
    error
        Standard error of the effect.
    """

    first: int
    earliest: int
    latest: int
    effect: float
    error: float


def change_point(
    errors: Array, deviations: Array, memory: Array | float = 0.0, fading: float = 0.0, *, level: float = 0.95
) -> ChangePoint:
    """Find the change in errors of which the last ones are taken to come after it.

    Parameters
    ----------
    errors, deviations : ndarray of shape (windows,)
        Errors of one-step predictions and their standard deviations, in order of time; at least one.
    memory
        Coefficient of the values before in each prediction.
    fading
        What those values are: 0 for the one before, else the exponentially weighted mean of all, each `fading` times the
        weight of the next.
    level
        Probability of the interval, between 0 and 1.

    Examples
    --------
    >>> found = change_point(np.array([0.1, -0.3, 0.2, 2.9, 3.2]), np.ones(5))
    >>> found.first, found.earliest, found.latest, round(found.effect, 2), round(found.error, 2)
    (3, 2, 3, 3.05, 0.71)
    """
    windows = len(errors)
    # Row: the first window after the change. Entry: what a change of size 1 leaves in the error of each window.
    after = np.arange(windows) - np.arange(windows)[:, None]
    trace = np.where(after >= 0, 1 - memory * (1 - fading ** np.maximum(after, 0)), 0.0)
    precision = 1 / deviations**2
    information = trace**2 @ precision
    sums = trace @ (errors * precision)
    prior = (PRIOR_SIZE * float(np.median(deviations))) ** 2
    log_odds = 0.5 * prior * sums**2 / (1 + prior * information) - 0.5 * np.log1p(prior * information)
    first, earliest, latest = likeliest(log_odds, level)
    return ChangePoint(
        first=first,
        earliest=earliest,
        latest=latest,
        effect=float(sums[first] / information[first]),
        error=float(information[first] ** -0.5),
    )


def likeliest(log_odds: Array, level: float) -> tuple[int, int, int]:
    """The most probable place, and the interval that grows from there to the more probable side until it has the probability.

    >>> likeliest(np.log([0.02, 0.06, 0.90, 0.02]), 0.95)
    (2, 1, 2)
    """
    probability = np.exp(log_odds - log_odds.max())
    probability /= probability.sum()
    low = high = mode = int(probability.argmax())
    while probability[low : high + 1].sum() < level - 1e-12:
        below = probability[low - 1] if low > 0 else -1.0
        above = probability[high + 1] if high + 1 < len(probability) else -1.0
        low, high = (low - 1, high) if below > above else (low, high + 1)
    return mode, low, high
