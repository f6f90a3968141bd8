"""Scores by label: a fine histogram of a probability for each state of the truth, with sums of weights and costs.

Everything that a threshold, a ranking, a calibration or a cost needs is read from it, and it merges: a month is the sum
of its days, and late labels are added to what was counted before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations_with_replacement
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import InputError, ProfileError
from holdfast.profile.envelope import array_in, array_out, seal, unseal
from holdfast.profile.rowwise import columns_of, weights_of
from holdfast.profile.score_edges import ScoreEdges

T = TypeVar("T")

Floats = NDArray[np.float64]

MAGIC = b"HOLDFAST-SCORES\n"
VERSION = 1

NEGATIVE, POSITIVE, UNKNOWN = 0, 1, 2
"""States of the truth: places on the first axis of every array of a table."""

LOSSES = ("score", "score_squared", "log_loss")
"""What is summed besides the weight and the columns, each times the weight."""

MOMENTS = 3
"""Products of weights and columns are summed up to this degree: means, their variances, and their skewness."""


@dataclass(frozen=True, eq=False, slots=True)
class ScoreTable:
    """Rows and sums by state of the truth and bin of the score.

    Attributes
    ----------
    edges
        The bins.
    columns
        Names of the columns that costs are made of.
    counts
        Rows, shape (3, bins): negative, positive, unknown.
    sums
        Sums over the rows of each cell, shape (sums, 3, bins): see `sums_of`.
    single
        The one score that a bin holds, NaN if it holds several, shape (bins,): its ties are ties of the rows.
    missing, outside
        Rows without a score, and with one that is no probability. They stand in no bin.
    """

    edges: ScoreEdges
    columns: tuple[str, ...]
    counts: NDArray[np.int64]
    sums: Floats
    single: Floats
    missing: int = 0
    outside: int = 0

    @staticmethod
    def count(
        edges: ScoreEdges,
        scores: Floats,
        truth: NDArray[np.generic] | None = None,
        weight: Floats | None = None,
        columns: Mapping[str, Floats] | None = None,
    ) -> ScoreTable:
        """Table of one batch of n rows.

        Parameters
        ----------
        edges
            The bins.
        scores
            Probability of the positive class, shape (n,). What is missing or outside 0 to 1 is counted apart.
        truth
            Shape (n,): booleans, or numbers 0, 1 and NaN where the truth is not known; None if it never is.
        weight
            Weights of the rows, finite and >= 0, shape (n,); None if all count alike.
        columns
            Numbers of the rows that costs are made of, by name, finite, each of shape (n,).

        Raises
        ------
        InputError
            If the shapes differ, or a truth, a weight or a column is not as above.

        Examples
        --------
        >>> edges = ScoreEdges.standard()
        >>> table = ScoreTable.count(edges, np.array([0.2, 0.9, np.nan]), np.array([False, True, True]))
        >>> table.rows, table.positives, table.missing
        (2, 1, 1)
        """
        scores = np.asarray(scores, dtype=np.float64)
        rows = len(scores)
        state, weight, costs = _states(truth, rows), weights_of(weight, rows), columns_of(columns, rows)
        inside = (scores >= 0) & (scores <= 1)
        missing = int(np.isnan(scores).sum())
        outside = rows - int(inside.sum()) - missing
        if missing + outside:
            scores, state, weight = scores[inside], state[inside], weight[inside]
            costs = [cost[inside] for cost in costs]
        bins = edges.bins(scores)
        cells = state * len(edges.starts) + bins
        summed = [weight * scores, weight * scores**2, weight * _log_loss(scores, state)]
        factors = [weight, *(weight * cost for cost in costs)]
        summed += [reduce(np.multiply, chosen) for chosen in _products(factors)]
        size = 3 * len(edges.starts)
        sums: Floats = np.array([np.bincount(cells, values, size) for values in summed])
        return ScoreTable(
            edges,
            tuple(columns or {}),
            np.bincount(cells, minlength=size).reshape(3, -1),
            sums.reshape(len(summed), 3, -1),
            _single(scores, bins, len(edges.starts)),
            missing,
            outside,
        )

    def update(
        self,
        scores: Floats,
        truth: NDArray[np.generic] | None = None,
        weight: Floats | None = None,
        columns: Mapping[str, Floats] | None = None,
    ) -> ScoreTable:
        """This table with a batch more; see `count`."""
        return self + ScoreTable.count(self.edges, scores, truth, weight, columns)

    def __add__(self, other: ScoreTable) -> ScoreTable:
        """Rows of both."""
        self._same_edges(other)
        mine, others = self.counts.any(axis=0), other.counts.any(axis=0)
        both = np.where(self.single == other.single, self.single, np.nan)
        single = np.where(mine & others, both, np.where(mine, self.single, other.single))
        return self._with(other, 1, single)

    def __sub__(self, other: ScoreTable) -> ScoreTable:
        """Rows of `self` without those of `other`; what was no single score stays so."""
        self._same_edges(other)
        return self._with(other, -1, self.single)

    def __eq__(self, other: object) -> bool:
        """Same bins, columns, counts and sums, to the last digit."""
        return isinstance(other, ScoreTable) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    @property
    def rows(self) -> int:
        """Rows with a score and a known truth."""
        return int(self.counts[:UNKNOWN].sum())

    @property
    def positives(self) -> int:
        """Rows with a score that are known to be positive."""
        return int(self.counts[POSITIVE].sum())

    @property
    def unknown(self) -> int:
        """Rows with a score whose truth is not known."""
        return int(self.counts[UNKNOWN].sum())

    def sums_of(self, *names: str) -> Floats:
        """Sums over the rows of each cell of a product of 1 to 3 factors, shape (3, bins).

        A factor is weight x value of a column; `"weight"` stands for the value 1, so that `sums_of("weight")` are the
        weights and `sums_of("weight", "amount")` the sums of weight squared x amount. The `LOSSES` stand alone.
        """
        factors = ("weight", *self.columns)
        keys = [*((loss,) for loss in LOSSES), *_products(factors)]
        wanted = tuple(sorted(names, key=factors.index)) if set(names) <= set(factors) else names
        if wanted not in keys:
            known = ", ".join(map(repr, (*LOSSES, *factors)))
            raise InputError(f"The score table has no sums of {' x '.join(map(repr, names))}: it is made of {known}.")
        sums: Floats = self.sums[keys.index(wanted)]
        return sums

    def to_bytes(self) -> bytes:
        """The table as bytes, in the envelope of `profile.envelope`."""
        body = {
            "starts": array_out(self.edges.starts),
            "columns": self.columns,
            "counts": array_out(self.counts),
            "sums": array_out(self.sums),
            "single": array_out(self.single),
            "apart": [self.missing, self.outside],
        }
        return seal(MAGIC, VERSION, self.edges.digest, body)

    @staticmethod
    def from_bytes(data: bytes, where: str = "these bytes") -> ScoreTable:
        """The table that `to_bytes` wrote; `ProfileError` if the bytes are damaged or no score table."""
        body = unseal(MAGIC, VERSION, data, where, "score table")
        edges = ScoreEdges(array_in(body["starts"]))
        bins = len(edges.starts)
        return ScoreTable(
            edges,
            tuple(body["columns"]),
            array_in(body["counts"]).reshape(3, bins),
            array_in(body["sums"]).reshape(-1, 3, bins),
            array_in(body["single"]),
            *body["apart"],
        )

    def _with(self, other: ScoreTable, sign: int, single: Floats) -> ScoreTable:
        return ScoreTable(
            self.edges,
            self.columns,
            self.counts + sign * other.counts,
            self.sums + sign * other.sums,
            single,
            self.missing + sign * other.missing,
            self.outside + sign * other.outside,
        )

    def _same_edges(self, other: ScoreTable) -> None:
        if self.edges.digest != other.edges.digest:
            raise ProfileError("The two score tables were counted over different bins. Make both with the same edges.")
        if self.columns != other.columns:
            raise ProfileError("The two score tables have sums of different columns. Make both with the same columns.")


def _states(truth: NDArray[np.generic] | None, rows: int) -> NDArray[np.intp]:
    """State of the truth of each row."""
    if truth is None:
        return np.full(rows, UNKNOWN)
    truth = np.asarray(truth)
    if truth.shape != (rows,):
        raise InputError(f"Expected {rows:,} truths, one for each score; got the shape {truth.shape}.")
    if truth.dtype.kind not in "biuf":
        raise InputError(f"Expected truths as booleans, or as 0, 1 and NaN; got values of type {truth.dtype}.")
    positive, unknown = truth == 1, np.isnan(truth.astype(np.float64))
    wrong = rows - int((positive | unknown | (truth == 0)).sum())
    if wrong:
        raise InputError(f"Expected truths as booleans, or as 0, 1 and NaN; {wrong:,} of {rows:,} are others.")
    return np.where(unknown, UNKNOWN, positive.astype(np.intp))


def _products(factors: Sequence[T]) -> list[tuple[T, ...]]:
    """The factors by ones, twos and threes, each product once, in the order of the sums."""
    return [chosen for degree in range(1, MOMENTS + 1) for chosen in combinations_with_replacement(factors, degree)]


def _single(scores: Floats, bins: NDArray[np.intp], size: int) -> Floats:
    """The score of each bin all of whose rows have the same; NaN for the others."""
    single = np.full(size, np.nan)
    single[bins] = scores
    single[bins[single[bins] != scores]] = np.nan
    return single


def _log_loss(scores: Floats, state: NDArray[np.intp]) -> Floats:
    """Minus the logarithm of the probability of the truth, 0 where that is not known."""
    # A certain and wrong score would cost infinitely much; the bound is that of scikit-learn.
    bound = np.finfo(np.float64).eps
    likely = np.where(state == POSITIVE, scores, np.where(state == NEGATIVE, 1 - scores, 1.0))
    loss: Floats = -np.log(np.clip(likely, bound, 1.0))
    return loss
