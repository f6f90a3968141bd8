"""Signals followed over windows: what is expected of the next one, how surprising it is, and the evidence of a change.

Works on many signals at once: arrays have a leading shape `(...,)`, of signals, or of streams by signals in a simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdfast.stats.natural import FEWEST_COLUMNS, autocorrelation, moderate
from holdfast.stats.one_step import Regression, learn, normal_score, predict, residual, unlearned
from holdfast.stats.shiryaev_roberts import DETECTORS, grow

LARGEST_PRIOR = 30.0
"""Most degrees of freedom that a signal's variance takes from the other signals: its own windows are to count in the end."""

FADING = (0.0, 0.25, 0.5, 0.75)
"""How slowly the values before fade, to choose from on the reference."""

FADING_GAIN = 1.0
"""Twice the gain in log likelihood for which more than the last value is used."""

LENT = 3.0
"""What the signals like it gain on average counts so many times a signal's own gain: how long days remember is a trait of the
business more than of a column, and a weak memory cannot be seen in a single one."""

LARGEST_LEARNED = 3.0
"""Score up to which a window is learned from; one beyond it counts as one of that score."""

ROUNDING = 1e-6
"""Relative size of an error that rounding may make: a change from what was constant to the last digit is one."""

SHARE_ERROR = 1.0
"""Standard errors by which the share of variance that is not sampling noise is taken larger or smaller, to be careful."""

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


def start(
    seasons: int, season: Sequence[int], values: Array, deviations: Array, alike: Sequence[NDArray[np.intp]] = ()
) -> Followed:
    """Learn the reference.

    Parameters
    ----------
    seasons
        Number of seasons.
    season : sequence of length windows
        The season of each window.
    values, deviations : ndarray of shape (windows, ...)
        In order of time; NaN where a signal was not observed.
    alike
        Signals, as places on the last axis, whose variances relative to sampling noise are taken to follow one law.
    """
    shape = values.shape[1:]
    with np.errstate(invalid="ignore"):
        squares = np.where(np.isnan(values) | ~(deviations > 0), np.nan, deviations**2)
    counts = (~np.isnan(squares)).sum(0)
    noise = np.where(counts > 0, np.nansum(squares, axis=0) / np.maximum(counts, 1), np.nan)
    blank = Followed(
        regression=unlearned(shape, seasons),
        noise=noise,
        natural_low=np.zeros(shape),
        natural_high=np.ones(shape),
        prior_variance=np.ones(shape),
        prior_degrees=np.zeros(shape),
        prior_memory=np.full(shape, np.nan),
        before=np.full(shape, np.nan),
        fading=np.zeros(shape),
        vague=np.ones(shape),
        centre=np.zeros((*shape, seasons)),
        offset=np.zeros(shape),
        offset_variance=np.zeros(shape),
        age=np.zeros(shape),
        evidence=np.zeros((*shape, DETECTORS)),
    )
    if not len(values):
        return blank
    # A first pass says how much of the scatter is sampling noise, which the next ones need to weigh small windows.
    centred = replace(blank, centre=_centre(seasons, season, values))
    rough = _learned(centred, season, values, np.full_like(values, np.nan))
    low, high = _natural(rough)
    weighed = replace(centred, natural_low=low, natural_high=high)
    # With hardly two windows a season, what memory looks like cannot be told from the seasons.
    enough = len(values) >= 2 * len(set(season))
    weighed = replace(weighed, prior_memory=np.full(shape, 0.0 if enough else np.nan))
    tried = [_learned(replace(weighed, fading=np.full(shape, x)), season, values, deviations) for x in FADING]
    learned = _best(tried, alike)
    if enough:
        learned = replace(learned, prior_memory=_memory(values, season, learned, alike))
    variance, degrees = _prior(learned, alike)
    return replace(learned, prior_variance=variance, prior_degrees=degrees)


