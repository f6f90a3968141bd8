"""What errors are expected of predicted numbers, as sums that merge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import ProfileError
from holdfast.estimation.corrected import best
from holdfast.estimation.parts import EDGES, Seen
from holdfast.profile.envelope import array_in, array_out, seal, unseal

Array: TypeAlias = NDArray[np.float64]

MAGIC = b"HOLDFAST-EXPECTED-LOSSES\n"
VERSION = 1


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ExpectedLosses:
    """Rows with a prediction and the errors that are expected of them.

    Attributes
    ----------
    identity
        Of what estimates: tables of different ones do not merge.
    rows
        With a prediction.
    sums
        Of the expected absolute and squared error by each member, the plain curves last, (members + 1, 2).
    variance
        Sums of the variances of the absolute and the squared error of a row, (2,).
    seen
        How the rows lie beside the reference.
    missing
        Rows without a prediction. They stand nowhere else.
    """

    identity: str
    rows: int
    sums: Array
    variance: Array
    seen: Seen
    missing: int = 0

    @staticmethod
    def count(identity: str, each: Array, kurtosis: float, seen: Seen, missing: int = 0) -> ExpectedLosses:
        """Table of n rows, from their expected absolute and squared errors, (members + 1, 2, n).

        `kurtosis` is the mean of the fourth power of an error over the mean of its expected square, squared.
        """
        absolute, squared = best(each)
        variances = np.maximum(squared - absolute**2, 0.0), max(kurtosis - 1, 0.0) * squared**2
        return ExpectedLosses(
            identity=identity,
            rows=each.shape[-1],
            sums=each.sum(axis=-1),
            variance=np.array([one.sum() for one in variances]),
            seen=seen,
            missing=missing,
        )

    def __add__(self, other: ExpectedLosses) -> ExpectedLosses:
        """Rows of both."""
        if self.identity != other.identity:
            raise ProfileError("The two expected tables come from different releases. Estimate each release by itself.")
        names = ("rows", "sums", "variance", "seen", "missing")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})

    def to_bytes(self) -> bytes:
        """The table as bytes, in the envelope of `profile.envelope`."""
        body = {
            "identity": self.identity,
            "rows": self.rows,
            "sums": [array_out(array) for array in (self.sums, self.variance)],
            "seen": self.seen.out(),
            "missing": self.missing,
        }
        return seal(MAGIC, VERSION, EDGES.digest, body)

    @staticmethod
    def from_bytes(data: bytes, where: str = "these bytes") -> ExpectedLosses:
        """The table that `to_bytes` wrote; `ProfileError` if the bytes are damaged or no such table."""
        body = unseal(MAGIC, VERSION, data, where, "table of expected losses")
        sums, variance = map(array_in, body["sums"])
        return ExpectedLosses(
            identity=body["identity"],
            rows=body["rows"],
            sums=sums.reshape(-1, 2),
            variance=variance,
            seen=Seen.of(body["seen"]),
            missing=body["missing"],
        )
