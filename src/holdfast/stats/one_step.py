"""How surprising is the next value of a series? One-step prediction with seasons and memory, learned as it goes.

Each value is predicted from the season it falls in (a weekday, an hour of the week) and from the value before it, by least
squares over all that came before: recursive least squares on dummies and a lag of one. Only sums by season are kept (the
dummies are swept out first, after Frisch & Waugh 1933 and Lovell 1963), so a value costs the same after a year as on the
first day, and nothing is inverted. The standardised error follows Student's t exactly where values are normal, *given how
little is known yet*, and errors of different steps are independent (Brown, Durbin & Evans 1975): its normal score is what
a sequential test may bet on. A reference mean and scale taken as known would alarm far too often.

All functions work on many series at once: arrays have a leading shape `(...,)`, one entry for each series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FEWEST_FOR_LAG = 8
"""With fewer degrees of freedom, and nothing expected of the memory, the value before is not used."""

LARGEST_MEMORY = 0.97
"""What is unknown of the past is finite."""

PRIOR_MEMORY_VALUES = 10.0
"""The memory that is expected beforehand counts as so many values. A step in a short series else looks like memory."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays have no single truth value to compare by
class Regression:
    """What was learned of some series so far.

    Attributes
    ----------
    seen : ndarray of shape (..., seasons)
        Number of values.
    weight : ndarray of shape (..., seasons)
        Sum of their weights.
    level, lag : ndarray of shape (..., seasons)
        Weighted mean of the values, and of the values before them: NaN while none of those is known.
    squares : ndarray of shape (..., 3)
        Weighted sums of squares and products around those means, over all seasons: value by value, value by lag, lag by lag.
    """

    seen: Array
    weight: Array
    level: Array
    lag: Array
    squares: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """What the next value should be: arrays of shape (...,).

    Attributes
    ----------
    mean
        NaN in a season of which nothing is known.
    variance
        Of the error that this prediction makes, with the uncertainty of the mean.
    degrees
        Degrees of freedom of that variance; 0 where it is not known at all.
    level
        Mean of the season, whatever came before.
    memory
        Coefficient of the value before; 0 where it is not used.
    """

    mean: Array
    level: Array
    variance: Array
    degrees: Array
    memory: Array


def unlearned(shape: tuple[int, ...], seasons: int) -> Regression:
    """Nothing is known yet of series of this shape."""
    seen, weight, level = np.zeros((3, *shape, seasons))
    return Regression(
        seen=seen, weight=weight, level=level, lag=np.full_like(level, np.nan), squares=np.zeros((*shape, 3))
    )


def predict(
    known: Regression,
    season: int,
    before: Array,
    *,
    vague: Array | float = 0.0,
    noise: Array | float = 1.0,
    prior_variance: Array | float = 1.0,
    prior_degrees: Array | float = 0.0,
    prior_memory: Array | float = np.nan,
    days: int = 1,
) -> Prediction:
    """Predict the next value.

    Seasons are told apart where that is worth its degrees of freedom; else one mean serves all that were seen, or all days
    have the same parts.

    Parameters
    ----------
    known
        What was learned before.
    season
        The season of the next value, from 0.
    before : ndarray of shape (...,)
        The value before the next one. NaN: not known; it is then taken to be average, and the variance is that of a value
        whose past is not known.
    vague
        How much of the value before is not known, 0 to 1: the part of it that was replaced by an average one.
    noise
        Variance of the next value relative to that of a typical one; above 1 for a small window.
    prior_variance, prior_degrees
        What is known of the variance of a typical value from elsewhere, worth so many degrees of freedom.
    prior_memory
        The memory that is expected beforehand; it counts as much as `PRIOR_MEMORY_VALUES` values, by ridge regression. NaN:
        nothing is, and the values alone say.
    days
        Of how many days the seasons are the parts, day by day: 7 where they are the hours of the week.

    Source: Brown, Durbin & Evans, *Techniques for testing the constancy of regression relationships over time*, JRSS B 37
    (1975); the prior as Smyth (2004), *Linear models and empirical Bayes methods*.

    Examples
    --------
    >>> known = unlearned((1,), 1)
    >>> for value in (1.0, 2.0, 3.0):
    ...     known = learn(known, 0, np.array([value]), np.array([np.nan]))
    >>> next_one = predict(known, 0, np.array([np.nan]))
    >>> next_one.mean, next_one.variance, next_one.degrees
    (array([2.]), array([1.33333333]), array([2.]))
    """
    fit = _fit(known, season, prior_memory, days)
    total = fit.degrees + prior_degrees
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(total > 0, (fit.squares + prior_degrees * np.asarray(prior_variance)) / total, np.nan)
        away = np.where(fit.lagged & ~np.isnan(before), before - fit.lag, 0.0)
        # The value of an unknown past scatters by the stationary variance of the AR(1) process.
        squared = np.minimum(fit.memory**2, LARGEST_MEMORY**2)
        unknown = np.where(np.isnan(before), 1.0, vague) * squared / (1 - squared)
        leverage = 1 / fit.weight + away**2 / fit.lag_lag
        mean = np.where(known.seen[..., season] > 0, fit.level + fit.memory * away, np.nan)
        return Prediction(
            mean=mean,
            level=np.where(np.isnan(mean), np.nan, fit.level),
            variance=np.where(np.isnan(mean), np.nan, variance * (noise + unknown + leverage)),
            degrees=np.where(np.isnan(mean) | np.isnan(variance), 0.0, total),
            memory=np.where(np.isnan(before), 0.0, fit.memory),
        )


