"""Can a classifier tell two samples of rows apart? A second opinion on their joint distribution, with a valid p-value."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.stats.natural import FEWEST_WINDOWS

Array = NDArray[np.float64]

MOST_PRODUCTS = 200
"""Most products of two columns that the classifier sees, drawn at random beyond."""

RIDGE = 0.1
"""Penalty, as a share of the rows."""


class Discrimination(msgspec.Struct, frozen=True, kw_only=True):
    """Area under the ROC curve on the held-out half, and the p-value of 'no better than chance' (one-sided)."""

    area: float
    p_value: float


def discriminate(
    current: Array, reference: Array, *, seed: int, windows: NDArray[np.intp] | None = None
) -> Discrimination:
    """Train on one half of the rows to tell the samples apart, test on the other.

    A ridge regression on the columns and on products of pairs; its scores on the held-out half are compared by the
    Mann-Whitney test, which is valid whatever the classifier learned (Lopez-Paz & Oquab 2017). A single split is used:
    statistics pooled over cross-fitted folds are dependent and reject too often.

    Parameters
    ----------
    current, reference
        Rows of the two samples, shape `(rows, columns)`; NaN is missing. They are turned into normal scores within each
        half of each sample (and window), ties in random order: ranks over a whole sample would tie its two halves together.
    seed
        Of the split and of the choice of products.
    windows
        Window of each reference row: with at least five, the mean score of the current half is judged against the
        scatter of the windows' mean scores (Student t), if that is the weaker evidence.

    Returns
    -------
    Discrimination
        NaN when a half would have fewer than five rows of a sample, or with fewer than two columns.
    """
    from scipy.special import ndtr, stdtr

    if min(len(current), len(reference)) < 10 or current.shape[1] < 2:
        return Discrimination(area=np.nan, p_value=np.nan)
    rng = np.random.default_rng(seed)
    label = np.concatenate([np.ones(len(current)), np.zeros(len(reference))])
    trained = np.zeros(len(label), dtype=bool)
    trained[rng.permutation(len(current))[: len(current) // 2]] = True
    trained[len(current) + rng.permutation(len(reference))[: len(reference) // 2]] = True
    group = np.concatenate([np.full(len(current), -1), np.zeros(len(reference)) if windows is None else windows])
    design = _with_products(_scores_within(np.concatenate([current, reference]), 2 * group + trained, rng), rng)
    design -= design[trained].mean(0)
    balance = np.where(label == 1, 0.5 / len(current), 0.5 / len(reference)) * len(label)
    weights = _ridge(design[trained], label[trained] - 0.5, balance[trained])
    scores = design[~trained] @ weights
    held = label[~trained]
    area, z = _mann_whitney(scores[held == 1], scores[held == 0])
    p_value = float(ndtr(-z))
    if windows is not None:
        means = _window_means(scores[held == 0], windows[~trained[len(current) :]])
        if len(means) >= FEWEST_WINDOWS:
            spread = means.std(ddof=1) * np.sqrt(1 + 1 / len(means))
            t = (scores[held == 1].mean() - means.mean()) / spread if spread > 0 else np.inf
            p_value = max(p_value, float(stdtr(len(means) - 1, -t)))
    return Discrimination(area=area, p_value=p_value)


def _scores_within(rows: Array, groups: Array, rng: np.random.Generator) -> Array:
    """Normal scores of the ranks within each group, with ties and missing values put in random order.

    Every column then has the same distribution in every group: what is left to tell them apart is the dependence.
    """
    from scipy.special import ndtri

    scores = np.empty_like(rows)
    shuffled = rng.random(rows.shape)
    placed = np.where(np.isnan(rows), np.nanmedian(np.append(rows, np.zeros((1, rows.shape[1])), axis=0), axis=0), rows)
    for group in np.unique(groups):
        inside = groups == group
        ladder = ndtri((np.arange(inside.sum()) + 0.5) / inside.sum())
        for j in range(rows.shape[1]):
            column = np.empty(len(ladder))
            column[np.lexsort((shuffled[inside, j], placed[inside, j]))] = ladder
            scores[inside, j] = column
    return scores


def _with_products(rows: Array, rng: np.random.Generator) -> Array:
    first, second = np.triu_indices(rows.shape[1], 1)
    if len(first) > MOST_PRODUCTS:
        chosen = rng.choice(len(first), MOST_PRODUCTS, replace=False)
        first, second = first[chosen], second[chosen]
    return np.hstack([rows, rows[:, first] * rows[:, second]])


def _ridge(design: Array, target: Array, weight: Array) -> Array:
    weighted = design * weight[:, None]
    gram = weighted.T @ design
    gram[np.diag_indices_from(gram)] += RIDGE * len(design)
    return np.asarray(np.linalg.solve(gram, weighted.T @ target))


def _mann_whitney(positive: Array, negative: Array) -> tuple[float, float]:
    """Area under the ROC curve and its standardised value, ties counted half (Mann & Whitney 1947)."""
    values, place, counts = np.unique(np.concatenate([positive, negative]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n, m = len(positive), len(negative)
    area = (ranks[:n].sum() - n * (n + 1) / 2) / (n * m)
    total = n + m
    ties = ((counts**3 - counts).sum()) / (total * (total - 1)) if len(values) < total else 0.0
    deviation = np.sqrt((total + 1 - ties) / (12 * n * m))
    return float(area), float((area - 0.5) / deviation) if deviation > 0 else 0.0


def _window_means(scores: Array, windows: NDArray[np.intp]) -> Array:
    _, place, counts = np.unique(windows, return_inverse=True, return_counts=True)
    return np.asarray(np.bincount(place, scores) / counts)
