"""Writes one Parquet file for the measurements of speed: `make_table.py PATH ROWS COLUMNS`."""

from __future__ import annotations

import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.testing.streams import CATEGORIES, null_table

CHUNK_ROWS = 250_000
DEFAULT_COLUMNS = 30


def main(path: Path, rows: int, columns: int) -> None:
    """Normal, lognormal and heavy-tailed floats with 2% NaN, and strings of 5 to 1,000 values; Zstandard."""
    path.parent.mkdir(parents=True, exist_ok=True)
    strings = len(CATEGORIES) if columns == DEFAULT_COLUMNS else columns // 10
    unfinished = path.with_suffix(".unfinished")
    writer: pq.ParquetWriter | None = None
    for first in range(0, rows, CHUNK_ROWS):
        seed = crc32(f"{path.name} {first}".encode())
        part = null_table(min(CHUNK_ROWS, rows - first), seed, numeric=columns - strings)
        part = _with_strings(part, strings, seed)
        writer = writer or pq.ParquetWriter(unfinished, part.schema, compression="zstd")
        writer.write_table(part)
    assert writer is not None
    writer.close()
    unfinished.rename(path)


def _with_strings(part: pa.Table, strings: int, seed: int) -> pa.Table:
    """As many string columns as asked for, the further ones shuffled; plain strings, as most writers leave them."""
    rng = np.random.default_rng(seed)
    for place in range(strings):
        name = f"category_{CATEGORIES[place % len(CATEGORIES)]}"
        values = part[name].cast(pa.string())
        if place < len(CATEGORIES):
            part = part.set_column(part.schema.get_field_index(name), name, values)
        else:
            part = part.append_column(f"{name}_{place}", values.take(rng.permutation(len(values))))
    return part


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
