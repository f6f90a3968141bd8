"""Which rows show an incident of an input."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.checks.catalogue import QUALITY
from holdfast.incident import BESIDE, Sign
from holdfast.log.state import denied
from holdfast.monitoring.counts.reading import as_sealed, inputs_logged, times_of
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.sources.source import MICROSECONDS

SHOWN_ROWS = 20

SHOWN_BY = {"quality.missing_rate": "missing", "quality.new_nulls": "missing", "quality.unseen_category": "new"}
"""Checks that are shown by rows as a signal is."""


def examples(looking: Looking, column: str, sign: Sign, start: float) -> tuple[str, ...]:
    """Ids of rows of a window that show a sign of a column: missing, new, on the side to which it moved, or on either."""
    reference, there = looking.reference, looking.source.columns()
    last = sign.key.rpartition(":")[2]
    shown_by = SHOWN_BY.get(last, last)
    physical = inputs_logged(reference, there).get(column)
    edges = reference.profile.edges.columns.get(column)
    if physical is None or edges is None or shown_by in QUALITY:
        return ()
    end, until = reference.windows.end(start), int(looking.until * MICROSECONDS)
    found: list[str] = []
    # A table that is watched may still have a row that was erased.
    gone = pa.array(denied(looking.root, reference.model.partition(BESIDE)[0]), pa.string())
    own = [name for name in ("hf_id", "hf_time", "hf_event_time") if name in there]
    columns = list(dict.fromkeys([*own, physical]))
    for batch in looking.source.rows(columns, reference.version, int(start * MICROSECONDS), until):
        when, values = times_of(reference, batch), as_sealed(reference, column, batch.column(physical))
        inside = (when >= start) & (when < end)
        if shown_by == "missing":
            mask = inside & np.asarray(values.is_null())
        else:
            place, size = edges.place(values), int(edges.size)
            high, low = place >= 0.9 * size, (place >= 0) & (place <= 0.1 * size)
            ends = high | low if shown_by == "spread" and sign.effect > 0 else high if sign.effect > 0 else low
            mask = inside & (place == 0 if shown_by == "new" else ends)
        ids = batch.column(0).filter(pa.array(mask))
        found += ids.filter(pc.invert(pc.is_in(ids, gone))).slice(0, SHOWN_ROWS - len(found)).to_pylist()
        if len(found) >= SHOWN_ROWS:
            break
    return tuple(found)
