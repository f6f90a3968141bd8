"""Is a change more than natural variation? Prediction limits from reference windows.

Each reference window is compared with the merge of the others, as the current window is with all of them. How those
statistics scatter says what a new window may show when nothing has changed: between-window variation, seasons and
sampling noise together. A new window is judged by a *prediction* limit, which knows that few windows teach little about
the scatter, and never by less than its own sampling noise.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

FEWEST_WINDOWS = 5
"""With fewer reference windows than this the scatter cannot be learned: sampling noise alone is used."""

FEWEST_COLUMNS = 8
"""With fewer columns than this no common law of their variances is learned."""

LARGEST_ERROR = 0.45
"""Standard error of the lag-1 autocorrelation above which it is not estimated: nothing would be learned."""

Array = NDArray[np.float64]


class Scatter(msgspec.Struct, frozen=True):
    """How a standardised statistic scatters over windows: variances (1 = sampling noise) and degrees of freedom per column."""

    variances: Array
    degrees: Array


def scatter(statistics: Array) -> Scatter:
    """Prediction variances of standardised one-number statistics, with strength borrowed between columns.

    The mean square of the windows' statistics estimates the variance for a new window, up to the factor
    `(K^2 - 1) / K^2` that leaving one window out adds. Autocorrelation between windows hides part of the scatter and makes
    the merge of the windows less certain: with lag-1 correlation `phi`, pooled over the columns and corrected for its bias
    (Marriott & Pope 1954), the variance is raised to what a distant new window of an AR(1) series shows. The variances of
    all columns are then shrunk toward their common law (Smyth 2004, the moderated t), which restores power for few windows.

    Parameters
    ----------
    statistics
        Standardised statistics, variance 1 under sampling noise alone, in order of time, shape `(columns, windows)`; NaN
        where a window had no rows.

    Returns
    -------
    Scatter
        Shape `(columns,)` each; the variance is at least 1, the sampling noise.
    """
    seen = ~np.isnan(statistics)
    windows = seen.sum(1).astype(np.float64)
    safe = np.maximum(windows, 2.0)
    squares = np.where(seen, statistics, 0.0) ** 2
    raw = squares.sum(1) / safe * (1 - 1 / safe**2)
    phi = autocorrelation(statistics)
    inflation, kept = _autoregressive(phi, safe)
    degrees = np.maximum((safe - 1) * kept, 1.0)
    variances, total = moderate(raw * inflation, degrees)
    return Scatter(np.maximum(variances, 1.0), total)


def autocorrelation(statistics: Array) -> float:
    """Lag-1 autocorrelation pooled over the rows of `statistics`, bias-corrected, within [0, 0.9].

    A mean-corrected series of K values underestimates: `E[r] = phi - (1 + 4 phi) / K` to first order (Marriott & Pope
    1954), so `phi = (K r + 1) / (K - 4)`. Negative correlation is taken for none: it would tighten the limit.
    """
    columns, windows = statistics.shape
    if columns == 0 or windows <= 4:
        return 0.0
    seen = ~np.isnan(statistics)
    means = np.where(seen, statistics, 0.0).sum(1, keepdims=True) / np.maximum(seen.sum(1, keepdims=True), 1)
    centred = np.where(seen, statistics - means, 0.0)
    scale = (centred**2).sum(1, keepdims=True)
    # Each column counts the same, however large its scatter.
    unit = np.divide(centred, np.sqrt(scale), out=np.zeros_like(centred), where=scale > 0)
    used = int(np.count_nonzero(scale))
    error = windows / (windows - 4) / np.sqrt(max(used, 1) * windows)
    if used == 0 or error > LARGEST_ERROR:
        return 0.0
    r = float((unit[:, 1:] * unit[:, :-1]).sum() / used)
    phi = (windows * r + 1) / (windows - 4)
    # Where there is correlation, half a standard error more: too little costs false alarms, too much a little power.
    return float(np.clip(phi + error / 2, 0.0, 0.9)) if phi > 0 else 0.0


def _autoregressive(phi: float, windows: Array) -> tuple[Array, float]:
    """Factor from in-sample to prediction variance of an AR(1) series, and the share of degrees of freedom that is left."""
    if phi == 0.0:
        return np.ones_like(windows), 1.0
    # Mean correlation of two different windows, for each number of windows that occurs.
    shared = np.empty_like(windows)
    for k in np.unique(windows):
        lags = np.arange(1, int(k))
        shared[windows == k] = 2 * ((k - lags) * phi**lags).sum() / (k * (k - 1))
    prediction = 1 + (1 + (windows - 1) * shared) / windows
    return prediction / ((1 - shared) * (1 + 1 / windows)), (1 - phi**2) / (1 + phi**2)


def moderate(variances: Array, degrees: Array) -> tuple[Array, Array]:
    """Shrink variances toward their common law: empirical Bayes for scaled inverse chi-square (Smyth 2004, section 6.2).

    Parameters
    ----------
    variances, degrees
        Estimated variances and their degrees of freedom, shape `(columns,)`.

    Returns
    -------
    tuple
        Posterior variances and degrees of freedom (infinite when all columns share one variance).

    Examples
    --------
    >>> import numpy as np
    >>> posterior, degrees = moderate(np.array([1.0, 1.2, 0.9, 1.1] * 2), np.full(8, 10.0))
    >>> posterior.round(2).tolist(), degrees.tolist()
    ([1.16, 1.16, 1.16, 1.16, 1.16, 1.16, 1.16, 1.16], [inf, inf, inf, inf, inf, inf, inf, inf])
    """
    from scipy.special import digamma, polygamma

    used = variances > 1e-12
    if np.count_nonzero(used) < FEWEST_COLUMNS:
        return variances, degrees
    half = degrees[used] / 2
    logs = np.log(variances[used]) - digamma(half) + np.log(half)
    centre = logs.mean()
    extra = logs.var(ddof=1) - polygamma(1, half).mean()
    if extra <= 0:
        return np.full_like(variances, np.exp(centre)), np.full_like(variances, np.inf)
    prior = 2 * _inverse_trigamma(float(extra))
    target = np.exp(centre + digamma(prior / 2) - np.log(prior / 2))
    total = degrees + prior
    return np.where(used, (prior * target + degrees * variances) / total, target), total


def _inverse_trigamma(value: float) -> float:
    """Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    if value > 1e7:
        return float(1 / np.sqrt(value))
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return float(x)


