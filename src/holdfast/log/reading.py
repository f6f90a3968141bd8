"""Reading the log: predictions, with the truth as far as it is known, and labels; the last second too."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.errors import InputError
from holdfast.log.columns import COMMITTED, DATE
from holdfast.log.frames import ARROW
from holdfast.log.joining import JOINED, Labels, labels_of
from holdfast.log.lake import Key, tables
from holdfast.log.moments import Moment, moment
from holdfast.log.pieces import Between, Piece
from holdfast.log.recent import waiting
from holdfast.log.snapshot import ENCODED, Snapshot, readable, snapshot, with_dictionaries
from holdfast.log.sql import run
from holdfast.names import listed, no_such_column

UNASKED = frozenset(name for name, _ in COMMITTED)
"""Columns that are given to who names them: where a row lies, and came from."""

TOGETHER_ROWS = 2_000_000
"""Predictions whose labels are looked up at once."""


def open_log(root: str | os.PathLike[str] = ".holdfast") -> PredictionLog:
    """Open the log of an installation for reading.

    Parameters
    ----------
    root
        The folder of spools and lake; `root` in site.toml.

    Examples
    --------
    >>> open_log("nowhere").models
    ()
    """
    return PredictionLog(Path(root))


@dataclass(frozen=True, slots=True)
class PredictionLog:
    """What was answered, and what came to pass. Each reading shows one moment of it, with all that was acknowledged."""

    root: Path

    @property
    def models(self) -> tuple[str, ...]:
        """Models of which something is logged."""
        return tuple(sorted({model for model, _ in {*tables(self.root), *waiting(self.root)}}))

    def predictions(
        self,
        model: str,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        release: int | None = None,
        columns: Sequence[str] | None = None,
        with_labels: bool = False,
        first_labels: bool = False,
        unlabelled: bool = True,
        as_known_at: Moment | None = None,
        ahead: bool = True,
        encoded: Collection[str] = (),
    ) -> pa.RecordBatchReader:
        """Logged predictions of a model, in the order of their days of receipt.

        Parameters
        ----------
        model
            The model.
        since, until
            Received from this moment on, and before that one: a day (`2025-01-31`) or time with its zone
            (`2025-01-31T12:00Z`), as text or not, or how long ago (`6h`).
        release
            Answers of this version only.
        columns
            Those to read, by name; None: all but where a row lies (`hf_writer`, `hf_seq`, `hf_row`, `hf_date`).
        with_labels
            Whether the label of each row stands beside it, as `hf_label`, `hf_label_source`, `hf_label_giver`,
            `hf_label_time` (of its arrival) and `hf_outcome_time`. Of several labels of an id the last to arrive counts.
        first_labels
            With `with_labels`: whether the label that arrived first stands there, too, as `hf_first_label`,
            `hf_first_label_time` and `hf_first_outcome_time`.
        unlabelled
            With `with_labels`: whether rows without a label are told, too.
        as_known_at
            Leave out what arrived after this moment, predictions and labels.
        ahead
            Without `with_labels`: whether threads read what comes next while a batch is looked at. Who counts in threads
            of its own needs less memory without.
        encoded
            Without `with_labels`: columns of text that come as dictionaries, as they lie in the files. Who looks at the
            distinct values has less to do.

        Returns
        -------
        pa.RecordBatchReader
            A stream, which any library of data frames reads: `polars.from_arrow(...)`, `....read_pandas()`. It may be
            read once.

        Raises
        ------
        InputError
            Nothing is logged of the model.
        SettingError
            A column is not there, or a moment is none.
        LogError
            The log cannot be read.
        """
        known = _after(as_known_at, "as_known_at")
        between = _between(since, until, release, known)
        groups = waiting(self.root, {(model, "predictions"), (model, "labels")})
        labels = labels_of(self.root, model, groups.get((model, "labels"), []), known) if with_labels else None
        taken = self._snapshot((model, "predictions"), groups)
        wanted = _wanted(taken, columns, f"The log of {model}")
        schema = [(name, ARROW[kind]) for name, (kind, _) in wanted.items()]
        columns_of = {name: of for name, (_, of) in wanted.items()}
        if labels is None:
            schema = [(name, ENCODED if name in encoded and kind == ARROW["string"] else kind) for name, kind in schema]
            stream = _read(taken, columns_of, between, ahead=ahead, encoded=encoded)
            # Not all of them are dictionaries where they lie.
            stream = (with_dictionaries(rows, encoded) for rows in stream) if encoded else stream
        else:
            joined = labels.types(first=first_labels)
            schema += joined.items()
            stream = _read_with_labels(taken, columns_of, between, labels, list(joined), unlabelled=unlabelled)
        return _reader(taken.path, pa.schema(schema), stream)

    def labels(
        self,
        model: str,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        columns: Sequence[str] | None = None,
        as_known_at: Moment | None = None,
    ) -> pa.RecordBatchReader:
        """All labels of a model as they arrived, corrected and repeated ones too; the parameters are as of `predictions`.

        Its columns are `hf_id`, `hf_label`, `hf_source` (`outcome`, `review` or `import`), `hf_giver`, `hf_time` (of its
        arrival) and `hf_outcome_time`.
        """
        between = _between(since, until, None, _after(as_known_at, "as_known_at"))
        taken = self._snapshot((model, "labels"), waiting(self.root, {(model, "labels")}))
        wanted = _wanted(taken, columns, f"The labels of {model}")
        schema = pa.schema([(name, ARROW[kind]) for name, (kind, _) in wanted.items()])
        return _reader(taken.path, schema, _read(taken, {name: of for name, (_, of) in wanted.items()}, between))

    def query(self, query: str) -> pa.RecordBatchReader:
        """What an SQL query gives, over these views; needs the extra `sql`.

        Parameters
        ----------
        query
            SQL as DuckDB has it. For each model there are `predictions_<model>`, `labels_<model>` (all labels as they
            arrived) and `labelled_<model>` (predictions, each with the label that arrived last). Names of models with other
            characters than letters, digits and `_` are quoted: `"predictions_card-fraud"`. `hf_date` is the UTC day of
            receipt, as text: a condition on it or on `hf_time` keeps other files from being read.

        Raises
        ------
        InputError
            The query failed.
        """
        return run(self.root, query)

    def _snapshot(self, key: Key, groups: Mapping[Key, Any]) -> Snapshot:
        taken = snapshot(self.root, key, groups.get(key, []))
        if taken.table is None and not taken.recent.num_rows:
            known = f"models: {listed(self.models)}" if self.models else "the log is empty"
            raise InputError(f"{self.root} has no {key[1]} of {key[0]!r}: {known}.")
        return taken


def _between(since: Moment | None, until: Moment | None, release: int | None, known: int | None) -> Between:
    ends = [end for end in (None if until is None else moment(until, "until"), known) if end is not None]
    return Between(
        since=None if since is None else moment(since, "since"), until=min(ends, default=None), release=release
    )


def _after(given: Moment | None, where: str) -> int | None:
    """The microsecond after a moment: what arrived at the moment itself is known."""
    return None if given is None else moment(given, where) + 1


def _wanted(taken: Snapshot, columns: Sequence[str] | None, where: str) -> dict[str, Any]:
    there = taken.columns
    if columns is None:
        return {name: of for name, of in there.items() if name not in UNASKED}
    for name in columns:
        if name not in there:
            raise no_such_column(name, there, where)
    return {name: there[name] for name in columns}


def _read(
    taken: Snapshot, columns: Mapping[str, Any], between: Between, *, ahead: bool = True, encoded: Collection[str] = ()
) -> Iterator[pa.RecordBatch]:
    yield from taken.scan(taken.pieces(between), columns, between, ahead=ahead, encoded=encoded)
    yield from taken.scan_recent(columns, between)


def _read_with_labels(
    taken: Snapshot,
    columns: Mapping[str, Any],
    between: Between,
    labels: Labels,
    joined: Sequence[str],
    *,
    unlabelled: bool,
) -> Iterator[pa.RecordBatch]:
    def beside(ids: pa.Array, days: Collection[str], stream: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        labelled, found = labels.of(ids, days, first=first)
        given = stream if "hf_id" not in columns else _with_ids(stream, ids)
        return _joined(given, labelled, found, names, unlabelled=unlabelled)

    own = {"hf_id": taken.columns["hf_id"][1]}
    others = {name: of for name, of in columns.items() if name not in own}
    names, first = [*columns, *joined], len(joined) > len(JOINED)
    for block in _blocks(taken.pieces(between)):
        ids = _column(taken.scan(block, own, between))
        rows = _begun(taken.scan(block, others, between))
        yield from beside(ids, {piece.date for piece in block}, rows)
    ids = _column(taken.scan_recent(own, between))
    if len(ids):
        days = set(taken.recent.column(DATE).unique().to_pylist())
        yield from beside(ids, days, taken.scan_recent(others, between))


def _blocks(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Files whose rows are looked up together."""
    block: list[Piece] = []
    for piece in pieces:
        if block and sum(one.rows for one in block) + piece.rows > TOGETHER_ROWS:
            yield block
            block = []
        block.append(piece)
    if block:
        yield block


