"""What is watched: one number per window about one thing, under a stable key."""

from __future__ import annotations

import msgspec


class Observation(msgspec.Struct, frozen=True):
    """One signal in one window.

    Attributes
    ----------
    value
        In the signal's own unit: standard deviations of the reference's rows for a location, a share for a share. NaN where
        the window cannot say.
    deviation
        Standard deviation that sampling alone gives the value in a window of this size, in the same unit; NaN if unknown.
    rows
        Rows that the value comes from.
    """

    value: float
    deviation: float
    rows: int
