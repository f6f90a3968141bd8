"""CSV: types that widen, rows that do not fit, and texts that are no CSV."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.tables import Table, open_table


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


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("t.csv", ","), ("t.csv", ";"), ("t.csv", "|"), ("t.tsv", "\t"), ("t.csv.gz", ","), ("T.CSV", ",")],
)
def test_csv(tmp_path: Path, temporary: Path, name: str, delimiter: str) -> None:
    text = 'a,"b, and more",c\n1,"x\ny",2024-01-31\n,NA,\n3,"z ""q""",2024-02-01\n'
    if delimiter != ",":
        text = text.replace(",", delimiter).replace(f'"b{delimiter} and', '"b, and')
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    second = "b, and more"
    with open_table(path) as table:
        assert table.schema == pa.schema([("a", pa.int64()), (second, pa.string()), ("c", pa.date32())])
        assert table.rows == 3
        assert rows_of(table, ["c", second, "a"]) == [
            {"c": dt.date(2024, 1, 31), second: "x\ny", "a": 1},
            {"c": None, second: None, "a": None},
            {"c": dt.date(2024, 2, 1), second: 'z "q"', "a": 3},
        ]
        assert len(list(temporary.iterdir())) == 1
    assert list(temporary.iterdir()) == []


def test_csv_with_a_header_only(tmp_path: Path) -> None:
    with open_table(write(tmp_path / "t.csv", "a,b\n")) as table:
        assert (table.schema.names, table.rows, list(table.batches())) == (["a", "b"], 0, [])


def test_csv_types_widen_when_a_later_block_does_not_fit(tmp_path: Path) -> None:
    """The first 4 MB suggest types; the last row fits none of them."""
    pad = "x" * 1_000
    names = "number,sparse,label,day,flag,late,clock,text,pad"
    first = f"1,,7,2024-01-31,true,,10:00:00,,{pad}\n"
    last = f"1.5,2.5,seven,2024-01-31 10:30:00,maybe,2024-01-31 10:30:00.5,10:00:00.5,a note,{pad}\n"
    path = write(tmp_path / "t.csv", names + "\n" + first * 9_000 + last)
    with open_table(path) as table:
        assert {column.name: str(column.type) for column in table.schema} == {
            "number": "double",
            "sparse": "double",
            "label": "string",
            "day": "timestamp[s]",
            "flag": "string",
            "late": "timestamp[ns]",
            "clock": "time64[ns]",
            "text": "string",
            "pad": "string",
        }
        assert table.mixed == {"label": {"float": 9_000, "str": 1}, "flag": {"bool": 9_000, "str": 1}}
        assert table.rows == 9_001
        *_, final = rows_of(table, table.schema.names[:-1])
    assert final == {
        "number": 1.5,
        "sparse": 2.5,
        "label": "seven",
        "day": dt.datetime(2024, 1, 31, 10, 30),
        "flag": "maybe",
        "late": pd.Timestamp("2024-01-31 10:30:00.5"),
        "clock": dt.time(10, 0, 0, 500_000),
        "text": "a note",
    }


def test_csv_codes_keep_their_zeros_when_they_become_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "code,pad\n" + f"007,{'x' * 1_000}\n" * 9_000 + "A07,x\n")
    with open_table(path) as table:
        assert {row["code"] for row in rows_of(table, ["code"])} == {"007", "A07"}


def test_csv_rows_longer_than_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,2\n3,4,secret\n5,6\n")
    assert error_of(path, name="current") == (
        f"current: {path}, row 3 (the header is row 1): expected 2 columns, got 3; "
        "mend the row, or quote values that contain the delimiter ','"
    )


def test_csv_rows_shorter_than_the_header_far_into_the_file(tmp_path: Path, temporary: Path) -> None:
    """The row does not even fit the types, and the message still says which it is."""
    path = write(tmp_path / "t.csv", "a;b;c\n" + f"1;2;{'x' * 1_000}\n" * 9_000 + "3;secret\n5;6;7\n")
    assert error_of(path) == (
        f"table: {path}, row 9002 (the header is row 1): expected 3 columns, got 2; "
        "mend the row, or quote values that contain the delimiter ';'"
    )
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        "naïve,b\n1,2\n".encode("latin-1"),
        "a,b\n1,secrét\n".encode("latin-1"),
        b"a,b\n" + b"1,%s\n" % (b"x" * 1_000) * 9_000 + b"1,secr\xe9t\n",
        "a,b\n1,2\n".encode("utf-16"),
    ],
    ids=["header", "first block", "later block", "utf-16"],
)
def test_csv_that_is_not_utf8(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert error_of(path) == (
        f"table: {path} is not UTF-8; save it again as UTF-8, or convert it: iconv -f ENCODING -t UTF-8"
    )


def test_csv_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a,b\n1,2\n".encode("utf-8-sig"))
    with open_table(path) as table:
        assert rows_of(table) == [{"a": 1, "b": 2}]


def test_csv_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "\n \n\n")
    assert error_of(path) == f"table: {path} has no header; expected the names of the columns in the first row"


