"""Location on the rank scale: how far has the middle moved, in standard deviations, whatever the shape.

Every bin gets the mean of the normal quantiles of the ranks it covers (van der Waerden scores with ties). A shift of a
normal column by d standard deviations then has the size d, and a single huge value has the weight of one large rank.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def normal_scores(counts: ArrayLike) -> NDArray[np.float64]:
    """Mean normal score of each bin, shape `(bins,)`, increasing.

    The mean of the standard normal quantile over ranks from `u` to `v` is
    `(pdf(ppf(u)) - pdf(ppf(v))) / (v - u)`; an empty bin gets the quantile at its place, half a row from the ends.

    Parameters
    ----------
    counts
        Rows per bin, in the order of the values, shape `(bins,)`; without any row all scores are 0.

    Examples
    --------
    >>> normal_scores([1, 1]).round(4).tolist()
    [-0.7979, 0.7979]
    """
    from scipy.special import ndtri

    rows = np.asarray(counts, dtype=np.float64)
    total = rows.sum()
    if total == 0:
        return np.zeros(len(rows))
    ranks = np.concatenate([[0.0], np.cumsum(rows) / total])
    ranks[-1] = 1.0
    density = np.exp(-(ndtri(ranks) ** 2) / 2) / np.sqrt(2 * np.pi)
    half = 0.5 / (total + 1)
    place = ndtri(np.clip(ranks[:-1], half, 1 - half))
    width = np.diff(ranks)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(rows > 0, -np.diff(density) / width, place))


def location(current: ArrayLike, reference: ArrayLike) -> float:
    """Shift of the mean normal score against the reference, in reference standard deviations of the score.

    Parameters
    ----------
    current, reference
        Rows per bin, in the order of the values, shape `(bins,)`. Leading axes of `current` are windows.

    Returns
    -------
    float
        NaN when a side has no rows; 0 when the reference has a single value and the window the same one.

    Examples
    --------
    >>> round(location([10, 20, 40, 30], [25, 25, 25, 25]), 3)
    0.344
    """
    shifts = locations(np.asarray(current)[None, :], reference)
    return float(shifts[0])


def locations(windows: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """`location` of several windows at once: counts of shape `(windows, bins)` give shape `(windows,)`."""
    cur = np.asarray(windows, dtype=np.float64)
    ref = np.asarray(reference, dtype=np.float64)
    if ref.sum() == 0:
        return np.full(len(cur), np.nan)
    scores = normal_scores(ref)
    deviation = np.sqrt(scores**2 @ ref / ref.sum())
    # A constant reference has no spread of its own: the unit is then the score's own, 1.
    unit = deviation if deviation > 1e-9 else 1.0
    with np.errstate(invalid="ignore"):
        return np.asarray(cur @ scores / cur.sum(-1) / unit)


def rank_test(windows: ArrayLike, totals: ArrayLike) -> NDArray[np.float64]:
    """Standardised van der Waerden statistic of each window against the rest of the pooled rows.

    With scores `a` of the pooled rows (mean zero), `z = sum_window a / sqrt(n m / N * sum a^2 / (N - 1))`: exact mean and
    variance over all ways to draw the window from the pool (Hajek, Sidak & Sen 1999, section 4.1), near normal.

    Parameters
    ----------
    windows
        Rows per bin, shape `(windows, bins)`.
    totals
        Rows per bin of the pool that contains each window, shape `(bins,)`.

    Examples
    --------
    >>> rank_test([[5, 10, 20, 25]], [30, 35, 45, 50]).round(2).tolist()
    [3.19]
    """
    cur = np.asarray(windows, dtype=np.float64)
    pool = np.asarray(totals, dtype=np.float64)
    scores = normal_scores(pool)
    rows, everything = cur.sum(-1), pool.sum()
    spread = scores**2 @ pool / max(everything - 1, 1)
    variance = rows * (everything - rows) / max(everything, 1) * spread
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance > 0, cur @ scores / np.sqrt(variance), np.where(rows > 0, 0.0, np.nan))
