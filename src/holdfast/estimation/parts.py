"""What all expected tables are made of: how the rows lie beside the reference, and probabilities by bin of the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.estimation.corrected import best
from holdfast.profile.envelope import array_in, array_out
from holdfast.profile.score_edges import ScoreEdges
from holdfast.stats.boosting import BINS

Array: TypeAlias = NDArray[np.float64]

EDGES = ScoreEdges.standard(steps=8)
"""An eighth of the bins of a score table: what is expected is known no finer."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Seen:
    """How rows lie beside the reference.

    Attributes
    ----------
    codes
        Rows by feature and code, shape (features, codes).
    looked, outside
        Rows whose distance from the reference was measured, and those beyond the limit of the support.
    """

    codes: NDArray[np.int64]
    looked: int = 0
    outside: int = 0

    @staticmethod
    def count(codes: NDArray[np.intp], distance: Array | None = None, limit: float | None = None) -> Seen:
        """Rows with such codes, shape (features, n), and distances, NaN where they were not measured."""
        known = np.empty(0) if distance is None or limit is None else distance[~np.isnan(distance)]
        return Seen(
            codes=np.array([np.bincount(column, minlength=BINS) for column in codes], dtype=np.int64).reshape(-1, BINS),
            looked=len(known),
            outside=0 if limit is None else int((known > limit).sum()),
        )

    def __add__(self, other: Seen) -> Seen:
        """Rows of both."""
        return Seen(
            codes=self.codes + other.codes, looked=self.looked + other.looked, outside=self.outside + other.outside
        )

    def out(self) -> list[Any]:
        """As plain values."""
        return [len(self.codes), array_out(self.codes), self.looked, self.outside]

    @staticmethod
    def of(stored: list[Any]) -> Seen:
        """What `out` gave."""
        features, codes, looked, outside = stored
        return Seen(codes=array_in(codes).reshape(features, BINS), looked=looked, outside=outside)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Ranked:
    """Rows and expected positives by bin of the score.

    Attributes
    ----------
    rows
        Shape (bins,).
    positives
        Sums of the probability by each member, the plain curve last, shape (members + 1, bins).
    doubt
        Sum of p (1 - p) over all rows.
    """

    rows: NDArray[np.int64]
    positives: Array
    doubt: float

    @staticmethod
    def count(score: Array, each: Array) -> Ranked:
        """Rows with scores from 0 to 1, (n,), and probabilities by member, (members + 1, n)."""
        bins, size = EDGES.bins(score), len(EDGES.starts)
        probability = best(each)
        return Ranked(
            rows=np.bincount(bins, minlength=size),
            positives=np.stack([np.bincount(bins, one, size) for one in each]),
            doubt=float((probability * (1 - probability)).sum()),
        )

    def __add__(self, other: Ranked) -> Ranked:
        """Rows of both."""
        return Ranked(
            rows=self.rows + other.rows, positives=self.positives + other.positives, doubt=self.doubt + other.doubt
        )

    def out(self) -> list[Any]:
        """As plain values; bins without rows take no place."""
        used = np.flatnonzero(self.rows)
        arrays = used, self.rows[used], self.positives[:, used]
        return [len(self.positives), *map(array_out, arrays), self.doubt]

    @staticmethod
    def of(stored: list[Any]) -> Ranked:
        """What `out` gave."""
        members, *arrays, doubt = stored
        used, counts, sums = map(array_in, arrays)
        rows, positives = np.zeros(len(EDGES.starts), dtype=np.int64), np.zeros((members, len(EDGES.starts)))
        rows[used], positives[:, used] = counts, sums.reshape(members, -1)
        return Ranked(rows=rows, positives=positives, doubt=doubt)
