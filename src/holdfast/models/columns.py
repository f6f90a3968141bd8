"""Columns of an Arrow table as the arrays that models want, picked by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.errors import InputError, MissingExtraError


def table_of(rows: Any) -> pa.Table:
    """Rows as an Arrow table, whatever library they are of: PyArrow, pandas, Polars, DuckDB, or a mapping of columns.

    Raises
    ------
    InputError
        When they are no table.

    Examples
    --------
    >>> table_of({"a": [1, 2]}).column_names
    ['a']
    """
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, Mapping) or hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "__arrow_c_array__"):
        try:
            return pa.table(rows)
        except (pa.ArrowException, TypeError, ValueError) as error:
            # Its text may quote values.
            raise InputError(
                f"the {type(rows).__name__} cannot be read as a table ({type(error).__name__}): give columns of one type "
                "and one length"
            ) from None
    raise InputError(
        f"expected rows as a table (PyArrow, pandas, Polars) or a mapping of names to columns, got {type(rows).__name__}"
    )


def select(rows: pa.Table, features: Sequence[str]) -> pa.Table:
    """The columns that a model wants, in the order that it wants.

    Raises
    ------
    InputError
        When a column is missing, or a name is there twice.

    Examples
    --------
    >>> select(pa.table({"b": [1], "spare": [2], "a": [3]}), ["a", "b"]).column_names
    ['a', 'b']
    """
    held = rows.column_names
    missing = [name for name in features if name not in held]
    if missing:
        raise InputError(
            f"the model wants the column{'s' if len(missing) > 1 else ''} {_listed(missing)}, and the data have none of "
            f"that name; their columns are {_listed(held)}. Rename them, or give the model's names as `features`"
        )
    if len(held) != len(set(held)) and (twice := [name for name in features if held.count(name) > 1]):
        raise InputError(f"the data have several columns named {_listed(twice)}; rename them")
    return rows.select(list(features))


def is_text(data_type: pa.DataType) -> bool:
    """Whether values are strings, dictionary-encoded or not."""
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    return bool(
        pa.types.is_string(data_type) or pa.types.is_large_string(data_type) or pa.types.is_string_view(data_type)
    )


def is_number(data_type: pa.DataType) -> bool:
    """Whether values can be read as numbers: integers, floats, decimals, booleans, and columns of nulls only."""
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    return bool(
        pa.types.is_integer(data_type)
        or pa.types.is_floating(data_type)
        or pa.types.is_decimal(data_type)
        or pa.types.is_boolean(data_type)
        or pa.types.is_null(data_type)
    )


def numbers(rows: pa.Table, features: Sequence[str]) -> NDArray[np.float64]:
    """Columns as one matrix.

    Returns
    -------
    ndarray of float64, shape (n, k)
        Column j holds feature j; nulls are NaN.

    Raises
    ------
    InputError
        When a column is missing or is not numeric.

    Examples
    --------
    >>> numbers(pa.table({"a": [1, None], "b": [True, False]}), ["b", "a"])
    array([[ 1.,  1.], [ 0., nan]])
    """
    chosen = select(rows, features)
    matrix = np.empty((rows.num_rows, len(features)), order="F")
    for place, (name, column) in enumerate(zip(features, chosen.columns, strict=True)):
        matrix[:, place] = _number(column, name)
    return matrix


def text(column: pa.ChunkedArray, name: str, null: Any) -> NDArray[np.object_]:
    """A column of strings as Python objects, `null` where there is none.

    Raises
    ------
    InputError
        When the column is not text.
    """
    if pa.types.is_null(column.type):
        return np.full(len(column), null, dtype=object)
    if not is_text(column.type):
        raise InputError(f"the model wants text in {name!r}, and the data hold {column.type}; cast the column")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values: NDArray[np.object_] = column.to_numpy(zero_copy_only=False)
    if null is not None and column.null_count:
        values = values.copy()
        values[column.is_null().to_numpy(zero_copy_only=False)] = null
    return values


def texts(rows: pa.Table, features: Sequence[str], null: str) -> NDArray[np.object_]:
    """Columns of strings as one matrix of Python strings, shape (n, k); `null` stands for what is missing."""
    chosen = select(rows, features)
    matrix = np.empty((rows.num_rows, len(features)), dtype=object)
    for place, (name, column) in enumerate(zip(features, chosen.columns, strict=True)):
        matrix[:, place] = text(column, name, null)
    return matrix


def frame(rows: pa.Table, features: Sequence[str], null: Any) -> Any:
    """Columns as a pandas frame: text as objects with `null` for what is missing, whole numbers whole where all are there.

    Raises
    ------
    MissingExtraError
        When pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise MissingExtraError("pandas", "sklearn", "A model that was fitted on a data frame") from None
    chosen = select(rows, features)
    series = {}
    for name, column in zip(features, chosen.columns, strict=True):
        if is_text(column.type):
            series[name] = pd.Series(text(column, name, null), dtype=object)
        elif is_number(column.type):
            whole = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
            plain = column.to_numpy() if whole and not column.null_count else _number(column, name)
            series[name] = pd.Series(plain)
        else:
            series[name] = column.to_pandas()
    return pd.DataFrame(series)


def _number(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """Numbers of a column, NaN where there is none."""
    if not is_number(column.type):
        raise InputError(
            f"the model wants numbers in {name!r}, and the data hold {column.type}; "
            "cast the column, or put the encoding into the model"
        )
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    values: NDArray[np.float64] = pc.cast(column, pa.float64(), safe=False).to_numpy()
    return values


def _listed(names: Sequence[str], most: int = 20) -> str:
    """Names, quoted; the first few of many."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
