"""What Arrow types are to statistics, and the plain types in which columns are given."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

KINDS = ("number", "boolean", "category", "text", "time", "nested")
"""What the values of a column are to statistics. "nested" columns are left out."""


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
    if is_text(data_type) or types.is_fixed_size_binary(data_type) or types.is_null(data_type):
        return "category"
    numeric = (types.is_integer, types.is_floating, types.is_decimal, types.is_time, types.is_duration)
    return "number" if any(test(data_type) for test in numeric) else "nested"


def is_text(data_type: pa.DataType) -> bool:
    """Whether values are strings or bytes, of whatever layout."""
    types = pa.types
    strings = (types.is_string, types.is_large_string, types.is_string_view)
    return any(test(data_type) for test in (*strings, types.is_binary, types.is_large_binary, types.is_binary_view))


def plain_type(column: pa.Field) -> pa.DataType:
    """The type in which a column is given: extension types and views, which few functions take, as what they hold."""
    data_type = column.type
    if (column.metadata or {}).get(b"ADBC:postgresql:typname") == b"numeric":  # which comes as the text of the number
        return pa.float64()
    if isinstance(data_type, pa.BaseExtensionType):
        return plain_type(pa.field(column.name, data_type.storage_type))
    if pa.types.is_dictionary(data_type):
        return pa.dictionary(data_type.index_type, plain_type(pa.field(column.name, data_type.value_type)))
    if pa.types.is_string_view(data_type):
        return pa.string()
    if pa.types.is_binary_view(data_type) or pa.types.is_fixed_size_binary(data_type):
        return pa.binary()
    return data_type
