"""What the reference teaches of some signals: levels, seasons, memory, and how much of their scatter is sampling noise.

Signals of a kind lend each other what a short series cannot tell: variance, memory, and how long days remember.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from holdfast.alarms.follow import Followed, faded, relative_noise
from holdfast.stats.natural import FEWEST_COLUMNS, autocorrelation, moderate
from holdfast.stats.one_step import Regression, learn_all, residual, unlearned
from holdfast.stats.shiryaev_roberts import DETECTORS

LARGEST_PRIOR = 30.0
"""Most degrees of freedom that a signal's variance takes from the other signals: its own windows are to count in the end."""

FADING = (0.0, 0.25, 0.5, 0.75)
"""How slowly the values before fade, to choose from on the reference."""

FADING_GAIN = 1.0
"""Twice the gain in log likelihood for which more than the last value is used."""

LENT = 3.0
"""What the signals like it gain on average counts so many times a signal's own gain: how long days remember is a trait of the
business more than of a column, and a weak memory cannot be seen in a single one."""

FEWEST_FOR_TAILS = 20
"""With fewer windows, nothing is known of how often they stand out."""

LARGEST_KURTOSIS = 6.0
"""That of Student's t with five degrees of freedom; a single window that stood out may show any."""

SHARE_ERROR = 1.0
"""Standard errors by which the share of variance that is not sampling noise is taken larger or smaller, to be careful."""

Array = NDArray[np.float64]


def start(
    seasons: int,
    season: Sequence[int],
    values: Array,
    deviations: Array,
    alike: Sequence[NDArray[np.intp]] = (),
    days: int = 1,
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
    days
        How many days the seasons tell apart.
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
        kurtosis=np.zeros(shape),
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
    low, high = _natural(rough, days)
    weighed = replace(centred, natural_low=low, natural_high=high)
    # With hardly two windows a season, what memory looks like cannot be told from the seasons.
    enough = len(values) >= 2 * len(set(season))
    weighed = replace(weighed, prior_memory=np.full(shape, 0.0 if enough else np.nan))
    tried = [_learned(replace(weighed, fading=np.full(shape, x)), season, values, deviations) for x in FADING]
    learned = _best(tried, alike, days)
    if enough:
        residuals = values - np.stack([learned.centre[..., place] for place in season])
        learned = replace(
            learned,
            prior_memory=_memory(residuals, learned, alike),
            kurtosis=_kurtosis(residuals / np.sqrt(relative_noise(learned, deviations)), alike),
        )
    variance, degrees = _prior(learned, alike, days)
    return replace(learned, prior_variance=variance, prior_degrees=degrees)


def _centre(seasons: int, season: Sequence[int], values: Array) -> Array:
    """Mean of each season over all windows, the mean of all where a season has none; 0 where there is nothing."""
    there = ~np.isnan(values)
    seen = np.where(there, values, 0.0)
    centre = np.repeat((seen.sum(0) / np.maximum(there.sum(0), 1))[..., None], seasons, axis=-1)
    for place in set(season):
        chosen = np.asarray(season) == place
        count = there[chosen].sum(0)
        centre[..., place] = np.where(count, seen[chosen].sum(0) / np.maximum(count, 1), centre[..., place])
    return centre


def _learned(followed: Followed, season: Sequence[int], values: Array, deviations: Array) -> Followed:
    """After windows that are learned without being judged."""
    before, vague = followed.before, followed.vague
    noise = relative_noise(followed, deviations)
    lags = np.empty_like(values)
    for at, place in enumerate(season):
        lags[at] = before
        away = values[at] - followed.centre[..., place]
        newer, less = faded(before, vague, followed.fading, away, noise[at], 0.0)
        missed = np.isnan(away)
        before, vague = np.where(missed, before, newer), np.where(missed, vague, less)
    regression = learn_all(followed.centre.shape[-1], season, values, lags, noise)
    return replace(followed, regression=regression, before=before, vague=vague)


def _best(tried: Sequence[Followed], alike: Sequence[NDArray[np.intp]], days: int) -> Followed:
    """For each signal the one with the smallest residuals, of its own and of those like it; the first if it is a toss-up."""
    squares, degrees = zip(*(residual(one.regression, one.prior_memory, days) for one in tried), strict=True)
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


def _natural(learned: Followed, days: int) -> tuple[Array, Array]:
    """Bounds of the share of variance that is not sampling noise."""
    squares, degrees = residual(learned.regression, learned.prior_memory, days)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = squares / degrees / learned.noise
        spread = SHARE_ERROR * np.sqrt(2 / degrees)
        low, high = 1 - 1 / (ratio * (1 - spread)), 1 - 1 / (ratio * (1 + spread))
    # Where nothing is known, a small window is all noise, and a large one has no less variance than those before.
    low = np.where(np.isfinite(low) & (spread < 1), np.clip(low, 0.0, 1.0), 0.0)
    return low, np.where(np.isfinite(high), np.clip(high, low, 1.0), 1.0)


def _memory(residuals: Array, learned: Followed, alike: Sequence[NDArray[np.intp]]) -> Array:
    """The memory that many similar signals have together, and else none. Where more than the last value counts, none is lent."""
    lent = learned.prior_memory.copy()
    for stream in np.ndindex(lent.shape[:-1]):
        for places in alike:
            if len(places) >= FEWEST_COLUMNS:
                lent[stream][places] = autocorrelation(residuals[(slice(None), *stream)][:, places].T)
    return np.where(learned.fading > 0, np.nan, lent)


def _kurtosis(residuals: Array, alike: Sequence[NDArray[np.intp]]) -> Array:
    """Excess kurtosis of residuals without their memory, averaged with that of similar signals.

    Few values say little: a signal that has no such signals is taken to have a standard error less than it shows.
    """
    there = ~np.isnan(residuals)
    u = np.where(there, residuals, 0.0)
    squares = (u**2).sum(0)
    memory = (u[1:] * u[:-1]).sum(0) / np.where(squares > 0, squares, 1.0)
    errors = np.where(there[1:] & there[:-1], u[1:] - memory * u[:-1], 0.0)
    count = (there[1:] & there[:-1]).sum(0)
    second, fourth = (errors**2).sum(0), (errors**4).sum(0)
    usable = (second > 0) & (count >= FEWEST_FOR_TAILS)
    own = np.where(usable, count * fourth / np.where(usable, second, 1.0) ** 2 - 3, 0.0)
    found = own - np.sqrt(24 / np.maximum(count, 1))
    for places in alike:
        if len(places) >= FEWEST_COLUMNS:
            found[..., places] = (own[..., places] + LENT * own[..., places].mean(-1, keepdims=True)) / (1 + LENT)
    return np.asarray(np.clip(found, 0.0, LARGEST_KURTOSIS))


def _prior(learned: Followed, alike: Sequence[NDArray[np.intp]], days: int) -> tuple[Array, Array]:
    """What similar signals say of each other's variance: scaled inverse chi-square, of at most `LARGEST_PRIOR` degrees."""
    squares, degrees = residual(learned.regression, learned.prior_memory, days)
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
