"""What there is to look at where an incident is open: windows, counts, rows; nothing is read before it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.monitoring.counts import kept
from holdfast.monitoring.counts.counting import EVERYONE
from holdfast.monitoring.incidents.quality import quality
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.sources.source import Source
from holdfast.profile.table import Profile
from holdfast.profile.window import Counted
from holdfast.records import Finding

DAY = 86_400.0

MOST_DAYS = 5
"""Days of an incident, the newest, whose rows are looked at; of worse answers, where labels are late, the newest that have
labels."""

MOST_ROWS = 5_000
"""Rows of a sample."""


@dataclass
class Looking:
    """What there is to look at.

    Attributes
    ----------
    source, reference, root, runs
        Rows, what they are held against, and where counts are kept, by which runs.
    counts
        Of all windows that may be asked for.
    until
        The moment as of which is judged, in seconds since 1970.
    windows
        What earlier runs have told of windows, by their beginnings in microseconds since 1970.
    received
        When the newest row was received.
    """

    source: Source
    reference: Reference
    root: Path
    runs: Collection[int]
    counts: Mapping[tuple[float, str], Counted]
    until: float
    windows: Mapping[int, Mapping[str, Any]]
    received: float = np.inf
    _quality: dict[float, tuple[Finding, ...]] = field(default_factory=dict, init=False)
    _profiles: dict[float, Profile | None] = field(default_factory=dict, init=False)

    @cached_property
    def newest(self) -> list[float]:
        """Beginnings of the newest windows that have ended."""
        return self.ended(start for start, segment in self.counts if segment == EVERYONE)

    def ended(self, starts: Iterable[float]) -> list[float]:
        """The newest of some windows that have ended."""
        end = self.reference.windows.end
        return sorted(start for start in starts if end(start) <= self.until)[-most_windows(self.reference) :]

    def since(self, moment: float) -> list[float]:
        """Those of the newest windows that end after a moment."""
        return [start for start in self.newest if self.reference.windows.end(start) > moment]

    def rows_in(self, starts: Sequence[float]) -> int:
        """Rows of windows."""
        return sum(self.counts[start, EVERYONE].size for start in starts)

    def rows_a_day(self, starts: Sequence[float]) -> float | None:
        """The same of each day; None where they did not last."""
        days = self.days_of(starts)
        return self.rows_in(starts) / days if days else None

    def days_of(self, starts: Sequence[float]) -> float:
        """How long windows last together, in days; one in which the newest row was received, until then."""
        ends = {start: self.reference.windows.end(start) for start in starts}
        return (
            sum((min(end, self.received) if start < self.received else end) - start for start, end in ends.items())
            / DAY
        )

    def count(self, starts: Collection[float]) -> list[int]:
        """Have the counts of older windows too; the days on which their labelled rows were received are returned, in order."""
        held = kept.of_windows(self.root, self.reference, self.runs, starts)
        self.counts = {**held.counts, **self.counts}
        return sorted({day for start in starts for day in held.days.get(start, ())})

    def sample(self, starts: Sequence[float]) -> pa.Table | None:
        """A sample of the rows of windows, of each alike."""
        samples = [profile.sample for profile in self._profiles_of(starts) if profile is not None]
        parts = [pa.Table.from_batches([sample.rows]) for sample in samples if sample is not None]
        if not parts:
            return None
        found = pa.concat_tables(parts, promote_options="default")
        n = found.num_rows
        return found if n <= MOST_ROWS else found.take(pa.array(np.arange(MOST_ROWS) * n // MOST_ROWS))

    def quality(self, start: float) -> tuple[Finding, ...]:
        """What is wrong with the rows of a window."""
        if start not in self._quality:
            (profile,) = self._profiles_of([start])
            end = self.reference.windows.end(start)
            self._quality[start] = () if profile is None else quality(self.reference, profile, end)
        return self._quality[start]

    def _profiles_of(self, starts: Sequence[float]) -> list[Profile | None]:
        """Of windows; those of the newest are asked for by each incident, and read once."""
        found = dict(self._profiles)
        if missing := [start for start in starts if start not in found]:
            found |= dict.fromkeys(missing) | kept.profiles(self.root, self.reference, missing, self.runs)
            self._profiles = {start: one for start, one in found.items() if start in self.newest}
        return [found[start] for start in starts]


def most_windows(reference: Reference) -> int:
    """How many of the newest windows are looked at."""
    return max(1, round(MOST_DAYS * DAY / reference.windows.width))
