"""Counts rows by window and segment, batch by batch; no row is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.engines.local import mapped
from holdfast.estimation.expected import expected
from holdfast.estimation.tables import Expected, added
from holdfast.log.snapshot import with_dictionaries
from holdfast.monitoring.counts.reading import answered, seconds_of
from holdfast.monitoring.reference import Reference
from holdfast.objective import Cost
from holdfast.profile import table, window
from holdfast.profile.groups import by_value, groups_of
from holdfast.profile.numeric import numbers
from holdfast.profile.table import Edges, Profile
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

    def counted(batch: tuple[int, pa.RecordBatch]) -> tuple[float, list[_Part]]:
        first, rows = batch
        received = seconds_of(rows.column("hf_time"))
        return float(np.nanmax(received)), list(_parts(reference, edges, answered(reference, rows), first, segments))

    for received, parts in mapped(counted, _numbered(batches, tally)):
        tally.received = max(tally.received, received)
        for part in parts:
            start = part.start
            for segment, one in part.counts.items():
                tally.add(start, segment, one)
            tally.profiles[start] = tally.profiles[start] + part.profile if start in tally.profiles else part.profile
            if part.expected is not None:
                before = tally.expected.get(start)
                tally.expected[start] = part.expected if before is None else added(before, part.expected)
    return tally


class _Part(NamedTuple):
    """What was counted of the rows that a batch has of a window."""

    start: float
    counts: dict[str, Counted]
    profile: Profile
    expected: Expected | None


def _numbered(batches: Iterable[pa.RecordBatch], tally: Tally) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches with rows, each with the number of rows before it."""
    for batch in batches:
        if batch.num_rows:
            tally.rows += batch.num_rows
            yield tally.rows - batch.num_rows, batch


def _parts(
    reference: Reference, edges: Edges, rows: AnsweredRows, first: int, segments: Sequence[str]
) -> Iterator[_Part]:
    own = [name for name in rows.inputs.schema.names if name in edges.columns]
    # Of a category each value is looked at once, and not in each count.
    for start, some in by_window(reference, replace(rows, inputs=with_dictionaries(rows.inputs, reference.values))):
        profile = table.count(edges, some.inputs.select(own), first)
        counted = window.count(edges, reference.answers, some, profile.columns)
        counts = {EVERYONE: window.with_ranks(counted, reference.answers, some)}
        inputs = _inputs_by_value(reference, edges, some.inputs, segments)
        bare = replace(some, inputs=some.inputs.select([name for name in segments if name in some.inputs.schema.names]))
        for segment, part in by_value(bare, segments, reference.values):
            counts[segment] = replace(window.count_answers(edges, reference.answers, part), inputs=inputs[segment])
        yield _Part(start, counts, profile, _expected(reference, some))


def _inputs_by_value(
    reference: Reference, edges: Edges, inputs: pa.RecordBatch, segments: Sequence[str]
) -> dict[str, window.Counts]:
    """Counts of the inputs of each segment, of those of which there are signals. Rows are looked at where they lie."""
    watched = inputs.select([name for name in inputs.schema.names if name in reference.watched])
    found: dict[str, window.Counts] = {}
    for name in segments:
        if name in inputs.schema.names:
            groups, places = groups_of(inputs, name, reference.values)
            found |= zip(groups, window.inputs_by(edges, watched, places, len(groups)), strict=True)
    return found


def _expected(reference: Reference, rows: AnsweredRows) -> Expected | None:
    """What is expected of the truth of rows; None where that cannot be said."""
    if reference.fitted is None:
        return None
    objective = reference.objective
    needs = objective.needs if isinstance(objective, Cost) else ()
    there = rows.inputs.schema.names
    held = {name: numbers(rows.inputs.column(name))[0] for name in needs if name in there}
    # Of a row whose cost is not known nothing can be expected: it counts as one without a score.
    priced = np.all([np.isfinite(values) for values in held.values()], axis=0) if held else np.full(len(rows), True)
    features = pa.Table.from_batches([rows.inputs])
    return expected(
        reference.fitted,
        rows.score if priced.all() else np.where(priced, rows.score, np.nan),
        rows.decision,
        features,
        held if len(held) == len(needs) else None,
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
