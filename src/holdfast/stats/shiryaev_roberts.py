"""A budget of false alarms over time: Shiryaev-Roberts detectors, mixed over sizes of effect and over signals.

Every moment may be the one at which something changed. A detector sums, over all those moments, the evidence gathered since:
`R <- (R + dt) e`, where `e` is an e-value of the newest score (mean at most 1 while nothing changes) and `dt` the days that
have passed. Then `R` minus the days that have passed never grows on average, whatever is bet on and however signals depend on
each other. So alarms that each spend `A` days' worth of it come at most once in `A` days on average, for ever: power does not
fade in quiet times, and there is no number of looks to correct for.

Source: Shiryaev, *On optimum methods in quickest detection problems* (1963); Roberts, *A comparison of some control chart
procedures*, Technometrics 8 (1966); Shin, Ramdas & Rinaldo, *E-detectors: a nonparametric framework for sequential change
detection* (2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EFFECTS = {0.8: 0.25, 2.0: 0.5, 3.5: 0.25}
"""Sizes of effect that are bet on, up and down, in standard deviations of a window's score -> what is staked on each."""

LARGEST_SCORE = 8.0
"""A score beyond this says no more: the tails of real series do not follow the normal law that far."""

Array = NDArray[np.float64]

_BETS = np.array([sign * effect for sign in (-1, 1) for effect in EFFECTS])
_STAKES = np.array([stake / 2 for _ in (-1, 1) for stake in EFFECTS.values()])
DETECTORS = len(_BETS)


def grow(evidence: Array, scores: Array, days: Array | float) -> Array:
    """Evidence after one more score of each signal.

    Parameters
    ----------
    evidence : ndarray of shape (..., DETECTORS)
        Before, in days; 0 at the start.
    scores : ndarray of shape (...,)
        Standard normal while nothing changes. NaN: not observed, nothing changes.
    days : ndarray of shape (...,)
        Days that have passed since the score before, at least 0 and known before the score is.

    Returns
    -------
    ndarray of shape (..., DETECTORS)

    Examples
    --------
    >>> evidence = np.zeros((1, DETECTORS))
    >>> for score in (0.3, 4.0, 5.0):
    ...     evidence = grow(evidence, np.array([score]), 1.0)
    >>> together(evidence).round()
    array([29212651.])
    """
    there = ~np.isnan(scores)
    score = np.clip(np.where(there, scores, 0.0), -LARGEST_SCORE, LARGEST_SCORE)[..., None]
    grown = (evidence + np.asarray(days)[..., None]) * np.exp(_BETS * score - _BETS**2 / 2)
    return np.where(there[..., None], grown, evidence)


def e_values(scores: Array) -> Array:
    """The e-value of each score by itself: the likelihood ratio averaged over the effects. NaN stays NaN.

    Examples
    --------
    >>> e_values(np.array([0.0, 3.0])).round(2)
    array([ 0.25, 24.59])
    """
    clipped = np.clip(scores, -LARGEST_SCORE, LARGEST_SCORE)[..., None]
    return np.asarray(np.exp(_BETS * clipped - _BETS**2 / 2) @ _STAKES)


def together(evidence: Array) -> Array:
    """Evidence of each signal for a change of any size: in days, shape (...,)."""
    return np.asarray(evidence @ _STAKES)


def shares(evidence: Array, weights: Array) -> Array:
    """What each signal adds to the evidence of the whole, which is their sum: in days, shape (..., signals).

    Parameters
    ----------
    evidence : ndarray of shape (..., signals, DETECTORS)
    weights : ndarray of shape (signals,)
        Not negative, with a sum of at most 1; they may fall while evidence is gathered, and must not rise.
    """
    return np.asarray(weights * together(evidence))


def carriers(parts: Array, threshold: float) -> NDArray[np.bool_]:
    """Which signals an alarm names: those that e-BH rejects, or else the fewest that hold half of the evidence.

    Parameters
    ----------
    parts : ndarray of shape (..., signals)
        From `shares`.
    threshold
        Days' worth of evidence that an alarm takes. Nothing is named where the parts sum to less.

    Source: Wang & Ramdas, *False discovery rate control with e-values*, JRSS B 84 (2022), with the weights of the mixture:
    the k strongest are rejected when each of them holds a k-th of the threshold.

    Examples
    --------
    >>> carriers(np.array([50.0, 1.0, 46.0, 0.0]), 90.0).tolist()
    [True, False, True, False]
    >>> carriers(np.array([50.0, 1.0, 38.0, 0.0]), 90.0).any()
    np.False_
    >>> carriers(np.array([70.0, 11.0, 10.0, 0.0]), 90.0).tolist()
    [True, False, False, False]
    """
    order = np.argsort(-parts, axis=-1, kind="stable")
    sorted_parts = np.take_along_axis(parts, order, -1)
    rank = np.arange(1, parts.shape[-1] + 1)
    rejected = np.where(rank * sorted_parts >= threshold, rank, 0).max(-1, keepdims=True, initial=0)
    total = sorted_parts.sum(-1, keepdims=True)
    half = 1 + (np.cumsum(sorted_parts, -1) < total / 2).sum(-1, keepdims=True)
    named = np.where(total >= threshold, np.where(rejected > 0, rejected, half), 0)
    return np.asarray(np.argsort(order, axis=-1, kind="stable") < named)


def spend(evidence: Array, parts: Array, named: NDArray[np.bool_], threshold: float) -> Array:
    """Evidence after the alarms: the named signals start anew, and the others keep what is left of it beyond the threshold.

    Parameters
    ----------
    evidence : ndarray of shape (..., signals, DETECTORS)
    parts, named : ndarray of shape (..., signals)
        From `shares` and `carriers`.
    threshold
        Days' worth of evidence that an alarm takes.

    Examples
    --------
    >>> parts = np.array([70.0, 20.0, 10.0])
    >>> after = spend(np.ones((3, DETECTORS)), parts, carriers(parts, 90.0), 90.0)
    >>> together(after).round(2)
    array([0.  , 0.33, 0.33])
    """
    others = np.where(named, 0.0, parts).sum(-1, keepdims=True)
    left = np.maximum(parts.sum(-1, keepdims=True) - threshold, 0.0)
    kept = np.where(others > left, left, 1.0) / np.where(others > left, others, 1.0)
    factor = np.where(named.any(-1, keepdims=True), np.where(named, 0.0, kept), 1.0)
    return np.asarray(evidence * factor[..., None])
