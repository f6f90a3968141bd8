"""Releases that answered before the one in force: labels of their rows come later, and revise what is shown of their windows.

They are no evidence: the alarms hold the release in force against its own reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfast.book.monitoring import Run
from holdfast.errors import ReleaseError
from holdfast.monitoring.counts import kept
from holdfast.monitoring.counts.counting import Tally
from holdfast.monitoring.counts.cutting import Cuts, recut
from holdfast.monitoring.counts.kept import Held
from holdfast.monitoring.counts.truths import count_truths
from holdfast.monitoring.labelled.ranges import rolled_since
from holdfast.monitoring.reference import Reference, References
from holdfast.monitoring.sources.source import DAY, Source


def count_former(
    source: Source,
    references: References,
    root: Path,
    runs: Sequence[Run],
    windows: Mapping[int, Mapping[str, Any]],
    cuts: Sequence[Cuts],
    *,
    release: int,
    number: int,
    days: Sequence[int],
    until: int,
) -> Iterator[tuple[Reference, Held]]:
    """Count labels of what other releases answered; of each that has new ones its reference, and what is counted of it.

    A release that is not there any more is passed over: what is shown of its windows stays.

    Parameters
    ----------
    runs, windows, cuts
        What the runs so far have left.
    release, number
        That is in force, and of this run.
    days
        Beginnings of the UTC days of receipt of rows whose labels are new, in microseconds since 1970.
    until
        Labels are known that arrived before, likewise.
    """
    for version in dict.fromkeys(one.release for one in runs if one.release != release):
        first = min((start for start, one in windows.items() if one.get("release") == version), default=until)
        last = max(one.received_until for one in runs if one.release == version)
        own = [day for day in days if first - DAY < day < last]
        if not own:
            continue
        try:
            reference = recut(references(version), cuts)
        except ReleaseError:
            continue
        truths, _ = count_truths(source, reference, own, until, until)
        if truths:
            kept.keep(root, reference, number, Tally(), truths)
            since = rolled_since(reference, min(start for one in truths.values() for start, _ in one.counts))
            yield reference, kept.held(root, reference, [*(one.number for one in runs), number], since=since)
