"""Signals followed over windows: what is expected of the next one, how surprising it is, and the evidence of a change.

Works on many signals at once: arrays have a leading shape `(...,)`, of signals, or of streams by signals in a simulation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdfast.stats.one_step import Regression, learn, normal_score, predict
from holdfast.stats.shiryaev_roberts import grow

LARGEST_LEARNED = 3.0
"""Score up to which a window is learned from; one beyond it counts as one of that score."""

ROUNDING = 1e-6
"""Relative size of an error that rounding may make: a change from what was constant to the last digit is one."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays have no single truth value to compare by
class Followed:
    """What is known of some signals: arrays of shape (...,) and longer.

    Attributes
    ----------
    regression
        What the next value is predicted from; in the terms of the reference, without `offset`.
    noise
        Sampling variance of a typical window of the reference; NaN if unknown.
    natural_low, natural_high
        Share of the variance of such a window that is not sampling noise: bounds, for small and for large windows.
    prior_variance, prior_degrees, prior_memory
        What similar signals say of this one's variance, and of its memory.
    kurtosis
        Excess kurtosis of the errors, at least 0: how much oftener windows stand out than normal ones do.
    before, fading
        What is known of the values before: the exponentially weighted mean of their distances from `centre`, each `fading`
        times the weight of the next. So the sampling noise of a single window is not taken for its level. NaN: nothing.
    vague
        How much of `before` is not known, 0 to 1, small windows saying little of the level.
    centre : ndarray of shape (..., seasons)
        The level of each season in the reference, and 0 without one.
    offset, offset_variance
        By how much the level has moved since the reference, as learned after alarms.
    age
        Windows since it moved last.
    evidence : ndarray of shape (..., DETECTORS)
        In days.
    """

    regression: Regression
    noise: Array
    natural_low: Array
    natural_high: Array
    prior_variance: Array
    prior_degrees: Array
    prior_memory: Array
    kurtosis: Array
    before: Array
    fading: Array
    vague: Array
    centre: Array
    offset: Array
    offset_variance: Array
    age: Array
    evidence: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surprise:
    """How the newest window differs from what was expected: arrays of shape (...,); NaN where nothing was observed.

    Attributes
    ----------
    score
        Standard normal while nothing changes; 0 where nothing was known.
    error, deviation
        Of the one-step prediction, and its standard deviation, that of the offset left out.
    level
        Of the season in the terms of the reference, whatever came before.
    memory
        Coefficient of the value before in the prediction.
    """

    score: Array
    error: Array
    deviation: Array
    level: Array
    memory: Array


def observe(
    followed: Followed,
    season: int,
    values: Array,
    deviations: Array,
    days: Array | float,
    *,
    adjacent: NDArray[np.bool_] | bool = True,
    days_apart: int = 1,
) -> tuple[Followed, Surprise]:
    """Take in one window.

    Parameters
    ----------
    followed
        What is known before.
    season
        The season of the window.
    values, deviations : ndarray of shape (...,)
        NaN values leave a signal as it is; NaN deviations stand for a window of typical size.
    days : ndarray of shape (...,)
        Days that have passed since the window before.
    adjacent : ndarray of shape (...,)
        Whether this window follows the one before: if not, what came before is not used.
    days_apart
        How many days the seasons tell apart.
    """
    ratio = relative_noise(followed, deviations)
    value = values - followed.offset
    before = np.where(adjacent, followed.before, np.nan)
    expected = predict(
        followed.regression,
        season,
        before,
        vague=followed.vague,
        noise=ratio,
        prior_variance=followed.prior_variance,
        prior_degrees=followed.prior_degrees,
        prior_memory=followed.prior_memory,
        days=days_apart,
    )
    # The values before have moved with the level, and take part of the offset's error away.
    trace = 1 - expected.memory * (1 - followed.fading**followed.age)
    error = value - expected.mean
    # No window scatters less than sampling makes it: nulls that never came before are to be seen when they come.
    least = np.fmax(deviations**2, (ROUNDING * np.fmax(np.abs(values), np.abs(expected.mean))) ** 2)
    variance = np.fmax(expected.variance, least)
    total = variance + trace**2 * followed.offset_variance
    score = np.where(np.isnan(values), np.nan, _score(error, total, least, expected.degrees, followed.kurtosis))
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(np.isnan(error) | ~(total > 0), 0.0, trace * followed.offset_variance / total)
    correction = gain * np.where(np.isnan(error), 0.0, error)
    content = 1 - followed.fading**followed.age
    before = before - content * correction
    value = value - correction
    # A window that stands out would else hide those after it, by all that it adds to the variance.
    limited = value - error * np.maximum(1 - LARGEST_LEARNED / np.maximum(np.abs(score), LARGEST_LEARNED), 0.0)
    regression = learn(followed.regression, season, np.where(np.isnan(limited), value, limited), before, noise=ratio)
    before, vague = faded(
        before, followed.vague, followed.fading, value - followed.centre[..., season], ratio, expected.memory
    )
    missed = np.isnan(values)
    after = replace(
        followed,
        regression=regression,
        before=np.where(missed, followed.before, before),
        vague=np.where(missed, followed.vague, vague),
        offset=followed.offset + correction,
        offset_variance=followed.offset_variance * (1 - gain * trace),
        age=followed.age + ~missed,
        evidence=grow(followed.evidence, score, days),
    )
    return after, Surprise(
        score=score, error=error, deviation=np.sqrt(variance), level=expected.level, memory=expected.memory
    )


