"""Times: when in the week, and from when to when. The moments themselves move on and are no drift."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.profile.arrays import floats, null_rows, seconds
from holdfast.profile.column import ColumnProfile
from holdfast.schema import Kind, as_kind

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800

LAST = 1e18
"""Seconds from 1970 beyond which a number, infinities included, is no time."""

_MONDAY = 4 * DAY
"""1970-01-01 was a Thursday: the first Monday is four days later."""


@dataclass(frozen=True, eq=False)
class TimeEdges:
    """The 168 hours of the week from Monday, UTC: `counts = [null, unparseable, Monday 00h, ..., Sunday 23h]`."""

    size: int = 2 + 168

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Six hours of a weekday are one group."""
        return np.arange(168) // 6

    def count(self, array: pa.Array) -> ColumnProfile:
        """Profile of one batch of timestamps, dates, or ISO 8601 texts."""
        when, nulls = moments(array)
        valid = when[~np.isnan(when)]
        counts = np.empty(self.size, dtype=np.int64)
        counts[:2] = nulls, len(when) - len(valid) - nulls
        counts[2:] = np.bincount(_hour_of_week(valid), minlength=168)
        if len(valid) == 0:
            return ColumnProfile(self, counts, np.empty(0))
        return ColumnProfile(self, counts, np.empty(0), float(valid.min()), float(valid.max()))

    def place(self, array: pa.Array) -> NDArray[np.intp]:
        """Cell of each row, -1 for a missing one."""
        when, _ = moments(array)
        known = ~np.isnan(when)
        return np.where(known, _hour_of_week(np.where(known, when, 0.0)), -1)


def hours(profile: ColumnProfile) -> NDArray[np.int64]:
    """Rows per hour of the day, shape `(24,)`."""
    return np.asarray(profile.cells.reshape(7, 24).sum(0))


def weekdays(profile: ColumnProfile) -> NDArray[np.int64]:
    """Rows per weekday from Monday, shape `(7,)`."""
    return np.asarray(profile.cells.reshape(7, 24).sum(1))


def _hour_of_week(when: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.minimum((when - _MONDAY) % WEEK // HOUR, 167).astype(np.intp)


def moments(array: pa.Array) -> tuple[NDArray[np.float64], int]:
    """Seconds since 1970 and how many cells are null; what is no time becomes NaN. Numbers are taken for seconds."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = floats(array)
        return np.where(np.abs(numbers) < LAST, numbers, np.nan), null_rows(array)
    try:
        return seconds(as_kind(array, Kind.TIME)), null_rows(array)
    except (InputError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(array), np.nan), null_rows(array)


def covered(when: NDArray[np.float64]) -> tuple[float, float]:
    """From when to when some moments go; NaN without any.

    One in a thousand at either end may lie far outside: a single wrong clock must not stretch the time covered. Moments
    that are whole days, hours or minutes apart stand for one each: the dates of a week cover seven days, not six.
    """
    known = when[~np.isnan(when)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, [0.001, 0.999], method="closest_observation")
    far = (high - low) / 100
    near = known[(known >= low - far) & (known <= high + far)]
    first, last = float(near.min()), float(near.max())
    apart = near - first
    unit = next((u for u in (DAY, HOUR, MINUTE) if last > first and not (apart % u).any()), 0)
    return first, last + unit
