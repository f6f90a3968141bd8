"""Counts rows by window and segment, batch by batch; no row is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.estimation.expected import expected
from holdfast.estimation.tables import Expected, added
from holdfast.monitoring.reading import answered, seconds_of
from holdfast.monitoring.reference import Reference
from holdfast.objective import Cost
from holdfast.profile import table, window
from holdfast.profile.groups import by_value
from holdfast.profile.numeric import numbers
from holdfast.profile.table import Profile
from holdfast.profile.window import AnsweredRows, Counted

EVERYONE = ""
"""The segment of all rows."""

SAMPLE_ROWS = 1_000
"""Rows of a window that are kept as a sample."""

LOOKED = 250
"""Rows of a batch whose distance from what the model knows is measured."""

Place: TypeAlias = tuple[float, str]
"""Beginning of a window, and segment."""


@dataclass(slots=True)
class Tally:
    """What was counted: by window and segment; of each window the fine profile, and what is expected of its truth."""

    counts: dict[Place, Counted] = field(default_factory=dict)
    profiles: dict[float, Profile] = field(default_factory=dict)
    expected: dict[float, Expected] = field(default_factory=dict)
    rows: int = 0
    received: float = -np.inf

    def add(self, start: float, segment: str, counted: Counted) -> None:
        """Rows of a window and segment more."""
        place = (start, segment)
        self.counts[place] = self.counts[place] + counted if place in self.counts else counted


def count_rows(reference: Reference, batches: Iterable[pa.RecordBatch], segments: Sequence[str]) -> Tally:
    """Count rows of the log: inputs, answers and, where labels stand beside them, the truth."""
    tally = Tally()
    edges = replace(reference.profile.edges, grid=None, sample_rows=SAMPLE_ROWS)
    for batch in batches:
        rows = answered(reference, batch)
        if len(rows):
            tally.received = max(tally.received, float(np.nanmax(seconds_of(batch.column("hf_time")))))
        for start, some in by_window(reference, rows):
            tally.add(start, EVERYONE, window.count(reference.profile.edges, reference.answers, some))
            profile = table.count(edges, some.inputs, tally.rows)
            tally.profiles[start] = tally.profiles[start] + profile if start in tally.profiles else profile
            if (table_of := _expected(reference, some)) is not None:
                tally.expected[start] = added(tally.expected[start], table_of) if start in tally.expected else table_of
            for segment, own in by_value(some, segments):
                tally.add(start, segment, window.count(reference.profile.edges, reference.answers, own))
        tally.rows += len(rows)
    return tally


def _expected(reference: Reference, rows: AnsweredRows) -> Expected | None:
    """What is expected of the truth of rows; None where that cannot be said."""
    if reference.fitted is None:
        return None
    objective = reference.objective
    needs = objective.needs if isinstance(objective, Cost) else ()
    there = rows.inputs.schema.names
    held = {name: numbers(rows.inputs.column(name))[0] for name in needs if name in there}
    whole = len(held) == len(needs) and all(np.isfinite(values).all() for values in held.values())
    features = pa.Table.from_batches([rows.inputs])
    return expected(
        reference.fitted,
        rows.score,
        rows.decision,
        features,
        held if whole else None,
        _distance(reference, features),
    )


def _distance(reference: Reference, features: pa.Table) -> NDArray[np.float64] | None:
    """Distance of some of the rows from those that the model knows, NaN of the others."""
    known = reference.support
    if known is None or not {*known.numbers, *known.categories} <= set(features.column_names):
        return None
    places = np.arange(0, features.num_rows, max(1, -(-features.num_rows // LOOKED)))
    found = np.full(features.num_rows, np.nan)
    found[places] = known.distance(features.take(pa.array(places)))
    return found


def by_window(reference: Reference, rows: AnsweredRows) -> Iterator[tuple[float, AnsweredRows]]:
    """The rows of each window, with its beginning; rows without a time are in none."""
    starts = reference.windows.starts(rows.time)
    found = np.unique(starts[np.isfinite(starts)])
    if len(found) == 1 and np.isfinite(starts).all():
        yield float(found[0]), rows
        return
    for start in found.tolist():
        yield start, rows.take(np.flatnonzero(starts == start))
