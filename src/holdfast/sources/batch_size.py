"""How many rows make a good batch: enough to be fast, few enough to bound the memory."""

from __future__ import annotations

import pyarrow as pa

MAX_ROWS = 131_072
_MIN_ROWS = 1_024
_BATCH_BYTES = 128 * 2**20


def width(data_type: pa.DataType) -> float:
    """Bytes of a value; of texts, a guess."""
    try:
        return float(data_type.bit_width) / 8
    except ValueError:
        return 32


def rows_per_batch(row_bytes: float) -> int:
    """Rows that together stay near 128 MB."""
    return max(_MIN_ROWS, min(MAX_ROWS, int(_BATCH_BYTES / max(row_bytes, 1))))
