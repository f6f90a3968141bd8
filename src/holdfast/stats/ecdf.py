"""Distribution functions from histograms: Kolmogorov-Smirnov, Wasserstein-1, quantiles.

`cuts` are strictly increasing float64 values of shape (m,). `counts` have m + 1 entries: the values below `cuts[0]`
(under), those in `[cuts[i - 1], cuts[i])`, and those from `cuts[m - 1]` up (over). A heavily repeated value v has the
bin `[v, nextafter(v))` to itself, an *atom*: nothing is unknown inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = np.float64 | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KolmogorovSmirnov:
    """Bracket of the Kolmogorov-Smirnov distance of the raw values, 0 to 1; NaN where a side has no rows."""

    lower: Floats
    upper: Floats

    @property
    def value(self) -> Floats:
        """The lower end, because it is a fact: the distance of the binned values.

        It never claims a difference that the values do not have, and binning only takes away from the distance, so a
        p-value computed from it is valid.
        """
        return self.lower


def is_atom(cuts: ArrayLike) -> NDArray[np.bool_]:
    """Mask of the m + 1 bins that hold a single value.

    Examples
    --------
    >>> is_atom([0.0, 5e-324, 1.0]).tolist()
    [False, True, False, False]
    """
    cuts = np.asarray(cuts, dtype=np.float64)
    mask = np.zeros(len(cuts) + 1, dtype=np.bool_)
    mask[1:-1] = np.nextafter(cuts[:-1], np.inf) == cuts[1:]
    return mask


def kolmogorov_smirnov(
    current: ArrayLike, reference: ArrayLike, atoms: NDArray[np.bool_] | None = None
) -> KolmogorovSmirnov:
    """Bracket of the largest difference of the two distribution functions, `max(abs(F - G))`.

    At the cuts F and G are known. Inside a bin F - G is at most F at its end minus G at its start, and the other way
    round; inside an atom it moves in one step and takes no other value.

    Parameters
    ----------
    current, reference
        Counts over the same cuts, shape (..., m + 1); leading axes broadcast.
    atoms
        Mask of the bins that hold a single value, as `is_atom(cuts)` gives it.

    Source: Smirnov (1939); the bounds follow from the monotonicity of F and G.

    Examples
    --------
    >>> distance = kolmogorov_smirnov([10, 40, 50], [20, 50, 30])
    >>> round(float(distance.value), 2), round(float(distance.upper), 2)
    (0.2, 0.6)
    """
    f, g = _cumulative(current), _cumulative(reference)
    lower: Floats = np.abs(f - g).max(axis=-1)
    inside = np.maximum(f[..., 1:] - g[..., :-1], g[..., 1:] - f[..., :-1])
    if atoms is not None:
        inside = np.where(atoms, 0, inside)
    upper: Floats = np.maximum(lower, inside.max(axis=-1))
    return KolmogorovSmirnov(lower=lower, upper=upper)


def kolmogorov_p(d: ArrayLike, n: ArrayLike, m: ArrayLike) -> Floats:
    """Two-sided p-value of a Kolmogorov-Smirnov distance `d` between `n` and `m` independent rows.

    The limiting law at `d * (e + 0.12 + 0.11 / e)` with `e = sqrt(n * m / (n + m))`. From ten rows a side on, the size
    of the test is at most a quarter above its level (equal small sizes, whose distances are few), mostly within 5%;
    repeated values make it conservative. NaN where a side has no rows.

    Source: Smirnov (1939); small-sample correction by Stephens, JRSS B 32 (1970), table 1A, which was made for one
    sample of size e squared.

    Examples
    --------
    >>> round(float(kolmogorov_p(0.1, 400, 400)), 4)
    0.0341
    """
    from scipy.special import kolmogorov

    n, m = (np.where(np.asarray(rows) > 0, rows, np.nan).astype(np.float64) for rows in (n, m))
    effective = 1 / np.sqrt(1 / n + 1 / m)
    p_value: Floats = kolmogorov(np.asarray(d) * (effective + 0.12 + 0.11 / effective))
    return p_value


def quantile(cuts: ArrayLike, counts: ArrayLike, value_range: tuple[float, float], levels: ArrayLike) -> Floats:
    """Quantiles at `levels` (0 to 1), in the unit of the column: the inverse of the distribution function.

    Values are taken to lie evenly within their bin; the under and over bins end at `value_range`, the smallest and the
    largest value. The error is at most the width of the bin, and zero in an atom. NaN without rows.

    Source: Hyndman & Fan, *Sample quantiles in statistical packages* (1996), definition 4, applied to grouped values.

    Examples
    --------
    >>> quantile([0.0, 10.0], [0, 50, 50], (0.0, 30.0), [0.25, 0.5, 0.75]).tolist()
    [5.0, 10.0, 20.0]
    """
    levels = np.asarray(levels, dtype=np.float64)
    if not np.all((levels >= 0) & (levels <= 1)):
        raise ValueError("expected quantile levels from 0 to 1; got others: give shares, not percents")
    inverse = _inverse(cuts, counts, value_range)
    if not inverse.start.size:
        return np.full(levels.shape, np.nan)[()]
    # Interpolation may round beyond the largest value.
    low, high = value_range
    return np.fmin(np.fmax(inverse.at(levels, inverse.bins(levels)), low), high)[()]


def wasserstein(
    cuts: ArrayLike,
    current: ArrayLike,
    reference: ArrayLike,
    current_range: tuple[float, float],
    reference_range: tuple[float, float],
) -> float:
    """Wasserstein-1 distance in the unit of the column: the mean distance that the rows would have to move.

    The integral of the absolute difference of the two quantile functions of `quantile`, in closed form between their
    knots; no common range is needed. It differs from the distance of the raw values by at most half the mean width of
    the bins that the rows lie in, summed over the two sides: a long tail needs cuts far out in it, atoms add no error.
    NaN where a side has no rows.

    Source: Vallender, *Calculation of the Wasserstein distance between probability distributions on the line* (1974).

    Examples
    --------
    >>> wasserstein([0.0, 1.0], [0, 50, 50], [0, 100, 0], (0.0, 2.0), (0.0, 1.0))
    0.5
    """
    f, g = _inverse(cuts, current, current_range), _inverse(cuts, reference, reference_range)
    if not (f.start.size and g.start.size):
        return float("nan")
    knots = np.union1d(f.cumulative, g.cumulative)
    low, high = knots[:-1], knots[1:]
    middle = (low + high) / 2
    f_bins, g_bins = f.bins(middle), g.bins(middle)
    # In quarters: differences of two values, and sums of two differences, may be more than a double holds.
    first = f.at(low, f_bins) / 4 - g.at(low, g_bins) / 4
    last = f.at(high, f_bins) / 4 - g.at(high, g_bins) / 4
    # Between two knots the difference is a line: a trapezium, or two triangles where it changes its sign.
    a, b = np.abs(first), np.abs(last)
    crossing = (first < 0) != (last < 0)
    share = np.divide(a, a + b, out=np.ones_like(a), where=crossing)
    height = np.where(crossing, share * a + (1 - share) * b, a + b)
    return 2.0 * float(np.sum((high - low) * height))


@dataclass(frozen=True, slots=True)
class _Inverse:
    """A quantile function: from level `cumulative[i]` to `cumulative[i + 1]` it goes straight from `start` to `end`."""

    cumulative: NDArray[np.float64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]

    def bins(self, levels: NDArray[np.float64]) -> NDArray[np.intp]:
        return np.searchsorted(self.cumulative[1:], levels)

    def at(self, levels: NDArray[np.float64], bins: NDArray[np.intp]) -> Floats:
        low, high = self.cumulative[bins], self.cumulative[bins + 1]
        start, end = self.start[bins], self.end[bins]
        half = (levels - low) / (high - low) * (end / 2 - start / 2)  # the whole may be more than a double holds
        values: Floats = start + half + half
        return values


def _inverse(cuts: ArrayLike, counts: ArrayLike, value_range: tuple[float, float]) -> _Inverse:
    """The quantile function of the bins that hold rows; no value lies outside the range, whatever the bin's cuts."""
    smallest, largest = value_range
    counts = np.asarray(counts, dtype=np.float64)
    edges = np.clip(np.concatenate([[smallest], np.asarray(cuts), [largest]]), smallest, largest)
    start, end = edges[:-1], np.where(is_atom(cuts), edges[:-1], edges[1:])
    used = counts > 0
    return _Inverse(_cumulative(counts[used]), start[used], end[used])


def _cumulative(counts: ArrayLike) -> NDArray[np.float64]:
    """Shares below each bin's start and, at last, 1; NaN without rows. Shape (..., bins + 1)."""
    counts = np.asarray(counts, dtype=np.float64)
    below = np.concatenate([np.zeros((*counts.shape[:-1], 1)), np.cumsum(counts, axis=-1)], axis=-1)
    total = below[..., -1:]
    shares: NDArray[np.float64] = np.divide(below, total, out=np.full(below.shape, np.nan), where=total > 0)
    return shares
