"""A uniform sample of rows, chosen by hash priority: any order of batches and merges gives the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.profile.hashing import priorities

ROWS = 5000
"""Rows of a sample by default."""


@dataclass(frozen=True, slots=True)
class RowSample:
    """The rows of smallest priority, in the order of their priorities.

    Attributes
    ----------
    size
        Most rows that are kept.
    priorities, positions
        Priority of each row and its position in the table, shape `(rows,)`.
    rows
        The rows, dictionaries decoded.
    """

    size: int
    priorities: NDArray[np.uint64]
    positions: NDArray[np.int64]
    rows: pa.RecordBatch

    @staticmethod
    def of(batch: pa.RecordBatch, first: int, seed: int, size: int = ROWS) -> RowSample:
        """The sample of a batch whose first row has the position `first`."""
        chances = priorities(first, batch.num_rows, seed)
        if len(chances) > size:
            near = np.argpartition(chances, size)[:size]
            places = near[np.argsort(chances[near])]
        else:
            places = np.argsort(chances)
        index = pa.array(places)
        columns = [_decoded(column.take(index)) for column in batch.columns]
        rows = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        return RowSample(size, chances[places], first + places, rows)

    def __add__(self, other: RowSample) -> RowSample:
        """The sample of both."""
        return RowSample.merged([self, other])

    @staticmethod
    def merged(samples: Sequence[RowSample]) -> RowSample:
        """The sample of all of them; a column that only some have is null in the others' rows."""
        filled = [sample for sample in samples if len(sample.priorities)]
        if len(filled) < 2:
            return filled[0] if filled else samples[0]
        size = filled[0].size
        chances = np.concatenate([sample.priorities for sample in filled])
        places = np.argsort(chances, kind="stable")[:size]
        positions = np.concatenate([sample.positions for sample in filled])[places]
        index = pa.array(places)
        names = list(dict.fromkeys(name for sample in filled for name in sample.rows.schema.names))
        columns = [_joined([_column(sample.rows, name) for sample in filled]).take(index) for name in names]
        return RowSample(size, chances[places], positions, pa.RecordBatch.from_arrays(columns, names=names))


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    return rows.column(name) if name in rows.schema.names else pa.nulls(rows.num_rows)


def _joined(parts: Sequence[pa.Array]) -> pa.Array:
    """Parts of a column in one array; as text if its type has changed, so that the order of merging does not matter."""
    types = {part.type for part in parts if not pa.types.is_null(part.type)} or {pa.null()}
    common = types.pop() if len(types) == 1 else pa.string()
    return pa.concat_arrays([part if part.type == common else part.cast(common, safe=False) for part in parts])


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
