"""What each of several causes adds to a change, so that the parts sum to the whole, whatever their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NODES = 8
"""Points of the path at which the change is looked at."""


def parts_of_change(contributions: Callable[[Floats], Floats], weight: Floats, terms: Floats) -> Floats:
    """Split the change of a weighted figure by the causes of the change of its weights, (parts,).

    The weights go from `weight` to `weight * exp(sum of terms)` along `weight * exp(t * sum of terms)`. On the way the
    figure changes by the covariance of the contributions with each term, which is that term's share of the change; a term
    that is constant has none. The integral over t is taken by Gauss-Legendre; what it misses of the whole is shared out by
    the sizes of the parts.

    Parameters
    ----------
    contributions
        Gives, for weights of the rows, (n,), numbers whose weighted mean is the figure and that are its influence values:
        those of `holdfast.objective.contributions`.
    weight
        Of the rows before, (n,).
    terms
        What each cause adds to the log of a row's weight, (n, parts).

    Source: Aumann & Shapley (1974), *Values of non-atomic games*; along a straight path as in Sundararajan, Taly & Yan
    (2017), *Axiomatic attribution for deep networks*, ICML.

    Examples
    --------
    Two independent inputs of a loss `x + 3 y` move by a half and by one:

    >>> x, y = (one.ravel() for one in np.meshgrid(np.linspace(-6, 6, 121), np.linspace(-6, 6, 121)))
    >>> normal = np.exp(-(x**2 + y**2) / 2)
    >>> parts_of_change(lambda weight: x + 3 * y, normal, np.stack([0.5 * x, 1.0 * y], axis=1)).round(3).tolist()
    [0.5, 3.0]
    """
    total = terms.sum(axis=1)
    top = total.max(initial=0.0)
    points, shares = np.polynomial.legendre.leggauss(NODES)
    parts = np.zeros(terms.shape[1])
    for t, share in zip((points + 1) / 2, shares / 2, strict=True):
        now = weight * np.exp(t * (total - top))
        now = now / now.sum()
        loss = contributions(now)
        parts += share * ((now * loss) @ terms - (now @ loss) * (now @ terms))
    last = weight * np.exp(total - top)
    last = last / last.sum()
    first = weight / weight.sum()
    missed = last @ contributions(last) - first @ contributions(first) - parts.sum()
    size = np.abs(parts).sum()
    return np.asarray(parts + missed * np.abs(parts) / size if size > 0 else parts)
