"""Is a row like anything that the model knows? Its distance to the nearest of a sample of background rows.

Numbers are compared by their rank among the background's values, so that units and outliers do not matter: a rank is the
share of background values below, plus half the share of equal ones, 0 to 1. Beyond the background's values ranks go on, by
`ln(1 + distance beyond, in ranges of the background)`, so that a value a thousand times too large counts for more than the
largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.errors import InputError
from holdfast.stats.conformal import conformal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

ROWS = 1_024
"""Rows that are compared at once: with 1,000 background rows the distances take 8 MB."""

DIGITS = 9
"""Squared distances are rounded to these: equal ones must be equal in a single row and in a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """The background rows, ready to be compared with.

    `values` holds the sorted present values of each number, `ranks` its ranks with 0 for missing, `present` which are there,
    shape (rows, numbers); `codes` the categories, shape (rows, categories).
    """

    values: tuple[Floats, ...]
    ranks: Floats
    present: NDArray[np.bool_]
    codes: NDArray[np.int64]


def background(numbers: ArrayLike, codes: ArrayLike) -> Background:
    """Prepare background rows, of which about 1,000 do.

    Parameters
    ----------
    numbers
        Numeric features, shape (rows, numbers); NaN is missing. No columns: shape (rows, 0).
    codes
        Categories as numbers, shape (rows, categories); missing is a category of its own.

    Raises
    ------
    InputError
        When there is no row or no feature, or shapes do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> known = background(np.array([[1.0], [2.0], [4.0]]), np.array([[0], [0], [1]]))
    >>> distances(known, np.array([[2.0], [2.0], [np.nan]]), np.array([[0], [1], [0]])).round(2).tolist()
    [0.0, 0.24, 0.71]
    """
    x, c = _checked(numbers, codes)
    if not len(x) or not x.shape[1] + c.shape[1]:
        raise InputError(
            f"expected background rows with features; got {len(x)} rows, {x.shape[1] + c.shape[1]} features"
        )
    values = tuple(np.sort(column[~np.isnan(column)]) for column in x.T)
    return Background(values=values, ranks=_ranks(values, x), present=~np.isnan(x), codes=c)


def distances(known: Background, numbers: ArrayLike, codes: ArrayLike) -> Floats:
    """Distance of each row to the nearest background row, shape (n,): 0 for a row that is among them.

    The root of the mean over features of the squared differences: of ranks; 1 for two categories that differ, and for a number
    that is missing in one of the two only.

    Parameters
    ----------
    numbers, codes
        Of the rows, columns as in `background`.

    Raises
    ------
    InputError
        When the columns are not those of the background.

    Source: the general coefficient of Gower (1971), *Biometrics* 27, on ranks and squared; the distance to the nearest known
    row as a measure of novelty: Knorr & Ng (1998), *Algorithms for mining distance-based outliers*, VLDB.
    """
    x, c = _checked(numbers, codes)
    if x.shape[1] != known.ranks.shape[1] or c.shape[1] != known.codes.shape[1]:
        raise InputError(
            f"expected the background's {known.ranks.shape[1]} numbers and {known.codes.shape[1]} categories; "
            f"got {x.shape[1]} and {c.shape[1]}"
        )
    result = np.empty(len(x))
    for start in range(0, len(x), ROWS):
        part = slice(start, start + ROWS)
        result[part] = _nearest(known, x[part], c[part])
    return result


def support_limit(held_out: ArrayLike, level: float = 0.99) -> float | None:
    """Distance beyond which a row lies outside the support: a new row like those held out does so with at most `1 - level`.

    None when the rows are too few for the level (99 for 0.99): then no row can be called outside.

    Parameters
    ----------
    held_out
        Distances of rows that are not in the background, shape (n,).

    Source: as `conformal_quantile`.

    Examples
    --------
    >>> support_limit([0.1] * 98 + [0.4]), support_limit([0.1] * 98)
    (0.4, None)
    """
    limit = conformal_quantile(held_out, level)
    return limit if math.isfinite(limit) else None


def _nearest(known: Background, numbers: Floats, codes: NDArray[np.int64]) -> Floats:
    """Distances of a few rows, with the squares multiplied out: a matrix product instead of a cube."""
    ranks, here, there = _ranks(known.values, numbers), ~np.isnan(numbers), known.present
    # Both present: (a - b)**2; one of them: 1. Ranks of missing numbers are 0.
    mine = np.hstack([ranks**2, here, ranks, np.ones((len(ranks), 1))])
    theirs = np.hstack([there, known.ranks**2 + 1 - 2.0 * there, -2 * known.ranks, there.sum(axis=1, keepdims=True)])
    total = mine @ theirs.T
    differing = np.zeros(total.shape, dtype=np.uint16)
    for code, other in zip(codes.T, known.codes.T, strict=True):
        differing += code[:, None] != other
    total += differing
    squares = np.round(total.min(axis=1) / (numbers.shape[1] + codes.shape[1]), DIGITS)
    result: Floats = np.sqrt(np.maximum(squares, 0))
    return result


def _ranks(values: tuple[Floats, ...], numbers: Floats) -> Floats:
    """Ranks of each column among the background's values, 0 where missing."""
    ranks = np.zeros(numbers.shape)
    for j, known in enumerate(values):
        if not len(known):
            continue  # a number that the background never saw: as far as a missing one
        column = np.nan_to_num(numbers[:, j])  # infinite becomes the largest finite number
        inside = (np.searchsorted(known, column) + np.searchsorted(known, column, side="right")) / (2 * len(known))
        # In the unit of the range; of a constant, in that of its size.
        unit = known[-1] / 2 - known[0] / 2 or abs(known[0]) / 2 or 0.5
        beyond = np.maximum(column / 2 - known[-1] / 2, 0) - np.maximum(known[0] / 2 - column / 2, 0)
        with np.errstate(over="ignore"):
            excess = np.minimum(np.abs(beyond) / unit, np.finfo(np.float64).max)
        ranks[:, j] = np.where(np.isnan(numbers[:, j]), 0, inside + np.sign(beyond) * np.log1p(excess))
    return ranks


def _checked(numbers: ArrayLike, codes: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    x, c = np.asarray(numbers, dtype=np.float64), np.asarray(codes, dtype=np.int64)
    if x.ndim != 2 or c.ndim != 2 or len(x) != len(c):
        raise InputError(
            f"expected numbers and codes of as many rows, each of shape (n, columns); got {x.shape}, {c.shape}"
        )
    return x, c
