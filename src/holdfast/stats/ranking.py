"""How well scores put positive rows before negative ones, from the weights of both at each score.

`tied` gives these weights of single rows by one sort, so that everything is exact; the bins of a histogram do as well,
then rows of a bin count as tied. All functions of `(negative, positive)` take weights in the order of rising scores,
shape (..., scores), and return shape (...), NaN where a class has no weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def roc_auc(scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve, 0 to 1: how often a positive row has the higher score, ties counting half.

    Parameters
    ----------
    scores
        Any numbers, shape (n,).
    truth
        True where positive, shape (n,).
    weight
        Weights of the rows, >= 0, shape (n,); None if all count alike.

    Source: Hanley & McNeil, *The meaning and use of the area under a ROC curve*, Radiology 143 (1982).

    Examples
    --------
    >>> roc_auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    return float(auc_of_counts(*tied(scores, truth, weight)))


def average_precision(scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Average precision, 0 to 1: the mean over positive rows of the precision at their scores; see `roc_auc`.

    Source: Davis & Goadrich, *The relationship between precision-recall and ROC curves*, ICML (2006): no interpolation.

    Examples
    --------
    >>> round(average_precision([0.1, 0.4, 0.35, 0.8], [False, False, True, True]), 4)
    0.8333
    """
    return float(average_precision_of_counts(*tied(scores, truth, weight)))


