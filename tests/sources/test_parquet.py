"""Parquet: dictionaries, memory, and every way in which a file can be broken."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.tables import Table, clean_text, open_table

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


def test_parquet_strings_come_as_dictionaries(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = SMALL.append_column("large", pa.array(["p", "q", "p"], pa.large_string()))
    pq.write_table(frame.append_column("o", pa.array([b"1", b"2", b"1"])), path)
    with open_table(path) as table:
        strings = pa.dictionary(pa.int32(), pa.string())
        assert table.schema.types == [
            pa.int64(),
            strings,
            pa.float64(),
            strings,
            pa.dictionary(pa.int32(), pa.binary()),
        ]
        assert table.rows == 3
        assert rows_of(table, ["b", "a"]) == [{"b": row["b"], "a": row["a"]} for row in ROWS]
        (batch,) = table.batches()
        assert batch.schema == table.schema


def test_parquet_with_dictionaries_written_by_others(tmp_path: Path) -> None:
    frame = pl.DataFrame({"s": ["x", "y"], "c": pl.Series(["p", "q"], dtype=pl.Categorical)})
    frame.write_parquet(tmp_path / "polars.parquet")
    pd.DataFrame({"c": pd.Categorical(["p", "q"]), "n": pd.Categorical([3, 4])}).to_parquet(tmp_path / "pandas.parquet")
    with open_table(tmp_path / "polars.parquet") as table:
        assert rows_of(table) == [{"s": "x", "c": "p"}, {"s": "y", "c": "q"}]
    with open_table(tmp_path / "pandas.parquet") as table:
        assert rows_of(table) == [{"c": "p", "n": 3}, {"c": "q", "n": 4}]


def test_parquet_strings_with_too_many_values_are_not_dictionaries(tmp_path: Path) -> None:
    """The dictionary of a row group would grow from batch to batch."""
    identifiers = [f"identifier-{i:09d}" for i in range(200_000)]
    pq.write_table(pa.table({"id": identifiers, "s": ["x"] * 200_000}), tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert table.schema.types == [pa.string(), pa.dictionary(pa.int32(), pa.string())]
        assert [batch.num_rows for batch in table.batches(["id"])] == [131_072, 68_928]
        assert [row["id"] for row in rows_of(table, ["id"])] == identifiers


def test_parquet_batches_of_long_texts_stay_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [rng.bytes(5_000).hex() for _ in range(16_000)]
    pq.write_table(pa.table({"t": texts}), tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert [batch.num_rows for batch in table.batches()] == [
            13_416,
            2_584,
        ]  # 128 MB of 10,000 characters and 4 bytes


def test_names_with_dots_and_nested_neighbours_in_parquet(tmp_path: Path) -> None:
    frame = pa.table({"a.b": [1], "a": ["x"], "s": [{"a": 5, "t": "nested"}], "t": [2.5], "l": [["q"]]})
    pq.write_table(frame, tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert list(table.left_out) == ["s", "l"]
        assert rows_of(table) == [{"a.b": 1, "a": "x", "t": 2.5}]
        assert rows_of(table, ["a"]) == [{"a": "x"}]
        assert rows_of(table, ["a.b"]) == [{"a.b": 1}]


def test_parquet_is_read_with_memory_of_a_batch(tmp_path: Path) -> None:
    """One row group of 160 MB, in a fresh process; 20 columns of 131,072 rows are 21 MB."""
    path = tmp_path / "t.parquet"
    rng = np.random.default_rng(0)
    pq.write_table(
        pa.table({f"c{i}": rng.random(1_000_000) for i in range(20)}),
        path,
        row_group_size=1_000_000,
        use_dictionary=False,
    )
    assert path.stat().st_size > 140e6
    script = """
        import sys, pyarrow as pa
        from holdfast.tables import open_table
        with open_table(sys.argv[1]) as table:
            assert sum(batch.num_rows for batch in table.batches()) == 1_000_000
        print(pa.default_memory_pool().max_memory())
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert peak < 100e6


def test_parquet_strings_that_are_not_utf8_reach_the_reader(tmp_path: Path) -> None:
    offsets = pa.array([0, 1, 3], pa.int32()).buffers()[1]
    invalid = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"ab\xff")])
    pq.write_table(pa.table({"s": invalid}), tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        (batch,) = table.batches()
        cleaned, count = clean_text(batch.column(0))
    assert (cleaned.to_pylist(), cleaned.type, count) == (["a", "b\ufffd"], table.schema.field("s").type, 1)


@pytest.mark.parametrize("kept", [4, 100, -40])
def test_a_truncated_parquet_file(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(SMALL, path)
    path.write_bytes(path.read_bytes()[:kept])
    assert re.fullmatch(
        rf"current: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again",
        error_of(path, name="current"),
    )


def test_a_parquet_file_that_is_damaged_in_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": np.arange(100_000)}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[1_000:40_000] = bytes(39_000)
    path.write_bytes(content)
    with open_table(path, name="current") as table:
        assert table.rows == 100_000
        with pytest.raises(InputError) as caught:
            rows_of(table)
    assert re.fullmatch(
        rf"current: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again",
        str(caught.value),
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("adult", 48_842),
        ("bike_sharing_hour", 17_379),
        ("california_housing_raw", 20_640),
        ("ulb_creditcard_casecontrol", 28_137),
    ],
)
def test_real_files(name: str, rows: int) -> None:
    folder = Path(os.environ.get("HOLDFAST_DATA") or "../shared/data")
    if not folder.is_dir():
        pytest.skip(f"no folder of real files at {folder}: set HOLDFAST_DATA")
    path = folder / f"{name}.parquet"
    with open_table(path) as table:
        assert table.rows == rows
        read = pa.Table.from_batches(table.batches())
    whole = pq.read_table(path)
    assert read.schema.names == whole.schema.names
    assert read.cast(whole.schema) == whole
