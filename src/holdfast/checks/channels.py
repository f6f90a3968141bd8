"""One question about one column: a location, a shape, a share of missing values. How large, how certain, how visible.

A channel is *certain* when its p-value survives the error budget that all drift findings of a result share, and
*material* when its effect reaches the smallest one that matters. It fails only when it is both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.stats.contingency import contingency, fisher, merged, pearson
from holdfast.stats.intervals import newcombe
from holdfast.stats.natural import FEWEST_WINDOWS, dispersion_p, effective_directions, predicted, prediction_p, scatter
from holdfast.stats.normal_scores import locations, rank_test

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

POWER_QUANTILE = 0.8416212335729143
"""Standard normal quantile of 80%, the power of the smallest visible effect."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What one question found; `visible_at(level)` is the smallest effect seen with 80% power by a test at that level."""

    name: str
    effect: float
    unit: str
    minimum: float
    p_value: float
    interval: tuple[float, float] | None
    visible_at: Callable[[float], float]
    certain_at: Callable[[float], float]

    @property
    def size(self) -> float:
        """Size of the effect, whatever its direction."""
        return abs(self.effect)


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one column in the window, in the reference, and in the reference's own windows, shape `(windows, cells)`."""

    current: Counts
    reference: Counts
    windows: Counts

    @property
    def effective_rows(self) -> float:
        """Rows of one sample that would be as noisy as the difference of the two."""
        n, m = float(self.current.sum()), float(self.reference.sum())
        return n * m / (n + m) if n + m else 0.0

    @property
    def window_rows(self) -> float:
        """The same of a typical window against the others."""
        sizes = self.windows.sum(1).astype(np.float64)
        everything = sizes.sum()
        return float((sizes * (everything - sizes) / everything).mean()) if everything else 0.0

    @property
    def natural(self) -> bool:
        """Whether there are windows enough to learn natural variation from."""
        return len(self.windows) >= FEWEST_WINDOWS


def location_channels(pairs: list[Pair], minimums: list[float]) -> list[Channel]:
    """Shift of the location on the rank scale, judged for all numeric columns together: they share what is known of scatter."""
    with np.errstate(invalid="ignore"):
        statistics = np.array([_nan_first(rank_test(p.current[None, :], p.current + p.reference)) for p in pairs])
    variances, degrees = _learned(pairs, [rank_test(p.windows, p.windows.sum(0)) for p in pairs])
    p_values = prediction_p(statistics, variances, degrees)
    channels = []
    for pair, variance, df, p_value, minimum in zip(pairs, variances, degrees, p_values, minimums, strict=True):
        effect = float(locations(pair.current[None, :], pair.reference)[0]) if pair.effective_rows else np.nan
        error = np.sqrt(variance / pair.effective_rows) if pair.effective_rows else np.nan
        half = 1.96 / np.sqrt(pair.effective_rows) if pair.effective_rows else np.nan
        channels.append(
            _signed("location", "sd", effect, (effect - half, effect + half), minimum, float(p_value), error, df)
        )
    return channels


def missing_channels(pairs: list[Pair], minimums: list[float]) -> list[Channel]:
    """Change of the share of missing values; the cells of a pair are (missing, present)."""
    statistics = np.array([_nan_first(_share_test(p.current[None, :], p.current + p.reference)) for p in pairs])
    variances, degrees = _learned(pairs, [_share_test(p.windows, p.windows.sum(0)) for p in pairs])
    predictions = prediction_p(statistics, variances, degrees)
    channels = []
    for pair, variance, df, prediction, minimum in zip(pairs, variances, degrees, predictions, minimums, strict=True):
        gone, rows = int(pair.current[0]), int(pair.current.sum())
        gone_before, rows_before = int(pair.reference[0]), int(pair.reference.sum())
        if not rows or not rows_before:
            channels.append(_unknown("missing", "share", minimum))
            continue
        p_value = max(fisher(gone, rows, gone_before, rows_before), float(prediction) if pair.natural else 0.0)
        effect = gone / rows - gone_before / rows_before
        low, high = newcombe(gone, rows, gone_before, rows_before)
        # A share of a half row more: the standard error of a column that was never missing is not zero.
        share = (gone_before + 0.5) / (rows_before + 1)
        error = np.sqrt(share * (1 - share) * variance / pair.effective_rows)
        interval = (float(low), float(high))
        channels.append(_signed("missing", "share", effect, interval, minimum, p_value, error, df))
    return channels


