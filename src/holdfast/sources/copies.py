"""What can be read only once, or only as a whole: copied to a temporary Arrow file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from holdfast.sources.batch_size import rows_per_batch
from holdfast.sources.ipc import ipc_part
from holdfast.sources.part import Part, readable


def temporary_file(temporary: ExitStack) -> str:
    """The path of a new empty file, which goes when the stack is closed."""
    handle, path = tempfile.mkstemp(prefix="holdfast-", suffix=".arrows")
    temporary.callback(Path(path).unlink, missing_ok=True)
    os.close(handle)
    return path


def copied(where: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: str) -> Part:
    """Copy the columns that can be read to an uncompressed Arrow stream at `path`."""
    types, left_out = readable(where, schema)
    kept = pa.schema([column for column in schema if column.name in types])
    rows = 0
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, kept) as writer:
        for table in _gathered(batches, kept):
            writer.write_table(table)
            rows += table.num_rows
    return replace(ipc_part(where, lambda: pa.OSFile(path)), left_out=left_out, rows=rows)


def _gathered(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Small batches together and large ones cut, so that the copy is read in few pieces, and with little memory."""
    waiting: list[pa.RecordBatch] = []
    free = 1.0  # share of the next piece
    for whole in batches:
        batch = whole.select(schema.names)
        rows = rows_per_batch(batch.nbytes / max(batch.num_rows, 1))
        for start in range(0, batch.num_rows, rows):
            piece = batch.slice(start, rows)
            if piece.num_rows / rows > free:
                yield pa.Table.from_batches(waiting, schema).combine_chunks()
                waiting, free = [], 1.0
            waiting.append(piece)
            free -= piece.num_rows / rows
    if waiting:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()
