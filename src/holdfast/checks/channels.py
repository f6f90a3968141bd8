"""One question about one column: a location, a shape, a share of missing values. How large, how certain, how visible.

A channel is *certain* when its p-value survives the error budget that all drift findings of a result share, and
*material* when its effect reaches the smallest one that matters. It fails only when it is both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.profile.categorical import others
from holdfast.profile.column import ColumnProfile
from holdfast.stats.contingency import contingency, fisher, merged, pearson
from holdfast.stats.intervals import newcombe
from holdfast.stats.natural import FEWEST_WINDOWS, dispersion_p, predicted, prediction_p, scatter
from holdfast.stats.normal_scores import locations, rank_test

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

SELDOM = 20
"""Values of which a sample like the reference has fewer are judged together with those it never had."""

POWER_QUANTILE = 0.8416212335729143
"""Standard normal quantile of 80%, the power of the smallest visible effect."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What one question found; `visible_at(level)` is the smallest effect seen with 80% power by a test at that level.

    `windows` is the number of reference windows from which its natural variation could be learned.
    """

    name: str
    effect: float
    unit: str
    minimum: float
    p_value: float
    interval: tuple[float, float] | None
    visible_at: Callable[[float], float]
    certain_at: Callable[[float], float]
    windows: int = 0

    @property
    def size(self) -> float:
        """Size of the effect, whatever its direction."""
        return abs(self.effect)


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one column in the window, in the reference, and in the reference's own windows, shape `(windows, cells)`."""

    current: Counts
    reference: Counts
    windows: Counts
    ordered: bool = False

    @property
    def effective_rows(self) -> float:
        """Rows of one sample that would be as noisy as the difference of the two."""
        n, m = float(self.current.sum()), float(self.reference.sum())
        return n * m / (n + m) if n + m else 0.0

    @property
    def window_rows(self) -> float:
        """The same of a typical window against the others."""
        sizes = self.filled.sum(1).astype(np.float64)
        everything = sizes.sum()
        return float((sizes * (everything - sizes) / everything).mean()) if everything else 0.0

    @property
    def natural(self) -> bool:
        """Whether there are windows enough to learn natural variation from."""
        return len(self.filled) >= FEWEST_WINDOWS

    @property
    def filled(self) -> Counts:
        """The windows in which the column has rows; the others keep their places, so that all columns have the same windows."""
        return np.asarray(self.windows[self.windows.sum(1) > 0])


def category_pair(current: ColumnProfile, reference: ColumnProfile, windows: Counts) -> Pair:
    """Counts of the values of a category, those that only the window has among them.

    The vocabulary comes from the reference, so the cell of what is new is empty there *by construction*: lumped together,
    new values would always look like a change. Without windows each new value is a cell of its own, as it would be if the
    vocabulary had come from both samples. With windows, new values are joined with those that are seldom in both together:
    were it in the reference alone, those that it has seldom by chance would be rarer there than they are.
    """
    if np.count_nonzero(windows.sum(1)) < FEWEST_WINDOWS:
        named = np.array(list(current.fresh.counts.values()), dtype=np.int64)
        rest, rest_before = others(current), others(reference)
        now = np.concatenate([current.cells[1:], named, rest - (named.sum() if len(rest) == 1 else 0)])
        before = np.concatenate([reference.cells[1:], np.zeros(len(named), dtype=np.int64), rest_before])
        return Pair(current=now, reference=before, windows=windows)
    usual = reference.grouped
    often = usual + current.grouped >= SELDOM * (1 + current.grouped.sum() / max(usual.sum(), 1))
    often[0] = False  # what is new
    place = np.where(often, np.cumsum(often), 0)
    joined = np.eye(int(place.max()) + 1, dtype=np.int64)[place]
    return Pair(current=current.grouped @ joined, reference=usual @ joined, windows=windows @ joined)