def predicted(variances: Array, size: float, window_size: float) -> Array:
    """Variance of a standardised statistic of `size` effective rows, learned from windows of `window_size`.

    Natural variation grows with the rows against the sampling noise; the part above 1 is scaled to a smaller window. A
    window larger than those compared gets no tighter a limit than they had, in units of the effect.
    """
    ratio = size / window_size
    return np.asarray(1 + (variances - 1) * ratio if ratio <= 1 else variances * ratio)


def prediction_p(statistics: Array, variances: Array, degrees: Array) -> Array:
    """Two-sided p-value of standardised statistics against a prediction variance, by Student's t."""
    from scipy.special import ndtr, stdtr

    with np.errstate(invalid="ignore"):
        size = -np.abs(statistics) / np.sqrt(variances)
        return np.asarray(2 * np.where(np.isinf(degrees), ndtr(size), stdtr(np.minimum(degrees, 1e9), size)))


def dispersion_p(chi_square: float, degrees: int, dispersion: float, windows: int) -> float:
    """P-value of a window's chi-square where reference windows scatter by more than sampling noise.

    Sampling noise adds `degrees` on average, one in each direction. What the windows show beyond it is taken to come from
    a *single* cause, the worst case: many small causes average out, one does not. The part beyond the noise then follows
    `1 + (dispersion - 1) degrees` times `F(1, K - 1)`, a prediction limit again (matching two moments instead, after
    Satterthwaite, understates the far tail of such sums several times).

    Parameters
    ----------
    chi_square, degrees
        Of the window against the merge of the reference windows.
    dispersion
        Chi-square per degree of freedom that a window of this size is expected to show, at least 1 (see `predicted`).
    windows
        Number of reference windows.

    Examples
    --------
    >>> round(dispersion_p(130.0, 30, 1.0, 20), 6), round(dispersion_p(130.0, 30, 2.0, 20), 3)
    (0.0, 0.088)
    """
    from scipy.special import fdtrc

    leading = 1 + (dispersion - 1) * degrees
    return float(fdtrc(1, windows - 1, max(chi_square - degrees, 0.0) / leading))