def tied(scores: ArrayLike, truth: ArrayLike, weight: ArrayLike | None = None) -> tuple[Floats, Floats]:
    """Weights of the negative and the positive rows at each distinct score, rising."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    weights = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError("expected scores that can be ranked; some are NaN: leave those rows out")
    order = np.argsort(values)
    ordered = values[order]
    group = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
    size = int(group[-1]) + 1 if len(group) else 0
    summed = (np.bincount(group, np.where(one, weights, 0.0)[order], minlength=size) for one in (~truth, truth))
    return _floats(*summed)


def auc_of_counts(negative: ArrayLike, positive: ArrayLike) -> Floats:
    """Area under the ROC curve of tied groups of rows; see `roc_auc`.

    Examples
    --------
    >>> print(auc_of_counts([1, 1, 0], [0, 1, 1]))
    0.875
    """
    negative, positive = _floats(negative, positive)
    wins = np.einsum("...i,...i", positive, np.cumsum(negative, axis=-1) - negative / 2)
    return _over(wins, negative.sum(axis=-1) * positive.sum(axis=-1))


def auc_error(negative: ArrayLike, positive: ArrayLike, single: ArrayLike = False) -> Floats:
    """How far the area may lie from that of the single rows: half the share of pairs that only the bins tie.

    `single`, shape (scores,), says which groups are ties of the rows themselves.
    """
    negative, positive = _floats(negative, positive)
    pairs = np.where(single, 0.0, negative * positive).sum(axis=-1)
    return _over(pairs / 2, negative.sum(axis=-1) * positive.sum(axis=-1))


def auc_variance(
    negative: ArrayLike, positive: ArrayLike, negative_squares: ArrayLike, positive_squares: ArrayLike
) -> Floats:
    """Variance of the area; the squares are sums of squared weights, equal to the counts of unweighted rows.

    Source: DeLong, DeLong & Clarke-Pearson, *Comparing the areas under two or more correlated ROC curves*, Biometrics
    44 (1988), as Sun & Xu (2014) compute it by ranks; with weights, the divisor n - 1 is that of the effective rows.
    """
    negative, positive = _floats(negative, positive)
    area = auc_of_counts(negative, positive)[..., np.newaxis]
    below = _over(np.cumsum(negative, axis=-1) - negative / 2, negative.sum(axis=-1, keepdims=True))
    above = 1 - _over(np.cumsum(positive, axis=-1) - positive / 2, positive.sum(axis=-1, keepdims=True))
    return _variance(below - area, positive, positive_squares) + _variance(above - area, negative, negative_squares)


def average_precision_of_counts(negative: ArrayLike, positive: ArrayLike) -> Floats:
    """Average precision of tied groups of rows; see `average_precision`."""
    negative, positive = _floats(negative, positive)
    hits = _from_the_top(positive)
    precision = _over(hits, hits + _from_the_top(negative), empty=0.0)
    total = positive.sum(axis=-1)
    return _over(np.einsum("...i,...i", positive, precision), total)


def average_precision_bracket(
    negative: ArrayLike, positive: ArrayLike, single: ArrayLike = False
) -> tuple[Floats, Floats]:
    """Lowest and highest average precision that the single rows may have, whatever their order within bins.

    At worst a bin's negative rows all come before its positive ones, at best after them. `single` as in `auc_error`.
    """
    negative, positive = _floats(negative, positive)
    hits, alarms = _from_the_top(positive), _from_the_top(negative)
    plain = _over(hits, hits + alarms, empty=0.0)
    worst = _over(hits - positive, hits - positive + alarms, empty=1.0)
    best = _over(hits, hits + alarms - negative, empty=0.0)
    total = positive.sum(axis=-1)
    low, high = (_over((positive * np.where(single, plain, bound)).sum(axis=-1), total) for bound in (worst, best))
    return low, high


def kolmogorov_smirnov_of_counts(negative: ArrayLike, positive: ArrayLike) -> Floats:
    """Largest difference of recall and false positive rate over all thresholds, 0 to 1.

    Source: Smirnov (1939); in credit scoring the K-S statistic.
    """
    missed, passed, both = _distributions(negative, positive)
    return np.where(both, np.abs(passed - missed).max(axis=-1, initial=0.0), np.nan)


def kolmogorov_smirnov_most(negative: ArrayLike, positive: ArrayLike, single: ArrayLike = False) -> Floats:
    """The largest that the difference may be for the single rows, whatever their order within bins.

    Within a bin each distribution function lies between its values at the two ends. `single` as in `auc_error`.
    """
    missed, passed, both = _distributions(negative, positive)
    missed_before, passed_before = (
        np.pad(one, [(0, 0)] * (one.ndim - 1) + [(1, 0)])[..., :-1] for one in (missed, passed)
    )
    inside = np.maximum(passed - missed_before, missed - passed_before)
    widest = np.where(single, np.abs(passed - missed), inside)
    return np.where(both, widest.max(axis=-1, initial=0.0), np.nan)


def gain_of_counts(negative: ArrayLike, positive: ArrayLike, share: float) -> Floats:
    """Share of the positive weight among the `share` (0 to 1) of all weight with the highest scores: the gain.

    A group that the limit cuts gives that part of its positives. The lift is the gain divided by `share`.

    Source: Berry & Linoff, *Data Mining Techniques* (1997), cumulative gains.

    Examples
    --------
    >>> print(gain_of_counts([8, 1, 0], [0, 0, 1], 0.1))
    1.0
    """
    negative, positive = _floats(negative, positive)
    both = negative + positive
    before = _from_the_top(both) - both
    left = share * both.sum(axis=-1, keepdims=True) - before
    part = np.clip(_over(left, both, empty=0.0), 0, 1)
    return _over(np.einsum("...i,...i", positive, part), positive.sum(axis=-1))


def _distributions(negative: ArrayLike, positive: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Shares of the positive and of the negative weight up to each score, and whether there are both."""
    negative, positive = _floats(negative, positive)
    missed, passed = (_over(np.cumsum(one, axis=-1), one.sum(axis=-1, keepdims=True)) for one in (positive, negative))
    return missed, passed, (negative.sum(axis=-1) > 0) & (positive.sum(axis=-1) > 0)


def _from_the_top(weights: Floats) -> Floats:
    """Weight at each score or above."""
    summed: Floats = np.cumsum(weights[..., ::-1], axis=-1)[..., ::-1]
    return summed


def _variance(influence: Floats, weight: Floats, squares: ArrayLike) -> Floats:
    squares = np.asarray(squares, dtype=np.float64)
    total, squared = weight.sum(axis=-1), squares.sum(axis=-1)
    effective = _over(total**2, squared)
    # One row has no spread: it is unknown, not zero.
    return _over(np.einsum("...i,...i,...i", influence, influence, squares), total**2) * _over(effective, effective - 1)


def _floats(negative: ArrayLike, positive: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(negative, dtype=np.float64), np.asarray(positive, dtype=np.float64)


def _over(top: ArrayLike, bottom: ArrayLike, empty: float = np.nan) -> Floats:
    top, bottom = np.broadcast_arrays(np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64))
    ratio: Floats = np.divide(top, bottom, out=np.full(top.shape, empty), where=bottom > 0)
    return ratio
