"""Windows by count: where they end is found by the run that reads their last row, and recorded with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from holdfast.book.monitoring import Run
from holdfast.decoding import ready
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.sources.source import MICROSECONDS, Source
from holdfast.windows import CountedWindows


class Cuts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has found of windows by count.

    Attributes
    ----------
    edges
        When those begin that it found, in microseconds since 1970.
    filled
        Rows that the newest one has so far.
    """

    edges: tuple[int, ...] = ()
    filled: int = 0


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a run's evidence that is asked for here."""

    cuts: Cuts = Cuts()


def cuts_of(runs: Sequence[Run]) -> list[Cuts]:
    """What recorded runs have found."""
    decoder = msgspec.msgpack.Decoder(ready(Recorded))
    return [decoder.decode(run.evidence).cuts if run.evidence else Cuts() for run in runs]


def recut(reference: Reference, cuts: Sequence[Cuts]) -> Reference:
    """A reference, whose windows are those that runs have found; those of time are always the same."""
    if not isinstance(reference.windows, CountedWindows):
        return reference
    return replace(reference, windows=reference.windows.with_edges(edge for one in cuts for edge in one.edges))


def begun_again(cuts: Sequence[Cuts], ended: Iterable[float]) -> Cuts:
    """Where another release goes on: it counts the rows of the open window again.

    Parameters
    ----------
    cuts
        What the runs before have found.
    ended
        When the windows ended that were judged: if the releases before were watched by time, it goes on from there.
    """
    newest = max((edge for one in cuts for edge in one.edges), default=0)
    last = max((round(one * MICROSECONDS) for one in ended), default=0)
    return Cuts(edges=(last,) if last > newest else ())


def cut(
    source: Source,
    reference: Reference,
    cuts: Sequence[Cuts],
    again: Cuts | None,
    *,
    since: int,
    there_until: int,
    until: int,
) -> tuple[Reference, Cuts]:
    """The reference with the windows that rows make, and what was found of them.

    Parameters
    ----------
    cuts
        What the runs before have found, the newest last.
    again
        Where another release goes on; None if the one before does.
    since, there_until
        All rows are there that were received between these moments; in microseconds since 1970.
    until
        The moment as of which is judged: no others will come that were received before.
    """
    known = recut(reference, cuts if again is None else [*cuts, again])
    if not isinstance(known.windows, CountedWindows):
        return reference, Cuts()
    filled = cuts[-1].filled if cuts and again is None else 0
    pieces = source.moments(reference.version, since, there_until)
    windows, filled = known.windows.grown(pieces, filled, until=until)
    recorded = sum(len(one.edges) for one in cuts)
    return replace(reference, windows=windows), Cuts(edges=tuple(windows.edges[recorded:].tolist()), filled=filled)
