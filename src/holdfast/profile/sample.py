"""A uniform sample of rows, chosen by hash priority: any order of batches and merges gives the same rows."""

from __future__ import annotations

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
        columns = [_decoded(column).take(index) for column in batch.columns]
        rows = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        return RowSample(size, chances[places], first + places, rows)

    def __add__(self, other: RowSample) -> RowSample:
        """The sample of both; a column that only one of them has is null in the other's rows."""
        if not len(self.priorities) or not len(other.priorities):
            return self if len(self.priorities) else other
        chances = np.concatenate([self.priorities, other.priorities])
        places = np.argsort(chances, kind="stable")[: self.size]
        positions = np.concatenate([self.positions, other.positions])[places]
        index = pa.array(places)
        names = list(dict.fromkeys([*self.rows.schema.names, *other.rows.schema.names]))
        columns = [_joined(_column(self.rows, name), _column(other.rows, name)).take(index) for name in names]
        rows = pa.RecordBatch.from_arrays(columns, names=names)
        return RowSample(self.size, chances[places], positions, rows)


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    return rows.column(name) if name in rows.schema.names else pa.nulls(rows.num_rows)


def _joined(left: pa.Array, right: pa.Array) -> pa.Array:
    """Two parts of a column in one array; as text if its type has changed, so that the order of merging does not matter."""
    types = {part.type for part in (left, right) if not pa.types.is_null(part.type)} or {pa.null()}
    common = types.pop() if len(types) == 1 else pa.string()
    return pa.concat_arrays([part.cast(common, safe=False) for part in (left, right)])


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
