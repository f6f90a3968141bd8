"""Temporary copies: complete, in batches of a good size, and gone afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.tables import Table, open_table

SMALL = pa.table({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, None, 2.5]})


def rows_of(table: Table, columns: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns, **options) for row in batch.to_pylist()]


def error_of(source: object, **options: Any) -> str:
    """The message with which a table refuses to open or to be read."""
    with pytest.raises(InputError) as caught, open_table(source, **options) as table:
        rows_of(table)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no other text in a traceback
    return str(caught.value)


def test_a_stream_leaves_out_nested_columns_too() -> None:
    frame = pa.table({"l": [[1]], "a": [1], "s": [{"x": 1}], "b": ["y"]})
    with open_table(frame.to_reader()) as table:
        assert list(table.left_out) == ["l", "s"]
        assert rows_of(table, ["b", "a"]) == [{"b": "y", "a": 1}]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def counting(rows: int, batch: int) -> pa.RecordBatchReader:
    schema = pa.schema([("n", pa.int64()), ("s", pa.string())])
    starts = range(0, rows, batch)
    sizes = [min(batch, rows - start) for start in starts]
    columns = [
        [pa.array(np.arange(start, start + size)), pa.array(["x" * 20] * size)]
        for start, size in zip(starts, sizes, strict=True)
    ]
    return pa.RecordBatchReader.from_batches(schema, (pa.record_batch(arrays, schema=schema) for arrays in columns))


@pytest.mark.parametrize("batch", [1, 700, 131_072, 400_000])
def test_a_stream_is_copied_once_in_batches_of_a_good_size(temporary: Path, batch: int) -> None:
    rows = 2_000 if batch == 1 else 400_000
    table = open_table(counting(rows, batch))
    (copy,) = temporary.iterdir()
    assert copy.stat().st_size < rows * (8 + 4 + 20) * 1.1 + 5_000
    sizes = [record.num_rows for record in table.batches()]
    assert max(sizes) <= 131_072
    assert len(sizes) <= rows / 100_000 + 1
    for _ in range(2):
        assert [n for record in table.batches(["n"]) for n in record.column(0).to_pylist()] == list(range(rows))
    table.close()
    assert list(temporary.iterdir()) == []


def test_several_readers_of_one_copy_do_not_disturb_each_other() -> None:
    with open_table(counting(300_000, 100_000)) as table:
        pairs = zip(table.batches(["n"]), table.batches(["n"]), strict=True)
        assert all(one == two for one, two in pairs)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, temporary: Path, database: str) -> None:
    for way_in in ("database", "delimited", "frames"):
        monkeypatch.setattr(f"holdfast.sources.{way_in}.temporary_file", lambda _: "/dev/full")
    message = f"table: no room for a temporary copy in {temporary}; set TMPDIR to a folder on a larger disk"
    assert error_of(SMALL.to_reader()) == message
    assert error_of(database, query="select * from t") == message
    path = write(tmp_path / "t.csv", "a\n1\n")
    assert error_of(path) == message


@given(
    st.lists(st.lists(st.tuples(st.integers(-9, 9), st.none() | st.text(max_size=3)), max_size=7), max_size=5),
    st.integers(1, 9),
)
def test_any_cut_of_a_stream_gives_the_same_rows(chunks: list[list[tuple[int, str | None]]], batch_rows: int) -> None:
    schema = pa.schema([("n", pa.int8()), ("s", pa.string())])
    batches = [
        pa.record_batch([[n for n, _ in chunk], [s for _, s in chunk]], schema=schema)
        if chunk
        else pa.RecordBatch.from_pylist([], schema)
        for chunk in chunks
    ]
    expected = [{"s": s, "n": n} for chunk in chunks for n, s in chunk]
    for source in (pa.RecordBatchReader.from_batches(schema, batches), pa.Table.from_batches(batches, schema)):
        with open_table(source) as table:
            read = list(table.batches(["s", "n"], batch_rows=batch_rows))
            assert table.rows == len(expected)
        assert [row for batch in read for row in batch.to_pylist()] == expected
        assert all(1 <= batch.num_rows <= batch_rows for batch in read)
