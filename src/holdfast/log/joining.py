"""The truth beside the prediction: of all labels of an id, the one that arrived last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.log.batch import Item
from holdfast.log.frames import ARROW, Type
from holdfast.log.matched import NEEDED, ORDER, Matched, open_matched
from holdfast.log.pieces import Between, Piece, pieces_since
from holdfast.log.snapshot import Snapshot, snapshot

JOINED = {
    "hf_label": "hf_label",
    "hf_label_source": "hf_source",
    "hf_label_giver": "hf_giver",
    "hf_label_time": "hf_time",
    "hf_outcome_time": "hf_outcome_time",
}
"""Columns of a label beside its prediction, and what they are called in the table of labels."""

FIRST = {
    "hf_first_label": "hf_label",
    "hf_first_label_time": "hf_time",
    "hf_first_outcome_time": "hf_outcome_time",
}
"""The same of the label that arrived first, which later ones correct."""

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
        Files that have to be looked through.
    matched
        Those that stand with the day of their prediction.
    until
        Labels that arrived at this moment or later are not known yet (microseconds since 1970); None: all are.
    """

    snapshot: Snapshot | None = None
    pieces: Sequence[Piece] = ()
    matched: Matched | None = None
    until: int | None = None

    def types(self, *, first: bool = False) -> dict[str, pa.DataType]:
        """Types of the columns that are joined."""
        schema = schema_of(self.snapshot)
        return {name: schema.field(of).type for name, of in (JOINED | FIRST if first else JOINED).items()}

    def of(self, ids: pa.Array, days: Collection[str], *, first: bool = False) -> tuple[NDArray[np.intp], pa.Table]:
        """The places of predictions that have a label, rising, and their labels, a row for each.

        Parameters
        ----------
        ids
            Of the predictions.
        days
            UTC days of receipt that they are of.
        first
            Whether the label that arrived first is given, too.
        """
        schema = schema_of(self.snapshot)
        found = pa.concat_tables([schema.empty_table(), *self._rows(ids, days, schema)])
        order = pa.array(np.lexsort([_ranks(found.column(name)) for name in reversed(ORDER)])[::-1])
        # The latest stand first, and the first of equal ones is found.
        latest = pc.index_in(ids, value_set=found.column("hf_id").combine_chunks().take(order))
        labelled = np.flatnonzero(latest.is_valid())
        latest = latest.drop_null()
        places = order.take(latest)
        columns = {name: found.column(of).combine_chunks().take(places) for name, of in JOINED.items()}
        if first:
            seen = np.zeros(len(order), bool)
            seen[latest.to_numpy()] = True
            # Where each label is the latest of an id, none is corrected: that is usual, and need not be looked up.
            if not seen.all():
                rising = order[::-1]
                own = ids.take(pa.array(labelled))
                places = rising.take(pc.index_in(own, value_set=found.column("hf_id").combine_chunks().take(rising)))
            columns |= {name: found.column(of).combine_chunks().take(places) for name, of in FIRST.items()}
        return labelled, pa.table(columns)

    def _rows(self, ids: pa.Array, days: Collection[str], schema: pa.Schema) -> Iterator[pa.Table]:
        """Labels among which are all those of some predictions."""
        if self.snapshot is None:
            return
        columns: dict[str, Any] = {name: self.snapshot.columns[name][1] for name in NEEDED}
        between = Between(until=self.until)
        if self.matched is not None:
            for some in self.matched.labels(days, schema):
                known = between.expression()
                yield some if known is None else some.filter(known)
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


def labels_of(root: Path, model: str, items: Sequence[Item], until: int | None = None) -> Labels:
    """The labels of a model.

    Parameters
    ----------
    root
        The folder of spools and lake.
    model
        The model.
    items
        Labels that waited in the spools before.
    until
        When they are asked for, as `Labels.until`.
    """
    matched = open_matched(root, model)  # before the table, so that it is not ahead of it
    taken = snapshot(root, (model, "labels"), items)
    if taken.table is None and not taken.recent.num_rows:
        return Labels()
    pieces = None if matched is None else pieces_since(taken.table, matched.versions.labels)
    if pieces is None:
        return Labels(snapshot=taken, pieces=taken.pieces(Between(until=until)), until=until)
    return Labels(snapshot=taken, pieces=pieces, matched=matched, until=until)


def schema_of(labels: Snapshot | None) -> pa.Schema:
    """Types of what is needed of labels."""
    known: dict[str, Type] = {name: _USUAL.get(name, "string") for name in NEEDED}
    if labels is not None:
        known |= {name: kind for name, (kind, _) in labels.columns.items() if name in known}
    return pa.schema([(name, ARROW[known[name]]) for name in NEEDED])


def _ranks(column: pa.ChunkedArray) -> Any:
    """Numbers in the order of the values."""
    if pa.types.is_string(column.type):
        encoded = column.combine_chunks().dictionary_encode()
        ranks = np.argsort(
            np.argsort(np.array(encoded.dictionary.to_pylist(), dtype=str), kind="stable"), kind="stable"
        )
        return ranks[encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)] if len(ranks) else np.zeros(0)
    return pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
