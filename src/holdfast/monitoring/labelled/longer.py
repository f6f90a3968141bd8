"""Figures over weeks, months, or other times that are longer than a window: what was counted is merged, no row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from holdfast.book.monitoring import Run
from holdfast.durations import seconds
from holdfast.monitoring.counts import kept
from holdfast.monitoring.counts.cutting import cuts_of, recut
from holdfast.monitoring.labelled.ranges import over
from holdfast.monitoring.reference import Reference
from holdfast.watched import Over, Shown
from holdfast.windows import DAY, WEEK, Windows


@dataclass(frozen=True, slots=True)
class Longer:
    """What is needed to merge the windows of a model.

    Attributes
    ----------
    root
        Where counts are kept.
    runs
        By which runs.
    references
        The reference of a release, by its version.
    zone
        Whose weeks and months are meant.
    """

    root: Path
    runs: Sequence[Run]
    references: Callable[[int], Reference]
    zone: str

    def __call__(self, windows: Sequence[Shown], by: str) -> tuple[Over, ...]:
        """Figures of windows, in the order of time, by weeks, months, or stretches of a length that end with the newest one.

        A stretch in which the release changed is told in parts: releases are counted over edges of their own.
        """
        found: list[Over] = []
        held: dict[int, tuple[Reference, kept.Held]] = {}
        for release, own in _parted(windows, _stretches(windows, by, self.zone)):
            if release not in held:
                reference = recut(self.references(release), cuts_of(self.runs))
                held[release] = reference, kept.held(self.root, reference, [run.number for run in self.runs])
            whole = over(*held[release], [one.start for one in own])
            # The book knows when a window ended, whatever windows are like by now.
            found.append(msgspec.structs.replace(whole, end=own[-1].end, release=release))
        return tuple(found)


def _stretches(windows: Sequence[Shown], by: str, zone: str) -> list[object]:
    """For each window what those have in common that are told together."""
    days = Windows(width=DAY, zone=zone)
    if by == "week":
        weeks = Windows(width=WEEK, zone=zone)
        return list(weeks.starts(np.array([one.start for one in windows])))
    if by == "month":
        return [(then.year, then.month) for then in (days.local(one.start) for one in windows)]
    length = seconds(by, "over")
    found: list[object] = []
    begin, number = windows[-1].end if windows else 0.0, 0
    for one in reversed(windows):
        while one.start < begin:
            number += 1
            begin = days.before(windows[-1].end, number * length)
        found.append(number)
    return found[::-1]


def _parted(windows: Sequence[Shown], stretches: Sequence[object]) -> Iterator[tuple[int, list[Shown]]]:
    """Windows that are told together, with the release that answered; those without a row go with the ones before."""
    own: list[Shown] = []
    release, stretch = 0, None
    for one, in_stretch in zip(windows, stretches, strict=True):
        if own and (in_stretch != stretch or one.release not in {0, release}):
            yield release, own
            own = []
        release, stretch = one.release or release, in_stretch
        if release:
            own.append(one)
    if own:
        yield release, own