def observe(
    followed: Followed,
    season: int,
    values: Array,
    deviations: Array,
    days: Array | float,
    *,
    adjacent: NDArray[np.bool_] | bool = True,
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
    """
    ratio = _ratio(followed, deviations)
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
    )
    # The values before have moved with the level, and take part of the offset's error away.
    trace = 1 - expected.memory * (1 - followed.fading**followed.age)
    error = value - expected.mean
    # No window scatters less than sampling makes it: nulls that never came before are to be seen when they come.
    least = np.fmax(deviations**2, (ROUNDING * np.fmax(np.abs(values), np.abs(expected.mean))) ** 2)
    variance = np.fmax(expected.variance, least)
    total = variance + trace**2 * followed.offset_variance
    score = np.where(np.isnan(values), np.nan, normal_score(error, total, expected.degrees))
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(np.isnan(error) | ~(total > 0), 0.0, trace * followed.offset_variance / total)
    correction = gain * np.where(np.isnan(error), 0.0, error)
    content = 1 - followed.fading**followed.age
    before = before - content * correction
    value = value - correction
    # A window that stands out would else hide those after it, by all that it adds to the variance.
    limited = value - error * np.maximum(1 - LARGEST_LEARNED / np.maximum(np.abs(score), LARGEST_LEARNED), 0.0)
    regression = learn(followed.regression, season, np.where(np.isnan(limited), value, limited), before, noise=ratio)
    before, vague = _faded(
        before, followed.vague, followed.fading, value - followed.centre[..., season], ratio, expected.memory
    )
    after = replace(
        followed,
        regression=regression,
        before=before,
        vague=vague,
        offset=followed.offset + correction,
        offset_variance=followed.offset_variance * (1 - gain * trace),
        age=followed.age + ~np.isnan(values),
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


def _centre(seasons: int, season: Sequence[int], values: Array) -> Array:
    """Mean of each season over all windows, the mean of all where a season has none; 0 where there is nothing."""
    known = unlearned(values.shape[1:], seasons)
    for place, value in zip(season, values, strict=True):
        known = learn(known, place, value, np.full_like(value, np.nan))
    weight = known.weight.sum(-1)
    mean = (known.weight * known.level).sum(-1) / np.maximum(weight, 1)
    return np.where(known.weight > 0, known.level, mean[..., None])


def _learned(followed: Followed, season: Sequence[int], values: Array, deviations: Array) -> Followed:
    """After windows that are learned without being judged."""
    regression, before, vague = followed.regression, followed.before, followed.vague
    for place, value, deviation in zip(season, values, deviations, strict=True):
        ratio = _ratio(followed, deviation)
        regression = learn(regression, place, value, before, noise=ratio)
        before, vague = _faded(before, vague, followed.fading, value - followed.centre[..., place], ratio, 0.0)
    return replace(followed, regression=regression, before=before, vague=vague)


def _faded(
    before: Array, vague: Array, fading: Array, newest: Array, noise: Array, memory: Array | float
) -> tuple[Array, Array]:
    """The weighted mean of the values before, with one more, unless it is NaN; and how much of it is not known.

    What a small window leaves open is taken for what was expected of it, and an unknown past for an average one.
    """
    unknown = np.isnan(before)
    mean, left = np.where(unknown, 0.0, before), np.where(unknown, 1.0, vague)
    told = 1 / np.maximum(noise, 1.0)
    newest_mean = told * newest + (1 - told) * memory * mean
    newest_left = (1 - told) * (1 - memory**2 * (1 - left))
    missed = np.isnan(newest)
    return (
        np.where(missed, before, fading * mean + (1 - fading) * newest_mean),
        np.where(missed, vague, fading * left + (1 - fading) * newest_left),
    )


def _best(tried: Sequence[Followed], alike: Sequence[NDArray[np.intp]]) -> Followed:
    """For each signal the one with the smallest residuals, of its own and of those like it; the first if it is a toss-up."""
    squares, degrees = zip(*(residual(one.regression, one.prior_memory) for one in tried), strict=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = degrees[0] * np.log(squares[0] / np.array(squares))
    own = np.where(np.isfinite(gain), gain, 0.0)
    gain = own.copy()
    for places in alike:
        gain[..., places] += LENT * own[..., places].mean(-1, keepdims=True)
    gain[0] = FADING_GAIN
    choice = gain.argmax(0)

    def pick(*arrays: Array) -> Array:
        extra = arrays[0].ndim - choice.ndim
        return np.asarray(np.choose(choice.reshape(choice.shape + (1,) * extra), arrays))

    fits = [one.regression for one in tried]
    return replace(
        tried[0],
        regression=Regression(**{name: pick(*(getattr(fit, name) for fit in fits)) for name in Regression.__slots__}),
        before=pick(*(one.before for one in tried)),
        vague=pick(*(one.vague for one in tried)),
        fading=pick(*(one.fading for one in tried)),
    )


def _ratio(followed: Followed, deviations: Array) -> Array:
    """Variance of a window of this sampling noise, relative to a typical one's."""
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = deviations**2 / followed.noise
    noise = np.where(np.isfinite(noise) & (noise > 0), noise, 1.0)
    natural = np.where(noise > 1, followed.natural_low, followed.natural_high)
    return np.asarray(natural + (1 - natural) * noise)


def _natural(learned: Followed) -> tuple[Array, Array]:
    """Bounds of the share of variance that is not sampling noise."""
    squares, degrees = residual(learned.regression, learned.prior_memory)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = squares / degrees / learned.noise
        spread = SHARE_ERROR * np.sqrt(2 / degrees)
        low, high = 1 - 1 / (ratio * (1 - spread)), 1 - 1 / (ratio * (1 + spread))
    # Where nothing is known, a small window is all noise, and a large one has no less variance than those before.
    low = np.where(np.isfinite(low) & (spread < 1), np.clip(low, 0.0, 1.0), 0.0)
    return low, np.where(np.isfinite(high), np.clip(high, low, 1.0), 1.0)


def _memory(values: Array, season: Sequence[int], learned: Followed, alike: Sequence[NDArray[np.intp]]) -> Array:
    """The memory that many similar signals have together, and else none. Where more than the last value counts, none is lent."""
    residuals = values - np.stack([learned.centre[..., place] for place in season])
    lent = learned.prior_memory.copy()
    for stream in np.ndindex(lent.shape[:-1]):
        for places in alike:
            if len(places) >= FEWEST_COLUMNS:
                lent[stream][places] = autocorrelation(residuals[(slice(None), *stream)][:, places].T)
    return np.where(learned.fading > 0, np.nan, lent)


def _prior(learned: Followed, alike: Sequence[NDArray[np.intp]]) -> tuple[Array, Array]:
    """What similar signals say of each other's variance: scaled inverse chi-square, of at most `LARGEST_PRIOR` degrees."""
    squares, degrees = residual(learned.regression, learned.prior_memory)
    variance, worth = np.ones_like(squares), np.zeros_like(squares)
    for stream in np.ndindex(squares.shape[:-1]):
        for places in alike:
            own, noise = degrees[stream][places], learned.noise[stream][places]
            used = (own > 0) & (noise > 0) & (squares[stream][places] > 0)
            chosen = places[used]
            if not len(chosen):
                continue
            ratio = squares[stream][chosen] / own[used] / noise[used]
            posterior, total = moderate(ratio, own[used])
            prior = total - own[used]
            with np.errstate(invalid="ignore", divide="ignore"):
                centre = np.where(np.isinf(prior), posterior, (posterior * total - ratio * own[used]) / prior)
            variance[stream][chosen] = np.where(prior > 0, centre, 1.0) * noise[used]
            worth[stream][chosen] = np.minimum(prior, LARGEST_PRIOR)
    return variance, worth
