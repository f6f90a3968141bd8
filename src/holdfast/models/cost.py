"""What running a model takes."""

from __future__ import annotations

import statistics
import time

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.evidence import RunningCost
from holdfast.models.protocol import Model
from holdfast.models.session import BATCH_ROWS, OnnxSession

CALLS = 50
"""Single rows that are timed."""

BATCHES = 3
"""Times that the batch is scored; the fastest counts, as what slows it down comes from outside."""


def cost(model: Model, rows: pa.Table) -> RunningCost:
    """Measure the time of a single row (median, after one call to warm up) and of a batch, and the size of the model.

    Parameters
    ----------
    model
        Any model; bytes are known of an `OnnxSession` only, and 0 of others.
    rows
        Some rows, as in production; at most 16,384 are the batch.

    Returns
    -------
    RunningCost

    Raises
    ------
    InputError
        When there are no rows.
    """
    if not rows.num_rows:
        raise InputError("the cost of a model is measured on rows, and there are none")
    singles = [rows.slice(place % rows.num_rows, 1) for place in range(CALLS)]
    model.predict(singles[0])
    single = statistics.median(_seconds(model, row) for row in singles)
    batch = rows.slice(0, BATCH_ROWS)
    whole = min(_seconds(model, batch) for _ in range(BATCHES))
    return RunningCost(
        single_row_ms=single * 1e3,
        batch_us_per_row=whole / batch.num_rows * 1e6,
        batch_rows=batch.num_rows,
        model_bytes=len(model.content) if isinstance(model, OnnxSession) else 0,
    )


def _seconds(model: Model, rows: pa.Table) -> float:
    started = time.perf_counter()
    model.predict(rows)
    return time.perf_counter() - started
