"""Arrow IPC files, in the file format or the stream format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from holdfast.sources.part import Part, part_of


def open_ipc(files: Any, path: str, *_: object) -> Part:
    """An Arrow IPC file of any store."""
    # Mapped, an uncompressed file costs no memory, however large its batches are.
    return ipc_part(path, lambda: pa.memory_map(path) if files.type_name == "local" else files.open_input_file(path))


def ipc_part(where: str, open_input: Callable[[], Any]) -> Part:
    """Arrow IPC from whatever `open_input` opens, again for each reading."""
    with open_input() as source:
        indexed = source.read(6) == b"ARROW1"
        source.seek(0)
        schema = (pa.ipc.open_file if indexed else pa.ipc.open_stream)(source).schema

    def read(columns: list[str], _: int) -> Iterator[pa.RecordBatch]:
        options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(column) for column in columns])
        with open_input() as source:
            if indexed:
                reader = pa.ipc.open_file(source, options=options)
                yield from map(reader.get_batch, range(reader.num_record_batches))
            else:
                yield from pa.ipc.open_stream(source, options=options)

    return part_of(where, schema, read)
