"""CSV files, whatever the delimiter: copied once, with the types that all of their values fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.sources.copies import copied, temporary_file
from holdfast.sources.part import Part, named

_BLOCK_BYTES = 4 * 2**20
# What a column may be when a later block does not fit the type that its first block suggested; after that, a text.
_WIDER = {
    "null": (pa.float64(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")),
    "int64": (pa.float64(),),
    "date32[day]": (pa.timestamp("s"), pa.timestamp("ns")),
    "time32[s]": (pa.time64("ns"),),
    "timestamp[s]": (pa.timestamp("ns"),),
    "timestamp[s, tz=UTC]": (pa.timestamp("ns", "UTC"),),
}
# What a text looks like, by Python type.
_LOOKS = {
    "float": r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$",
    "datetime": r"^\d{4}-\d\d-\d\d",
    "bool": r"^(?i:true|false)$",
}


def open_delimited(files: Any, path: str, temporary: ExitStack) -> Part:
    """Copy a CSV file with the types of its first block. A column that does not fit later is read as a wider type.

    Each such step costs one more reading, up to the place where the column did not fit. The last step is text.
    """
    from pyarrow import csv

    delimiter = _delimiter(files, path)
    names, header = list[str](), 0  # given, and the rows to pass over then, where the header leaves a name empty
    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    def opened(stream: Any, types: Mapping[str, pa.DataType], *, use_threads: bool = True) -> Any:
        return csv.open_csv(
            stream,
            read_options=csv.ReadOptions(
                block_size=_BLOCK_BYTES, use_threads=use_threads, column_names=names, skip_rows_after_names=header
            ),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
            convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=True),
        )

    target = temporary_file(temporary)
    schema = pa.schema([])
    first: dict[str, pa.DataType] = {}
    types: dict[str, pa.DataType] = {}
    while True:
        # A column that is null in its whole first block may well be text: its values are not of several types.
        given_up = [name for name, now in types.items() if now == pa.string() and not pa.types.is_null(first[name])]
        looks: dict[str, Counter[str]] = {name: Counter() for name in given_up}
        try:
            with files.open_input_stream(path) as stream, opened(stream, types) as reader:
                schema = reader.schema
                if "" in schema.names:
                    names, header = named(schema.names), 1 + _blank_lines(files, path)
                    continue
                if any(pa.types.is_binary(column.type) for column in schema):
                    raise InputError(_not_utf8(path))
                part = copied(path, schema, _looked_at(reader, looks), target)
        except pa.ArrowInvalid as error:
            if ragged:
                break
            column = _misfit(path, schema, error)
            first.setdefault(column.name, column.type)
            steps = [first[column.name], *_WIDER.get(str(first[column.name]), ()), pa.string()]
            types[column.name] = steps[steps.index(column.type) + 1]
        else:
            return replace(part, mixed=looks)
    # The number of a row is only known when one thread reads them in turn.
    with suppress(pa.ArrowInvalid), files.open_input_stream(path) as stream:
        for _ in opened(stream, dict.fromkeys(schema.names, pa.string()), use_threads=False):
            pass
    row = next((row for row in ragged if row.number), ragged[0])
    raise InputError(
        f"{path}, row {row.number} (the header is row 1): expected {row.expected_columns} columns, "
        f"got {row.actual_columns}; mend the row, or quote values that contain the delimiter {delimiter!r}"
    )


def _delimiter(files: Any, path: str) -> str:
    """The delimiter that the header has most of."""
    with files.open_input_stream(path) as stream:
        header = stream.read(2**20).lstrip(b"\r\n").partition(b"\n")[0]
    try:
        names = re.sub(r'"[^"]*"', "", header.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(_not_utf8(path)) from None
    if not header.strip():
        raise InputError(f"{path} has no header; expected the names of the columns in the first row")
    return "\t" if ".tsv" in PurePosixPath(path.lower()).suffixes else max(",;\t|", key=names.count)


def _blank_lines(files: Any, path: str) -> int:
    """How many empty lines come before the header."""
    with files.open_input_stream(path) as stream:
        start = stream.read(2**20)
    return len(start[: -len(start.lstrip(b"\r\n"))].splitlines())


def _misfit(path: str, schema: pa.Schema, error: pa.ArrowInvalid) -> pa.Field:
    """The column that does not fit its type, out of Arrow's message, the rest of which quotes the value."""
    if str(error).endswith("invalid UTF8 data"):
        raise InputError(_not_utf8(path)) from None
    misfit = re.match(r"In CSV column #(\d+):", str(error))
    if misfit is None:
        raise InputError(
            f"{path} cannot be read as CSV; look for a quote that is left open, or a row of more than 4 MB"
        ) from None
    return schema.field(int(misfit[1]))


def _looked_at(batches: Iterable[pa.RecordBatch], looks: Mapping[str, Counter[str]]) -> Iterator[pa.RecordBatch]:
    """The batches; on the way, counts what the values of some columns look like."""
    import pyarrow.compute as pc

    for batch in batches:
        for column, counts in looks.items():
            texts = batch.column(column).drop_null()
            like = {name: pc.sum(pc.match_substring_regex(texts, look)).as_py() or 0 for name, look in _LOOKS.items()}
            counts.update(like, str=len(texts) - sum(like.values()))
        yield batch


def _not_utf8(path: str) -> str:
    return f"{path} is not UTF-8; save it again as UTF-8, or convert it: iconv -f ENCODING -t UTF-8"
