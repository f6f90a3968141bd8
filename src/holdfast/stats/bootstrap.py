"""The Poisson bootstrap of counts: every row is drawn Poisson(1) times, which its bin can do for all its rows at once.

It needs no rows, and bins of disjoint tables can be drawn apart and added: it merges as the counts do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REPLICATES = 400

CHUNK = 50
"""Replicates drawn at a time: 4,000 bins of them stay in the cache."""


def poisson_replicates(
    weights: Floats, squares: Floats, replicates: int = REPLICATES, seed: int = 0
) -> Iterator[Floats]:
    """Weights of each cell in resamples of the rows, in chunks of shape (chunk, *cells).

    Parameters
    ----------
    weights, squares
        Sums of the rows' weights and of their squares in each cell, >= 0, of one shape; both are the counts if rows
        are not weighted, and then the draw is exact.
    replicates
        How many resamples, in all chunks.
    seed
        The same seed gives the same resamples.

    Weighted cells are drawn as (squares / weights) times a Poisson number: the exact mean and variance of the
    resampled weight, and the exact law if the weights within a cell are equal.

    Sources: Hanley & MacGibbon, *Creating non-parametric bootstrap samples using Poisson frequencies*, Computer Methods
    and Programs in Biomedicine 83 (2006); Bohm & Zech, *Statistics of weighted Poisson events and its applications*,
    Nuclear Instruments and Methods A 748 (2014), for the scaled Poisson law.

    Examples
    --------
    >>> counts = np.array([1000.0, 0.0])
    >>> drawn = np.concatenate(list(poisson_replicates(counts, counts)))
    >>> drawn.shape, bool(abs(drawn[:, 0].std() - 1000**0.5) < 3), drawn[:, 1].max().item()
    ((400, 2), True, 0.0)
    """
    random = np.random.Generator(np.random.SFC64(seed))
    used = weights > 0
    unit = np.divide(squares, weights, out=np.zeros(weights.shape), where=used)
    # Products of tiny weights may vanish: such a cell carries nothing.
    used &= unit > 0
    scale, mean = unit[used], weights[used] / unit[used]
    for start in range(0, replicates, CHUNK):
        drawn = np.zeros((min(CHUNK, replicates - start), *weights.shape))
        drawn[:, used] = scale * random.poisson(mean, (len(drawn), len(mean)))
        yield drawn


def spread(drawn: Floats) -> float:
    """Standard error of a figure from its values in resamples, shape (replicates,).

    A resample without any row of a rare class has no figure and is left out; NaN unless two are left.
    """
    known = drawn[np.isfinite(drawn)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
