"""Numbers that are the time in other words: seconds since a start, day numbers, row counters. They never come back."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.profile.calendar import moments
from holdfast.profile.numeric import NumberEdges, numbers
from holdfast.profile.table import Profile
from holdfast.records import Finding, Status
from holdfast.schema import Role

AGREEMENT = 0.999
"""Rank correlation with the time, as a share of what it can be at most, from which a column follows it."""

FEWEST = 10
"""Different values from which a column may be a clock: a few steps upwards may be a new price or a new version."""

_MOVED = frozenset({"quality.range", "quality.outliers", "drift.numeric"})


def explained(findings: Iterable[Finding], reference: Profile) -> list[Finding]:
    """The findings, where those that only say that time has passed warn, and say why.

    Parameters
    ----------
    findings
        Of all checks.
    reference
        Its sample of rows tells which columns follow its time column; without a sample none does.
    """
    followers = clocks(reference)
    return [_warned(f, reference.edges.time) if _only_moved_on(f, followers) else f for f in findings]


def clocks(reference: Profile) -> frozenset[str]:
    """Features that rise or fall with the time column of the reference, row by row of its sample."""
    time, sample = reference.edges.time, reference.sample
    if time is None or sample is None or time not in sample.rows.schema.names:
        return frozenset()
    when = moments(sample.rows.column(time))[0]
    features = [c.name for c in reference.edges.schema.by_role(Role.FEATURE) if c.name in sample.rows.schema.names]
    return frozenset(
        name
        for name in features
        if isinstance(reference.edges.columns[name], NumberEdges)
        and follows(numbers(sample.rows.column(name))[0], when)
    )


def follows(values: NDArray[np.float64], when: NDArray[np.float64]) -> bool:
    """Whether values rise or fall with the time, but for a few rows.

    Spearman's rank correlation is at least 0.999 of what it would be if both were sorted: values that are repeated, such
    as day numbers, can agree no better with the seconds of a day.

    Examples
    --------
    >>> seconds = np.arange(2000.0)
    >>> follows(seconds // 100, seconds), follows(seconds % 100, seconds)
    (True, False)
    """
    both = np.isfinite(values) & np.isfinite(when)
    if len(np.unique(values[both])) < FEWEST:
        return False
    ranks, moves = _ranks(values[both]), _ranks(when[both])
    return bool(abs(ranks @ moves) >= AGREEMENT * (np.sort(ranks) @ np.sort(moves)) > 0)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks around their mean, ties averaged."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(middle[place] - len(values) / 2)


def _only_moved_on(finding: Finding, followers: frozenset[str]) -> bool:
    return finding.status is Status.FAIL and finding.code in _MOVED and finding.subject in followers


def _warned(finding: Finding, time: str | None) -> Finding:
    message = f"{finding.message} It follows the time column {time!r}, which moves on: give it the role ignore or time."
    return msgspec.structs.replace(finding, status=Status.WARN, message=message)
