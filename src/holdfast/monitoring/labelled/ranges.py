"""Figures over several windows: what was counted of each is merged, and figures are made of the sum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import msgspec

from holdfast.durations import seconds
from holdfast.estimation.tables import added
from holdfast.monitoring.counts.counting import EVERYONE
from holdfast.monitoring.counts.kept import Held
from holdfast.monitoring.labelled.figures import estimates
from holdfast.monitoring.labelled.labelling import known_of
from holdfast.monitoring.labelled.weighted import measured
from holdfast.monitoring.reference import Reference
from holdfast.profile.window import nothing
from holdfast.watched import Over

MICROSECONDS = 1e6


def over(reference: Reference, held: Held, starts: Sequence[float], *, expected: bool = True) -> Over:
    """Figures over windows that follow each other.

    Parameters
    ----------
    held
        What was counted of them.
    starts
        Their beginnings, in order of time; at least one.
    expected
        Whether to say what was to be expected, too.
    """
    counted = [held.counts[start, EVERYONE] for start in starts if (start, EVERYONE) in held.counts]
    whole = reduce(add, counted) if counted else nothing(reference.profile.edges, reference.answers)
    found = measured(reference, whole)
    tables = [held.expected[start] for start in starts if start in held.expected]
    figures, unknown = estimates(reference, reduce(added, tables)) if expected and tables else ({}, {})
    return Over(
        start=starts[0],
        end=reference.windows.end(starts[-1]),
        windows=len(starts),
        rows=whole.size,
        labelled=whole.labelled,
        figures=found.figures,
        estimates=figures,
        unknown=unknown,
        truth=known_of(reference, whole, found),
    )


def rolled_since(reference: Reference, start: float) -> float:
    """From when on windows are needed to tell the figures of the time that ends with a window, or with later ones."""
    rolling = reference.settings.rolling
    return start if rolling is None else start - seconds(rolling) - reference.windows.width


def rolled(
    reference: Reference,
    held: Held,
    windows: Mapping[int, Mapping[str, Any]],
    judged: Collection[float],
    touched: Iterable[float],
) -> dict[int, dict[str, Any]]:
    """Windows with the figures of the time that ends with each, those over whose time something has changed.

    Such times overlap, so that the same rows are told several times: nothing of it is evidence.

    Parameters
    ----------
    windows
        All that there are, by their beginnings in microseconds.
    judged, touched
        Windows that the run has judged, and those to which it has added.
    """
    if reference.settings.rolling is None:
        return {}
    length = seconds(reference.settings.rolling)
    # Those of other releases were counted over other edges.
    ordered = sorted(
        place / MICROSECONDS for place, one in windows.items() if one.get("release", 0) in {0, reference.version}
    )
    changed = sorted({*judged, *touched})
    found = {}
    for last, start in enumerate(ordered):
        begin = reference.windows.before(reference.windows.end(start), length)
        first = min(bisect_left(ordered, begin), last)
        at = bisect_left(changed, ordered[first])
        if at == len(changed) or changed[at] > start:
            continue
        own = over(reference, held, ordered[first : last + 1], expected=start in judged)
        place = round(start * MICROSECONDS)
        earlier = windows[place].get("rolling")
        if start not in judged and earlier is not None:
            # What was expected before the truth came stays as it was said.
            own = msgspec.structs.replace(
                own, estimates=earlier.get("estimates", {}), unknown=earlier.get("unknown", {})
            )
        found[place] = {**windows[place], "rolling": msgspec.to_builtins(own)}
    return found
