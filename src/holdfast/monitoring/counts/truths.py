"""What is known of the truth of rows, counted by window, and what of it is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from holdfast.engines.local import mapped
from holdfast.monitoring.counts.arrived import Arrived, arrived, newly_labelled
from holdfast.monitoring.counts.counting import EVERYONE, Tally, by_window
from holdfast.monitoring.counts.reading import answered, seconds_of, wanted_of_truth
from holdfast.monitoring.reference import Reference, protected_of, segments_of
from holdfast.monitoring.sources.source import MICROSECONDS, Source
from holdfast.profile import window
from holdfast.profile.groups import by_value

Truths: TypeAlias = tuple[dict[int, Tally], dict[float, Arrived]]


def count_truths(source: Source, reference: Reference, days: Sequence[int], since: int, until: int) -> Truths:
    """What is now known of the truth of the rows of days that new labels concern; and the new truths by their window.

    That is the window in which they came to be known: when it happened, where a label says so, else when it arrived.

    Parameters
    ----------
    reference
        Of the release that answered.
    days
        Beginnings of the UTC days, in microseconds since 1970.
    since, until
        Labels are new that arrived between these moments, likewise.
    """
    tallies: dict[int, Tally] = {}
    found: dict[float, Arrived] = {}
    segments = segments_of(reference)
    groups = [name for name in segments if name in protected_of(reference)]
    columns = wanted_of_truth(reference, source.columns(), segments)
    edges, answers = reference.profile.edges, reference.answers

    def of_day(day: int) -> tuple[int, Tally, list[tuple[float, Arrived]]]:
        tally, new = Tally(), []
        for batch in source.labelled(columns, reference.version, day, until):
            rows = answered(reference, batch)
            rows = replace(rows, delay=seconds_of(batch.column("hf_first_label_time")) - rows.time)
            places = np.flatnonzero(np.isfinite(rows.loss) | (False if rows.stray is None else rows.stray))
            for start, own in newly_labelled(reference, batch, rows, since / MICROSECONDS):
                new.append((start, arrived(reference, own, groups)))
            for start, some in by_window(reference, rows.take(places)):
                counted = window.count_answers(edges, answers, some)
                tally.add(start, EVERYONE, window.with_ranks(counted, answers, some))
                for segment, own in by_value(replace(some, delay=None), segments, reference.values):
                    tally.add(start, segment, window.count_answers(edges, answers, own))
        return day, tally, new

    for day, tally, new in mapped(of_day, days):
        if tally.counts:
            tallies[day] = tally
        for start, one in new:
            found[start] = found.get(start, Arrived()) + one
    return tallies, dict(sorted(found.items()))
