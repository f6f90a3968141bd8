"""Paths, globs, folders and URIs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
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


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_glob_reads_file_after_file(tmp_path: Path) -> None:
    for number in (2, 1, 3):
        folder = tmp_path / f"part {number}"
        folder.mkdir()
        pq.write_table(pa.table({"n": [number], "s": [f"s{number}"]}), folder / "t.parquet")
        write(folder / "notes.txt", "no table")
    for pattern in ("*/*.parquet", "part ?/t.parquet", "part [123]/t.*", "**/*.parquet", "**", "*"):
        with open_table(tmp_path / pattern) as table:
            assert table.rows == 3
            assert [row["s"] for row in rows_of(table)] == ["s1", "s2", "s3"], pattern
    uri = tmp_path.as_uri()
    with open_table(f"{uri}/**/t.parquet") as table:
        assert [row["n"] for row in rows_of(table)] == [1, 2, 3]
    with open_table(f"{uri}/") as table:
        assert [row["n"] for row in rows_of(table)] == [1, 2, 3]
    with open_table(f"{uri}/part%202/t.parquet") as table:
        assert [row["n"] for row in rows_of(table)] == [2]


def test_relative_and_home_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(SMALL, tmp_path / "t.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("t.parquet", "./*.parquet", "~/t.parquet", "."):
        with open_table(path) as table:
            assert rows_of(table) == ROWS


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    pq.write_table(SMALL, tmp_path / "t[1].parquet")
    with open_table(tmp_path / "t[1].parquet") as table:
        assert rows_of(table) == ROWS


def test_a_folder_without_what_writers_hide(tmp_path: Path) -> None:
    """As Spark writes it: the values of a column in the names of folders."""
    for day, rows in (("2024-01-01", 1), ("a%20b", 2), ("__HIVE_DEFAULT_PARTITION__", 3)):
        folder = tmp_path / f"day={day}"
        folder.mkdir()
        pq.write_table(pa.table({"n": [rows] * rows}), folder / "t.snappy.parquet")
    (tmp_path / "_temporary").mkdir()
    write(tmp_path / "_temporary" / "x.parquet", "unfinished")
    write(tmp_path / "_SUCCESS", "")
    write(tmp_path / ".t.parquet.crc", "")
    write(tmp_path / ".hidden.parquet", "")
    with open_table(tmp_path) as table:
        assert table.schema == pa.schema([("day", pa.string()), ("n", pa.int64())])
        assert [(row["n"], row["day"]) for row in rows_of(table)] == [
            (1, "2024-01-01"),
            (3, None),
            (3, None),
            (3, None),
            (2, "a b"),
            (2, "a b"),
        ]
        days = [row["day"] for row in rows_of(table, ["day"], batch_rows=1)]
        assert days == [
            "2024-01-01",
            *[None] * 3,
            "a b",
            "a b",
        ]


def test_a_glob_without_what_writers_hide(tmp_path: Path) -> None:
    (tmp_path / "_temporary").mkdir()
    for name in ("t.parquet", ".t.parquet", "_t.parquet", "_temporary/t.parquet"):
        pq.write_table(SMALL, tmp_path / name)
    for pattern, files in (("*", 1), ("**", 1), ("*.parquet", 1), ("_*.parquet", 1), ("_*", 2), (".*", 1), ("_*/*", 1)):
        with open_table(tmp_path / pattern) as table:
            assert table.rows == 3 * files, pattern


def test_files_of_several_formats(tmp_path: Path) -> None:
    pq.write_table(SMALL, tmp_path / "t.parquet")
    write(tmp_path / "t.csv", "a\n1\n")
    assert error_of(tmp_path) == (
        f"table: {tmp_path} names files of several formats; name those of one format, as in {tmp_path}/*.parquet"
    )


ENDINGS = ".parquet, .pq, .csv, .csv.gz, .tsv, .tsv.gz, .arrow, .arrows, .feather, .ipc"


def test_paths_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "t.xlsx", "no table")
    write(tmp_path / "empty.parquet", "")
    assert error_of("no/t.parquet") == (
        f"table: {tmp_path}/no/t.parquet does not exist; check the path (relative ones start at {tmp_path})"
    )
    assert error_of(tmp_path.as_uri() + "/t.parquet") == f"table: {tmp_path}/t.parquet does not exist; check the path"
    for pattern in ("*.csv", "no/*.csv", "folder/*", "**/t.parquet"):
        assert error_of(pattern) == (
            f"table: no table matches {tmp_path}/{pattern}; check the pattern: expected files ending in {ENDINGS}"
        )
    assert error_of("folder") == (
        f"table: the folder {tmp_path}/folder holds no table; expected a Delta table, or files ending in {ENDINGS}"
    )
    assert error_of("folder/t.xlsx") == (
        f"table: {tmp_path}/folder/t.xlsx has an unknown ending; expected one of {ENDINGS}: rename or convert the file"
    )
    assert error_of("empty.parquet") == (
        f"table: {tmp_path}/empty.parquet is empty (0 bytes); write it again, or leave it out"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(SMALL, path)
    path.chmod(0)
    assert error_of(path) == f"table: {path} cannot be read: Permission denied"


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(SMALL, path)
    with open_table(path) as table:
        path.unlink()
        with pytest.raises(InputError, match=f"^table: {path} cannot be read: No such file or directory$"):
            rows_of(table)


def test_a_path_that_the_store_refuses() -> None:
    assert error_of("a\0b.parquet") == (
        "table: the source cannot be read: it cannot be reached (ArrowInvalid); check the address and your access"
    )


@pytest.mark.parametrize("address", ["http://user:secret@host/t.parquet", "nonsense://x", "file:///a b.parquet"])
def test_addresses_of_no_known_store(address: str) -> None:
    scheme = address.partition(":")[0]
    assert error_of(address) == (
        f"table: the {scheme}:// address cannot be opened; expected a path, or a URI of file, s3, gs, abfs or hdfs "
        "(with %20 for a space)"
    )