def location_channels(pairs: list[Pair], minimums: list[float]) -> list[Channel]:
    """Shift of the location on the rank scale, judged for all numeric columns together: they share what is known of scatter."""
    with np.errstate(invalid="ignore"):
        statistics = np.array([_first(rank_test(p.current[None, :], p.current + p.reference), p) for p in pairs])
    variances, degrees = _learned(pairs, [rank_test(p.windows, p.windows.sum(0)) for p in pairs])
    p_values = prediction_p(statistics, variances, degrees)
    channels = []
    for pair, variance, df, p_value, minimum in zip(pairs, variances, degrees, p_values, minimums, strict=True):
        effect = float(locations(pair.current[None, :], pair.reference)[0]) if pair.effective_rows else np.nan
        error = np.sqrt(variance / pair.effective_rows) if pair.effective_rows else np.nan
        half = 1.96 * error
        channels.append(
            _signed(
                "location",
                "sd",
                effect,
                (effect - half, effect + half),
                minimum,
                float(p_value),
                error,
                df,
                len(pair.filled),
            )
        )
    return channels


def missing_channels(pairs: list[Pair], minimums: list[float]) -> list[Channel]:
    """Change of the share of missing values; the cells of a pair are (missing, present)."""
    statistics = np.array([_first(_share_test(p.current[None, :], p.current + p.reference), p) for p in pairs])
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
        channels.append(_signed("missing", "share", effect, interval, minimum, p_value, error, df, len(pair.filled)))
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
    current, reference, cells = merged(pair.current, pair.reference, ordered=pair.ordered)
    result = contingency(current, reference, statistic=test, ordered=pair.ordered, least=0.0)
    degrees = max(len(current) - 1, 1)
    p_value, effect, expected = result.p_value, above_chance(current, reference), 1.0
    windows = len(pair.filled) if pair.natural and len(current) > 1 else 0
    if windows:
        joined = pair.filled @ np.eye(len(current))[cells]
        rest = joined.sum(0) - joined
        scattered = max(float((pearson(joined, rest) / degrees).mean()), 1.0)
        ratio = pair.effective_rows / pair.window_rows
        expected = float(predicted(np.array([scattered]), ratio, 1.0)[0])
        p_value = max(p_value, dispersion_p(result.statistic, degrees, expected, windows))
        effect -= _natural_variation(above_chance, joined, rest)

    def critical(level: float) -> float:
        from scipy.special import chdtri, fdtri

        least = float(chdtri(degrees, level))
        if windows:
            leading = 1 + (expected - 1) * degrees
            least = max(least, degrees + leading * float(fdtri(1, windows - 1, 1 - level)))
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
        windows=len(pair.filled),
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
    windows: int,
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
        windows=windows,
    )


def _unknown(name: str, unit: str, minimum: float) -> Channel:
    return _signed(name, unit, np.nan, (np.nan, np.nan), minimum, np.nan, np.nan, np.inf, 0)


def _t_quantile(tail: float, df: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(-ndtri(tail) if np.isinf(df) else -stdtrit(df, tail))


def _first(values: Array, pair: Pair) -> float:
    """The one statistic of a pair; NaN when a side has no rows."""
    return float(values[0]) if pair.effective_rows else np.nan


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
    """Standardised difference of the share of the first cell in each window to its share in the rest of the pool.

    On the scale of `2 asin sqrt(p)` with Anscombe's correction `(x + 3/8) / (n + 3/4)` (1948), where the sampling variance is
    `1 / n` for every share and the scatter of small shares is less skewed.
    """
    rows, everything = windows.sum(1).astype(np.float64), float(totals.sum())
    inside = _angle(windows[:, 0], rows)
    outside = _angle(totals[0] - windows[:, 0], everything - rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.sqrt(1 / (rows + 0.5) + 1 / (everything - rows + 0.5))
        return np.where(rows > 0, (inside - outside) / deviation, np.nan)


def _angle(count: NDArray[Any], rows: Array) -> Array:
    return np.asarray(2 * np.arcsin(np.sqrt((count + 0.375) / (rows + 0.75))))


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
