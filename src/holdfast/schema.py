"""What the columns of a table are: kinds, roles and limits, found in data, kept as JSON, held against later rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from holdfast.column import Column
from holdfast.decoding import ready
from holdfast.errors import InputError, SettingError
from holdfast.kinds import Kind, Role
from holdfast.names import listed, no_such_column, physical_names, words_of
from holdfast.observed import MOST_CATEGORIES, Seen
from holdfast.parsing import as_kind, is_string, look_up, mask, readable, unparseable, value_type
from holdfast.roles import Fact, as_role, check_role, given_roles, guessed_roles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from holdfast.tables import Table

__all__ = ["MOST_CATEGORIES", "VERSION", "Column", "Kind", "Problem", "Role", "Schema", "as_kind", "infer", "problems"]

VERSION = 1
# Rows of a batch when only the first rows of a table are looked at.
_BATCH_ROWS = 20_000


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
                raise SettingError(f"expected every column to have a {what} of its own; used twice: {listed(twice)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`; `SettingError` with the nearest names if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise no_such_column(name, self.names, "the schema")

    def by_role(self, role: Role | str) -> tuple[Column, ...]:
        """The columns that have this role, in order."""
        wanted = as_role(role)
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
            version = msgspec.json.decode(text, type=ready(_Versioned)).version
            if version > VERSION:
                raise InputError(
                    f"expected a schema of version {VERSION} or lower, got version {version}: "
                    "it was written by a newer Holdfast; upgrade Holdfast, or infer the schema again"
                )
            return msgspec.json.decode(text, type=ready(cls))
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
    given = given_roles(roles or {}, table)
    names = table.schema.names
    facts = [
        Fact(seen.describe(name, physical), seen, words_of(name))
        for seen, name, physical in zip(_look_at(table, rows), names, physical_names(names), strict=True)
    ]
    found = guessed_roles(facts, given) | given
    for fact in facts:
        check_role(fact, found.get(fact.column.name, Role.FEATURE))
    return Schema(columns=tuple(replace(column, role=found.get(column.name, Role.FEATURE)) for column, _, _ in facts))


def _look_at(table: Table, rows: int | None) -> list[Seen]:
    seen = [Seen(arrow_type) for arrow_type in table.schema.types]
    left = rows
    for batch in table.batches(batch_rows=None if rows is None else min(rows, _BATCH_ROWS)):
        for column, values in zip(seen, batch.columns, strict=True):
            column.update(values[:left])
        if left is not None and (left := left - batch.num_rows) <= 0:
            break
    return seen


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
    if not readable(values.type, column.kind) and str(value_type(values.type)) != column.type:
        message = f"{where}: expected {column.type}, got {value_type(values.type)}, which is no {column.kind}"
        yield Problem(column=column.name, code="type", rows=np.arange(rows), message=message)
        return
    for code, found, what in _violations(column, values):
        if (count := int(np.count_nonzero(found))) > 0:
            message = f"{where}: {count} of {rows} {what}"
            yield Problem(column=column.name, code=code, rows=np.flatnonzero(found), message=message)


def _violations(column: Column, values: pa.Array) -> Iterator[tuple[str, npt.NDArray[np.bool_], str]]:
    read = as_kind(values, column.kind)
    missing = mask(pc.is_null(read, nan_is_null=column.kind is Kind.NUMBER))
    if column.kind not in (Kind.CATEGORY, Kind.TEXT) and is_string(values.type):
        lost = unparseable(values, read)
        missing &= ~lost
        yield "unparseable", lost, f"cells cannot be read as {column.kind}"
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
        known = look_up(values, lambda strings: pc.is_in(strings, value_set=pa.array(column.categories, strings.type)))
        yield "category", ~mask(known) & ~missing, "values in none of the known categories"
