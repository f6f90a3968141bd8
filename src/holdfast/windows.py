"""Windows: how a stream of rows is cut, by the calendar of a zone, or by the number of rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.durations import seconds
from holdfast.errors import SettingError

HOUR = 3_600.0
DAY = 86_400.0
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""1970 began on a Thursday: weeks are counted from the Monday after."""

STEP = 900.0
"""Offsets of zones are whole quarters of an hour, and change at whole quarters."""

MICROSECONDS = 1_000_000

ROWS = re.compile(r"^([1-9][0-9]*) rows$")
"""A number of rows, as people write it."""

PATIENCE = 4.0
"""A window by count waits so many times as long as usual for its last row, and ends without it then."""

SHORTEST_PATIENCE = HOUR
"""And not shorter than that: where rows come by the second, nights are no windows by the hundred."""

FAR_WINDOWS = 28
"""Windows without a row, beyond which a few rows are taken for those of a wrong clock."""

FEW = 0.1
"""So much of the rows of a window by count are a few."""

Array = NDArray[np.float64]
Moments = NDArray[np.int64]
"""Microseconds since 1970."""


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

    @property
    def first(self) -> float:
        """When the first one begins: there was always one before."""
        return -np.inf

    def as_usual(self, starts: Iterable[float]) -> Windows:  # noqa: ARG002
        """As they are: how long they last is known."""
        return self

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

    def before(self, moment: float, length: float) -> float:
        """So long before a moment; of whole days those of the calendar."""
        if length % DAY or not self.by_calendar or self.zone == "UTC":
            return moment - length
        return _utc(self.zone, moment + _offset(self.zone, moment) - length)

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedWindows:
    """Windows of so many rows, in the order of their receipt.

    A window ends with the microsecond in which its last row was received, so that rows of one moment are in one window. It
    ends without being full when it has waited `PATIENCE` times as long as is usual, or twice as long as the one before:
    silence is told, and a model that is asked less than before is judged all the same.

    Attributes
    ----------
    rows
        Of a window.
    edges
        When windows begin, rising, (windows,); the newest one is open. There is none before the first row.
    width
        How long a window usually lasts, in seconds.
    zone
        In which times are told.

    Examples
    --------
    >>> windows, filled = CountedWindows(rows=2).grown([np.array([10, 20, 20, 30])], 0, until=40)
    >>> windows.edges.tolist(), filled
    ([10, 21], 1)
    >>> (windows.starts(np.array([0.00001, 0.00002, 0.00003])) * 1e6).tolist()
    [10.0, 10.0, 21.0]
    """

    rows: int
    edges: Moments = field(default_factory=lambda: np.zeros(0, np.int64))
    width: float = WEEK
    zone: str = "UTC"

    @property
    def first(self) -> float:
        """When the first one begins."""
        return float(self.edges[0] / MICROSECONDS) if len(self.edges) else np.inf

    def starts(self, times: Array) -> Array:
        """When the window of each time begins; all in seconds since 1970, shape (n,); NaN before the first row."""
        times = np.asarray(times, dtype=np.float64)
        found = np.full(len(times), np.nan)
        known = np.flatnonzero(np.isfinite(times) & (times >= self.first))
        place = np.searchsorted(self.edges, np.round(times[known] * MICROSECONDS), side="right") - 1
        found[known] = self.edges[place] / MICROSECONDS
        return found

    def end(self, start: float) -> float:
        """When a window ends that begins at `start`, which is when the next one begins; infinite while it is open."""
        place = np.searchsorted(self.edges, round(start * MICROSECONDS), side="right")
        return float(self.edges[place] / MICROSECONDS) if place < len(self.edges) else np.inf

    def before(self, moment: float, length: float) -> float:
        """So long before a moment."""
        return moment - length

    def local(self, start: float) -> datetime:
        """A beginning as its zone writes it."""
        return datetime.fromtimestamp(start, ZoneInfo(self.zone))

    def ended(self, until: float) -> list[float]:
        """Beginnings of the windows that have ended by a moment, all of them."""
        return [
            float(start)
            for start in self.edges[: np.searchsorted(self.edges, round(until * MICROSECONDS), "right")][:-1]
            / MICROSECONDS
        ]

    def over_again(self, edges: Iterable[int]) -> CountedWindows:
        """With these beginnings, and no others."""
        return replace(self, edges=np.fromiter(edges, np.int64))

    def with_edges(self, edges: Iterable[int]) -> CountedWindows:
        """With these beginnings after those that there are."""
        return replace(self, edges=np.append(self.edges, np.fromiter(edges, np.int64)))

    @property
    def newest(self) -> list[float]:
        """When the open window begins; nothing before the first row."""
        return [float(moment / MICROSECONDS) for moment in self.edges[-1:]]

    def over(self, times: Array) -> CountedWindows:
        """Windows of rows of the past, in whatever order, each of them full but the newest."""
        moments = np.sort(np.round(times[np.isfinite(times)] * MICROSECONDS).astype(np.int64))
        return self.grown([moments], 0, until=-np.inf, patient=True)[0]

    def as_usual(self, starts: Iterable[float]) -> CountedWindows:
        """With the usual length of windows that began then, each where the one before ended."""
        lasted = np.diff(np.fromiter(starts, np.float64))
        return replace(self, width=float(np.median(lasted))) if len(lasted) else self

    def grown(
        self, pieces: Iterable[Moments], filled: int, *, until: float, patient: bool = False
    ) -> tuple[CountedWindows, int]:
        """With the windows that more rows make.

        Parameters
        ----------
        pieces
            When the rows were received, which come after those that were cut before; rising, within pieces and between.
        filled
            Rows that the open window had.
        until
            All rows are there that were received before; in microseconds since 1970.
        patient
            Wait for the last row of a window, however long.

        Returns
        -------
        tuple
            The windows, and the rows that the open one has.
        """
        edges = self.edges[-2:].tolist()
        before = len(edges)
        for piece in pieces if edges else _more_than(int(FEW * self.rows), pieces):
            if not edges:
                edges.append(self._begin(piece))
            if len(piece):
                filled = self._cut(edges, piece[np.searchsorted(piece, edges[-1]) :], filled, int(piece[-1]), patient)
        if edges:
            filled = self._cut(edges, np.zeros(0, np.int64), filled, until, patient)
        return self.with_edges(edges[before:]), filled

    def _begin(self, moments: Moments) -> int:
        """When the first window begins: with the first row, but for a few that are far from all others."""
        gaps = np.flatnonzero(np.diff(moments[: int(FEW * self.rows) + 1]) > FAR_WINDOWS * self.width * MICROSECONDS)
        return int(moments[gaps[-1] + 1 if len(gaps) else 0])

    def _cut(self, edges: list[int], moments: Moments, filled: int, until: float, patient: bool) -> int:
        """Add edges; the rows of the newest window."""
        place = 0
        while True:
            last = place + self.rows - filled - 1
            limit = np.inf if patient else edges[-1] + self._patience(edges)
            if last < len(moments) and moments[last] < limit:
                end = int(moments[last]) + 1
            elif limit <= until:
                end = int(limit)
            else:
                return filled + len(moments) - place
            edges.append(end)
            place, filled = int(np.searchsorted(moments, end)), 0

    def _patience(self, edges: list[int]) -> int:
        """How long a window waits, in microseconds."""
        usual = max(PATIENCE * self.width, SHORTEST_PATIENCE) * MICROSECONDS
        return round(max(usual, 2 * (edges[-1] - edges[-2])) if len(edges) > 1 else usual)


Cut: TypeAlias = Windows | CountedWindows
"""How a stream of rows is cut."""


def windows_by(length: str, zone: str = "UTC") -> Cut:
    """Windows of a length, such as `1d`, or of so many rows, such as `5000 rows`.

    Raises
    ------
    ValueError
        It is neither, or the zone is none.
    """
    if (rows := ROWS.match(length)) is not None:
        return CountedWindows(rows=int(rows[1]), zone=Windows(zone=zone).zone)
    try:
        width = seconds(length)
    except SettingError:
        raise ValueError(
            f"expected a length such as 1d, or a number of rows such as 5000 rows; got {length!r}"
        ) from None
    return Windows(width=width, zone=zone)


def _more_than(few: int, pieces: Iterable[Moments]) -> Iterator[Moments]:
    """Pieces, the first of them together if they are small: a few rows do not say which clock is right."""
    held = np.zeros(0, np.int64)
    for piece in pieces:
        held = np.append(held, piece)
        if len(held) > few:
            yield held
            held, few = held[:0], 0
    if len(held):
        yield held


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
