"""Parquet files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from holdfast.sources.arrow_types import kind_of
from holdfast.sources.batch_size import width
from holdfast.sources.part import Part, part_of


def open_parquet(files: Any, path: str, *_: object) -> Part:
    """A Parquet file of any store, read a few pages at a time."""
    import pyarrow.parquet as pq

    # Each column is read ahead in small pieces; `pre_buffer` would hold a row group. Remote stores want fewer requests.
    buffer_bytes = 2**18 if files.type_name == "local" else 2**22

    def opened(dictionaries: Sequence[str]) -> Any:
        return pq.ParquetFile(
            path, filesystem=files, read_dictionary=dictionaries, buffer_size=buffer_bytes, pre_buffer=False
        )

    with opened([]) as file:
        metadata, schema = file.metadata, file.schema_arrow
    stored: Counter[str] = Counter()
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(metadata.num_columns)):
            stored[chunk.path_in_schema] += chunk.total_uncompressed_size
    rows = metadata.num_rows
    # Strings come as dictionaries, which is three times as fast; but not where there are so many values that the writer
    # gave up its own (at 1 MB): the dictionary would grow with every batch of the row group.
    dictionaries = [
        column.name
        for column in schema
        if kind_of(column.type) == "category" and stored[column.name] <= max(4 * rows, 2**20)
    ]
    with opened(dictionaries) as file:
        schema = file.schema_arrow

    def read(columns: list[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
        with opened(dictionaries) as file:
            yield from file.iter_batches(batch_rows, columns=columns)

    widths = {column.name: max(width(column.type), stored[column.name] / max(rows, 1)) for column in schema}
    return part_of(path, schema, read, rows=rows, widths=widths)
