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
