"""Windows of time: how a stream of rows is cut, by the calendar of a zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.durations import seconds

DAY = 86_400.0
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""1970 began on a Thursday: weeks are counted from the Monday after."""

STEP = 900.0
"""Offsets of zones are whole quarters of an hour, and change at whole quarters."""

Array = NDArray[np.float64]


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """Windows of equal length.

    Days and multiples of them are those of the calendar of a zone, so that some have 23 or 25 hours; weeks begin on Monday.
    Shorter ones are cut in UTC: an hour that the clock shows twice is two hours.

    Attributes
    ----------
    width
        Length in seconds.
    zone
        Name of a zone, such as `Europe/Berlin`.

    Examples
    --------
    >>> days = Windows(width=DAY, zone="Europe/Berlin")
    >>> moment = datetime.fromisoformat("2026-03-29T12:00+02:00").timestamp()
    >>> (start,) = days.starts(np.array([moment])).tolist()
    >>> (days.end(start) - start) / 3600
    23.0
    """

    width: float = DAY
    zone: str = "UTC"

    def __post_init__(self) -> None:
        # ValueErrors, because msgspec then adds the place in the file.
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"expected the name of a zone such as Europe/Berlin; {self.zone!r} is none") from None
        if not self.width > 0:
            raise ValueError("a window is longer than nothing")

    @staticmethod
    def of(length: str, zone: str = "UTC") -> Windows:
        """Windows of a length such as `1d`."""
        return Windows(width=seconds(length, "A window"), zone=zone)

    @property
    def by_calendar(self) -> bool:
        """Whether a window is one day or several."""
        return self.width % DAY == 0

    def starts(self, times: Array) -> Array:
        """When the window of each time begins; all in seconds since 1970, shape (n,); NaN where there is no time."""
        times = np.asarray(times, dtype=np.float64)
        if not self.by_calendar or self.zone == "UTC":
            return self._cut(times)
        known = np.isfinite(times)
        quarters, place = np.unique(np.floor(times[known] / STEP), return_inverse=True)
        local = times[known] + np.array([_offset(self.zone, quarter * STEP) for quarter in quarters.tolist()])[place]
        begun, place = np.unique(self._cut(local), return_inverse=True)
        found = np.full(len(times), np.nan)
        found[known] = np.array([_utc(self.zone, start) for start in begun.tolist()], dtype=np.float64)[place]
        return found

    def end(self, start: float) -> float:
        """When a window ends that begins at `start`, which is when the next one begins."""
        if not self.by_calendar or self.zone == "UTC":
            return start + self.width
        return _utc(self.zone, start + _offset(self.zone, start) + self.width)

    def between(self, first: float, last: float) -> list[float]:
        """Beginnings of all windows from that of `first` to that of `last`."""
        found = [float(self.starts(np.array([first]))[0])]
        while (end := self.end(found[-1])) <= last:
            found.append(end)
        return found

    def local(self, start: float) -> datetime:
        """A beginning as its zone writes it."""
        return datetime.fromtimestamp(start, ZoneInfo(self.zone))

    def _cut(self, times: Array) -> Array:
        origin = MONDAY if self.width % WEEK == 0 else 0.0
        return np.asarray(np.floor((times - origin) / self.width) * self.width + origin)


@lru_cache(maxsize=65_536)
def _offset(zone: str, moment: float) -> float:
    """Seconds by which a zone's clock is ahead of UTC."""
    offset = datetime.fromtimestamp(moment, ZoneInfo(zone)).utcoffset() or timedelta()
    return offset.total_seconds()


@lru_cache(maxsize=65_536)
def _utc(zone: str, local: float) -> float:
    """The moment at which a zone's clock shows a time, given in seconds since it showed 1970."""
    shown = datetime(1970, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(seconds=local)  # on the clock's face
    return shown.timestamp()