def learn(known: Regression, season: int, value: Array, before: Array, *, noise: Array | float = 1.0) -> Regression:
    """Add one value of each series; parameters as in `predict`. NaN: nothing is learned of that series.

    Examples
    --------
    >>> learn(unlearned((2,), 1), 0, np.array([3.0, np.nan]), np.array([2.0, 2.0])).seen.tolist()
    [[1.0], [0.0]]
    """
    there = ~np.isnan(value)
    weight = np.where(there, 1 / np.asarray(noise, dtype=np.float64), 0.0)
    old, level, lag = known.weight[..., season], known.level[..., season], known.lag[..., season]
    value = np.where(there, value, level)
    value_away = value - level
    # Without the value before, an average one is taken.
    lag_away = np.where(np.isnan(before) | np.isnan(lag), 0.0, before - lag)
    total = np.where(there, old + weight, 1.0)
    part = (weight * old / total)[..., None]
    products = np.stack([value_away**2, value_away * lag_away, lag_away**2], -1)
    gain = weight / total
    return Regression(
        seen=_with(known.seen, season, known.seen[..., season] + there),
        weight=_with(known.weight, season, old + weight),
        level=_with(known.level, season, level + gain * value_away),
        lag=_with(known.lag, season, np.where(there & np.isnan(lag), before, lag + gain * lag_away)),
        squares=known.squares + part * np.where(there[..., None], products, 0.0),
    )


def learn_all(seasons: int, season: Sequence[int], values: Array, before: Array, noise: Array) -> Regression:
    """Learn many values of each series at once, from nothing: what `learn` gives of one after the other.

    Parameters
    ----------
    seasons
        Number of seasons.
    season : sequence of length windows
        The season of each value.
    values, before, noise : ndarray of shape (windows, ...)
        As in `learn`, in order of time.

    Examples
    --------
    >>> values = np.array([[1.0], [2.0], [4.0]])
    >>> learn_all(1, [0, 0, 0], values, np.full((3, 1), np.nan), np.ones((3, 1))).level
    array([[2.33333333]])
    """
    known = unlearned(values.shape[1:], seasons)
    squares = known.squares
    for place in sorted(set(season)):
        chosen = np.asarray(season) == place
        value, lag = values[chosen], before[chosen]
        weight = np.where(np.isnan(value), 0.0, 1 / noise[chosen])
        followed = np.where(np.isnan(lag), 0.0, weight)
        value, lag = np.nan_to_num(value), np.nan_to_num(lag)
        total, after = weight.sum(0), followed.sum(0)
        level = (weight * value).sum(0) / np.where(total > 0, total, 1.0)
        lag_level = (followed * lag).sum(0) / np.where(after > 0, after, 1.0)
        value_away, lag_away = value - level, lag - lag_level
        sums = [(weight * value_away**2), (followed * value_away * lag_away), (followed * lag_away**2)]
        squares = squares + np.stack([one.sum(0) for one in sums], -1)
        for array, new in (
            (known.seen, (weight > 0).sum(0)),
            (known.weight, total),
            (known.level, level),
            (known.lag, np.where(after > 0, lag_level, np.nan)),
        ):
            array[..., place] = new
    return replace(known, squares=squares)


def residual(known: Regression, prior_memory: Array | float = np.nan, days: int = 1) -> tuple[Array, Array]:
    """Weighted sum of squared residuals so far, and its degrees of freedom: arrays of shape (...,).

    Examples
    --------
    >>> known = unlearned((1,), 1)
    >>> for value in (1.0, 2.0, 3.0):
    ...     known = learn(known, 0, np.array([value]), np.array([np.nan]))
    >>> residual(known)
    (array([2.]), array([2.]))
    """
    fit = _fit(known, 0, prior_memory, days)
    return fit.squares, fit.degrees


