"""What the monitor asks of a log."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from holdfast.log.ids import Ulids
from holdfast.monitoring.sources.source import DAY, _days_of

MIDNIGHT = np.datetime64("2026-01-02", "us").astype(int)


def made(*moments: int) -> pa.Array:
    """Ids that were made at some moments, in microseconds since 1970."""
    return pa.array([Ulids(lambda now=moment: now / 1e6).next() for moment in moments])


def test_ids_tell_their_day_also_where_one_begins() -> None:
    minute = 60_000_000
    for offset in range(-20, 21):
        day = MIDNIGHT - DAY if offset < 0 else MIDNIGHT
        assert _days_of(made(MIDNIGHT + offset * minute)) == {day}, offset
    around = made(*range(MIDNIGHT - 5 * minute, MIDNIGHT + 5 * minute, minute))
    assert _days_of(around) == {MIDNIGHT - DAY, MIDNIGHT}
    assert _days_of(pa.array([], pa.string())) == set()
