"""Any table, read again and again as a stream of Arrow record batches.

`open_table` takes an object that speaks Arrow, files, or a SQL query. It gives a `Table`: its columns, and a stream of
batches of those that are asked for. What can be read only once (a stream, a query) or only as a whole (CSV) is copied
once to a temporary Arrow file; everything else is read where it is. Memory is bounded by the batch, not by the table.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self
from urllib.parse import quote, unquote

import pyarrow as pa

from holdfast.errors import InputError, MissingExtraError, SettingError

KINDS = ("number", "boolean", "category", "text", "time", "nested")
"""What the values of a column are to statistics. "nested" columns are left out."""

_MAX_ROWS = 131_072
_MIN_ROWS = 1_024
_BATCH_BYTES = 16 * 2**20
_CSV_BLOCK_BYTES = 4 * 2**20

# What a CSV column may be when a later block does not fit the type that its first block suggested; after that, a text.
_CSV_WIDER = {
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
_READ_ERRORS = (pa.ArrowException, OSError)

_Read = Callable[[list[str], int], Iterator[pa.RecordBatch]]


def kind_of(data_type: pa.DataType) -> Literal["number", "boolean", "category", "time", "nested"]:
    """What values of an Arrow type are to statistics.

    Parameters
    ----------
    data_type
        Any Arrow type.

    Returns
    -------
    str
        One of `KINDS`, but never "text": the values tell whether strings are categories or free text, not the type.
        Times of day and durations are numbers. Binary, all-null and dictionary-encoded columns are categories.
        Lists, structs, maps, unions, run-end-encoded columns and calendar intervals are "nested".

    Examples
    --------
    >>> kind_of(pa.decimal128(10, 2)), kind_of(pa.date32()), kind_of(pa.list_(pa.int8()))
    ('number', 'time', 'nested')
    """
    types = pa.types
    if isinstance(data_type, pa.BaseExtensionType):
        return kind_of(data_type.storage_type)
    if types.is_boolean(data_type):
        return "boolean"
    if types.is_timestamp(data_type) or types.is_date(data_type):
        return "time"
    if types.is_dictionary(data_type):
        return "nested" if kind_of(data_type.value_type) == "nested" else "category"
    if _is_text(data_type) or types.is_fixed_size_binary(data_type) or types.is_null(data_type):
        return "category"
    numeric = (types.is_integer, types.is_floating, types.is_decimal, types.is_time, types.is_duration)
    return "number" if any(test(data_type) for test in numeric) else "nested"


def clean_text(array: pa.Array) -> tuple[pa.Array, int]:
    r"""Replace bytes that are not UTF-8 by U+FFFD, the replacement character.

    Files may call a column "string" whose bytes are not UTF-8, and Python raises when it meets such a value.

    Parameters
    ----------
    array
        Strings or binary, dictionary-encoded or not.

    Returns
    -------
    pa.Array
        Strings; the array itself where nothing was to be done.
    int
        How many rows were not UTF-8.

    Examples
    --------
    >>> array, invalid = clean_text(pa.array([b"caf\xc3\xa9", b"caf\xe9", None]))
    >>> array.to_pylist(), invalid
    (['café', 'caf\ufffd', None], 1)
    """
    encoded = pa.types.is_dictionary(array.type)
    text_type = array.type.value_type if encoded else array.type
    if pa.types.is_binary(text_type):
        text_type = pa.string()
    elif pa.types.is_large_binary(text_type):
        text_type = pa.large_string()
    target = pa.dictionary(array.type.index_type, text_type) if encoded else text_type
    try:
        (array.dictionary if encoded else array).validate(full=True)
        return (array if array.type == target else array.cast(target)), 0
    except pa.ArrowInvalid:
        plain = array.dictionary_decode() if encoded else array
    raw = plain.cast(pa.large_binary()).to_pylist()
    texts = [None if value is None else value.decode("utf-8", "replace") for value in raw]
    invalid = sum(text is not None and text.encode() != value for text, value in zip(texts, raw, strict=True))
    return pa.array(texts, text_type).cast(target), invalid


class Table:
    """A table that can be read again and again. `open_table` makes it.

    Attributes
    ----------
    name
        What messages call it, such as "reference" or "current".
    schema
        The columns that can be read, with unique names. Every batch has this schema, restricted to the columns asked
        for.
    rows
        Number of rows, where it is known without reading, else None.
    left_out
        Columns that are not read, each with the reason.
    mixed
        Columns that are given as strings because their values are of several types: the number of values by Python
        type. In a CSV file, by the type that the text looks like.
    """

    def __init__(self, name: str, parts: Sequence[_Part], temporary: ExitStack) -> None:
        self.name = name
        self.left_out: dict[str, str] = {}
        self.mixed: dict[str, dict[str, int]] = {}
        for part in parts:
            self.left_out.update(part.left_out)
            for column, counts in part.mixed.items():
                self.mixed[column] = dict(Counter(self.mixed.get(column)) + Counter(counts))
        types = _shared_types(parts)
        self.schema = pa.schema([(column, types[column]) for column in types if column not in self.left_out])
        self.rows = None if any(part.rows is None for part in parts) else sum(part.rows or 0 for part in parts)
        self._parts = parts
        self._finalizer = weakref.finalize(self, temporary.pop_all().close)

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_rows: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Read the table from its beginning.

        Parameters
        ----------
        columns
            The columns to read, in this order. None: all.
        batch_rows
            The most rows of a batch. None: 131,072, or fewer so that a batch stays near 16 MB, but at least 1,024.

        Returns
        -------
        Iterator[pa.RecordBatch]
            Batches of at least one row; none when the table has no rows.

        Raises
        ------
        InputError
            A column is not there or was left out, or the table is closed; while reading, a file proves damaged.
        SettingError
            `batch_rows` is less than 1.

        Examples
        --------
        >>> with open_table({"a": [1, 2, 3], "b": ["x", "y", "x"]}) as table:
        ...     [batch.to_pydict() for batch in table.batches(["b"], batch_rows=2)]
        [{'b': ['x', 'y']}, {'b': ['x']}]
        """
        if not self._finalizer.alive:
            raise InputError(f"{self.name}: the table is closed; open it again")
        if batch_rows is not None and batch_rows < 1:
            raise SettingError(f"expected batch_rows of at least 1, got {batch_rows}")
        wanted = self.schema.names if columns is None else list(columns)
        for column in wanted:
            if column in self.left_out:
                raise InputError(f"{self.name}: column {column!r} was left out: {self.left_out[column]}")
            if self.schema.get_field_index(column) < 0:
                raise InputError(f"{self.name}: there is no column {column!r}; check the name against the schema")
        return self._read(pa.schema([self.schema.field(column) for column in wanted]), batch_rows)

    def _read(self, target: pa.Schema, batch_rows: int | None) -> Iterator[pa.RecordBatch]:
        for part in self._parts:
            own = [column for column in target.names if column in part.types] or list(part.types)[:1]
            rows = batch_rows or _batch_rows(sum(part.widths.get(c, _width(part.types[c])) for c in own))
            try:
                for batch in part.read(own, rows):
                    for start in range(0, batch.num_rows, rows):
                        yield _conform(batch.slice(start, rows), part, target)
            except InputError as error:
                raise InputError(f"{self.name}: {error}") from None
            except _READ_ERRORS as error:
                raise InputError(f"{self.name}: {_failure(part.where, error)}") from None

    def close(self) -> None:
        """Remove the temporary files. Also done at the end of a `with` block, and when the table is collected."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_table(source: object, *, name: str = "table", query: str | None = None) -> Table:
    """Open a table for reading, whatever it is.

    Parameters
    ----------
    source
        One of

        - a table of pandas, Polars, PyArrow or DuckDB, any other object with `__arrow_c_stream__` or
          `__arrow_c_array__`, or a mapping of names to lists or arrays;
        - a path, a glob (`*`, `?`, `[...]`, `**`) or a URI (`file://`, `s3://`, `gs://`, `abfs://`, `hdfs://`; `*` and
          `**` in it) of Parquet, CSV or Arrow IPC files, a folder of them, or a Delta table (extra `delta`);
        - with `query`: `sqlite:///path` (extra `sqlite`) or `postgresql://user@host/database` (extra `postgres`).
    name
        What messages call the table.
    query
        SQL whose result is the table.

    Returns
    -------
    Table
        Close it, or use it in a `with` block: it may have a temporary copy, as large as its columns uncompressed, in
        the folder that the environment variable `TMPDIR` names.

    Raises
    ------
    InputError
        The source does not exist, is damaged or is none of the above; it has no columns, or two of one name; its files
        disagree on a type; the query failed. The message says what to do, and holds no value of the data.
    MissingExtraError
        The source needs a package that is not installed.

    Notes
    -----
    - Several files: a column that some of them lack is null there. Types that differ are promoted where no value
      changes its meaning (integers to floats, short integers and timestamps to longer ones). A folder named
      `key=value` is a column `key` of strings.
    - CSV: UTF-8, with a header, whose most frequent delimiter is taken. Empty cells, and those that pandas would take
      for missing, are null.
    - pandas: NaN is null. An index is a column if it has a name or holds timestamps.
    - PostgreSQL: NUMERIC is read as float64.

    Examples
    --------
    >>> with open_table({"amount": [1.5, 2.0], "pairs": [[1, 2], [3, 4]]}) as table:
    ...     table.schema.names, table.rows, table.left_out
    (['amount'], 2, {'pairs': 'values of type list are not read; give them columns of their own'})
    """
    # Whatever stops this function, Ctrl-C too: the stack removes the temporary files. After that, the table does.
    with ExitStack() as temporary:
        try:
            return Table(name, _parts(source, query, temporary), temporary)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        except _READ_ERRORS as error:
            reason, remedy = "it cannot be reached", "check the address and your access"
            raise InputError(f"{name}: {_failure('the source', error, reason, remedy)}") from None


def _parts(source: Any, query: str | None, temporary: ExitStack) -> Sequence[_Part]:
    """What the source consists of, by its kind."""
    if query is not None:
        return [_queried(str(source), query, temporary)]
    if isinstance(source, str | os.PathLike):
        return _stored(os.fspath(source), temporary)
    where = f"the {type(source).__name__}"
    if _is_frame(source, "pandas"):
        return [_of_columns(where, _pandas_columns(source))]
    if isinstance(source, Mapping):
        return [_of_columns(where, source.items())]
    if isinstance(source, pa.Table) or _is_frame(source, "polars"):
        return [_in_memory(where, pa.table(source))]
    if hasattr(source, "__arrow_c_array__") or hasattr(source, "__arrow_c_stream__"):
        return [_foreign(where, source, temporary)]
    raise InputError(
        "expected a path, a mapping of columns, or a table with the Arrow PyCapsule interface "
        f"(pandas, Polars, PyArrow, DuckDB), got {type(source).__module__}.{type(source).__qualname__}"
    )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One file, temporary copy or table in memory."""

    where: str  # what messages call it
    types: Mapping[str, pa.DataType]  # of the columns that can be read
    left_out: Mapping[str, str]
    read: _Read  # (columns, rows) -> batches that have these columns, and more rows where they were stored so
    mixed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rows: int | None = None
    fixed: Mapping[str, pa.Scalar] = field(default_factory=dict)  # columns of one value, which the file does not hold
    widths: Mapping[str, float] = field(default_factory=dict)  # bytes of a value, where they were measured


