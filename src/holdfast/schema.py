"""What the columns of a table are: kinds, roles and limits, found in data, kept as JSON, held against later rows."""

from __future__ import annotations

import difflib
import itertools
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.tables import clean_text, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from holdfast.tables import Table
from msgspec.structs import replace

from holdfast.errors import InputError, SettingError

VERSION = 1
MOST_CATEGORIES = 1_000

# Rows of a batch when only the first rows of a table are looked at.
_BATCH_ROWS = 20_000
# Distinct values remembered to recognise one that comes back: the first ones; of later ones only repeats in a batch.
_REMEMBERED = 65_536
# Characters: identifiers are at most this long, and longer strings that seldom repeat are text.
_SHORT = 64
# Words of a string, on average, from which strings that seldom repeat are text.
_WORDY = 4
# Strings are measured (words, characters) on so many new values of each batch: enough for an average.
_MEASURED = 1_000
# Repeats that chance would have produced, at the least, in a column of integers without any: P(none) < exp(-10).
_REPEATS_BY_CHANCE = 10
# All-distinct strings under an ordinary name are believed to be identifiers from so many rows.
_UNIQUE_ROWS = 100


class Kind(StrEnum):
    """How the values of a column are read, summarised and compared."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    TIME = "time"


class Role(StrEnum):
    """What a column is for. The last five are never guessed."""

    FEATURE = "feature"
    TIME = "time"
    ID = "id"
    TARGET = "target"
    SCORE = "score"
    PREDICTION = "prediction"
    WEIGHT = "weight"
    SEGMENT = "segment"
    PROTECTED = "protected"
    COST = "cost"
    GROUP = "group"
    IGNORE = "ignore"


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    r"""One column, as it was in the rows that were looked at.

    Attributes
    ----------
    name, physical
        Its name, and its name at rest: unique ignoring case, free of `` ,;{}()\n\t=``, not starting with `hf_`.
    kind, type
        How its values are read, and their Arrow type as text (of the values, where they are dictionary-encoded).
    role
        What it is for.
    nullable
        Whether values were missing (null, NaN, or blank where the text of a time is expected), or there was no row.
    minimum, maximum
        Range of a number, in its own unit; None on a side that is unknown or was infinite, and for other kinds.
    categories
        Every value of a category, sorted; None if there were none, more than 1,000, or if they may identify somebody.
    personal
        Whether the name suggests data about a person; only strings are looked at.
    identifier
        Whether it numbers or names the rows: integers or short strings without a repeat.
    constant
        Whether all values that are not missing are the same.
    """

    name: str
    physical: Annotated[str, msgspec.Meta(pattern=r"^(?![hH][fF]_)[^ ,;{}()\n\t=]+\Z")]
    kind: Kind
    type: str
    role: Role = Role.FEATURE
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    personal: bool = False
    identifier: bool = False
    constant: bool = False

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if not all(map(math.isfinite, bounds)) or bounds != sorted(bounds):
            raise SettingError(
                f"column {self.name!r}: expected a finite minimum at most as large as a finite maximum; "
                "leave a bound out where there is none"
            )


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns of a table, in order. Make one with `infer`, or read one with `Schema.load`.

    Examples
    --------
    >>> schema = Schema(columns=(Column(name="Amount", physical="Amount", kind=Kind.NUMBER, type="double", minimum=0),))
    >>> schema.names
    ('Amount',)
    >>> Schema.from_json(schema.to_json()) == schema
    True
    """

    version: int = VERSION
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        for what, names in (
            ("name", self.names),
            ("physical name (ignoring case)", [column.physical.lower() for column in self.columns]),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise SettingError(f"expected every column to have a {what} of its own; used twice: {_listed(twice)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`; `SettingError` with the nearest names if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise _no_such_column(name, self.names, "the schema")

    def by_role(self, role: Role | str) -> tuple[Column, ...]:
        """The columns that have this role, in order."""
        wanted = _role(role)
        return tuple(column for column in self.columns if column.role is wanted)

    def problems(self, batch: pa.RecordBatch) -> list[Problem]:
        """Every row of the batch that this schema does not allow; see `problems`."""
        return problems(self, batch)

    def to_json(self) -> str:
        """The schema as indented JSON; what has its default value is left out."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode() + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Schema:
        """Read what `to_json` wrote.

        Raises
        ------
        InputError
            If the text is no JSON, or was written by a newer version.
        SettingError
            If the JSON is no schema; the message has the path to what is wrong, such as `$.columns[0].role`.
        """
        try:
            version = msgspec.json.decode(text, type=_Versioned).version
            if version > VERSION:
                raise InputError(
                    f"expected a schema of version {VERSION} or lower, got version {version}: "
                    "it was written by a newer Holdfast; upgrade Holdfast, or infer the schema again"
                )
            return msgspec.json.decode(text, type=cls)
        except msgspec.ValidationError as error:
            raise SettingError(f"not a schema: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"expected the JSON of a schema: {error}") from error

    def save(self, path: str | Path) -> None:
        """Write the schema as a JSON file."""
        try:
            Path(path).write_text(self.to_json(), encoding="utf-8", newline="\n")
        except OSError as error:
            raise InputError(f"cannot write the schema to {str(path)!r}: {error.strerror}") from error

    @classmethod
    def load(cls, path: str | Path) -> Schema:
        """Read a JSON file that `save` wrote; errors as of `from_json`, with the path of the file."""
        try:
            return cls.from_json(Path(path).read_bytes())
        except OSError as error:
            raise InputError(f"cannot read the schema {str(path)!r}: {error.strerror}") from error
        except (InputError, SettingError) as error:
            raise type(error)(f"{str(path)!r}: {error}") from error


class _Versioned(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Rows of a batch that the schema does not allow.

    Attributes
    ----------
    column
        Name of the column.
    code
        `missing_column`, `type`, `unparseable`, `null`, `range` or `category`.
    rows
        Positions in the batch, ascending; every row if the whole column is missing or has the wrong type.
    message
        One sentence for a person, without values.
    """

    column: str
    code: str
    rows: npt.NDArray[np.int64]
    message: str


# --- Against later rows ---------------------------------------------------------------------------------------------


def problems(schema: Schema, batch: pa.RecordBatch) -> list[Problem]:
    """Find every row of a batch that a schema does not allow.

    Columns with the role `ignore` are not looked at, columns that the schema does not know are no problem of a row.

    Parameters
    ----------
    schema
        What the columns should be.
    batch
        The rows to look at.

    Returns
    -------
    list of Problem
        In the order of the schema's columns; of one column, one for each of these codes that has rows:

        - `missing_column`: the batch has no such column;
        - `type`: the column's Arrow type cannot be read as its kind (a number where a category is expected);
        - `unparseable`: the cell is text that cannot be read as the number, boolean or ISO 8601 time that is expected;
        - `null`: the value is missing (null, NaN, or blank text) in a column that always had one;
        - `range`: the number is below the minimum or above the maximum, as infinities are wherever there is a bound;
        - `category`: the value is none of the known categories.

        Identifiers and times are always new, and are held against no range and no categories.

    Examples
    --------
    >>> age = Column(name="age", physical="age", kind=Kind.NUMBER, type="int64", nullable=False, minimum=18, maximum=99)
    >>> batch = pa.record_batch({"age": ["20", "130", None, "old"]})
    >>> for problem in problems(Schema(columns=(age,)), batch):
    ...     print(problem.code, problem.rows, problem.message)
    unparseable [3] column 'age': 1 of 4 cells cannot be read as number
    null [2] column 'age': 1 of 4 values missing, where none was
    range [1] column 'age': 1 of 4 values outside the known range
    """
    return [
        problem
        for column in schema.columns
        if column.role is not Role.IGNORE
        for problem in _column_problems(column, batch)
    ]


def _column_problems(column: Column, batch: pa.RecordBatch) -> Iterator[Problem]:
    rows = batch.num_rows
    where = f"column {column.name!r}"
    positions = batch.schema.get_all_field_indices(column.name)
    if not positions:
        message = f"{where} is missing"
        yield Problem(column=column.name, code="missing_column", rows=np.arange(rows), message=message)
        return
    values = batch.column(positions[0])
    if column.type == str(pa.null()):
        return  # all null, it could have been anything
    if not _readable(values.type, column.kind) and str(_value_type(values.type)) != column.type:
        message = f"{where}: expected {column.type}, got {_value_type(values.type)}, which is no {column.kind}"
        yield Problem(column=column.name, code="type", rows=np.arange(rows), message=message)
        return
    for code, found, what in _violations(column, values):
        if (count := int(np.count_nonzero(found))) > 0:
            message = f"{where}: {count} of {rows} {what}"
            yield Problem(column=column.name, code=code, rows=np.flatnonzero(found), message=message)


def _violations(column: Column, values: pa.Array) -> Iterator[tuple[str, npt.NDArray[np.bool_], str]]:
    read = as_kind(values, column.kind)
    missing = _mask(pc.is_null(read, nan_is_null=column.kind is Kind.NUMBER))
    if column.kind not in (Kind.CATEGORY, Kind.TEXT) and _is_string(values.type):
        unparseable = _unparseable(values, read)
        missing &= ~unparseable
        yield "unparseable", unparseable, f"cells cannot be read as {column.kind}"
    if not column.nullable:
        yield "null", missing, "values missing, where none was"
    if column.identifier or column.role in (Role.ID, Role.TIME):
        return
    if column.kind is Kind.NUMBER:
        numbers = read.to_numpy(zero_copy_only=False)  # nulls become NaN, which is in every range
        lowest = -math.inf if column.minimum is None else column.minimum
        highest = math.inf if column.maximum is None else column.maximum
        yield "range", (numbers < lowest) | (numbers > highest), "values outside the known range"
    if column.categories is not None:
        known = _look_up(values, lambda strings: pc.is_in(strings, value_set=pa.array(column.categories, strings.type)))
        yield "category", ~_mask(known) & ~missing, "values in none of the known categories"


# --- Values as their kind -------------------------------------------------------------------------------------------

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
    if not _readable(values.type, kind):
        raise InputError(f"expected values that can be read as {kind}, got {_value_type(values.type)}")
    if _is_string(values.type):
        return _look_up(values, lambda strings: _parse(strings, kind))
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


def _look_up(values: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply a function to strings, once for each entry of a dictionary."""
    if pa.types.is_dictionary(values.type):
        return _look_up(values.dictionary, function).take(values.indices)
    return function(_strings(values))


def _strings(values: pa.Array) -> pa.Array:
    """The text of values, in a layout that every kernel knows, and valid UTF-8."""
    if kind_of(values.type) != "category" or pa.types.is_null(values.type):
        return values.cast(pa.string())
    if pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type):
        values = values.cast(pa.large_binary())
    return clean_text(values)[0]


def _unparseable(values: pa.Array, read: pa.Array) -> npt.NDArray[np.bool_]:
    """Which strings could not be read, though there was something in them."""
    lost = _mask(pc.is_null(read)) & ~_mask(pc.is_null(values))
    return lost & ~_blank(values) if lost.any() else lost


def _blank(values: pa.Array) -> npt.NDArray[np.bool_]:
    return _mask(_look_up(values, lambda strings: pc.equal(pc.ascii_trim_whitespace(strings), "")))


def _mask(flags: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = flags.fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def _value_type(arrow_type: pa.DataType) -> pa.DataType:
    return arrow_type.value_type if pa.types.is_dictionary(arrow_type) else arrow_type


def _is_string(arrow_type: pa.DataType) -> bool:
    value_type = _value_type(arrow_type)
    return value_type in (pa.string(), pa.large_string(), pa.string_view())


def _readable(arrow_type: pa.DataType, kind: Kind) -> bool:
    """Whether values of the type can be of the kind: text may be anything, and nulls are."""
    return pa.types.is_null(arrow_type) or _is_string(arrow_type) or kind_of(_value_type(arrow_type)) == kind


# --- From data ------------------------------------------------------------------------------------------------------


def infer(table: Table, *, roles: Mapping[str, Role | str] | None = None, rows: int | None = None) -> Schema:
    """Find out what the columns of a table are.

    The rows are read once, in batches; memory does not grow with their number. Ranges, categories, nullability,
    identifiers and constants are those of the rows looked at. A role is guessed where name *and* content agree, and
    left at `feature` where several columns would do; segments, protected columns, costs and groups are never guessed.

    Parameters
    ----------
    table
        What `holdfast.tables.open_table` returns.
    roles
        Roles by column name. They win, and a role that is given for one column is not guessed for another.
    rows
        Look only at this many rows from the start; None reads all.

    Returns
    -------
    Schema
        One column for each readable column of the table, in its order.

    Raises
    ------
    SettingError
        If `roles` names a column or a role that does not exist, gives a role twice that only one column can have, or
        gives one to a column that cannot have it; or if `rows` is not positive.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from holdfast.tables import open_table
    >>> rows = {"createdAt": ["2024-05-01", "2024-05-02"], "TX_FRAUD": [0, 1], "amount": [9.5, None]}
    >>> table = open_table(pa.table(rows))
    >>> for column in infer(table, roles={"amount": "cost"}).columns:
    ...     print(column.name, column.kind, column.role, column.nullable, column.maximum)
    createdAt time time False None
    TX_FRAUD number target False 1.0
    amount number cost True 9.5
    """
    if rows is not None and rows < 1:
        raise SettingError(f"expected rows to be at least 1, or None for all, got {rows}")
    given = _given_roles(roles or {}, table)
    names = table.schema.names
    facts = [
        _Fact(seen.describe(name, physical), seen, _words(name))
        for seen, name, physical in zip(_look_at(table, rows), names, _physical_names(names), strict=True)
    ]
    found = _guessed_roles(facts, given) | given
    for fact in facts:
        _check_role(fact, found.get(fact.column.name, Role.FEATURE))
    return Schema(columns=tuple(replace(column, role=found.get(column.name, Role.FEATURE)) for column, _, _ in facts))


def _look_at(table: Table, rows: int | None) -> list[_Seen]:
    seen = [_Seen(arrow_type) for arrow_type in table.schema.types]
    left = rows
    for batch in table.batches(batch_rows=None if rows is None else min(rows, _BATCH_ROWS)):
        for column, values in zip(seen, batch.columns, strict=True):
            column.update(values[:left])
        if left is not None and (left := left - batch.num_rows) <= 0:
            break
    return seen


class _Distinct:
    """The distinct values of a column, remembered while they may still be few or all different."""

    def __init__(self) -> None:
        self.known: pa.Array | None = None
        self.unique = True
        self.compared = 0  # values looked at
        self.found = 0  # distinct values among them

    @property
    def few(self) -> bool:
        """Whether every value is known, and they are few enough to be listed."""
        return self.known is not None and len(self.known) <= MOST_CATEGORIES

    def update(self, values: pa.Array) -> pa.Array:
        """Compare values with those remembered; returns the new ones, or none once comparing has become pointless."""
        if self.compared and self.known is None:
            return pa.nulls(0)
        count = len(values) - int(np.count_nonzero(_mask(pc.is_null(values))))
        if pa.types.is_dictionary(values.type):  # which may hold values that no row has
            values = values.dictionary.take(values.indices.unique())
        new = values.drop_null().unique()
        self.unique = self.unique and len(new) == count
        known = new
        if self.known is not None:
            back = pc.is_in(new, value_set=self.known)
            self.unique = self.unique and not pc.any(back, min_count=0).as_py()
            new = new.filter(pc.invert(back))
            known = pa.concat_arrays([self.known, new])
        self.unique = self.unique and _all_short(new)
        self.compared += count
        self.found += len(new)
        self.known = known[:_REMEMBERED] if self.unique or len(known) <= MOST_CATEGORIES else None
        return new


class _Seen:
    """What was seen of one column so far, in bounded memory."""

    def __init__(self, arrow_type: pa.DataType) -> None:
        types = pa.types
        self.type = _value_type(arrow_type)
        self.kind = Kind(kind_of(arrow_type))
        self.is_integer = types.is_integer(self.type) or (types.is_decimal(self.type) and self.type.scale == 0)
        self.rows = 0
        self.values = 0  # that are not missing
        # Of categories and integers.
        self.distinct = _Distinct()
        # Of categories, which include all strings.
        self.is_time = _is_string(arrow_type)
        self.blank = 0
        self.measured = self.words = self.characters = 0
        # Of what has an order.
        self.low, self.high, self.last = math.inf, -math.inf, -math.inf
        self.binary = True  # nothing but 0 and 1
        self.ascending = True

    def update(self, values: pa.Array) -> None:
        self.rows += len(values)
        if self.kind is Kind.CATEGORY:
            self._update_category(values)
        else:
            self._update_ordered(values)

    def _update_category(self, values: pa.Array) -> None:
        self.values += int(np.count_nonzero(_mask(pc.is_valid(values))))
        if self.is_time:
            first = values.drop_null()[:100].cast(self.type)  # tells for most columns, without parsing a dictionary
            self.is_time = all(not _unparseable(part, as_kind(part, Kind.TIME)).any() for part in (first, values))
        if self.is_time:
            self.blank += int(np.count_nonzero(_blank(values)))
        new = self.distinct.update(values)[:_MEASURED]
        if len(new):
            texts = _strings(new)
            self.measured += len(new)
            self.words += len(new) + pc.sum(pc.count_substring(texts, " ")).as_py()
            self.characters += pc.sum(pc.utf8_length(texts)).as_py()

    def _update_ordered(self, values: pa.Array) -> None:
        values = values.drop_null()
        if self.is_integer:
            self.distinct.update(values)
        read = as_kind(values, self.kind)
        ordered = (read.cast(pa.int64()) if self.kind is Kind.TIME else read).to_numpy(zero_copy_only=False)
        if self.kind is Kind.NUMBER:
            ordered = ordered[~np.isnan(ordered)]
        if len(ordered) == 0:
            return
        self.values += len(ordered)
        self.ascending = self.ascending and bool(self.last <= ordered[0] and (ordered[:-1] <= ordered[1:]).all())
        self.binary = self.binary and bool(((ordered == 0) | (ordered == 1)).all())
        self.low = min(self.low, ordered.min().item())
        self.high = max(self.high, ordered.max().item())
        self.last = ordered[-1].item()

    def describe(self, name: str, physical: str) -> Column:
        kind = self._content()
        words = _words(name)
        identifier = self._is_identifier(words, kind)
        personal = kind in (Kind.CATEGORY, Kind.TEXT) and _names_a_person(words)
        listed = kind is Kind.CATEGORY and self.values and self.distinct.few and not (identifier or personal)
        limited = kind is Kind.NUMBER and self.values
        return Column(
            name=name,
            physical=physical,
            kind=kind,
            type=str(self.type),
            nullable=self.values - (self.blank if kind is Kind.TIME else 0) < self.rows or self.rows == 0,
            minimum=self.low if limited and math.isfinite(self.low) else None,
            maximum=self.high if limited and math.isfinite(self.high) else None,
            categories=tuple(sorted(set(_strings(self.distinct.known).to_pylist()))) if listed else None,
            personal=personal,
            identifier=identifier,
            constant=self.distinct.found == 1 if self.kind is Kind.CATEGORY else self.low == self.high,
        )

    def _content(self) -> Kind:
        if self.kind is not Kind.CATEGORY or not self.values:
            return self.kind
        if self.is_time:
            return Kind.TIME
        long = self.words >= _WORDY * self.measured or self.characters > _SHORT * self.measured
        seldom_repeats = self.distinct.found > max(1, self.distinct.compared / 2)
        return Kind.TEXT if long and seldom_repeats else Kind.CATEGORY

    def _is_identifier(self, words: list[str], kind: Kind) -> bool:
        count = self.distinct.compared
        if count < 2 or not self.distinct.unique or kind not in (Kind.CATEGORY, Kind.NUMBER):
            return False
        if _names_an_id(words):
            return True
        if kind is Kind.CATEGORY:
            return count >= _UNIQUE_ROWS
        # Birthday problem: evenly spread values repeat least, so any quantity would have repeated at least this often.
        return count * (count - 1) / 2 >= _REPEATS_BY_CHANCE * (self.high - self.low + 1)


def _all_short(values: pa.Array) -> bool:
    if len(values) == 0 or kind_of(values.type) != "category":
        return True
    longest: int = pc.max(pc.binary_length(values)).as_py()
    return longest <= _SHORT


def _physical_names(names: list[str]) -> list[str]:
    """Names fit to be stored: those that already are keep their own, the others get the nearest one that is free."""
    clean = [re.sub(r"[ ,;{}()\n\t=]", "_", name) or "column" for name in names]
    clean = [f"x_{name}" if name.lower().startswith("hf_") else name for name in clean]
    kept = {name.lower(): i for i, name in reversed(list(enumerate(names))) if name == clean[i]}
    for i, name in enumerate(clean):
        free = (name if n == 1 else f"{name}_{n}" for n in itertools.count(1))
        clean[i] = next(name for name in free if kept.setdefault(name.lower(), i) == i)
    return clean


# --- Roles ----------------------------------------------------------------------------------------------------------

# Names are compared as lower-case words, here written together: `Y_PRED`, `yPred` and `y pred` are all "ypred".
# Times, from what says most clearly that it is when the row happened; of two names in one line none is taken.
_TIME_NAMES = (
    {"timestamp", "datetime", "eventtime", "eventtimestamp", "eventdatetime"},
    {"time", "date", "eventdate"},
    {"created", "createdat", "createdon", "creationtime", "creationdate"},
)
_TIME_ENDINGS = {"time", "timestamp", "datetime", "date", "at", "ts"}
# A time with one of these words is another one.
_OTHER_TIMES = {"birth", "dob", "deleted", "due", "end", "ended", "expiration", "expiry", "modified", "updated"}
# Numbers may be times as well, if they only grow or look like seconds since 1970.
_COUNTER_NAMES = {"time", "timestamp", "eventtime", "eventtimestamp", "unixtime", "epoch"}
_ID_NAMES = {"index", "rowid", "rownumber", "unnamed0", "indexlevel0"}  # the last two are written by pandas
_ID_ENDINGS = {"id", "uuid", "guid", "key"}
_TARGET_NAMES = {"target", "label", "y", "ytrue", "groundtruth", "truelabel"}
_OUTCOME_PREFIXES = {"is", "has", "was", "tx"}
_OUTCOMES = {"fraud", "churn", "churned", "converted", "defaulted", "readmitted", "repaid", "survived"}
_CLASS_NAMES = {"class", "outcome"}
_PREDICTION_NAMES = {"prediction", "pred", "ypred", "yhat"} | {
    "predicted" + what for what in ("", "class", "label", "target", "value")
}
_PROBABILITY_NAMES = {"score", "proba", "probability"} | {
    whose + what
    for whose in ("y", "pred", "ypred", "predicted", "prediction")
    for what in ("prob", "proba", "probability")
}
_SCORE_NAMES = {"yscore", "modelscore", "predictedscore", "predictionscore"}
_WEIGHT_NAMES = {"sampleweight", "sampleweights", "instanceweight", "caseweight"}  # a plain weight may be in kilograms
_PERSONAL = {"address", "email", "iban", "ip", "passport", "phone", "ssn", "surname", "telephone", "username"} | {
    whose + "name" for whose in ("client", "customer", "family", "first", "full", "given", "last", "middle", "patient")
}

_ANSWERS = (Kind.NUMBER, Kind.BOOLEAN, Kind.CATEGORY)
_SINGLE_ROLES = (Role.TIME, Role.TARGET, Role.PREDICTION, Role.WEIGHT)
_KINDS_OF_ROLE = {
    Role.TIME: (Kind.TIME, Kind.NUMBER),
    Role.SCORE: (Kind.NUMBER,),
    Role.WEIGHT: (Kind.NUMBER,),
    Role.COST: (Kind.NUMBER,),
}


class _Fact(NamedTuple):
    """What a role is guessed from."""

    column: Column
    seen: _Seen
    words: list[str]

    @property
    def joined(self) -> str:
        return "".join(self.words)


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+|\d+", spaced)]


def _names_an_id(words: list[str]) -> bool:
    return "".join(words) in _ID_NAMES or not _ID_ENDINGS.isdisjoint(words[-1:])


def _names_a_person(words: list[str]) -> bool:
    return words == ["name"] or not _PERSONAL.isdisjoint([*words, *map("".join, itertools.pairwise(words))])


def _only(facts: list[_Fact], *wanted: Callable[[_Fact], bool]) -> list[str]:
    """The name of the one column that is wanted first; none if several are wanted alike."""
    for is_wanted in wanted:
        if names := [fact.column.name for fact in facts if is_wanted(fact)]:
            return names if len(names) == 1 else []
    return []


def _guess_time(facts: list[_Fact]) -> list[str]:
    times = [fact for fact in facts if fact.column.kind is Kind.TIME and _OTHER_TIMES.isdisjoint(fact.words)]
    always = [fact for fact in times if not fact.column.nullable]
    return (
        _only(times, *(lambda fact, names=names: fact.joined in names for names in _TIME_NAMES))
        or _only(always, lambda fact: not _TIME_ENDINGS.isdisjoint(fact.words[-1:]), lambda _: True)
        or _only(facts, lambda fact: fact.joined in _COUNTER_NAMES and _is_counter(fact))
    )


def _is_counter(fact: _Fact) -> bool:
    """Whether a number, if so named, is a time: it never falls, or is within 1990 to 2100 in s, ms, µs or ns."""
    seen = fact.seen
    epoch = any(631_152_000 * unit <= seen.low and seen.high < 4_102_444_800 * unit for unit in (1, 1e3, 1e6, 1e9))
    return fact.column.kind is Kind.NUMBER and not fact.column.nullable and (seen.ascending or epoch)


def _guess_target(facts: list[_Fact]) -> list[str]:
    coordinates = any(fact.joined == "x" for fact in facts)
    return _only(
        [fact for fact in facts if fact.column.kind in _ANSWERS and not fact.column.identifier],
        lambda fact: fact.joined in _TARGET_NAMES and not (coordinates and fact.joined == "y"),
        lambda fact: fact.words[-1] in _OUTCOMES and _OUTCOME_PREFIXES.issuperset(fact.words[:-1]) and _is_binary(fact),
        lambda fact: fact.joined in _CLASS_NAMES,
    )


def _is_binary(fact: _Fact) -> bool:
    if fact.column.kind is Kind.CATEGORY:
        return fact.column.categories is not None and len(fact.column.categories) <= 2
    return fact.seen.binary


def _guess_prediction(facts: list[_Fact]) -> list[str]:
    return _only(facts, lambda fact: fact.column.kind in _ANSWERS and fact.joined in _PREDICTION_NAMES)


def _guess_score(facts: list[_Fact]) -> list[str]:
    return _only(
        [fact for fact in facts if fact.column.kind is Kind.NUMBER and not fact.seen.is_integer],
        lambda fact: fact.joined in _PROBABILITY_NAMES and fact.seen.low >= 0 and fact.seen.high <= 1,
        lambda fact: fact.joined in _SCORE_NAMES,
    )


def _guess_weight(facts: list[_Fact]) -> list[str]:
    numbers = [fact for fact in facts if fact.column.kind is Kind.NUMBER and not fact.column.nullable]
    return _only(numbers, lambda fact: fact.joined in _WEIGHT_NAMES and fact.seen.low > 0 and fact.seen.high < math.inf)


def _guess_ids(facts: list[_Fact]) -> list[str]:
    identifiers = [fact for fact in facts if fact.column.identifier]
    return [fact.column.name for fact in identifiers if fact.seen.kind is Kind.CATEGORY or _names_an_id(fact.words)]


_GUESSES = {
    Role.TIME: _guess_time,
    Role.TARGET: _guess_target,
    Role.PREDICTION: _guess_prediction,
    Role.SCORE: _guess_score,
    Role.WEIGHT: _guess_weight,
    Role.ID: _guess_ids,
}


def _guessed_roles(facts: list[_Fact], given: Mapping[str, Role]) -> dict[str, Role]:
    guessed: dict[str, Role] = {}
    for role, guess in _GUESSES.items():
        if role not in given.values():
            taken = {*given, *guessed}
            free = [fact for fact in facts if fact.seen.values and fact.words and fact.column.name not in taken]
            guessed |= dict.fromkeys(guess(free), role)
    return guessed


def _given_roles(roles: Mapping[str, Role | str], table: Table) -> dict[str, Role]:
    given = {}
    for name, role in roles.items():
        if name in table.left_out:
            raise SettingError(f"roles: column {name!r} is left out: {table.left_out[name]}")
        if name not in table.schema.names:
            raise _no_such_column(name, table.schema.names, f"roles: the {table.name} table")
        given[name] = _role(role)
    for role in _SINGLE_ROLES:
        if len(names := [name for name in given if given[name] is role]) > 1:
            raise SettingError(f"roles: expected one column with the role {role}, got {_listed(names)}: keep one")
    return given


def _check_role(fact: _Fact, role: Role) -> None:
    kinds = _KINDS_OF_ROLE.get(role, tuple(Kind))
    if fact.seen.values and fact.column.kind not in kinds:
        raise SettingError(
            f"roles: the role {role} needs a column of the kind {' or '.join(kinds)}, but {fact.column.name!r} is of "
            f"the kind {fact.column.kind} ({fact.column.type}): convert it, or name another column"
        )


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise SettingError(f"expected one of the roles {', '.join(Role)}, got {role!r}") from None


def _no_such_column(name: str, names: Collection[str], where: str) -> SettingError:
    folded = {known.casefold(): known for known in names}
    near = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded)]
    advice = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {_listed(names)}"
    return SettingError(f"{where} has no column {name!r}: {advice}")


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(repr(name) for name in itertools.islice(names, 20))
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown
