"""Identifiers: how many there are. Their values go into no profile, only their hashes into a sample of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.profile.arrays import null_rows
from holdfast.profile.column import ColumnProfile


@dataclass(frozen=True)
class IdentifierEdges:
    """`counts = [null, invalid, present]`."""

    size: int = 3

    @property
    def groups(self) -> NDArray[np.intp]:
        """One group of all that is present."""
        return np.zeros(1, dtype=np.intp)

    def count(self, array: pa.Array) -> ColumnProfile:
        """Profile of one batch."""
        nulls = null_rows(array)
        return ColumnProfile(self, np.array([nulls, 0, len(array) - nulls]), np.empty(0))

    def place(self, array: pa.Array) -> NDArray[np.intp]:
        """Cell of each row, -1 for a missing one."""
        return np.where(np.asarray(array.is_valid()), 0, -1)
