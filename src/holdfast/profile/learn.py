"""The first of the two readings of a new reference: what to count, and over which edges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.profile.arrays import text_codes
from holdfast.profile.calendar import TimeEdges, covered, moments
from holdfast.profile.categorical import CategoryEdges, as_text
from holdfast.profile.column import ColumnEdges
from holdfast.profile.hashing import priorities
from holdfast.profile.history import grid
from holdfast.profile.identifier import IdentifierEdges
from holdfast.profile.numeric import NumberEdges, numbers
from holdfast.profile.sample import ROWS
from holdfast.profile.table import Edges, digest_of
from holdfast.profile.text import TextEdges
from holdfast.schema import Column, Kind, Role, Schema
from holdfast.tables import Table

EXACT_ROWS = 2_000_000
"""Up to this many rows the cuts are the exact quantiles of the reference."""

SAMPLED_ROWS = 200_000
"""Rows of the sample from which they are learned above it."""

TEXTS = 20_000
"""Texts from which the cuts of lengths are learned."""

BLOCK_BYTES = 48_000_000
"""Most memory for the values of the columns that are learned together; wide tables are read in several blocks."""

Map = Callable[[Callable[..., Any], Iterable[Any]], Iterable[Any]]


def learn(
    table: Table,
    schema: Schema,
    *,
    window_seconds: float | None = None,
    sample_rows: int = ROWS,
    seed: int = 0,
    map_columns: Map = map,
) -> tuple[Edges, list[pa.RecordBatch] | None]:
    """Edges of every column of a reference.

    Parameters
    ----------
    table
        The reference.
    schema
        Its columns with kinds and roles; those with the role `ignore` are left out.
    window_seconds
        Width of the windows of its history; by default a calendar unit that gives at most a hundred.
    sample_rows, seed
        Size and seed of the row sample.
    map_columns
        Runs a function over columns, in parallel if it likes.

    Returns
    -------
    tuple
        The edges, and the table's batches if they were few enough to keep, which saves the second reading.
    """
    wanted = [c for c in schema.columns if c.role is not Role.IGNORE and c.name in table.schema.names]
    rows = table.rows if table.rows is not None else sum(b.num_rows for b in table.batches(table.schema.names[:1]))
    per_block = max(1, BLOCK_BYTES // (8 * max(1, min(rows, EXACT_ROWS))))
    blocks = [wanted[i : i + per_block] for i in range(0, len(wanted), per_block)]
    columns: dict[str, ColumnEdges] = {}
    kept: list[pa.RecordBatch] | None = None
    for block in blocks:
        batches = list(_read(table, [c.name for c in block], rows, seed))
        learned = map_columns(lambda c, read=batches: _edges(c, [b.column(c.name) for b in read]), block)
        columns.update(zip([c.name for c in block], learned, strict=True))
        kept = batches if len(blocks) == 1 and rows <= EXACT_ROWS else None
    windows = None
    times = [c for c in wanted if c.role is Role.TIME]
    if times:
        first, end = time_range(table, times[0].name)
        windows = grid(first, end, window_seconds) if np.isfinite(first) else None
    known = Schema(columns=tuple(wanted))
    rest = f"\n{windows}\t{sample_rows}\t{seed}".encode()
    digest = digest_of(known, columns, (_bytes(e) for e in columns.values()), rest)
    edges = Edges(known, columns, digest, windows, sample_rows, seed)
    return edges, kept


def time_range(table: Table, column: str) -> tuple[float, float]:
    """From when to when a time column goes, in seconds since 1970 (see `covered`); NaN without any time."""
    parts = [np.empty(0)]
    for batch in table.batches([column]):
        # Every value of a short table, some of a long one: the ends are wanted to within a window.
        when, _ = moments(batch.column(column))
        parts.append(when[:: max(1, len(when) // 4096)])
    return covered(np.concatenate(parts))


def _read(table: Table, names: list[str], rows: int, seed: int) -> Iterator[pa.RecordBatch]:
    """All rows of the columns, or a uniform sample of a very long table."""
    limit = np.uint64(2**64 * SAMPLED_ROWS // rows) if rows > EXACT_ROWS else None
    first = 0
    for batch in table.batches(names):
        if limit is None:
            yield batch
        else:
            yield batch.filter(pa.array(priorities(first, batch.num_rows, seed + 1) < limit))
        first += batch.num_rows


def _edges(column: Column, chunks: list[pa.Array]) -> ColumnEdges:
    if column.role is Role.TIME:
        return TimeEdges()  # hours of the week, whatever else the column is
    if column.role is Role.ID or column.identifier or (column.personal and column.kind is not Kind.NUMBER):
        return IdentifierEdges()  # no value of theirs is kept
    if column.kind is Kind.TIME:
        return TimeEdges()
    if column.kind is Kind.NUMBER:
        return NumberEdges.learn(_all_numbers(chunks))
    if column.kind is Kind.TEXT:
        texts: list[pa.Array] = []
        for chunk in chunks:
            if sum(len(t) for t in texts) < TEXTS:
                texts.append(_plain(chunk)[:TEXTS])
        return TextEdges.learn(pa.concat_arrays(texts) if texts else pa.array([], pa.string()))
    if column.kind is Kind.BOOLEAN:
        return CategoryEdges(("false", "true"))
    counts: Counter[str] = Counter()
    for chunk in chunks:
        words, codes = text_codes(as_text(chunk))
        rows = np.bincount(codes[codes >= 0], minlength=len(words)).tolist()
        for word, n in zip(words.to_pylist(), rows, strict=True):
            if n and word is not None:
                counts[word] += n
    return CategoryEdges.learn(counts)


def _all_numbers(chunks: list[pa.Array]) -> NDArray[np.float64]:
    parts = [numbers(chunk)[0] for chunk in chunks]
    return np.concatenate(parts) if parts else np.empty(0)


def _plain(chunk: pa.Array) -> pa.Array:
    return chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk


def _bytes(edges: ColumnEdges) -> bytes:
    """The numbers and names that decide what the counts of a column mean."""
    match edges:
        case NumberEdges():
            # What was learned decides the groups, which are what the windows of the history count.
            return edges.cuts.tobytes() + edges.learned.tobytes()
        case CategoryEdges():
            return msgspec.json.encode([edges.values, edges.complete])
        case TextEdges():
            return _bytes(edges.lengths) + b"|" + _bytes(edges.words)
        case _:
            return b""
