"""How groups of rows fare beside everyone: the loss of each segment over the newest windows, and its gap."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.evidence import Estimate

if TYPE_CHECKING:
    from holdfast.report.monitoring_records import Figure, Watched, Window

NEWEST = 28
"""Windows that are taken together."""

Z = 1.959963984540054

FEWEST = 30
"""Labelled rows of a segment, below which no figure of it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A segment beside everyone.

    Attributes
    ----------
    column, value
        The segment.
    rows, labelled
        In the windows that are taken together.
    loss, gap
        Mean loss, and by how much it is above that of all rows; None of too few labelled rows.
    """

    column: str
    value: str
    rows: int
    labelled: int
    loss: Estimate | None
    gap: Estimate | None


def newest(watched: Watched) -> list[Window]:
    """The newest windows with a labelled segment, else the newest ones with any."""
    segmented = [window for window in watched.windows if window.segments]
    labelled = [window for window in segmented if window.labelled]
    return (labelled or segmented)[-NEWEST:]


def groups(watched: Watched) -> list[Group]:
    """Segments, by column and size."""
    windows = newest(watched)
    whole = _pooled((window.labelled, window.figures.get("loss")) for window in windows)
    parts: dict[str, list[tuple[int, int, Figure | None]]] = defaultdict(list)
    for window in windows:
        for name, one in window.segments.items():
            parts[name].append((one["rows"], one["labelled"], one["figures"].get("loss")))
    found = []
    for name, some in parts.items():
        column, _, value = name.partition("=")
        own = _pooled((labelled, loss) for _, labelled, loss in some)
        enough = own is not None and own.rows >= FEWEST
        found.append(
            Group(
                column=column,
                value=value,
                rows=sum(rows for rows, _, _ in some),
                labelled=sum(labelled for _, labelled, _ in some),
                loss=own.estimate(watched.unit) if own and enough else None,
                gap=_gap(own, whole, watched.unit) if own and whole and enough else None,
            )
        )
    return sorted(found, key=lambda one: (one.column, -one.rows, one.value))


@dataclass(frozen=True, slots=True)
class _Mean:
    value: float
    variance: float
    rows: int

    def estimate(self, unit: str) -> Estimate:
        return _estimate(self.value, self.variance, unit, self.rows)


def _pooled(parts: Iterable[tuple[int, Figure | None]]) -> _Mean | None:
    """The mean over several windows, from those of each and their intervals."""
    some = [(n, figure) for n, figure in parts if n and figure is not None]
    total = sum(n for n, _ in some)
    if not total:
        return None
    mean = sum(n * value for n, (value, _, _) in some) / total
    variance = sum((n * (high - low) / (2 * Z)) ** 2 for n, (_, low, high) in some) / total**2
    return _Mean(mean, variance, total)


def _gap(own: _Mean, whole: _Mean, unit: str) -> Estimate:
    """A segment's mean less that of all rows, which hold it.

    With the share w of the rows, the gap is (1 - w) times the difference to the others, of which the segment is independent:
    its variance is that of the whole plus (1 - 2w) times that of the segment.
    """
    share = min(own.rows / whole.rows, 1.0)
    variance = max(whole.variance + (1 - 2 * share) * own.variance, 0.0)
    return _estimate(own.value - whole.value, variance, unit, own.rows)


def _estimate(value: float, variance: float, unit: str, rows: int) -> Estimate:
    half = Z * math.sqrt(variance)
    return Estimate(value=value, low=value - half, high=value + half, unit=unit, rows=rows)
