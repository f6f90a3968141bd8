"""The threads of this machine: NumPy and Arrow release the interpreter while they count."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import pyarrow as pa

from holdfast.profile.learn import learn
from holdfast.profile.sample import ROWS, RowSample
from holdfast.profile.table import Edges, Profile, count
from holdfast.schema import Schema
from holdfast.tables import Table

S = TypeVar("S")
T = TypeVar("T")
Progress = Callable[[int], None]

MERGED_TOGETHER = 8
"""Row samples that are merged in one go."""


def mapped(function: Callable[[S], T], items: Iterable[S], workers: int | None = None) -> Iterator[T]:
    """`map` with threads: results in the order of the items, and never more than a few items in flight."""
    threads = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def profile_of(table: Table, edges: Edges, *, workers: int | None = None, progress: Progress | None = None) -> Profile:
    """Profile of a table over given edges: one reading, batch by batch.

    Parameters
    ----------
    table
        Any table; columns that the edges do not know are noted by name and type only.
    edges
        From the reference.
    workers
        Threads; by default one per processor.
    progress
        Called with the number of rows of each batch that is done.
    """
    names = [name for name in edges.schema.names if name in table.schema.names]
    return _counted(table, names, table.batches(names), edges, workers, progress)


def reference_profile(
    table: Table,
    schema: Schema,
    *,
    window_seconds: float | None = None,
    sample_rows: int = ROWS,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Profile:
    """Profile of a new reference: a first reading learns the edges, a second counts (see `learn` for the parameters)."""

    def in_threads(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return mapped(function, items, workers)

    edges, kept = learn(
        table, schema, window_seconds=window_seconds, sample_rows=sample_rows, seed=seed, map_columns=in_threads
    )
    batches = table.batches(edges.schema.names) if kept is None else _released(kept)
    return _counted(table, edges.schema.names, batches, edges, workers, progress)


def _counted(
    table: Table,
    names: Sequence[str],
    batches: Iterable[pa.RecordBatch],
    edges: Edges,
    workers: int | None,
    progress: Progress | None,
) -> Profile:
    # An empty batch first: a table without rows still has its columns.
    total = count(edges, pa.RecordBatch.from_pylist([], schema=pa.schema([table.schema.field(n) for n in names])))
    samples: list[RowSample] = [total.sample] if total.sample else []
    for part in mapped(lambda item: count(edges, item[1], item[0]), _with_positions(batches), workers):
        total += replace(part, sample=None)
        # Choosing among the rows of several batches at once: each choice copies the rows of all columns.
        samples += [part.sample] if part.sample else []
        if len(samples) > MERGED_TOGETHER:
            samples = [RowSample.merged(samples)]
        if progress:
            progress(part.rows)
    types = {f.name: str(f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema}
    return replace(total, types=types, mixed=table.mixed, sample=RowSample.merged(samples) if samples else None)


def _with_positions(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    first = 0
    for batch in batches:
        yield first, batch
        first += batch.num_rows


def _released(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Hand the batches out and let go of each: their memory serves the next table."""
    batches.reverse()
    while batches:
        yield batches.pop()
