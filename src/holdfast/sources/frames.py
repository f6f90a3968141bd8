"""Objects that hold a table: data frames, mappings of columns, whatever speaks Arrow. Used as they are, but for streams."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.sources.copies import copied, temporary_file
from holdfast.sources.part import Part, named, part_of


def open_frame(source: Any, temporary: ExitStack) -> Part:
    """The table that an object holds."""
    where = f"the {type(source).__name__}"
    if _is_frame(source, "pandas"):
        return _of_columns(where, _pandas_columns(source))
    if isinstance(source, Mapping):
        return _of_columns(where, source.items())
    if isinstance(source, pa.Table) or _is_frame(source, "polars"):
        return _in_memory(where, pa.table(source))
    if hasattr(source, "__arrow_c_array__") or hasattr(source, "__arrow_c_stream__"):
        return _foreign(where, source, temporary)
    raise InputError(
        "expected a path, a mapping of columns, or a table with the Arrow PyCapsule interface "
        f"(pandas, Polars, PyArrow, DuckDB), got {type(source).__module__}.{type(source).__qualname__}"
    )


def _is_frame(source: object, package: str) -> bool:
    """Whether this is a DataFrame of the package, which is not imported to tell."""
    frame = getattr(sys.modules.get(package), "DataFrame", None)
    return frame is not None and isinstance(source, frame)


def _in_memory(where: str, table: pa.Table) -> Part:
    table = table.rename_columns(named(table.schema.names))

    def read(columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        yield from table.select(columns).to_batches(max_chunksize=rows)

    return part_of(where, table.schema, read, rows=table.num_rows)


def _foreign(where: str, source: Any, temporary: ExitStack) -> Part:
    """A record batch, or the copy of a stream, of any library."""
    try:
        if hasattr(source, "__arrow_c_array__"):
            return _in_memory(where, pa.Table.from_batches([pa.record_batch(source)]))
        own = isinstance(source, pa.RecordBatchReader)
        with source if own else pa.RecordBatchReader.from_stream(source) as reader:
            return copied(where, reader.schema, reader, temporary_file(temporary))
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


def _of_columns(where: str, columns: Iterable[tuple[object, Any]]) -> Part:
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
