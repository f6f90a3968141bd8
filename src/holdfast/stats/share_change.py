"""Since when is a share larger, or smaller? The moment at which it changed, with an interval, from counts over time.

Before and after the change each row is a hit with some probability, of which nothing is known beforehand (uniform); the
marginal likelihood of every moment has a closed form. Any of them, the beginning included (no change at all), is as probable
beforehand as any other.

Source: Smith, *A Bayesian approach to inference about a change-point in a sequence of random variables*, Biometrika 62 (1975),
section 3, for binomial rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from holdfast.stats.change_point import likeliest


class ShareChange(NamedTuple):
    """Places count the groups from 0.

    Attributes
    ----------
    first
        The most probable first group after the change; 0: the share is the same in all of them.
    earliest, latest
        Smallest interval around it with at least the asked probability.
    before, after
        The share of hits before and after; `before` is NaN where there is nothing before.
    """

    first: int
    earliest: int
    latest: int
    before: float
    after: float


def share_change(hits: ArrayLike, rows: ArrayLike, *, level: float = 0.95) -> ShareChange:
    """The change of a share, from the counts of groups of rows in the order of time.

    Parameters
    ----------
    hits, rows
        Of each group, (groups,); at least one, with at least one row in all.
    level
        Probability of the interval, between 0 and 1.

    Examples
    --------
    >>> share_change([0, 0, 0, 20, 25], [100, 100, 100, 100, 100])
    ShareChange(first=3, earliest=3, latest=3, before=0.0, after=0.225)
    >>> share_change([10, 10, 10], [100, 100, 100]).first
    0
    """
    from scipy.special import betaln

    x, n = np.asarray(hits, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    x_before, n_before = (np.concatenate([[0.0], np.cumsum(counts)[:-1]]) for counts in (x, n))
    x_after, n_after = x.sum() - x_before, n.sum() - n_before
    log_odds = betaln(x_before + 1, n_before - x_before + 1) + betaln(x_after + 1, n_after - x_after + 1)
    first, earliest, latest = likeliest(log_odds, level)
    return ShareChange(
        first=first,
        earliest=earliest,
        latest=latest,
        before=float(x_before[first] / n_before[first]) if n_before[first] else float("nan"),
        after=float(x_after[first] / n_after[first]) if n_after[first] else float("nan"),
    )
