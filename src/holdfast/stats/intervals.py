"""Confidence intervals for shares, their differences, means and counts, as `(low, high)`.

Everything broadcasts, takes integers or floats of any size, and is NaN where there are no rows to speak of or the
counts are impossible: what is unknown must not look certain. `level` is the confidence, such as 0.95.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = np.float64 | NDArray[np.float64]


def wilson(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Score interval of a share: right on average over shares, and never empty or outside 0 to 1.

    Source: Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22 (1927).

    Examples
    --------
    >>> [round(float(end), 3) for end in wilson(0, 20)]
    [0.0, 0.161]
    """
    from scipy.special import ndtri

    x, n = _counts(successes, trials)
    z = ndtri((1 + level) / 2)
    middle = x + z**2 / 2
    half = z * np.sqrt(x * (1 - x / n) + z**2 / 4)
    # Rounding must not lift the ends off 0 and 1, where they belong when nothing or everything succeeded.
    low = np.where(x == 0, 0, (middle - half) / (n + z**2))[()]
    high = np.where(x == n, 1, (middle + half) / (n + z**2))[()]
    return low, high


def wilson_weighted(
    success: ArrayLike, failure: ArrayLike, success_unit: ArrayLike, failure_unit: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Score interval of the share `success / (success + failure)` of weights.

    A unit is what one such row carries: the sum of squared weights over the sum of weights, of these rows or, where
    there are none, of rows alike. With weight 1 it is `wilson`; where the two kinds weigh differently, as in a
    case-control sample, so do their errors.

    Source: Wilson (1927) for as many rows as would give the variance of the ratio by the delta method (Cochran,
    *Sampling Techniques*, 3rd ed. (1977), section 2.11).

    Examples
    --------
    >>> [round(float(end), 3) for end in wilson_weighted(0, 20, 1, 1)]
    [0.0, 0.161]
    >>> [round(float(end), 3) for end in wilson_weighted(100, 100, 1, 50)]
    [0.213, 0.787]
    """
    success, failure = np.asarray(success, dtype=np.float64), np.asarray(failure, dtype=np.float64)
    total = np.where(success + failure > 0, success + failure, np.nan)
    share = success / total
    rows = total / (np.asarray(success_unit) * (1 - share) + np.asarray(failure_unit) * share)
    return wilson(share * rows, rows, level)


def wilson_by_variance(
    share: ArrayLike, variance: ArrayLike, least_rows: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Score interval of any figure from 0 to 1 whose variance is known, such as an area or a weighted share.

    It is Wilson's interval of that share of as many rows as would give that variance, `share * (1 - share) / variance`:
    inside 0 to 1, and longer towards the middle. At 0 and 1, where a variance estimated from the same rows vanishes,
    the interval is that of `least_rows`, so that a perfect figure does not look certain.

    Source: Wilson (1927), as in `wilson`; effective rows after Kish, *Survey Sampling* (1965), section 8.2.

    Examples
    --------
    >>> [round(float(end), 3) for end in wilson_by_variance(0.9, 0.9 * 0.1 / 50, 20)]
    [0.786, 0.957]
    >>> [round(float(end), 3) for end in wilson_by_variance(1.0, 0.0, 20)]
    [0.839, 1.0]
    """
    # A sum of shares may end a rounding error above 1, or below.
    share, variance = np.clip(np.asarray(share, dtype=np.float64), 0, 1), np.asarray(variance, dtype=np.float64)
    spread = share * (1 - share)
    certain = (spread <= 1e-12) | (variance == 0)
    rows = np.where(certain, least_rows, spread / np.where(variance > 0, variance, np.nan))
    return wilson(share * rows, rows, level)


def clopper_pearson(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of a share: covers with at least `level` for every share and every size.

    Source: Clopper & Pearson, *The use of confidence or fiducial limits*, Biometrika 26 (1934), as beta quantiles.

    Examples
    --------
    >>> [round(float(end), 3) for end in clopper_pearson(0, 20)]
    [0.0, 0.168]
    """
    from scipy.special import betaincinv

    x, n = _counts(successes, trials)
    tail = (1 - level) / 2
    low = np.where(x == 0, 0, betaincinv(x, n - x + 1, tail))[()]
    high = np.where(x == n, 1, betaincinv(x + 1, n - x, 1 - tail))[()]
    return low, high


def newcombe(
    successes1: ArrayLike, trials1: ArrayLike, successes2: ArrayLike, trials2: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of the difference of two independent shares, first minus second, from the two Wilson intervals.

    Source: Newcombe, *Interval estimation for the difference between independent proportions*, Statistics in Medicine
    17 (1998), method 10.

    Examples
    --------
    >>> [round(float(end), 4) for end in newcombe(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    (x1, n1), (x2, n2) = _counts(successes1, trials1), _counts(successes2, trials2)
    p1, p2 = x1 / n1, x2 / n2
    low1, high1 = wilson(x1, n1, level)
    low2, high2 = wilson(x2, n2, level)
    return p1 - p2 - np.hypot(p1 - low1, high2 - p2), p1 - p2 + np.hypot(high1 - p1, p2 - low2)


def mean_interval(mean: ArrayLike, sd: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a mean, exact for normal rows: `mean -+ t * sd / sqrt(n)`; NaN below two rows.

    `sd` is the sample's standard deviation with divisor n - 1, in the unit of `mean`.

    Source: Student, *The probable error of a mean*, Biometrika 6 (1908).

    Examples
    --------
    >>> [round(float(end), 3) for end in mean_interval(10.0, 2.0, 16)]
    [8.934, 11.066]
    """
    from scipy.special import stdtrit

    mean, sd, n = (np.asarray(number, dtype=np.float64) for number in (mean, sd, n))
    n = np.where(n >= 2, n, np.nan)
    half = stdtrit(n - 1, (1 + level) / 2) * sd / np.sqrt(n)
    return mean - half, mean + half


def skewed_mean_interval(
    mean: ArrayLike, standard_error: ArrayLike, skewness: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of the mean of skewed rows, such as amounts of money: longer on the side of the long tail.

    Parameters
    ----------
    mean, standard_error
        Of the rows, in one unit.
    skewness
        Of the mean: that of the rows divided by the root of their number, estimated from the same rows.

    Source: Hall, *On the removal of skewness by transformation*, JRSS B 54 (1992), the cubic transformation.

    Examples
    --------
    >>> [round(float(end), 3) for end in skewed_mean_interval(10.0, 1.0, 0.0)]
    [8.04, 11.96]
    >>> [round(float(end), 3) for end in skewed_mean_interval(10.0, 1.0, 0.2)]
    [8.278, 12.339]
    """
    from scipy.special import ndtri

    z = ndtri((1 + level) / 2)
    mean, error, skewness = (np.asarray(number, dtype=np.float64) for number in (mean, standard_error, skewness))
    # Below it the cubic is the normal interval to within rounding, and above it rounding would rule.
    k = np.where(np.abs(skewness) < 1e-6, 1e-6, skewness)
    below, above = (3 / k * (np.cbrt(1 + k * (end - k / 6)) - 1) for end in (z, -z))
    return mean - error * below, mean - error * above


def poisson(count: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of the mean of a Poisson count: covers with at least `level` for every mean.

    Source: Garwood, *Fiducial limits for the Poisson distribution*, Biometrika 28 (1936), as gamma quantiles.

    Examples
    --------
    >>> [round(float(end), 3) for end in poisson(0)]
    [0.0, 3.689]
    """
    from scipy.special import gammainccinv, gammaincinv

    count = np.asarray(count, dtype=np.float64)
    count = np.where(count >= 0, count, np.nan)
    tail = (1 - level) / 2
    return np.where(count == 0, 0, gammaincinv(count, tail))[()], gammainccinv(count + 1, tail)


def _counts(successes: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as floats, NaN where there is no trial or the successes are not among them."""
    x, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    possible = (n > 0) & (x >= 0) & (x <= n)
    return np.where(possible, x, np.nan), np.where(possible, n, np.nan)
