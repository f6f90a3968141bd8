"""What is expected of the rows of a window whose truth is not known, as sums that merge: a month is the sum of its days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ProfileError
from holdfast.estimation.corrected import best
from holdfast.profile.envelope import array_in, array_out, seal, unseal
from holdfast.profile.score_edges import ScoreEdges
from holdfast.stats.boosting import BINS

Array: TypeAlias = NDArray[np.float64]

MAGIC = b"HOLDFAST-EXPECTED\n"
VERSION = 1

EDGES = ScoreEdges.standard(steps=16)
"""A quarter of the bins of a score table: what is expected is known no finer."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Seen:
    """How the rows lie beside the reference.

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

    def __add__(self, other: Seen) -> Seen:
        """Rows of both."""
        return Seen(
            codes=self.codes + other.codes, looked=self.looked + other.looked, outside=self.outside + other.outside
        )


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ExpectedTable:
    """Rows with a score and what is expected of them, of two classes.

    The first axis of `positives` and `firsts` is the member, the plain curve last. `columns` are those that costs are made
    of; in `totals`, `firsts` and `seconds` the number 1 stands before them.

    Attributes
    ----------
    identity
        Of what estimates: tables of different ones do not merge.
    rows
        By bin of the score, shape (bins,).
    positives
        Sums of the probability of the positive class, shape (members + 1, bins).
    variance
        Sums of p (1 - p), shape (bins,).
    totals, firsts, seconds
        By answer (negative, positive): sums of the columns, (2, C); of p times them, (members + 1, 2, C); and of p (1 - p)
        times the products of two, (2, C, C).
    seen
        How the rows lie beside the reference.
    missing
        Rows without a score that is a probability. They stand nowhere else.
    """

    identity: str
    columns: tuple[str, ...]
    rows: NDArray[np.int64]
    positives: Array
    variance: Array
    totals: Array
    firsts: Array
    seconds: Array
    seen: Seen
    missing: int = 0

    @staticmethod
    def count(
        identity: str,
        score: Array,
        answer: NDArray[np.bool_],
        each: Array,
        columns: Mapping[str, Array],
        seen: Seen,
        missing: int = 0,
    ) -> ExpectedTable:
        """Table of n rows, from their scores, answers, probabilities by member, and columns.

        Parameters
        ----------
        score
            From 0 to 1, shape (n,).
        answer
            True where answered positive, shape (n,).
        each
            Probabilities, shape (members + 1, n).
        columns
            Of the costs, finite, each of shape (n,).
        """
        bins, size = EDGES.bins(score), len(EDGES.starts)
        probability = best(each)
        doubt = probability * (1 - probability)
        plain = np.stack([np.ones(len(score)), *columns.values()])
        split = [np.flatnonzero(~answer), np.flatnonzero(answer)]
        return ExpectedTable(
            identity=identity,
            columns=tuple(columns),
            rows=np.bincount(bins, minlength=size),
            positives=np.stack([np.bincount(bins, one, size) for one in each]),
            variance=np.bincount(bins, doubt, size).astype(np.float64),
            totals=np.stack([plain[:, of].sum(axis=1) for of in split]),
            firsts=np.stack([each[:, of] @ plain[:, of].T for of in split], axis=1),
            seconds=np.stack([(plain[:, of] * doubt[of]) @ plain[:, of].T for of in split]),
            seen=seen,
            missing=missing,
        )

    def __add__(self, other: ExpectedTable) -> ExpectedTable:
        """Rows of both."""
        if (self.identity, self.columns) != (other.identity, other.columns):
            raise ProfileError("The two expected tables come from different releases. Estimate each release by itself.")
        names = ("rows", "positives", "variance", "totals", "firsts", "seconds", "seen", "missing")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def count_of_rows(self) -> int:
        """Rows with a score."""
        return int(self.rows.sum())

    def to_bytes(self) -> bytes:
        """The table as bytes, in the envelope of `profile.envelope`; bins without rows take no place."""
        used = np.flatnonzero(self.rows)
        body = {
            "identity": self.identity,
            "columns": self.columns,
            "used": array_out(used),
            "rows": array_out(self.rows[used]),
            "by_bin": [array_out(self.positives[:, used]), array_out(self.variance[used])],
            "by_answer": [array_out(array) for array in (self.totals, self.firsts, self.seconds)],
            "seen": [array_out(self.seen.codes), self.seen.looked, self.seen.outside],
            "shape": [len(self.positives), len(self.seen.codes)],
            "missing": self.missing,
        }
        return seal(MAGIC, VERSION, EDGES.digest, body)

    @staticmethod
    def from_bytes(data: bytes, where: str = "these bytes") -> ExpectedTable:
        """The table that `to_bytes` wrote; `ProfileError` if the bytes are damaged or no expected table."""
        body = unseal(MAGIC, VERSION, data, where, "expected table")
        used, size = array_in(body["used"]).astype(np.intp), len(EDGES.starts)
        members, features = body["shape"]
        positives, variance = map(array_in, body["by_bin"])
        totals, firsts, seconds = map(array_in, body["by_answer"])
        codes, looked, outside = body["seen"]
        wide = 1 + len(body["columns"])
        return ExpectedTable(
            identity=body["identity"],
            columns=tuple(body["columns"]),
            rows=_spread(array_in(body["rows"]), used, size),
            positives=_spread(positives.reshape(members, -1), used, size),
            variance=_spread(variance, used, size),
            totals=totals.reshape(2, wide),
            firsts=firsts.reshape(members, 2, wide),
            seconds=seconds.reshape(2, wide, wide),
            seen=Seen(codes=array_in(codes).reshape(features, BINS), looked=looked, outside=outside),
            missing=body["missing"],
        )


def _spread(values: NDArray[Any], used: NDArray[np.intp], size: int) -> NDArray[Any]:
    """Values of the bins in use among all of them."""
    whole = np.zeros((*values.shape[:-1], size), dtype=values.dtype)
    whole[..., used] = values
    return whole