def _part(where: str, schema: pa.Schema, read: _Read, **more: Any) -> _Part:
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        raise InputError(f"{where} has several columns named {', '.join(map(repr, twice))}; give each its own name")
    if not schema.names:
        raise InputError(f"{where} has no columns; expected at least one")
    left_out = {
        column.name: f"values of type {str(column.type).partition('<')[0]} are not read; give them columns of their own"
        for column in schema
        if kind_of(column.type) == "nested"
    }
    types = {column.name: _plain_type(column) for column in schema if column.name not in left_out}
    if not types:
        raise InputError(f"{where} has only nested columns; give their values columns of their own")
    return _Part(where=where, types=types, left_out=left_out, read=read, **more)


def _is_text(data_type: pa.DataType) -> bool:
    types = pa.types
    strings = (types.is_string, types.is_large_string, types.is_string_view)
    return any(test(data_type) for test in (*strings, types.is_binary, types.is_large_binary, types.is_binary_view))


def _plain_type(column: pa.Field) -> pa.DataType:
    """The type in which a column is given: extension types and views, which few functions take, as what they hold."""
    data_type = column.type
    if (column.metadata or {}).get(b"ADBC:postgresql:typname") == b"numeric":  # which comes as the text of the number
        return pa.float64()
    if isinstance(data_type, pa.BaseExtensionType):
        return _plain_type(pa.field(column.name, data_type.storage_type))
    if pa.types.is_dictionary(data_type):
        return pa.dictionary(data_type.index_type, _plain_type(pa.field(column.name, data_type.value_type)))
    if pa.types.is_string_view(data_type):
        return pa.string()
    if pa.types.is_binary_view(data_type) or pa.types.is_fixed_size_binary(data_type):
        return pa.binary()
    return data_type


