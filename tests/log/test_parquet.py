"""Files of the lake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.errors import LogError
from holdfast.log import parquet
from holdfast.log.parquet import write

TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("hf_id", pa.string()),
        ("hf_time", TIME),
        ("hf_event_time", TIME),
        ("hf_seq", pa.int64()),
        ("x", pa.float64()),
        ("hf_date", pa.string()),
    ]
)


def rows(count: int, start: int = 0) -> pa.Table:
    numbers = np.arange(start, start + count)
    return pa.table(
        {
            "hf_id": [f"id-{n}" for n in numbers],
            "hf_time": pa.array(numbers * 1_000_000, TIME),
            "hf_event_time": pa.nulls(count, TIME),
            "hf_seq": numbers,
            "x": numbers / 4,
            "hf_date": ["1970-01-01"] * count,
        },
        SCHEMA,
    )


def test_rows_come_back_as_they_were_without_the_day(tmp_path: Path) -> None:
    added = write(tmp_path, "1970-01-01", "a", [rows(3), rows(2, 3)], SCHEMA)
    assert added.path == "hf_date=1970-01-01/a.parquet"
    assert added.size == (tmp_path / added.path).stat().st_size
    assert pq.ParquetFile(tmp_path / added.path).read() == rows(5).drop_columns(["hf_date"]).combine_chunks()
    assert [path.name for path in (tmp_path / added.path).parent.iterdir()] == ["a.parquet"]


def test_the_log_gets_what_readers_skip_by_and_no_identifiers(tmp_path: Path) -> None:
    stats = json.loads(write(tmp_path, "1970-01-01", "a", [rows(2), rows(1, 2)], SCHEMA).stats)
    assert stats == {
        "numRecords": 3,
        "minValues": {"hf_time": "1970-01-01T00:00:00.000000Z", "hf_seq": 0},
        "maxValues": {"hf_time": "1970-01-01T00:00:02.000000Z", "hf_seq": 2},
        "nullCount": {"hf_time": 0, "hf_event_time": 3, "hf_seq": 0},
    }


def test_encodings_are_those_that_every_reader_knows_and_pages_have_checksums(tmp_path: Path) -> None:
    added = write(tmp_path, "1970-01-01", "a", [rows(100)], SCHEMA)
    column = pq.ParquetFile(tmp_path / added.path).metadata.row_group(0).column(4)
    assert (column.path_in_schema, column.compression) == ("x", "ZSTD")
    assert set(column.encodings) == {"PLAIN", "RLE"}, "what Spark's usual reader knows"
    content = bytearray((tmp_path / added.path).read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 3] ^= 1
    (tmp_path / added.path).write_bytes(content)
    with pytest.raises(OSError, match=r"CRC|checksum"):
        pq.ParquetFile(tmp_path / added.path, page_checksum_verification=True).read()


def test_rows_are_put_together_to_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 10)
    parts = [rows(4, start) for start in range(0, 24, 4)]
    added = write(tmp_path, "1970-01-01", "a", parts, SCHEMA)
    metadata = pq.ParquetFile(tmp_path / added.path).metadata
    assert metadata.num_rows == 24
    assert all(metadata.row_group(k).num_rows <= 10 for k in range(metadata.num_row_groups))
    assert metadata.num_row_groups < len(parts)


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    assert json.loads(write(tmp_path, "1970-01-01", "a", [rows(0)], SCHEMA).stats)["numRecords"] == 0


def test_what_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "hf_date=1970-01-01").write_text("a file where a folder should be")
    with pytest.raises(LogError, match="cannot be written"):
        write(tmp_path, "1970-01-01", "a", [rows(1)], SCHEMA)
