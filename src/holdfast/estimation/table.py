"""What is expected of the rows of a window whose truth is not known, as sums that merge: a month is the sum of its days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ProfileError
from holdfast.estimation.corrected import best
from holdfast.estimation.parts import EDGES, Ranked, Seen
from holdfast.profile.envelope import array_in, array_out, seal, unseal

Array: TypeAlias = NDArray[np.float64]

MAGIC = b"HOLDFAST-EXPECTED\n"
VERSION = 1


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ExpectedTable:
    """Rows with a score and what is expected of them, of two classes.

    Attributes
    ----------
    identity
        Of what estimates: tables of different ones do not merge.
    columns
        That costs are made of; in the sums below the number 1 stands before them.
    ranked
        Rows and expected positives by bin of the score.
    totals, firsts, seconds
        By answer (negative, positive): sums of the columns, (2, C); of p times them by each member, the plain curve last,
        (members + 1, 2, C); and of p (1 - p) times the products of two, (2, C, C).
    seen
        How the rows lie beside the reference.
    missing
        Rows without a score that is a probability. They stand nowhere else.
    """

    identity: str
    columns: tuple[str, ...]
    ranked: Ranked
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
        probability = best(each)
        doubt = probability * (1 - probability)
        plain = np.stack([np.ones(len(score)), *columns.values()])
        split = plain * ~answer, plain * answer
        return ExpectedTable(
            identity=identity,
            columns=tuple(columns),
            ranked=Ranked.count(score, each),
            totals=np.stack([own.sum(axis=1) for own in split]),
            firsts=np.stack([each @ own.T for own in split], axis=1),
            seconds=np.stack([(own * doubt) @ plain.T for own in split]),
            seen=seen,
            missing=missing,
        )

    def __add__(self, other: ExpectedTable) -> ExpectedTable:
        """Rows of both."""
        if (self.identity, self.columns) != (other.identity, other.columns):
            raise ProfileError("The two expected tables come from different releases. Estimate each release by itself.")
        names = ("ranked", "totals", "firsts", "seconds", "seen", "missing")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def rows(self) -> int:
        """Rows with a score."""
        return int(self.ranked.rows.sum())

    def to_bytes(self) -> bytes:
        """The table as bytes, in the envelope of `profile.envelope`."""
        body = {
            "identity": self.identity,
            "columns": self.columns,
            "ranked": self.ranked.out(),
            "sums": [array_out(array) for array in (self.totals, self.firsts, self.seconds)],
            "seen": self.seen.out(),
            "missing": self.missing,
        }
        return seal(MAGIC, VERSION, EDGES.digest, body)

    @staticmethod
    def from_bytes(data: bytes, where: str = "these bytes") -> ExpectedTable:
        """The table that `to_bytes` wrote; `ProfileError` if the bytes are damaged or no expected table."""
        body = unseal(MAGIC, VERSION, data, where, "expected table")
        totals, firsts, seconds = map(array_in, body["sums"])
        wide = 1 + len(body["columns"])
        return ExpectedTable(
            identity=body["identity"],
            columns=tuple(body["columns"]),
            ranked=Ranked.of(body["ranked"]),
            totals=totals.reshape(2, wide),
            firsts=firsts.reshape(-1, 2, wide),
            seconds=seconds.reshape(2, wide, wide),
            seen=Seen.of(body["seen"]),
            missing=body["missing"],
        )
