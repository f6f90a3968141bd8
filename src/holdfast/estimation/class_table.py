"""What is expected of rows of several classes, as sums that merge: the confusion matrix, and each class against the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ProfileError
from holdfast.estimation.parts import EDGES, Ranked, Seen
from holdfast.profile.envelope import array_in, array_out, seal, unseal

Array: TypeAlias = NDArray[np.float64]

MAGIC = b"HOLDFAST-EXPECTED-CLASSES\n"
VERSION = 1


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ExpectedClasses:
    """Rows with scores and what is expected of them.

    Attributes
    ----------
    identity
        Of what estimates: tables of different ones do not merge.
    matrix
        Sums of the probabilities by truth and answer, by each member, the plain curves last, (members + 1, K, K).
    ranked
        Of each class: rows and expected positives by bin of its score.
    seen
        How the rows lie beside the reference.
    missing
        Rows without scores. They stand nowhere else.
    """

    identity: str
    matrix: Array
    ranked: tuple[Ranked, ...]
    seen: Seen
    missing: int = 0

    @staticmethod
    def count(
        identity: str, score: Array, answer: NDArray[np.integer[Any]], each: Array, seen: Seen, missing: int = 0
    ) -> ExpectedClasses:
        """Table of n rows, from their scores, (n, K), answers as codes, (n,), and probabilities, (members + 1, K, n)."""
        size = score.shape[1]
        return ExpectedClasses(
            identity=identity,
            matrix=np.stack([each[..., answer == k].sum(axis=-1) for k in range(size)], axis=-1),
            ranked=tuple(Ranked.count(score[:, k], each[:, k]) for k in range(size)),
            seen=seen,
            missing=missing,
        )

    def __add__(self, other: ExpectedClasses) -> ExpectedClasses:
        """Rows of both."""
        if self.identity != other.identity:
            raise ProfileError("The two expected tables come from different releases. Estimate each release by itself.")
        return replace(
            self,
            matrix=self.matrix + other.matrix,
            ranked=tuple(mine + its for mine, its in zip(self.ranked, other.ranked, strict=True)),
            seen=self.seen + other.seen,
            missing=self.missing + other.missing,
        )

    @property
    def rows(self) -> int:
        """Rows with scores."""
        return int(self.ranked[0].rows.sum())

    def to_bytes(self) -> bytes:
        """The table as bytes, in the envelope of `profile.envelope`."""
        body = {
            "identity": self.identity,
            "matrix": array_out(self.matrix),
            "ranked": [one.out() for one in self.ranked],
            "seen": self.seen.out(),
            "missing": self.missing,
        }
        return seal(MAGIC, VERSION, EDGES.digest, body)

    @staticmethod
    def from_bytes(data: bytes, where: str = "these bytes") -> ExpectedClasses:
        """The table that `to_bytes` wrote; `ProfileError` if the bytes are damaged or no such table."""
        body = unseal(MAGIC, VERSION, data, where, "table of expected classes")
        size = len(body["ranked"])
        return ExpectedClasses(
            identity=body["identity"],
            matrix=array_in(body["matrix"]).reshape(-1, size, size),
            ranked=tuple(Ranked.of(one) for one in body["ranked"]),
            seen=Seen.of(body["seen"]),
            missing=body["missing"],
        )
