"""Times: when in the week, and from when to when. The moments themselves move on and are no drift."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.profile.arrays import seconds, text_codes
from holdfast.profile.column import ColumnProfile

HOUR, DAY, WEEK = 3600, 86_400, 604_800

_MONDAY = 4 * DAY
"""1970-01-01 was a Thursday: the first Monday is four days later."""


@dataclass(frozen=True)
class TimeEdges:
    """The 168 hours of the week from Monday, UTC: `counts = [null, unparseable, Monday 00h, ..., Sunday 23h]`."""

    size: int = 2 + 168

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Six hours of a weekday are one group."""
        return np.arange(168) // 6

    def count(self, array: pa.Array) -> ColumnProfile:
        """Profile of one batch of timestamps, dates, or ISO 8601 texts."""
        moments, nulls = _moments(array)
        valid = moments[~np.isnan(moments)]
        counts = np.empty(self.size, dtype=np.int64)
        counts[:2] = nulls, len(moments) - len(valid) - nulls
        hours = ((valid - _MONDAY) % WEEK // HOUR).astype(np.intp)
        counts[2:] = np.bincount(np.minimum(hours, 167), minlength=168)
        if len(valid) == 0:
            return ColumnProfile(self, counts, np.empty(0))
        return ColumnProfile(self, counts, np.empty(0), float(valid.min()), float(valid.max()))

    def __hash__(self) -> int:
        return 168


def hours(profile: ColumnProfile) -> NDArray[np.int64]:
    """Rows per hour of the day, shape `(24,)`."""
    return np.asarray(profile.cells.reshape(7, 24).sum(0))


def weekdays(profile: ColumnProfile) -> NDArray[np.int64]:
    """Rows per weekday from Monday, shape `(7,)`."""
    return np.asarray(profile.cells.reshape(7, 24).sum(1))


def _moments(array: pa.Array) -> tuple[NDArray[np.float64], int]:
    """Seconds since 1970 and how many cells are null; what is no time becomes NaN."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        decoded = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        return seconds(decoded), array.null_count
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        words, codes = text_codes(array)
        return np.append(_parsed(words), np.nan)[codes], array.null_count
    return np.full(len(array), np.nan), array.null_count


def _parsed(words: pa.Array) -> NDArray[np.float64]:
    try:
        return seconds(pc.cast(words, pa.timestamp("us")))
    except pa.ArrowInvalid:
        parts = [_parsed_one(word) for word in words]
        return np.array(parts, dtype=np.float64)


def _parsed_one(word: pa.Scalar) -> float:
    try:
        moment = word.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return np.nan
    return moment.value / 1e6 if moment.is_valid else np.nan