def cells_channel(
    name: str,
    pair: Pair,
    *,
    above_chance: Callable[[Array, Array], float],
    unit: str,
    minimum: float,
    test: Literal["chi2", "g"],
) -> Channel:
    """Change of the shares of cells, by a contingency test and the dispersion of the reference's windows."""
    rows, others = pair.current.sum(), pair.reference.sum()
    if not rows or not others:
        return _unknown(name, unit, minimum)
    current, reference, cells = merged(pair.current, pair.reference)
    result = contingency(pair.current, pair.reference, statistic=test)
    p_value, degrees = result.p_value, max(len(current) - 1, 1)
    effect = above_chance(current, reference)
    expected, directions, windows = 1.0, float(degrees), 0
    if pair.natural and len(current) > 1:
        joined = pair.windows @ np.eye(len(current))[cells]
        rest = joined.sum(0) - joined
        scattered = pearson(joined, rest) / degrees
        residuals = _residuals(joined)
        ratio = pair.effective_rows / pair.window_rows
        p_value = max(p_value, dispersion_p(result.statistic / degrees, scattered, residuals, ratio))
        expected = float(predicted(np.array([max(scattered.mean(), 1.0)]), ratio, 1.0)[0])
        directions, windows = effective_directions(residuals), len(joined)
        effect -= _natural_variation(above_chance, joined, rest)

    def critical(level: float) -> float:
        from scipy.special import chdtri, fdtri

        least = float(chdtri(degrees, level))
        if windows:
            least = max(least, float(fdtri(directions, windows * directions, 1 - level)) * degrees * expected)
        return least

    def certain_at(level: float) -> float:
        # Half the root of the divergence bounds the total variation (Cauchy-Schwarz): any larger change is certain.
        return float(np.sqrt(max(critical(level) - degrees, 0.0) / pair.effective_rows) / 2)

    def visible_at(level: float) -> float:
        return float(np.sqrt(_noncentrality(critical(level), degrees) / pair.effective_rows) / 2)

    return Channel(
        name=name,
        effect=effect,
        unit=unit,
        minimum=minimum,
        p_value=p_value,
        interval=_shape_interval(effect, current, reference),
        visible_at=visible_at,
        certain_at=certain_at,
    )


def _signed(
    name: str,
    unit: str,
    effect: float,
    interval: tuple[float, float],
    minimum: float,
    p_value: float,
    error: float,
    df: float,
) -> Channel:
    """A channel whose statistic is near normal: limits are quantiles of Student's t times a standard error."""

    def certain_at(level: float) -> float:
        return float(_t_quantile(level / 2, df) * error)

    def visible_at(level: float) -> float:
        return float((_t_quantile(level / 2, df) + POWER_QUANTILE) * error)

    return Channel(
        name=name,
        effect=effect,
        unit=unit,
        minimum=minimum,
        p_value=p_value,
        interval=interval,
        visible_at=visible_at,
        certain_at=certain_at,
    )


def _unknown(name: str, unit: str, minimum: float) -> Channel:
    return _signed(name, unit, np.nan, (np.nan, np.nan), minimum, np.nan, np.nan, np.inf)


def _t_quantile(tail: float, df: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(-ndtri(tail) if np.isinf(df) else -stdtrit(df, tail))


def _nan_first(values: Array) -> float:
    return float(values[0])


def _learned(pairs: list[Pair], statistics: list[Array]) -> tuple[Array, Array]:
    """Prediction variance and degrees of freedom of each column's statistic; sampling noise where windows are too few."""
    variances, degrees = np.ones(len(pairs)), np.full(len(pairs), np.inf)
    natural = [i for i, pair in enumerate(pairs) if pair.natural]
    if natural:
        learned = scatter(np.stack([statistics[i] for i in natural]))
        for i, variance, df in zip(natural, learned.variances, learned.degrees, strict=True):
            size, window_size = pairs[i].effective_rows, pairs[i].window_rows
            if size and window_size:
                variances[i] = max(float(predicted(np.array([variance]), size, window_size)[0]), 1.0)
            degrees[i] = df
    return variances, degrees


def _share_test(windows: Counts, totals: Counts) -> Array:
    """Standardised difference of the share of the first cell in each window to its share in the rest of the pool."""
    rows, everything = windows.sum(1).astype(np.float64), float(totals.sum())
    share = totals[0] / everything if everything else 0.0
    variance = share * (1 - share) * rows * (everything - rows) / max(everything - 1, 1)
    deviation = windows[:, 0] - rows * share
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance > 0, deviation / np.sqrt(variance), np.where(rows > 0, 0.0, np.nan))


def _residuals(joined: Array) -> Array:
    """Standardised residuals of each window against the others; their squares add up to Pearson's statistic."""
    totals, rows = joined.sum(0), joined.sum(1, keepdims=True)
    everything = totals.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = rows * totals / everything
        return np.asarray(np.nan_to_num((joined - expected) / np.sqrt(expected * (1 - rows / everything))))


def _natural_variation(above_chance: Callable[[Array, Array], float], joined: Array, rest: Array) -> float:
    """Mean distance above chance of a reference window: what is usual is no effect."""
    usual = [above_chance(window, others) for window, others in zip(joined, rest, strict=True) if window.sum()]
    return max(float(np.mean(usual)), 0.0) if usual else 0.0


def _noncentrality(critical: float, degrees: float) -> float:
    """Noncentrality at which a chi-square exceeds `critical` with 80% (normal approximation with its own mean and variance)."""
    # (x + degrees - critical)^2 = q^2 (2 degrees + 4 x), the larger root.
    half = critical - degrees + 2 * POWER_QUANTILE**2
    constant = (critical - degrees) ** 2 - 2 * POWER_QUANTILE**2 * degrees
    return float(half + np.sqrt(max(half**2 - constant, 0.0)))


def _shape_interval(effect: float, current: Array, reference: Array) -> tuple[float, float]:
    """95% interval of a total variation by linearisation at the observed signs; for the other distances a guide."""
    n, m = current.sum(), reference.sum()
    p, q = current / n, reference / m
    signs = np.sign(p - q)
    error = np.sqrt((1 - (signs @ p) ** 2) / n + (1 - (signs @ q) ** 2) / m) / 2
    return effect - 1.96 * float(error), effect + 1.96 * float(error)