def _width(data_type: pa.DataType) -> float:
    """Bytes of a value; of texts, a guess."""
    try:
        return float(data_type.bit_width) / 8
    except ValueError:
        return 32


def _batch_rows(row_bytes: float) -> int:
    return max(_MIN_ROWS, min(_MAX_ROWS, int(_BATCH_BYTES / max(row_bytes, 1))))


def _shared_types(parts: Sequence[_Part]) -> dict[str, pa.DataType]:
    """The type of each column over all parts."""
    shared: dict[str, tuple[pa.DataType, str]] = {}
    for part in parts:
        for column, new in {**{key: value.type for key, value in part.fixed.items()}, **part.types}.items():
            old, where = shared.setdefault(column, (new, part.where))
            if new == old:
                continue
            common = _common_type(old, new)
            if common is None:
                raise InputError(
                    f"column {column!r} is {old} in {where} but {new} in {part.where}; "
                    "make the types equal, or read the files apart"
                )
            shared[column] = (common, where if common == old else part.where)
    return {column: data_type for column, (data_type, _) in shared.items()}


def _common_type(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    if pa.types.is_dictionary(a) and _is_text(b):
        a = a.value_type
    elif pa.types.is_dictionary(b) and _is_text(a):
        b = b.value_type
    try:
        schemas = [pa.schema([("", a)]), pa.schema([("", b)])]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None


def _conform(batch: pa.RecordBatch, part: _Part, target: pa.Schema) -> pa.RecordBatch:
    """The batch with the columns, order and types of `target`."""
    held = dict(zip(batch.schema.names, batch.columns, strict=True))
    arrays = []
    for column in target:
        if column.name in held:
            arrays.append(_cast(held[column.name], column, part.where))
        elif column.name in part.fixed:
            arrays.append(pa.repeat(part.fixed[column.name].cast(column.type), batch.num_rows))
        else:
            arrays.append(pa.nulls(batch.num_rows, column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=target)


def _cast(array: pa.Array, column: pa.Field, where: str) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if array.type == column.type:
        return array
    try:
        # A "safe" cast to floats would refuse integers above 2**53.
        return array.cast(column.type, safe=not pa.types.is_floating(column.type))
    except pa.ArrowException:
        raise InputError(
            f"column {column.name!r} of {where} holds values that do not fit {column.type}; make the types equal"
        ) from None


def _failure(
    where: str, error: Exception, reason: str = "it is truncated or damaged", remedy: str = "write or fetch it again"
) -> str:
    """The message for a read that failed, without Arrow's own text: it may quote values."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC:
        return f"no room for a temporary copy in {tempfile.gettempdir()}; set TMPDIR to a folder on a larger disk"
    if number:
        return f"{where} cannot be read: {os.strerror(number)}"
    return f"{where} cannot be read: {reason} ({type(error).__name__}); {remedy}"


# Tables in memory: used as they are.


def _is_frame(source: object, package: str) -> bool:
    """Whether this is a DataFrame of the package, which is not imported to tell."""
    frame = getattr(sys.modules.get(package), "DataFrame", None)
    return frame is not None and isinstance(source, frame)


def _in_memory(where: str, table: pa.Table) -> _Part:
    def read(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        yield from table.select(columns).to_batches(max_chunksize=rows)

    return _part(where, table.schema, read, rows=table.num_rows)


def _foreign(where: str, source: Any, temporary: ExitStack) -> _Part:
    """A record batch, or the copy of a stream, of any library."""
    try:
        if hasattr(source, "__arrow_c_array__"):
            return _in_memory(where, pa.Table.from_batches([pa.record_batch(source)]))
        own = isinstance(source, pa.RecordBatchReader)
        with source if own else pa.RecordBatchReader.from_stream(source) as reader:
            return _spilled(where, reader.schema, reader, _temporary_file(temporary))
    except Exception as error:
        if isinstance(error, InputError) or getattr(error, "errno", None):
            raise
        # Ctrl-C in a producer written in Python passes through the C interface as the text of its traceback.
        if str(error).rstrip().endswith("\nKeyboardInterrupt"):
            raise KeyboardInterrupt from None
        # Whatever else a producer raises may quote values.
        raise InputError(
            f"{where} gave no table ({type(error).__name__}); expected named columns that can be read to the end"
        ) from None


def _pandas_columns(frame: Any) -> Iterator[tuple[str, Any]]:
    """The columns of a pandas frame, after the levels of its index that say something."""
    for level in range(frame.index.nlevels):
        values = frame.index.get_level_values(level)
        if values.name is not None or values.dtype.kind == "M":
            yield str("index" if values.name is None else values.name), values.to_series()
    for position, label in enumerate(frame.columns):
        yield str(label), frame.iloc[:, position]


def _of_columns(where: str, columns: Iterable[tuple[object, Any]]) -> _Part:
    """Columns as they are where Arrow has a type for them, else as strings."""
    names, arrays = [], []
    left_out: dict[str, str] = {}
    mixed: dict[str, dict[str, int]] = {}
    for label, values in columns:
        name = str(label)
        if getattr(getattr(values, "dtype", None), "kind", None) == "c":
            left_out[name] = "complex numbers are not read; give the real and the imaginary part columns of their own"
            continue
        if not isinstance(values, Iterable) or isinstance(values, str | bytes) or getattr(values, "ndim", 1) != 1:
            raise InputError(f"column {name!r} of {where}: expected a list or 1-d array, got {type(values).__name__}")
        try:
            # pandas keeps the sparse values of a column apart, which Arrow does not know.
            array = pa.array(values.sparse.to_dense() if hasattr(values, "sparse") else values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            array, types = _as_strings(values)
            if len(types) > 1:
                mixed[name] = types
        names.append(name)
        arrays.append(array)
    lengths = {name: len(array) for name, array in zip(names, arrays, strict=True)}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{where} has columns of different lengths: {lengths}")
    part = _in_memory(where, pa.Table.from_arrays(arrays, names=names))
    return replace(part, left_out={**part.left_out, **left_out}, mixed=mixed)


def _as_strings(values: Any) -> tuple[pa.Array, dict[str, int]]:
    """Values of several Python types as strings, and how many there are of each type."""
    if hasattr(values, "notna"):  # of pandas: one sign for all that is missing
        values = values.astype(object).where(values.notna(), None)
    listed = list(values)
    types = Counter(type(value).__name__ for value in listed if value is not None)
    # A lone surrogate has no UTF-8.
    texts = [None if value is None else str(value).encode("utf-8", "replace").decode() for value in listed]
    return pa.array(texts, pa.string()), dict(types)


# What can be read only once: copied to a temporary file.


def _temporary_file(temporary: ExitStack) -> str:
    handle, path = tempfile.mkstemp(prefix="holdfast-", suffix=".arrows")
    temporary.callback(Path(path).unlink, missing_ok=True)
    os.close(handle)
    return path


def _spilled(where: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: str) -> _Part:
    """Copy the columns that can be read to an uncompressed Arrow stream at `path`."""
    left_out = _part(where, schema, _no_batches).left_out
    kept = pa.schema([column for column in schema if column.name not in left_out])
    rows = 0
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, kept) as writer:
        for table in _gathered(batches, kept):
            writer.write_table(table)
            rows += table.num_rows
    return replace(_ipc(where, lambda: pa.OSFile(path)), left_out=left_out, rows=rows)


def _no_batches(*_: object) -> Iterator[pa.RecordBatch]:
    return iter(())


def _gathered(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Small batches together and large ones cut, so that the copy is read in few pieces, and with little memory."""
    waiting: list[pa.RecordBatch] = []
    free = 1.0  # share of the next piece
    for whole in batches:
        batch = whole.select(schema.names)
        rows = _batch_rows(batch.nbytes / max(batch.num_rows, 1))
        for start in range(0, batch.num_rows, rows):
            piece = batch.slice(start, rows)
            if piece.num_rows / rows > free:
                yield pa.Table.from_batches(waiting, schema).combine_chunks()
                waiting, free = [], 1.0
            waiting.append(piece)
            free -= piece.num_rows / rows
    if waiting:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()


def _queried(address: str, query: str, temporary: ExitStack) -> _Part:
    """The result of a query over ADBC."""
    scheme, _, rest = address.partition("://")
    if scheme == "sqlite":
        dbapi = _driver("sqlite", "sqlite", "SQLite")
        path = _sqlite_path(rest)
        # Read-only: no query writes, and a mistyped path makes no new database.
        address, where = f"file:{quote(path)}?mode=ro", f"the query on {path}"
        options = {"adbc.sqlite.query.batch_rows": str(_MAX_ROWS)}  # the types are told from the first batch
    elif scheme in ("postgresql", "postgres"):
        dbapi = _driver("postgresql", "postgres", "PostgreSQL")
        where, options = "the query on PostgreSQL", {}  # not the address: it may hold a password
    else:
        raise InputError("expected sqlite:///path or postgresql://user@host/database as the source of the query")
    schema = None
    try:
        with dbapi.connect(address) as connection, connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**options)
            cursor.execute(query)
            with cursor.fetch_record_batch() as reader:
                schema = reader.schema
                return _spilled(where, schema, reader, _temporary_file(temporary))
    except (dbapi.Error, *_READ_ERRORS) as error:
        if getattr(error, "errno", None):
            raise
        raise InputError(_query_failure(where, error, schema)) from None


def _driver(driver: str, extra: str, database: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"adbc_driver_{driver}.dbapi")
    except ModuleNotFoundError:
        raise MissingExtraError(f"adbc-driver-{driver}", extra, f"Reading {database}") from None


def _sqlite_path(rest: str) -> str:
    """The file that `sqlite://{rest}` means: relative, as SQLAlchemy reads it, or absolute, as in other URIs."""
    path = unquote(rest.removeprefix("/"))
    for candidate in (Path(path), Path(f"/{path}")):
        if candidate.is_file():
            return str(candidate.absolute())
    raise InputError(f"the SQLite file {path!r} does not exist; expected sqlite:/// and the path of a database")


def _query_failure(where: str, error: Exception, schema: pa.Schema | None) -> str:
    """The message for a failed query. Of the driver's texts, those on names, syntax and connecting hold no values."""
    text = str(error)
    _, refused, rest = text.partition("Failed to prepare query: ")
    if refused and (getattr(error, "sqlstate", None) or "42").startswith("42"):
        reason = rest.partition("\n")[0]
        return f"{where} is refused: {reason}; mend the query"
    _, unconnected, rest = text.partition("connection to server ")
    if unconnected:
        reason = rest.partition("\n")[0]
        return f"no connection to server {reason}; check the address and the server"
    if "readonly database" in text:
        return f"{where} would write; expected one that only reads"
    mismatch = re.search(r"Type mismatch in column (\d+)", text)
    if mismatch and schema is not None:
        column = schema.names[int(mismatch[1])]
        return (
            f"column {column!r} of {where} holds values of several types; give it one type in the query, "
            f'such as CAST("{column}" AS TEXT), and order the rows so that its nulls come last'
        )
    return f"{where} was stopped by the database; run it in the database's own client to see why"


# Files


def _stored(address: str, temporary: ExitStack) -> Sequence[_Part]:
    """The files that a path, glob or URI names."""
    from pyarrow.fs import FileType

    files, path = _located(address)
    info = files.get_file_info(path)
    base, found = path, [info]
    if info.type == FileType.Directory:
        if files.get_file_info(f"{path}/_delta_log").type == FileType.Directory:
            return _delta(files, path, address, temporary)
        found = _files_below(files, info)
        if not found:
            raise InputError(f"the folder {path} holds no table; expected a Delta table, or files ending in {_ENDINGS}")
    elif info.type == FileType.NotFound and re.search(r"[*?[]", path):
        base, pattern = _fixed_start(path)
        below = (file for match in _matching(files, base, pattern) for file in _files_below(files, match))
        found = list({file.path: file for file in below}.values())  # `**` meets a file once for each folder above it
        if not found:
            raise InputError(f"no table matches {path}; check the pattern: expected files ending in {_ENDINGS}")
    elif info.type == FileType.NotFound:
        start = "" if "://" in address else f" (relative ones start at {Path.cwd()})"
        raise InputError(f"{path} does not exist; check the path{start}")
    elif _reader_of(path) is None:
        raise InputError(f"{path} has an unknown ending; expected one of {_ENDINGS}: rename or convert the file")
    read, *others = {_reader_of(file.path) for file in found}
    assert read is not None
    if others:
        raise InputError(f"{path} names files of several formats; name those of one format, as in {path}/*.parquet")
    parts = []
    for file in sorted(found, key=lambda file: str(file.path)):
        if file.size == 0:
            raise InputError(f"{file.path} is empty (0 bytes); write it again, or leave it out")
        part = _opened(read, files, file.path, temporary)
        parts.append(replace(part, fixed=_named_in_folders(file.path.removeprefix(base))))
    return parts


def _opened(read: Callable[..., _Part], files: Any, path: str, temporary: ExitStack) -> _Part:
    try:
        return read(files, path, temporary)
    except _READ_ERRORS as error:
        raise InputError(_failure(path, error)) from None


def _located(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path there."""
    from pyarrow import fs

    scheme, separator, _ = address.partition("://")
    if not separator:
        return fs.LocalFileSystem(), Path(address).expanduser().absolute().as_posix()
    if scheme in ("sqlite", "postgresql", "postgres"):
        raise InputError("a database came without a query; say which rows with query='SELECT ...'")
    try:
        files, path = fs.FileSystem.from_uri(address)
    except _READ_ERRORS:
        # The address is not repeated: it may hold a key.
        raise InputError(
            f"the {scheme}:// address cannot be opened; expected a path, or a URI of file, s3, gs, abfs or hdfs "
            "(with %20 for a space)"
        ) from None
    return files, path


def _fixed_start(path: str) -> tuple[str, list[str]]:
    """The folder before the first wildcard, and the names from there on."""
    names = path.split("/")
    first = next(position for position, name in enumerate(names) if re.search(r"[*?[]", name))
    return "/".join(names[:first]) or "/", names[first:]


def _matching(files: Any, folder: str, pattern: list[str]) -> Iterator[Any]:
    """What lies below the folder and fits the pattern, name by name; `**` is any number of folders."""
    from pyarrow.fs import FileSelector, FileType

    name, *rest = pattern
    if name == "**":
        yield from _matching(files, folder, rest or ["*"])
    for info in files.get_file_info(FileSelector(folder, allow_not_found=True)):
        if info.base_name[0] in "._" and name[0] not in "._":  # what writers hide
            continue
        if name == "**":
            if info.type == FileType.Directory:
                yield from _matching(files, info.path, pattern)
        elif fnmatchcase(info.base_name, name):
            if not rest:
                yield info
            elif info.type == FileType.Directory:
                yield from _matching(files, info.path, rest)


def _files_below(files: Any, info: Any) -> list[Any]:
    """The tables in a folder and its folders, but for names that writers hide; or the file itself."""
    from pyarrow.fs import FileSelector, FileType

    if info.type == FileType.File:
        return [info] if _reader_of(info.path) else []
    return [
        file
        for file in files.get_file_info(FileSelector(info.path, recursive=True))
        if file.type == FileType.File
        and _reader_of(file.path)
        and not any(name[0] in "._" for name in PurePosixPath(file.path).relative_to(info.path).parts)
    ]


def _named_in_folders(path: str) -> dict[str, pa.Scalar]:
    """The columns that folders named `key=value` stand for."""
    pairs = [name.split("=", 1) for name in path.split("/")[:-1] if "=" in name]
    return {
        unquote(key): pa.scalar(None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value), pa.string())
        for key, value in pairs
    }


def _parquet(files: Any, path: str, *_: object) -> _Part:
    import pyarrow.parquet as pq

    # Each column is read ahead in small pieces; `pre_buffer` would hold a row group. Remote stores want fewer requests.
    buffer_bytes = 2**18 if files.type_name == "local" else 2**22

    def opened(dictionaries: Sequence[str]) -> Any:
        return pq.ParquetFile(
            path, filesystem=files, read_dictionary=dictionaries, buffer_size=buffer_bytes, pre_buffer=False
        )

    with opened([]) as file:
        metadata, schema = file.metadata, file.schema_arrow
    stored: Counter[str] = Counter()
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(metadata.num_columns)):
            stored[chunk.path_in_schema] += chunk.total_uncompressed_size
    rows = metadata.num_rows
    # Strings come as dictionaries, which is three times as fast; but not where there are so many values that the writer
    # gave up its own (at 1 MB): the dictionary would grow with every batch of the row group.
    dictionaries = [
        column.name
        for column in schema
        if kind_of(column.type) == "category" and stored[column.name] <= max(4 * rows, 2**20)
    ]
    with opened(dictionaries) as file:
        schema = file.schema_arrow

    def read(columns: list[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
        with opened(dictionaries) as file:
            yield from file.iter_batches(batch_rows, columns=columns)

    widths = {column.name: max(_width(column.type), stored[column.name] / max(rows, 1)) for column in schema}
    return _part(path, schema, read, rows=rows, widths=widths)


def _delta(files: Any, path: str, address: str, temporary: ExitStack) -> Sequence[_Part]:
    """The Parquet files of the latest version of a Delta table."""
    try:
        import deltalake
    except ModuleNotFoundError:
        raise MissingExtraError("deltalake", "delta", "Reading a Delta table") from None
    from pyarrow.dataset import get_partition_keys
    from pyarrow.fs import SubTreeFileSystem

    try:
        table = deltalake.DeltaTable(path if files.type_name == "local" else address)
        dataset = table.to_pyarrow_dataset(filesystem=SubTreeFileSystem(path, files))
    except deltalake.exceptions.DeltaProtocolError as error:  # names the features that are missing
        raise InputError(f"the Delta table {path} cannot be read: {error}") from None
    except deltalake.exceptions.DeltaError as error:
        raise InputError(f"{path} is no readable Delta table ({type(error).__name__}); check its _delta_log") from None
    parts = []
    for fragment in dataset.get_fragments():
        values = get_partition_keys(fragment.partition_expression)
        fixed = {
            column: pa.scalar(values.get(column), dataset.schema.field(column).type)
            for column in table.metadata().partition_columns
        }
        part = _opened(_parquet, files, f"{path}/{fragment.path}", temporary)
        parts.append(replace(part, fixed=fixed))
    held = {column for part in parts for column in (*part.types, *part.fixed)}
    declared = _part(path, dataset.schema, _no_batches, rows=0)
    unheld = {column: data_type for column, data_type in declared.types.items() if column not in held}
    return [*parts, replace(declared, types=unheld)]


def _arrow_ipc(files: Any, path: str, *_: object) -> _Part:
    # Mapped, an uncompressed file costs no memory, however large its batches are.
    return _ipc(path, lambda: pa.memory_map(path) if files.type_name == "local" else files.open_input_file(path))


def _ipc(where: str, open_input: Callable[[], Any]) -> _Part:
    """Arrow IPC, in the file format or the stream format."""
    with open_input() as source:
        indexed = source.read(6) == b"ARROW1"
        source.seek(0)
        schema = (pa.ipc.open_file if indexed else pa.ipc.open_stream)(source).schema

    def read(columns: list[str], _: int) -> Iterator[pa.RecordBatch]:
        options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(column) for column in columns])
        with open_input() as source:
            if indexed:
                reader = pa.ipc.open_file(source, options=options)
                yield from map(reader.get_batch, range(reader.num_record_batches))
            else:
                yield from pa.ipc.open_stream(source, options=options)

    return _part(where, schema, read)


def _csv(files: Any, path: str, temporary: ExitStack) -> _Part:
    """Copy a CSV file with the types of its first block. A column that does not fit later is read as a wider type.

    Each such step costs one more reading, up to the place where the column did not fit. The last step is text.
    """
    from pyarrow import csv

    delimiter = _csv_delimiter(files, path)
    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    def opened(stream: Any, types: Mapping[str, pa.DataType], *, use_threads: bool = True) -> Any:
        return csv.open_csv(
            stream,
            read_options=csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=use_threads),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
            convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=True),
        )

    target = _temporary_file(temporary)
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
                if any(pa.types.is_binary(column.type) for column in schema):
                    raise InputError(_not_utf8(path))
                part = _spilled(path, schema, _looked_at(reader, looks), target)
        except pa.ArrowInvalid as error:
            if ragged:
                break
            column = _misfit(path, schema, error)
            first.setdefault(column.name, column.type)
            steps = [first[column.name], *_CSV_WIDER.get(str(first[column.name]), ()), pa.string()]
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


def _csv_delimiter(files: Any, path: str) -> str:
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


def _not_utf8(path: str) -> str:
    return f"{path} is not UTF-8; save it again as UTF-8, or convert it: iconv -f ENCODING -t UTF-8"


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


_READERS: Mapping[tuple[str, ...], Callable[..., _Part]] = {
    (".parquet", ".pq"): _parquet,
    (".csv", ".csv.gz", ".tsv", ".tsv.gz"): _csv,
    (".arrow", ".arrows", ".feather", ".ipc"): _arrow_ipc,
}
_ENDINGS = ", ".join(ending for endings in _READERS for ending in endings)


def _reader_of(path: str) -> Callable[..., _Part] | None:
    return next((read for endings, read in _READERS.items() if path.lower().endswith(endings)), None)
