"""Give rows another distribution of one column and move as little as possible: numbers keep rank, categories their name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holdfast.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

MISSING = -1
"""Code of a missing category."""


def by_rank(reference: ArrayLike, window: ArrayLike, weight: ArrayLike, rng: np.random.Generator) -> Places:
    """For each reference row the window's row whose number it takes: that of its own rank, (n,).

    So a shift or another unit reaches every row as it would have, the order of the rows stays, and a column that has not
    changed changes by sampling noise only. Equal numbers are ranked at random. If more are missing in the window than
    before, rows chosen at random lose their number; if fewer are, rows without one take any.

    Parameters
    ----------
    reference, window
        (n,) and (m,), m > 0; NaN is missing.
    weight
        How many rows each reference row stands for, (n,).

    Raises
    ------
    InputError
        The window has no row.

    Source: the comonotone coupling, which moves numbers least (Santambrogio 2015, *Optimal transport for applied
    mathematicians*, theorem 2.9).

    Examples
    --------
    >>> window = np.array([40.0, 10.0, 30.0, 20.0])
    >>> window[by_rank([1.0, 4.0, 2.0, 3.0], window, np.ones(4), np.random.default_rng(0))]
    array([10., 40., 20., 30.])
    """
    before, after, weights = _checked(reference, window, weight)
    rows = np.arange(len(before))
    missing = np.isnan(before)
    lost, found = np.flatnonzero(np.isnan(after)), np.flatnonzero(~np.isnan(after))
    had, has = _share(missing, weights), len(lost) / len(after)
    chance = rng.random(len(before))
    without = chance < np.where(missing, has / had if had else 1.0, (has - had) / (1 - had) if had < 1 else 0.0)
    result = np.empty(len(before), dtype=np.intp)
    # Where rounding left no row to take from, the other kind serves.
    result[without] = rng.choice(lost if len(lost) else found, int(without.sum()))
    kept = rows[~without]
    if len(kept):
        ladder = found[np.argsort(after[found], kind="stable")] if len(found) else lost
        filled = missing[kept]
        order = kept[~filled][np.lexsort((rng.random(int((~filled).sum())), before[kept[~filled]]))]
        total = np.cumsum(weights[order])
        rank = (total - weights[order] / 2) / total[-1] if len(order) else total
        result[order] = ladder[np.minimum((rank * len(ladder)).astype(np.intp), len(ladder) - 1)]
        result[kept[filled]] = rng.choice(ladder, int(filled.sum()))
    return result


def by_name(reference: ArrayLike, window: ArrayLike, weight: ArrayLike, rng: np.random.Generator) -> Places:
    """For each reference row the window's row whose category it takes: its own wherever the shares allow that, (n,).

    Parameters
    ----------
    reference, window
        Codes of categories, (n,) and (m,), m > 0; -1 is missing, which counts as a category.
    weight
        How many rows each reference row stands for, (n,).

    Raises
    ------
    InputError
        The window has no row.

    Source: the maximal coupling (Lindvall 2002, *Lectures on the coupling method*, theorem 5.2).

    Examples
    --------
    >>> window = np.array([0, 0, 1, 1])
    >>> taken = window[by_name([0, 0, 0, 0], window, np.ones(4), np.random.default_rng(0))]
    >>> sorted(set(taken.tolist()))
    [0, 1]
    """
    before, after, weights = _checked(reference, window, weight)
    codes, place = np.unique(np.concatenate([before, after]), return_inverse=True)
    old, new = place[: len(before)], place[len(before) :]
    was = np.bincount(old, weights, minlength=len(codes)) / weights.sum()
    now = np.bincount(new, minlength=len(codes)) / len(after)
    keep = np.divide(np.minimum(was, now), was, out=np.zeros_like(was), where=was > 0)
    category = np.where(rng.random(len(before)) < keep[old], old, MISSING)
    moved = category == MISSING
    excess = np.maximum(now - was, 0)
    if moved.any():
        share = excess / excess.sum() if excess.sum() > 0 else now
        category[moved] = rng.choice(len(codes), int(moved.sum()), p=share)
    first = np.searchsorted(np.sort(new), np.arange(len(codes) + 1))
    order = np.argsort(new, kind="stable")
    size = np.diff(first)[category]
    return np.asarray(order[first[category] + (rng.random(len(before)) * size).astype(np.intp)], dtype=np.intp)


def _checked(reference: ArrayLike, window: ArrayLike, weight: ArrayLike) -> tuple[Floats, Floats, Floats]:
    before, after, weights = (np.asarray(one, dtype=np.float64) for one in (reference, window, weight))
    if not len(after):
        raise InputError("expected a window with rows; got one without")
    if before.shape != weights.shape:
        raise InputError(f"expected a weight for each row; got {before.shape} and {weights.shape}")
    return before, after, weights


def _share(chosen: NDArray[np.bool_], weight: Floats) -> float:
    total = float(weight.sum())
    return float(weight[chosen].sum()) / total if total > 0 else 0.0
