"""Small pieces become few: what was counted while nothing was judged is put together, which changes nothing that follows.

A run that finds nothing to judge is quiet: nothing that it leaves depends on how much it has counted, and how much the runs
after it have. So a piece may stand for those of all runs since something was judged, under the number of the last of them
that had one, and replaying the runs gives the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute as pc

from holdfast.book.monitoring import Run
from holdfast.decoding import ready
from holdfast.estimation import tables
from holdfast.monitoring.counts import pieces
from holdfast.monitoring.counts.kept import ROWS
from holdfast.monitoring.reference import Reference
from holdfast.profile import codec, window

MOST_FILES = 16
"""Runs that wait to be put together, until something is judged."""

READ_HOURS = 24
"""For so long a reader may go on with files that the table does not have any more."""

PLACE = ("release", "kind", "start", "segment", "day")
"""Pieces that agree in these merge."""

Piece = Mapping[str, Any]


class _Recorded(msgspec.Struct, frozen=True):
    """The part of a run's evidence that is asked for here."""

    quiet: bool = False


def is_quiet(run: Run) -> bool:
    """Whether a run found nothing to judge."""
    return bool(run.evidence) and msgspec.msgpack.decode(run.evidence, type=ready(_Recorded)).quiet


def compact(root: Path, reference: Reference, runs: Sequence[Run]) -> None:
    """Put together what runs have counted since something was judged, if that is again, or they are many.

    Parameters
    ----------
    root
        Where counts are kept.
    reference
        Of the newest run.
    runs
        All that are recorded, in their order. What the book does not know stays as it is: it may be known to another one.
    """
    folder, newest = pieces.place_of(root, reference.model), runs[-1]
    before = itertools.takewhile(lambda run: is_quiet(run) and run.release == newest.release, reversed(runs[:-1]))
    own = [run.number for run in (newest, *before)]
    files = pieces.files_of(folder, own)
    if len(files) < (MOST_FILES if is_quiet(newest) else 2):
        return
    lines = _together(reference, folder, own)
    if lines and pieces.write(folder, newest.number, lines, instead_of=files):
        pieces.forget(folder, READ_HOURS)


def _together(reference: Reference, folder: Path, runs: Collection[int]) -> list[Piece]:
    """The pieces of runs, one of each place."""
    names = [*PLACE, "rows", "counts", "profile", "expected"]
    found: dict[tuple[Any, ...], list[Piece]] = {}
    for line in pieces.read(folder, names, pc.field("run").isin(list(runs))):
        found.setdefault(tuple(line[name] for name in PLACE), []).append(line)
    merged = [_sum(reference, some) if some[0]["kind"] == ROWS else some[-1] for some in found.values()]
    return sorted(merged, key=lambda line: (line["start"], line["segment"]))


def _sum(reference: Reference, some: Sequence[Piece]) -> Piece:
    """Pieces of rows, which add up, in the order of their runs."""
    if len(some) == 1:
        return some[0]
    where, edges = "the monitor's windows", reference.profile.edges
    counts = [window.from_bytes(edges, line["counts"], where)[1][0] for line in some]
    start, counted = counts[0][0], reduce(add, (one for _, one in counts))
    profiles = [codec.from_bytes(data, where) for data in _known(some, "profile")]
    expected = [tables.from_bytes(data, where) for data in _known(some, "expected")]
    return {
        **some[-1],
        "rows": counted.size,
        "counts": window.to_bytes(edges, reference.answers, [(start, counted)]),
        "profile": codec.to_bytes(reduce(add, profiles)) if profiles else None,
        "expected": reduce(tables.added, expected).to_bytes() if expected else None,
    }


def _known(some: Sequence[Piece], name: str) -> Iterator[bytes]:
    return (line[name] for line in some if line[name] is not None)
