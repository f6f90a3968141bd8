"""Arrow IPC, in both formats."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.tables import Table, open_table

SMALL = pa.table({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, None, 2.5]})
ROWS = SMALL.to_pylist()


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def error_of(source: object, **options: Any) -> str:
    """The message with which a table refuses to open or to be read."""
    with pytest.raises(InputError) as caught, open_table(source, **options) as table:
        rows_of(table)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no other text in a traceback
    return str(caught.value)


@pytest.mark.parametrize("name", ["t.arrow", "t.feather", "t.ipc", "t.arrows", "T.ARROW"])
@pytest.mark.parametrize("form", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_arrow_ipc(tmp_path: Path, name: str, form: str, compression: str | None) -> None:
    path = tmp_path / name
    frame = SMALL.add_column(0, "l", [[[1], [2], [3]]])
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with new(path, frame.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(frame, max_chunksize=2)
    with open_table(path) as table:
        assert list(table.left_out) == ["l"]
        assert rows_of(table) == rows_of(table) == ROWS
        assert rows_of(table, ["c", "a"]) == [{"c": row["c"], "a": row["a"]} for row in ROWS]
        assert [batch.num_rows for batch in table.batches(["a"], batch_rows=1)] == [1, 1, 1]


def test_dictionaries_that_change_from_batch_to_batch(tmp_path: Path) -> None:
    batches = [pa.record_batch({"d": pa.array(values).dictionary_encode()}) for values in (["x", "y"], ["z", "x"])]
    with pa.ipc.new_stream(tmp_path / "t.arrows", batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    for source in (tmp_path / "t.arrows", pa.RecordBatchReader.from_batches(batches[0].schema, batches)):
        with open_table(source) as table:
            assert table.schema == batches[0].schema
            assert [row["d"] for row in rows_of(table)] == ["x", "y", "z", "x"]


@pytest.mark.parametrize("content", [b"ARROW1", b"not arrow at all", b"FEA1 of the first version"])
def test_what_is_no_arrow_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.arrow"
    path.write_bytes(content)
    assert re.fullmatch(
        rf"table: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again", error_of(path)
    )
