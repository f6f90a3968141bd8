"""The reference cut into windows of time: coarse counts of each, from which natural variation is learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import SettingError
from holdfast.profile.calendar import DAY, HOUR, MINUTE, moments

MOST = 100
"""Most windows that are kept."""


NO_WINDOW = np.iinfo(np.int64).min
"""Number of a row without a time, or in a window that is not kept."""


CUT = 0.1
"""Share of a window that may lie outside the time that is covered: rows do not fall on the very ends of it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of time, of which every `stride`-th one is kept.

    Attributes
    ----------
    width_seconds
        Length of a window.
    stride
        Above 1 where there are very many.
    origin
        Moment in seconds since 1970 at which window 0 begins: the end of the reference, whose windows have negative
        numbers. So its last window ends where a current table begins that follows it.
    """

    width_seconds: float
    stride: int = 1
    origin: float = 0.0

    def numbers(self, moments: NDArray[np.float64]) -> NDArray[np.int64]:
        """Window of each moment in seconds since 1970; `NO_WINDOW` where there is no time, or the window is not kept."""
        known = ~np.isnan(moments)
        number = self.place(np.where(known, moments, self.origin))
        return np.where(known & (number % self.stride == 0), number, NO_WINDOW)

    def place(self, moments: NDArray[np.float64]) -> NDArray[np.int64]:
        """Window of each moment, kept or not."""
        return np.asarray(np.floor((moments - self.origin) / self.width_seconds), dtype=np.int64)

    def whole(self, first: float, end: float, factor: int = 1) -> range:
        """Windows, `factor` neighbours merged into each, that lie between two moments but for a tenth of their length."""
        low, high = (np.array([first, end]) - self.origin) / (factor * self.width_seconds)
        return range(int(np.ceil(low - CUT)), int(np.floor(high + CUT)))

    def slices(self, batch: pa.RecordBatch, time: str) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows of each window, with its number."""
        numbers = self.numbers(moments(batch.column(time))[0])
        if len(numbers) == 0 or (numbers == numbers[0]).all():
            yield int(numbers[0]) if len(numbers) else NO_WINDOW, batch
            return
        order = np.argsort(numbers, kind="stable")
        starts = np.flatnonzero(np.diff(numbers[order])) + 1
        for places in np.split(order, starts):
            yield int(numbers[places[0]]), batch.take(pa.array(places))


@dataclass(frozen=True, slots=True)
class History:
    """Counts of each window, all columns one after another: missing rows, then the coarse groups.

    Attributes
    ----------
    windows
        Number of the window -> counts, shape `(entries,)`; the places of a column's entries are given by the table's edges.
    """

    windows: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    def __add__(self, other: History) -> History:
        """Rows of both."""
        merged = dict(self.windows)
        for number, counts in other.windows.items():
            merged[number] = merged[number] + counts if number in merged else counts
        return History(merged)

    def __sub__(self, other: History) -> History:
        """Rows of `self` without those of `other`."""
        left = dict(self.windows)
        for number, counts in other.windows.items():
            left[number] = left[number] - counts
        return History({number: counts for number, counts in left.items() if counts.any()})

    def matrix(self, whole: range, factor: int = 1) -> NDArray[np.int64]:
        """Counts in order of time, shape `(windows, entries)`.

        Parameters
        ----------
        whole
            The windows that are wanted, in which `factor` neighbours are merged (`Grid.whole`).
        """
        merged: dict[int, NDArray[np.int64]] = {}
        for number in sorted(self.windows):
            counts, place = self.windows[number], number // factor
            if place in whole:
                merged[place] = merged[place] + counts if place in merged else counts
        return np.stack(list(merged.values())) if merged else np.empty((0, 0), dtype=np.int64)


def grid(first: float, end: float, width_seconds: float | None = None) -> Grid:
    """Windows for a reference from `first` to `end` (seconds since 1970), of a given width or of a fitting calendar unit.

    Raises
    ------
    SettingError
        If the width is not positive.
    """
    if width_seconds is not None and not 0 < width_seconds < np.inf:
        raise SettingError(
            "expected a positive, finite number of seconds as the width of the windows; give another one"
        )
    span = max(end - first, 1.0)
    if width_seconds is None:
        units = [60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_419_200, 31_536_000]
        width_seconds = next((unit for unit in units if span / unit <= MOST), span / MOST)
    # A reference that ends at 23:59:30 ends with the day: windows of days are then those of the calendar.
    unit = next((unit for unit in (DAY, HOUR, MINUTE, 1) if unit <= width_seconds / 24), 0)
    origin = float(np.ceil(end / unit) * unit) if unit else end
    return Grid(width_seconds, max(1, int(np.ceil(span / width_seconds / MOST))), origin)


def rounded(span_seconds: float) -> float:
    """A span as whole days, hours, minutes or seconds: rows from 00:00:30 to 23:59:30, or to 00:05 of the next day, are a day.

    Where a tenth of a unit more or less does not explain the rest, it is rounded up.
    """
    unit = next((unit for unit in (DAY, HOUR, MINUTE) if span_seconds >= (1 - CUT) * unit), 1)
    return float(max(np.ceil(span_seconds / unit - CUT), 1) * unit)
