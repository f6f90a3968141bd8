"""The truth beside the prediction: of all labels of an id, the one that arrived last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.log.frames import ARROW, Type
from holdfast.log.snapshot import Between, Piece, Snapshot

JOINED = {
    "hf_label": "hf_label",
    "hf_label_source": "hf_source",
    "hf_label_giver": "hf_giver",
    "hf_label_time": "hf_time",
    "hf_outcome_time": "hf_outcome_time",
}
"""Columns of a label beside its prediction, and what they are called in the table of labels."""

ORDER = ("hf_time", "hf_writer", "hf_seq", "hf_row")
"""Of two labels of an id, the one that is later by these is true."""

NEEDED = ("hf_id", "hf_label", "hf_source", "hf_giver", "hf_outcome_time", *ORDER)

_USUAL: dict[str, Type] = {
    "hf_label": "bool",
    "hf_time": "timestamp",
    "hf_outcome_time": "timestamp",
    "hf_seq": "int64",
    "hf_row": "int64",
}

TOGETHER_ROWS = 1_000_000
"""Labels that are looked through at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of a model, to be looked up.

    Attributes
    ----------
    snapshot
        Their table; None where there never were any.
    pieces
        The files that have to be looked through.
    until
        Labels that arrived at this moment or later are not known yet (microseconds since 1970); None: all are.
    """

    snapshot: Snapshot | None = None
    pieces: Sequence[Piece] = ()
    until: int | None = None

    @property
    def types(self) -> dict[str, pa.DataType]:
        """Types of the columns that are joined."""
        schema = self._schema
        return {name: schema.field(of).type for name, of in JOINED.items()}

    def of(self, ids: pa.Array) -> pa.Table:
        """The labels of predictions, a row for each; nulls where there is none."""
        found = pa.concat_tables([self._schema.empty_table(), *self._rows(ids)])
        order = np.lexsort([_ranks(found.column(name)) for name in reversed(ORDER)])[::-1]
        latest_first = found.take(pa.array(order))
        # The first of equal ones is found.
        places = pc.index_in(ids, value_set=latest_first.column("hf_id").combine_chunks())
        return pa.table({name: latest_first.column(of).combine_chunks().take(places) for name, of in JOINED.items()})

    @property
    def _schema(self) -> pa.Schema:
        known: dict[str, Type] = {name: _USUAL.get(name, "string") for name in NEEDED}
        if self.snapshot is not None:
            known |= {name: kind for name, (kind, _) in self.snapshot.columns.items() if name in known}
        return pa.schema([(name, ARROW[known[name]]) for name in NEEDED])

    def _rows(self, ids: pa.Array) -> Iterator[pa.Table]:
        """Labels among which are all those of some predictions."""
        if self.snapshot is None:
            return
        columns: dict[str, Any] = {name: self.snapshot.columns[name][1] for name in NEEDED}
        between = Between(until=self.until)
        held: list[pa.RecordBatch] = []
        for rows in self.snapshot.scan(self.pieces, columns, between):
            held.append(rows)
            if sum(batch.num_rows for batch in held) >= TOGETHER_ROWS:
                some = pa.Table.from_batches(held)
                yield some.filter(pc.is_in(some.column("hf_id"), value_set=ids))
                held = []
        held += self.snapshot.scan_recent(columns, between)
        if held:
            yield pa.Table.from_batches(held)


def _ranks(column: pa.ChunkedArray) -> Any:
    """Numbers in the order of the values."""
    if pa.types.is_string(column.type):
        encoded = column.combine_chunks().dictionary_encode()
        ranks = np.argsort(
            np.argsort(np.array(encoded.dictionary.to_pylist(), dtype=str), kind="stable"), kind="stable"
        )
        return ranks[encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)] if len(ranks) else np.zeros(0)
    return pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
