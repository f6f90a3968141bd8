"""Which windows are alike by the calendar: the weekday of a daily window, the hour of the week of an hourly one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

DAY, HOUR = 86_400.0, 3_600.0

FEWEST_WEEKS, FEWEST_DAYS = 3, 3
"""With fewer in the reference, hours of the week, or of the day, are not told apart."""


class Season(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar pattern.

    Attributes
    ----------
    weekdays
        Whether the weekday counts.
    parts
        Into how many parts of equal length a day falls; 1: the time of day does not count.
    zone
        The zone of the calendar, by its IANA name.
    """

    weekdays: bool
    parts: int
    zone: str = "UTC"

    @property
    def days(self) -> int:
        """How many days are told apart."""
        return 7 if self.weekdays else 1

    @property
    def number(self) -> int:
        """How many seasons there are."""
        return self.parts * self.days


def season_of(starts: Sequence[float], spacing: float, zone: str) -> Season:
    """The finest pattern that reference windows can teach.

    Parameters
    ----------
    starts
        Starts of the reference windows, seconds since 1970 UTC.
    spacing
        Usual time between two starts, in seconds.
    zone
        Zone of the calendar.

    Examples
    --------
    >>> season_of([day * DAY for day in range(91)], DAY, "UTC").number
    7
    >>> season_of([hour * HOUR for hour in range(24 * 28)], HOUR, "UTC").number
    168
    >>> season_of([hour * HOUR for hour in range(24 * 5)], HOUR, "UTC").number
    24
    >>> season_of([week * 7 * DAY for week in range(12)], 7 * DAY, "UTC").number
    1
    """
    # Half a day more or less than six or one: daylight saving moves a start by an hour, a calendar by count by more.
    if spacing > 5.5 * DAY:
        return Season(weekdays=False, parts=1, zone=zone)
    if spacing > 0.75 * DAY:
        return Season(weekdays=True, parts=1, zone=zone)
    parts = min(24, max(1, round(DAY / spacing)))
    lasted = (max(starts) - min(starts) + spacing) / DAY if len(starts) else 0.0
    if lasted >= 7 * FEWEST_WEEKS:
        return Season(weekdays=True, parts=parts, zone=zone)
    return Season(weekdays=False, parts=parts if lasted >= FEWEST_DAYS else 1, zone=zone)


def place_of(season: Season, start: float, spacing: float) -> int:
    """The season, from 0, of a window: by the local time of its middle, so that daylight saving moves no window.

    Examples
    --------
    >>> berlin = Season(weekdays=True, parts=1, zone="Europe/Berlin")
    >>> [place_of(berlin, day * DAY - HOUR, DAY) for day in range(4)]  # 1 January 1970 was a Thursday
    [3, 4, 5, 6]
    """
    middle = datetime.fromtimestamp(start + spacing / 2, ZoneInfo(season.zone))
    part = int((middle.hour + middle.minute / 60) * season.parts / 24)
    return part + season.parts * middle.weekday() if season.weekdays else part


def usual_spacing(starts: Sequence[float]) -> float:
    """Usual time between windows in seconds: the median, a day where there are no two windows."""
    gaps = np.diff(np.sort(np.asarray(starts, dtype=np.float64)))
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else DAY