def normal_score(errors: Array, variance: Array, degrees: Array) -> Array:
    """The standard normal value as surprising as Student's t of an error; 0 where nothing is known (no degrees of freedom).

    Source: Wallace, *Bounds on normal approximations to Student's and the chi-square distributions*, Annals of
    Mathematical Statistics 30 (1959). Within 0.01 of the exact score below a score of 1.5, and smaller than it beyond: an
    error in favour of no alarm, of 2% for scores up to 4 and three degrees of freedom.

    Examples
    --------
    >>> normal_score(np.array([2.0, 2.0, 2.0]), np.ones(3), np.array([0.0, 10.0, np.inf])).round(3)
    array([0.  , 1.79, 2.  ])
    """
    known = (degrees > 0) & ~np.isnan(errors) & (variance > 0)
    nu = np.where(known, np.minimum(degrees, 1e9), 1.0)
    t = np.where(known, errors, 0.0) / np.sqrt(np.where(known, variance, 1.0))
    return np.asarray(np.sign(t) * (8 * nu + 1) / (8 * nu + 3) * np.sqrt(nu * np.log1p(t**2 / nu)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """Least squares, as it serves one season."""

    weight: Array
    level: Array
    lag: Array
    lagged: NDArray[np.bool_]
    lag_lag: Array
    memory: Array
    squares: Array
    degrees: Array


def _fit(known: Regression, season: int, prior_memory: Array | float, days: int) -> _Fit:
    """Least squares with seasons, with the same ones on all days, or with one mean, whichever explains enough."""
    seasons = known.seen.shape[-1]
    count = known.seen @ np.ones(seasons)
    chosen, *others = (_merged(known, season, n, count, prior_memory) for n in sorted({1, seasons // days, seasons}))
    for other in others:
        better = _criterion(other, count) < _criterion(chosen, count)
        chosen = _Fit(
            **{name: np.where(better, getattr(other, name), getattr(chosen, name)) for name in _Fit.__slots__}
        )
    return chosen


def _criterion(fit: _Fit, count: Array) -> Array:
    """Corrected information criterion of Akaike (Hurvich & Tsai 1989); infinite where it is not defined."""
    spare = fit.degrees - 2
    penalty = 2 * (count - fit.degrees + 1) * count / np.where(spare > 0, spare, 1.0)
    # What is fitted exactly has a smallest number in place of an infinite one: the fewer parameters then win.
    return np.where(spare > 0, count * np.log(np.maximum(fit.squares, 1e-300)) + penalty, np.inf)


def _merged(known: Regression, season: int, parts: int, count: Array, prior_memory: Array | float) -> _Fit:
    """Least squares with the mean of each part of the day, whichever day it is: one for all, or of each season, or between."""

    def by_day(array: Array) -> Array:
        return array.reshape(*array.shape[:-1], -1, parts)

    weight, level = by_day(known.weight), by_day(known.level)
    followed = np.where(np.isnan(by_day(known.lag)), 0.0, weight)
    lags = np.nan_to_num(by_day(known.lag))
    total = weight.sum(-2)
    level_of, lag_of = _mean(weight, level), _mean(followed, lags)
    # A season without weight has no level, nor has the whole without any.
    value_away = np.where(weight > 0, level - level_of[..., None, :], 0.0)
    lag_away = np.where(followed > 0, lags - lag_of[..., None, :], 0.0)
    weighted = weight * value_away
    between = [_dot(weighted, value_away), _dot(weighted, lag_away), _dot(weight * lag_away, lag_away)]
    place = season % parts
    return _least_squares(
        total[..., place],
        level_of[..., place],
        lag_of[..., place],
        known.squares + np.stack(between, -1),
        count - (total > 0).sum(-1),
        prior_memory,
    )


def _least_squares(
    weight: Array, level: Array, lag: Array, squares: Array, degrees: Array, prior_memory: Array | float
) -> _Fit:
    value_value, value_lag, lag_lag = np.moveaxis(squares, -1, 0)
    expected = ~np.isnan(prior_memory)
    # A series without variation has no memory to speak of: the ratio of two rounding errors is none.
    with np.errstate(invalid="ignore"):
        lagged = (
            (degrees >= np.where(expected, 2, FEWEST_FOR_LAG))
            & ~np.isnan(lag)
            & (lag_lag > 1e-24 * weight * (1e-12 + lag**2))
        )
    lag_lag = np.where(lagged, lag_lag, 1.0)
    worth = np.where(expected, PRIOR_MEMORY_VALUES, 0.0) * value_value / np.maximum(degrees, 1.0)
    prior = np.nan_to_num(np.asarray(prior_memory))
    memory = np.where(lagged, (value_lag + worth * prior) / (lag_lag + worth), 0.0)
    return _Fit(
        weight=weight,
        level=level,
        lag=lag,
        lagged=lagged,
        lag_lag=lag_lag + worth,
        memory=memory,
        squares=np.maximum(value_value - 2 * memory * value_lag + memory**2 * np.where(lagged, lag_lag, 0.0), 0.0),
        degrees=np.maximum(degrees - lagged, 0.0),
    )


def _mean(weight: Array, values: Array) -> Array:
    """Weighted mean over the days; NaN without weight."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.einsum("...dp,...dp->...p", weight, values) / weight.sum(-2))


def _dot(one: Array, other: Array) -> Array:
    """Sum of the products over the seasons."""
    return np.asarray(np.einsum("...dp,...dp->...", one, other))


def _with(array: Array, season: int, values: Array) -> Array:
    """A copy with other values in one season."""
    changed = array.copy()
    changed[..., season] = values
    return changed