def _column(stream: Iterator[pa.RecordBatch]) -> pa.Array:
    chunks = [rows.column(0) for rows in stream]
    return pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())


def _begun(stream: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The stream, of which Arrow's threads read the next batches while something else is done."""
    return chain([first for first in [next(stream, None)] if first is not None], stream)


def _with_ids(stream: Iterator[pa.RecordBatch], ids: pa.Array) -> Iterator[pa.RecordBatch]:
    start = 0
    for rows in stream:
        yield rows.append_column("hf_id", ids.slice(start, rows.num_rows))
        start += rows.num_rows
    assert start == len(ids)


def _joined(
    stream: Iterator[pa.RecordBatch],
    labelled: NDArray[np.intp],
    found: pa.Table,
    names: Sequence[str],
    *,
    unlabelled: bool,
) -> Iterator[pa.RecordBatch]:
    """Rows with the labels of those that have one, which lie at these places; without the others, if they are not asked for."""
    start = 0
    for rows in stream:
        first, last = np.searchsorted(labelled, [start, start + rows.num_rows])
        own, some = labelled[first:last] - start, found.slice(first, last - first)
        start += rows.num_rows
        told = rows
        if len(own) < rows.num_rows and unlabelled:
            places = np.full(rows.num_rows, -1)
            places[own] = np.arange(len(own))
            some = some.take(pa.array(places, mask=places < 0))
        elif len(own) < rows.num_rows:
            told = rows.take(pa.array(own))
        held = dict(zip(told.schema.names, told.columns, strict=True))
        held |= {name: some.column(name).combine_chunks() for name in some.column_names}
        if told.num_rows:
            yield pa.RecordBatch.from_arrays([held[name] for name in names], names=list(names))
    assert not len(labelled) or labelled[-1] < start


def _reader(path: Path, schema: pa.Schema, stream: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    def told() -> Iterator[pa.RecordBatch]:
        with readable(path):
            yield from stream

    return pa.RecordBatchReader.from_batches(schema, told())
