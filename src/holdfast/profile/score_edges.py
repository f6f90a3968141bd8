"""Where the bins of a probability begin: evenly in the middle, ever finer towards 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.profile.arrays import places_among
from holdfast.profile.envelope import digest_of

Floats = NDArray[np.float64]

OCTAVES = 17
"""Halvings of the distance to 0 and 1, below 1/32, that still have bins of their own: down to 2.4e-7."""


@dataclass(frozen=True, eq=False)
class ScoreEdges:
    """Where bins begin: bin i holds scores from `starts[i]` to below `starts[i + 1]`, the last one only 1.

    Attributes
    ----------
    starts
        Strictly increasing, the first 0 and the last 1, shape `(bins,)`.
    """

    starts: Floats

    @staticmethod
    def standard(thresholds: Sequence[float] = (), steps: int = 64) -> ScoreEdges:
        """Bins of width `1 / (32 * steps)`, from 1/32 outwards `steps` in each halving of the distance to 0 or 1.

        Powers of two, so that they are the same numbers on every machine. Each of `thresholds` (0 to 1) begins a bin:
        what is judged at one of them is exact.

        Examples
        --------
        >>> edges = ScoreEdges.standard([0.3])
        >>> len(edges.starts), edges.starts[edges.place(0.3)].item()
        (4100, 0.3)
        """
        octaves = 2.0 ** -np.arange(6, 6 + OCTAVES)
        tail = np.outer(octaves, 1 + np.arange(steps) / steps).ravel()
        middle = np.arange(steps, 31 * steps + 1) / (32 * steps)
        asked = np.asarray(thresholds, dtype=np.float64)
        if not np.all((asked >= 0) & (asked <= 1)):
            raise SettingError("Expected thresholds from 0 to 1: a score is a probability. Give shares, not percents.")
        return ScoreEdges(np.unique(np.concatenate([[0.0, 1.0], tail, middle, 1 - tail, asked])))

    @cached_property
    def digest(self) -> str:
        """Identity of the bins: tables merge only when it is the same."""
        return digest_of(self.starts.astype("<f8").tobytes())

    def place(self, threshold: float) -> int:
        """First bin whose scores are at least `threshold`: 0 if all are, the number of bins if none is.

        Raises
        ------
        SettingError
            If the threshold lies inside a bin.
        """
        place = int(np.searchsorted(self.starts, threshold))
        if threshold <= 0 or threshold > 1 or threshold in self.starts[place : place + 1]:
            return place
        raise SettingError(
            f"The threshold {threshold!r} lies inside a bin of this score table. "
            "Count again with edges that have it: ScoreEdges.standard([threshold])."
        )

    def bins(self, scores: Floats) -> NDArray[np.intp]:
        """Bin of each score, which must lie in 0 to 1."""
        return places_among(self.starts, scores, "right") - 1