def test_csv_with_two_columns_of_one_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,a,b\n1,2,3,4\n")
    assert error_of(path) == f"table: {path} has several columns named 'a', 'b'; give each its own name"


def test_csv_with_a_quote_left_open(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n1,"secret\n' + "1,2\n" * 3_000_000)
    assert error_of(path) == (
        f"table: {path} cannot be read as CSV; look for a quote that is left open, or a row of more than 4 MB"
    )


def test_csv_that_is_no_gzip(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv.gz", "a,b\n1,2\n")
    assert re.fullmatch(
        rf"table: {path} cannot be read: it is truncated or damaged \(\w+\); write or fetch it again", error_of(path)
    )


def test_several_csv_files_each_have_a_copy(tmp_path: Path, temporary: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "1.csv", "a,b\n1,x\n")
    write(folder / "2.csv", "b,a\ny,2.5\n")
    write(folder / "3.csv", "a,b\n,\n")
    with open_table(folder / "*.csv") as table:
        assert rows_of(table) == [{"a": 1.0, "b": "x"}, {"a": 2.5, "b": "y"}, {"a": None, "b": None}]
        assert len(list(temporary.iterdir())) == 3
    assert list(temporary.iterdir()) == []
    write(folder / "4.csv", "a,b\n,7\n")
    assert error_of(folder) == (
        f"table: column 'b' is string in {folder}/1.csv but int64 in {folder}/4.csv; "
        "make the types equal, or read the files apart"
    )
    assert list(temporary.iterdir()) == []


def test_ctrl_c_in_a_process_that_reads_csv(tmp_path: Path) -> None:
    """A real signal, sent when the temporary copy has begun to grow."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    path = write(tmp_path / "t.csv", "a,b\n" + f"1,{'x' * 1_000}\n" * 100_000)
    script = "import sys; from holdfast.tables import open_table\nwhile True: open_table(sys.argv[1])"

    def begun() -> bool:
        with suppress(FileNotFoundError):  # a copy goes as quickly as it comes
            return any(file.stat().st_size for file in temporary.iterdir())
        return False

    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], env=environment, stderr=subprocess.PIPE
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while not begun() and time.monotonic() < deadline:
                time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in errors
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("start", ["", "\n", "\r\n\n"], ids=["header first", "blank line first", "blank lines first"])
def test_columns_without_a_name_are_called_as_pandas_calls_them(tmp_path: Path, start: str) -> None:
    path = write(tmp_path / "t.csv", f'{start},"a\nb",\n0,x,5\n1,y,z\n')
    with open_table(path) as table:
        assert table.schema.names == ["Unnamed: 0", "a\nb", "Unnamed: 2"] == list(pd.read_csv(path).columns)
        assert rows_of(table) == [
            {"Unnamed: 0": 0, "a\nb": "x", "Unnamed: 2": "5"},
            {"Unnamed: 0": 1, "a\nb": "y", "Unnamed: 2": "z"},
        ]


@pytest.mark.parametrize("header", [",Unnamed: 0,a", ",Unnamed: 0,Unnamed: 0.1"])
def test_a_file_that_pandas_wrote_twice_has_two_indices(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "t.csv", f"{header}\n0,1,2\n")
    with open_table(path) as table:
        assert table.schema.names == list(pd.read_csv(path).columns)


def test_a_nameless_column_that_widens_late_and_one_that_is_mixed(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(600_000))
    with open_table(write(tmp_path / "t.csv", f",a\n{rows}0.5,x\n")) as table:
        assert table.schema == pa.schema([("Unnamed: 0", pa.float64()), ("a", pa.string())])
        assert table.rows == 600_001
        assert table.mixed == {"a": {"float": 600_000, "str": 1}}


def test_the_row_of_a_ragged_file_with_a_nameless_column_is_told(tmp_path: Path) -> None:
    assert "row 3 (the header is row 1)" in error_of(write(tmp_path / "t.csv", ",a\n1,2\n3\n"))
