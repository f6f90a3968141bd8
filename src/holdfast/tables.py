"""Any table, read again and again as a stream of Arrow record batches.

`open_table` takes an object that speaks Arrow, files, or a SQL query. It gives a `Table`: its columns, and a stream of
batches of those that are asked for. What can be read only once (a stream, a query) or only as a whole (CSV) is copied
once to a temporary Arrow file; everything else is read where it is. Memory is bounded by the batch, not by the table.
"""

from __future__ import annotations

import os
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Self

import pyarrow as pa

from holdfast.errors import InputError, SettingError
from holdfast.sources.arrow_types import KINDS, is_text, kind_of
from holdfast.sources.batch_size import rows_per_batch, width
from holdfast.sources.database import open_query
from holdfast.sources.failures import READ_ERRORS, failure
from holdfast.sources.files import open_files
from holdfast.sources.frames import open_frame
from holdfast.sources.part import Part

__all__ = ["KINDS", "Table", "clean_text", "kind_of", "open_table"]

_BATCHES_TO_RELEASE = 4
"""After so many full batches free memory is given back: the peak then does not grow with the table."""


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

    def __init__(self, name: str, parts: Sequence[Part], temporary: ExitStack) -> None:
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
            The most rows of a batch. None: 131,072, or fewer so that a batch stays near 128 MB, but at least 1,024.

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
            rows = batch_rows or rows_per_batch(sum(part.widths.get(c, width(part.types[c])) for c in own))
            try:
                unreleased = 0
                for batch in part.read(own, rows):
                    for start in range(0, batch.num_rows, rows):
                        yield _conform(batch.slice(start, rows), part, target)
                    unreleased += batch.num_rows
                    if unreleased >= _BATCHES_TO_RELEASE * rows:
                        pa.default_memory_pool().release_unused()
                        unreleased = 0
            except InputError as error:
                raise InputError(f"{self.name}: {error}") from None
            except READ_ERRORS as error:
                raise InputError(f"{self.name}: {failure(part.where, error)}") from None

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
    - A column without a name is called by its place, as pandas calls it: `Unnamed: 0` (files of Parquet, Arrow and Delta
      keep theirs).
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
        except READ_ERRORS as error:
            reason, remedy = "it cannot be reached", "check the address and your access"
            raise InputError(f"{name}: {failure('the source', error, reason, remedy)}") from None


def _parts(source: Any, query: str | None, temporary: ExitStack) -> Sequence[Part]:
    """What the source consists of, by its kind."""
    if query is not None:
        return [open_query(str(source), query, temporary)]
    if isinstance(source, str | os.PathLike):
        return open_files(os.fspath(source), temporary)
    return [open_frame(source, temporary)]


def _shared_types(parts: Sequence[Part]) -> dict[str, pa.DataType]:
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
    if pa.types.is_dictionary(a) and is_text(b):
        a = a.value_type
    elif pa.types.is_dictionary(b) and is_text(a):
        b = b.value_type
    try:
        schemas = [pa.schema([("", a)]), pa.schema([("", b)])]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None


def _conform(batch: pa.RecordBatch, part: Part, target: pa.Schema) -> pa.RecordBatch:
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
