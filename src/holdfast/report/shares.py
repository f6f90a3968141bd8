"""Shares of the rows that have a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holdfast.profile.column import ColumnProfile

    Floats = NDArray[np.float64]

NOTHING = 1e-9
"""Shares below this are rounding errors of interpolation."""


def share_of(rows: int | np.int64, profile: ColumnProfile) -> float:
    """Share of the rows that have a value; 0 without any."""
    return float(rows / max(int(profile.cells.sum()), 1))


def shares_of(counts: NDArray[np.int64]) -> Floats:
    """Shares of cells of all their rows; zeros without any."""
    return counts / max(int(counts.sum()), 1)
