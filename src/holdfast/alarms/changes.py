"""What an alarm says: which signals changed, since when, by how much, and whether that matters."""

from __future__ import annotations

from typing import Literal

import msgspec


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One signal that changed.

    Attributes
    ----------
    signal
        Its key.
    direction
        Of the effect.
    effect, low, high
        By how much the level changed, with a 95% interval, in the signal's unit.
    level
        Where it lies now, in the season of the newest window.
    distance
        How far that is from the reference.
    since, earliest, latest
        Start of the first window after the change, with a 95% interval: seconds since 1970 UTC.
    windows
        Observed windows since then.
    evidence
        Of this signal alone, in days: while nothing changes it is as strong at most once in so many days, on average.
    minimum
        Smallest effect that opens an incident.
    material
        Whether all that has changed since the reference, or since the last change that mattered, exceeds it.
    recovered
        Whether the signal came back to the reference, after a change that mattered.
    """

    signal: str
    direction: Literal["up", "down"]
    effect: float
    low: float
    high: float
    level: float
    distance: float
    since: float
    earliest: float
    latest: float
    windows: int
    evidence: float
    minimum: float
    material: bool
    recovered: bool = False


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence that something changed, beyond what the budget allows for chance.

    Attributes
    ----------
    start
        Start of the window with which it came, seconds since 1970 UTC.
    evidence
        In days: while nothing changes it is as strong at most once in so many days, on average. It is never revised.
    threshold
        Days for which one false alarm is tolerated.
    changes
        The signals that carry the evidence, the strongest first.
    followed_up
        Whether this is no new alarm, but one that was noted before as too small to matter, and now matters.
    """

    start: float
    evidence: float
    threshold: float
    changes: tuple[Change, ...]
    followed_up: bool = False

    @property
    def material(self) -> bool:
        """Whether it is to open an incident."""
        return any(change.material for change in self.changes)


class Past(msgspec.Struct, frozen=True, array_like=True):
    """A window as it was predicted, on the scale of its signal: what the moment of a change is found from."""

    start: float
    error: float
    deviation: float
    memory: float
    level: float
