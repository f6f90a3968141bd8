"""Bodies of many rows: CSV and Arrow IPC streams in, and answers as CSV and Arrow IPC streams out."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from holdfast.kinds import Kind
from holdfast.serve.arrow_stream import read_stream, values_in
from holdfast.serve.columnar import Columnar, check_rows
from holdfast.serve.errors import ServeError
from holdfast.serve.fields import WHOLE, Field
from holdfast.serve.outputs import CONTRIBUTIONS, Output
from holdfast.serve.request import MOST_ROWS, Reply, Request


def read_csv(body: bytes, columnar: Columnar, *, explain: bool = False) -> Request:
    """The rows of CSV in UTF-8, whose first line names the fields, and what is wrong with them. An empty cell is missing.

    Raises
    ------
    ServeError
        400 it cannot be read, or names a field twice; 413 too many rows; 422 far too many problems.
    """
    rows: list[list[str]] = []
    # Not as one text, which would take four bytes for each of its characters.
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline=""), strict=True)
    try:
        names = next(reader, [])
        for row in reader:
            if not row:
                continue  # an empty line, such as the last one
            if len(row) != len(names):
                raise ServeError(
                    400,
                    f"CSV, line {reader.line_num}: expected {len(names)} cells, as in the first line; got {len(row)}.",
                )
            rows.append(row)
            if len(rows) > MOST_ROWS:
                break
    except UnicodeDecodeError:
        raise ServeError(400, "Expected CSV in UTF-8.") from None
    except csv.Error as error:
        # These errors hold no cell.
        raise ServeError(400, f"CSV, line {reader.line_num}: {error}.") from None
    check_rows(len(rows))
    strange = _checked(names, columnar)
    columns = {
        name: _parsed(columnar.by_name.get(name), cells)
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
        if name in columnar.used
    }
    return columnar.request(columns, len(rows), strange=strange, explain=explain)


def read_arrow(body: bytes, columnar: Columnar, *, explain: bool = False) -> Request:
    """The rows of an Arrow IPC stream, whose columns are named as the fields, and what is wrong with them.

    Raises
    ------
    ServeError
        400 it cannot be read, names a field twice, or has a type that no field has; 413 too many rows; 422 far too many
        problems.
    """
    table = read_stream(body)
    check_rows(table.num_rows)
    strange = _checked(table.column_names, columnar)
    columns = {
        name: values_in(column, name)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name in columnar.used
    }
    return columnar.request(columns, table.num_rows, strange=strange, explain=explain)


def _checked(names: Sequence[str], columnar: Columnar) -> int:
    """How many names are none that the schema knows."""
    twice = [name for name, count in Counter(names).items() if count > 1 and name in columnar.used]
    if twice:
        raise ServeError(400, f"The field {twice[0]!r} is named more than once.")
    return sum(name not in columnar.known for name in names)


def _parsed(field: Field | None, cells: Sequence[str]) -> list[Any]:
    """Cells as what their field holds; text that is no such thing stays text, which then is a problem of its row."""
    kind = None if field is None else field.column.kind
    if field is None or kind not in (Kind.NUMBER, Kind.BOOLEAN):
        return [cell or None for cell in cells]
    if kind is Kind.BOOLEAN:
        return [_BOOLEANS.get(cell.strip().lower(), cell) for cell in cells]
    number, one_by_one = (int, _whole) if field.at_rest == "int64" else (float, _number)
    if "_" not in "".join(cells):
        with suppress(ValueError, OverflowError):
            values: list[Any] = list(map(number, cells))
            if math.isfinite(sum(values)):  # one sum tells of every NaN
                return values
    return list(map(one_by_one, cells))


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": None}


def _number(cell: str) -> float | str | None:
    try:
        value = float(cell)
    except ValueError:
        return cell if cell.strip() else None
    # Python passes over underscores; what is too large for a float would become infinite.
    return None if math.isnan(value) else cell if math.isinf(value) or "_" in cell else value


def _whole(cell: str) -> float | str | None:
    """A whole number is not read as a float, which may have no room for it; but 12.0 is one, too."""
    try:
        return cell if "_" in cell else int(cell)
    except ValueError:
        value = _number(cell)
        return cell if isinstance(value, float) and abs(value) >= WHOLE else value


def write_csv(reply: Reply, outputs: Sequence[Output]) -> bytes:
    """The answers as CSV, one line for each row; what is missing is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = _columns(reply, outputs)
    writer.writerow(name for name, _, _ in columns)
    cells = [_CELLS[datatype](values) for _, datatype, values in columns]
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode()


def write_arrow(reply: Reply, outputs: Sequence[Output]) -> bytes:
    """The answers as an Arrow IPC stream; what is missing is null."""
    columns = _columns(reply, outputs)
    arrays = [pa.array(values, _ARROW[datatype], from_pandas=True) for _, datatype, values in columns]
    batch = pa.record_batch(arrays, names=[name for name, _, _ in columns])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _columns(reply: Reply, outputs: Sequence[Output]) -> list[tuple[str, str, Sequence[Any]]]:
    """Name, datatype and values of each column; an output with labels has one for each, such as `score_b`."""
    columns: list[tuple[str, str, Sequence[Any]]] = []
    for output in sorted(outputs, key=lambda one: one.name != "id"):  # a table starts with its key
        if output.name == CONTRIBUTIONS and reply.contributions is None:
            continue
        values = output.of(reply)
        if not output.labels:
            columns.append((output.name, output.datatype, values))
            continue
        for label, column in zip(output.labels, zip(*values, strict=True), strict=True):
            columns.append((f"{output.name}_{label}", output.datatype, column))
    return columns


_ARROW = {"BOOL": pa.bool_(), "FP64": pa.float64(), "BYTES": pa.string()}
_CELLS: dict[str, Callable[[Sequence[Any]], list[Any]]] = {
    "BOOL": lambda values: ["" if value is None else "true" if value else "false" for value in values],
    "FP64": lambda values: ["" if value is None or math.isnan(value) else value for value in values],
    "BYTES": lambda values: ["" if value is None else value for value in values],
}
