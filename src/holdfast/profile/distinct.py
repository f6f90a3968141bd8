"""How many distinct rows, and how many are repeats: a mergeable sample of row hashes.

Adaptive sampling (Wegman; Flajolet 1990): a hash is kept while its leading bits are zero as many times as the *level*
says. The level depends on the set of hashes alone, so any order of updates and merges gives the same sample. Each kept
hash carries its count, so the share of repeated rows is estimated from whole groups of equal rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EXACT = 65_536
"""Up to this many distinct rows all hashes are kept, and the counts are exact."""

KEPT = 16_384
"""Above it, at most this many hashes are kept."""


@dataclass(frozen=True, slots=True)
class DistinctSample:
    """Hashes below `2^(64 - level)`, increasing, with the number of rows of each.

    Examples
    --------
    >>> import numpy as np
    >>> sample = DistinctSample.of(np.array([7, 7, 9], dtype=np.uint64))
    >>> sample.distinct, sample.repeats
    (2.0, 1.0)
    """

    hashes: NDArray[np.uint64]
    counts: NDArray[np.int64]
    level: int = 0

    @staticmethod
    def empty() -> DistinctSample:
        """Nothing seen yet."""
        return DistinctSample(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64))

    @staticmethod
    def of(hashes: NDArray[np.uint64]) -> DistinctSample:
        """The sample of one batch of row hashes, shape `(rows,)`."""
        values, counts = np.unique(hashes, return_counts=True)
        return _levelled(values, counts, 0)

    def __add__(self, other: DistinctSample) -> DistinctSample:
        """Rows of both."""
        level = max(self.level, other.level)
        left, right = self._at(level), other._at(level)
        values, inverse = np.unique(np.concatenate([left.hashes, right.hashes]), return_inverse=True)
        counts = np.zeros(len(values), dtype=np.int64)
        np.add.at(counts, inverse, np.concatenate([left.counts, right.counts]))
        return _levelled(values, counts, level)

    def __sub__(self, other: DistinctSample) -> DistinctSample:
        """Rows of `self` without those of `other`, which was merged into it; the level stays."""
        there = other._at(self.level)
        place = np.searchsorted(self.hashes, there.hashes)
        counts = self.counts.copy()
        counts[place] -= there.counts
        left = counts > 0
        return DistinctSample(self.hashes[left], counts[left], self.level)

    @property
    def exact(self) -> bool:
        """Whether every hash is kept."""
        return self.level == 0

    @property
    def distinct(self) -> float:
        """Number of distinct rows: exact at level 0, else the unbiased estimate `kept * 2^level`."""
        return float(len(self.hashes)) * 2.0**self.level

    @property
    def repeats(self) -> float:
        """Rows that repeat an earlier one: exact at level 0, else estimated from the kept groups."""
        return float(self.counts.sum() - len(self.hashes)) * 2.0**self.level

    def repeat_share(self) -> tuple[float, float, float]:
        """Share of rows that repeat another one, with a 95% interval (of no width when exact).

        A ratio of sums over sampled groups of equal rows: linearised variance (Cochran 1977, section 6.4), and not less than
        what no repeat among the kept rows leaves possible (the rule of three).
        """
        rows = float(self.counts.sum())
        if rows == 0:
            return np.nan, np.nan, np.nan
        extra = self.counts - 1.0
        share = float(extra.sum() / rows)
        if self.exact:
            return share, share, share
        residual = extra - share * self.counts
        kept = len(self.counts)
        error = 1.96 * np.sqrt(kept / max(kept - 1, 1) * float(residual @ residual)) / rows
        error = max(error, 3 / rows) * np.sqrt(1 - 2.0**-self.level)
        return share, max(share - error, 0.0), min(share + error, 1.0)

    def _at(self, level: int) -> DistinctSample:
        if level == self.level or level == 0:
            return self
        kept = self.hashes < np.uint64(2 ** (64 - level))
        return DistinctSample(self.hashes[kept], self.counts[kept], level)


def _levelled(values: NDArray[np.uint64], counts: NDArray[np.int64], level: int) -> DistinctSample:
    """The lowest level, not under `level`, at which the hashes fit."""
    if level == 0 and len(values) <= EXACT:
        return DistinctSample(values, counts)
    sample = DistinctSample(values, counts, level)
    while len(sample.hashes) > KEPT:
        sample = sample._at(sample.level + 1)
    return sample