def relearn(followed: Followed, effect: Array, error: Array, windows: Array) -> Followed:
    """Take a change for the new level, after an alarm, so that what persists alarms once.

    The size of a change that was found because it stood out is not to be trusted: its own square is added to its variance, so
    that the next windows decide what the level is.

    Parameters
    ----------
    followed
        What is known.
    effect, error, windows : ndarray of shape (...,)
        Size of the change, its standard error, and how many windows came after it; no windows where nothing changed.
    """
    changed = windows > 0
    effect = np.where(changed, effect, 0.0)
    return replace(
        followed,
        before=followed.before - effect * (1 - followed.fading**windows),
        offset=followed.offset + effect,
        offset_variance=np.where(changed, effect**2 + error**2, followed.offset_variance),
        age=np.where(changed, windows, followed.age),
    )


def faded(
    before: Array, vague: Array, fading: Array, newest: Array, noise: Array, memory: Array | float
) -> tuple[Array, Array]:
    """The weighted mean of the values before, with one more; and how much of it is not known.

    What a small window leaves open is taken for what was expected of it, and an unknown past for an average one.
    """
    unknown = np.isnan(before)
    mean, left = np.where(unknown, 0.0, before), np.where(unknown, 1.0, vague)
    told = 1 / np.maximum(noise, 1.0)
    newest_mean = told * newest + (1 - told) * memory * mean
    newest_left = (1 - told) * (1 - memory**2 * (1 - left))
    return fading * mean + (1 - fading) * newest_mean, fading * left + (1 - fading) * newest_left


def relative_noise(followed: Followed, deviations: Array) -> Array:
    """Variance of a window of this sampling noise, relative to a typical one's."""
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = deviations**2 / followed.noise
    noise = np.where(np.isfinite(noise) & (noise > 0), noise, 1.0)
    natural = np.where(noise > 1, followed.natural_low, followed.natural_high)
    return np.asarray(natural + (1 - natural) * noise)


def _score(error: Array, variance: Array, least: Array, degrees: Array, kurtosis: Array) -> Array:
    """The score of an error whose law has heavier tails than the normal one: Student's t of as much kurtosis.

    An excess kurtosis of k is that of t with ``4 + 6 / k`` degrees of freedom, whose variance is ``1 + 2 / (2 + 6 / k)``.
    """
    inverse = kurtosis / (4 * kurtosis + 6)
    with np.errstate(divide="ignore"):
        heavy = np.where(degrees > 0, 1 / (1 / degrees + inverse), 0.0)
    return normal_score(error, np.fmax(variance * (1 - 2 * inverse), least), heavy)
