"""Values as their kind: numbers, booleans and times out of what a batch holds, text included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.kinds import Kind
from holdfast.tables import clean_text, kind_of

# What Arrow parses, cell by cell, for columns where one cast of all of them has failed.
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?i:nan|inf|infinity)$"
_BOOLEAN = r"^(?i:true|false|0|1)$"
_LEAP_YEAR = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    r"(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_CLOCK = r"[T ](?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?)?"
_NAIVE = rf"^{_DATE}(?:{_CLOCK})?$"
_ZONED = rf"^{_DATE}{_CLOCK}(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)$"


def as_kind(values: pa.Array, kind: Kind) -> pa.Array:
    """Read values as what their column is said to be.

    Parameters
    ----------
    values
        Values as a batch holds them; strings may be dictionary-encoded.
    kind
        The kind of the column.

    Returns
    -------
    pa.Array
        float64 for numbers, bool for booleans, timestamp for times, the values as they are for categories and text.
        Null where the value is null, blank, or text that cannot be read as the kind. Times that come as ISO 8601 text
        become UTC without a zone, and stay as written where they name no zone.

    Raises
    ------
    InputError
        If the Arrow type has no reading as this kind.

    Examples
    --------
    >>> as_kind(pa.array(["1e3", "n/a", " 7 "]), Kind.NUMBER).to_pylist()
    [1000.0, None, 7.0]
    """
    if kind is Kind.CATEGORY or kind is Kind.TEXT:
        return values
    if not readable(values.type, kind):
        raise InputError(f"expected values that can be read as {kind}, got {value_type(values.type)}")
    if is_string(values.type):
        return look_up(values, lambda strings: _parse(strings, kind))
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_time(values.type) or pa.types.is_duration(values.type):
        values = values.view(f"int{values.type.bit_width}")
    if kind is Kind.NUMBER:
        return values.cast(pa.float64(), safe=False)  # integers beyond 2^53 are rounded
    if kind is Kind.BOOLEAN:
        return values.cast(pa.bool_())
    return values if pa.types.is_timestamp(values.type) else values.cast(pa.timestamp("ms"))


def _parse(strings: pa.Array, kind: Kind) -> pa.Array:
    """Parse strings, null where that fails; the error of a failed cast is dropped because it quotes the cell."""
    utc = pa.timestamp("us", "UTC")
    target, formats = {
        Kind.NUMBER: (pa.float64(), {_NUMBER: pa.float64()}),
        Kind.BOOLEAN: (pa.bool_(), {_BOOLEAN: pa.bool_()}),
        Kind.TIME: (pa.timestamp("us"), {_NAIVE: pa.timestamp("us"), _ZONED: utc}),
    }[kind]
    for parsed_type in formats.values():
        try:
            return strings.cast(parsed_type).cast(target)
        except pa.ArrowInvalid:
            continue
    strings = pc.ascii_trim_whitespace(strings)
    if kind is Kind.TIME:
        strings = pc.replace_substring_regex(strings, r"(\.\d{6})\d{1,3}", r"\1")  # nanoseconds
    return pc.coalesce(
        *(
            pc.if_else(pc.match_substring_regex(strings, pattern), strings, None).cast(parsed_type).cast(target)
            for pattern, parsed_type in formats.items()
        )
    )


def look_up(values: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply a function to strings, once for each entry of a dictionary."""
    if pa.types.is_dictionary(values.type):
        return look_up(values.dictionary, function).take(values.indices)
    return function(strings_of(values))


def strings_of(values: pa.Array) -> pa.Array:
    """The text of values, in a layout that every kernel knows, and valid UTF-8."""
    if kind_of(values.type) != "category" or pa.types.is_null(values.type):
        return values.cast(pa.string())
    if pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type):
        values = values.cast(pa.large_binary())
    return clean_text(values)[0]


def unparseable(values: pa.Array, read: pa.Array) -> npt.NDArray[np.bool_]:
    """Which strings could not be read, though there was something in them."""
    lost = mask(pc.is_null(read)) & ~mask(pc.is_null(values))
    return lost & ~blank(values) if lost.any() else lost


def blank(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Which strings hold nothing but whitespace."""
    return mask(look_up(values, lambda strings: pc.equal(pc.ascii_trim_whitespace(strings), "")))


def mask(flags: pa.Array) -> npt.NDArray[np.bool_]:
    """The flags for NumPy; null is false."""
    found: npt.NDArray[np.bool_] = flags.fill_null(False).to_numpy(zero_copy_only=False)
    return found


def value_type(arrow_type: pa.DataType) -> pa.DataType:
    """The type of the values, dictionary-encoded or not."""
    return arrow_type.value_type if pa.types.is_dictionary(arrow_type) else arrow_type


def is_string(arrow_type: pa.DataType) -> bool:
    """Whether the values are strings, dictionary-encoded or not."""
    return value_type(arrow_type) in (pa.string(), pa.large_string(), pa.string_view())


def readable(arrow_type: pa.DataType, kind: Kind) -> bool:
    """Whether values of the type can be of the kind: text may be anything, and nulls are."""
    return pa.types.is_null(arrow_type) or is_string(arrow_type) or kind_of(value_type(arrow_type)) == kind
