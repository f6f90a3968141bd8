"""Figures of all rows from those that are labelled: each stratum counts with as many rows as it has, labelled or not.

Which rows are labelled may depend on the stratum; within it, labelled rows have to be like the others.

Source: Cochran, *Sampling Techniques*, 3rd ed. (1977), sections 5A.9 and 12.2; weights within a stratum after Hájek, discussion
of Basu, in *Foundations of Statistical Inference* (1971); their error by the delta method (Särndal, Swensson & Wretman,
*Model Assisted Survey Sampling* (1992), section 5.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of some quantity x over the labelled rows of each stratum, (strata,): of w x, w^2 x and w^2 x^2."""

    first: Array
    mixed: Array
    second: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Strata with labelled rows, (strata,).

    Attributes
    ----------
    rows
        All rows, above 0.
    labelled
        Those that are labelled, or stand for them: at least 1.
    weight, square
        Sums of their weights w, and of w^2.
    """

    rows: Array
    labelled: Array
    weight: Array
    square: Array

    @property
    def effective(self) -> float:
        """So many rows, each weighing the same, would tell as much (Kish, *Survey Sampling* (1965), section 8.2).

        >>> ones = np.array([10.0, 10.0])
        >>> round(Sampled(rows=np.array([10.0, 90.0]), labelled=ones, weight=ones, square=ones).effective, 1)
        12.2
        """
        return float(self.rows.sum() ** 2 / (self.rows**2 * self.square / self.weight**2).sum())


def means(sampled: Sampled, sums: Sums) -> tuple[Array, Array]:
    """Mean of each stratum, and the variance of this mean; where one row is labelled, the strata lend each other theirs."""
    n, total = sampled.labelled, sampled.weight
    mean = sums.first / total
    squares = np.maximum(sums.second - 2 * mean * sums.mixed + mean**2 * sampled.square, 0.0)
    several = n > 1
    squares = np.where(several, squares * n / np.maximum(n - 1, 1), np.nan)
    if not several.any():
        return mean, squares
    lent = squares[several].sum() / sampled.square[several].sum()
    return mean, np.where(several, squares, lent * sampled.square) / total**2


def stratified_mean(sampled: Sampled, sums: Sums) -> tuple[float, float]:
    """Mean over all rows, and its variance: that of the strata's means, and of how many rows each stratum happens to have.

    The variance is NaN where no stratum has two labelled rows.

    Examples
    --------
    >>> ten = np.array([10.0, 10.0])
    >>> hits = np.array([1.0, 5.0])
    >>> sampled = Sampled(rows=np.array([900.0, 100.0]), labelled=ten, weight=ten, square=ten)
    >>> value, variance = stratified_mean(sampled, Sums(first=hits, mixed=hits, second=hits))
    >>> round(value, 3), round(variance**0.5, 3)
    (0.14, 0.092)
    """
    mean, variance = means(sampled, sums)
    rows = sampled.rows.sum()
    share = sampled.rows / rows
    value = float(share @ mean)
    return value, float(share**2 @ variance + share @ (mean - value) ** 2 / rows)


def stratified_ratio(part: tuple[Sampled, Sums], rest: tuple[Sampled, Sums]) -> tuple[float, float, float]:
    """The ratio A / (A + B) of two totals of shares over separate strata, its variance, and how many rows A + B are.

    Recall, where the part is of rows with the answer yes that is right, and the rest of rows with a no that is wrong.

    Examples
    --------
    >>> ten, hits, misses = np.array([10.0]), np.array([8.0]), np.array([1.0])
    >>> yes, no = (Sampled(rows=np.array([n]), labelled=ten, weight=ten, square=ten) for n in (10.0, 90.0))
    >>> found = stratified_ratio(
    ...     (yes, Sums(first=hits, mixed=hits, second=hits)), (no, Sums(first=misses, mixed=misses, second=misses))
    ... )
    >>> [round(one, 3) for one in found]
    [0.471, 0.071, 17.0]
    """
    hits, misses = (float(sampled.rows @ (sums.first / sampled.weight)) for sampled, sums in (part, rest))
    total = hits + misses
    if not total > 0:
        return np.nan, np.nan, total
    value = hits / total
    return value, _linear_variance((*part, 1 - value, 0.0), (*rest, -value, 0.0)) / total**2, total


def stratified_f_beta(yes: tuple[Sampled, Sums], no: tuple[Sampled, Sums], beta: float) -> tuple[float, float, float]:
    """F-beta, its variance, and how many rows it speaks of: those answered yes, and the positive ones answered no.

    Parameters
    ----------
    yes, no
        Strata of the rows with each answer, with being right of the first, and being wrong of the second.
    beta
        Above 0.

    Examples
    --------
    >>> ten, hits, misses = np.array([10.0]), np.array([8.0]), np.array([1.0])
    >>> yes, no = (Sampled(rows=np.array([n]), labelled=ten, weight=ten, square=ten) for n in (10.0, 90.0))
    >>> found = stratified_f_beta(
    ...     (yes, Sums(first=hits, mixed=hits, second=hits)), (no, Sums(first=misses, mixed=misses, second=misses)), 1.0
    ... )
    >>> [round(one, 3) for one in found]
    [0.593, 0.048, 19.0]
    """
    answered, square = float(yes[0].rows.sum()), beta**2
    hits, misses = (float(sampled.rows @ (sums.first / sampled.weight)) for sampled, sums in (yes, no))
    below = square * (hits + misses) + answered
    value = (1 + square) * hits / below
    # What a row adds to the upper total, less the value times what it adds to the lower one.
    of_yes, of_no = (1 + square - value * square, -value), (-value * square, 0.0)
    return value, _linear_variance((*yes, *of_yes), (*no, *of_no)) / below**2, answered + misses


def stratified_balanced(yes: tuple[Sampled, Sums], no: tuple[Sampled, Sums]) -> tuple[float, float, float]:
    """Mean of recall and specificity, its variance, and how many rows of the rarer truth there are; sums as of F-beta.

    Both have the same labelled rows: where more of those answered yes happen to be right, both are higher.

    Examples
    --------
    >>> ten, hits, misses = np.array([10.0]), np.array([8.0]), np.array([1.0])
    >>> yes, no = (Sampled(rows=np.array([n]), labelled=ten, weight=ten, square=ten) for n in (10.0, 90.0))
    >>> found = stratified_balanced(
    ...     (yes, Sums(first=hits, mixed=hits, second=hits)), (no, Sums(first=misses, mixed=misses, second=misses))
    ... )
    >>> [round(one, 3) for one in found]
    [0.723, 0.018, 17.0]
    """
    hits, misses = (float(sampled.rows @ (sums.first / sampled.weight)) for sampled, sums in (yes, no))
    positive = hits + misses
    negative = float(yes[0].rows.sum() + no[0].rows.sum()) - positive
    if not (positive > 0 and negative > 0):
        return np.nan, np.nan, 0.0
    recall, specificity = hits / positive, 1 - (float(yes[0].rows.sum()) - hits) / negative
    of_yes = ((1 - recall) / positive + specificity / negative, -specificity / negative)
    of_no = (-recall / positive - (1 - specificity) / negative, (1 - specificity) / negative)
    variance = _linear_variance((*yes, *of_yes), (*no, *of_no)) / 4
    return (recall + specificity) / 2, variance, min(positive, negative)


def _linear_variance(*sides: tuple[Sampled, Sums, float, float]) -> float:
    """Variance of the total of a x + b over separate strata: of the strata's means, and of how many rows each has."""
    found = 0.0
    for sampled, sums, slope, constant in sides:
        mean, variance = means(sampled, sums)
        found += slope**2 * float(sampled.rows**2 @ variance)
        found += float(sampled.rows @ (slope * mean + constant) ** 2)
    return found
