"""The fields of a request's rows, and what is wrong with values in them. No message holds a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from holdfast.kinds import Kind, Role
from holdfast.log.columns import NOT_LOGGED, type_at_rest
from holdfast.log.frames import Type
from holdfast.released import ReleasedModel
from holdfast.schema import Column

Code = Literal["missing", "null", "type", "range", "category", "unknown"]
"""`missing`: no such key; `null`: no value where there always was one; `type`: not of the field's kind; `range` and
`category`: a number or a category that the history does not have; `unknown`: a key that the schema does not have."""

UNUSUAL: frozenset[Code] = frozenset({"range", "category", "unknown"})
"""What a model can answer all the same: it is reported, and refuses a request only where that was asked for."""

INVALID: frozenset[Code] = frozenset({"missing", "null", "type"})
"""What refuses a request, unless it was asked to flag it."""

WHOLE = 2**53
"""Beyond, a float has no room for a whole number."""

LONGEST_TEXT = 10_000
"""Characters of a value of text."""


class Field(NamedTuple):
    """One value of a row.

    Attributes
    ----------
    column
        Of the release's schema.
    wanted
        Whether the model or the policy needs it. What they do not need is for the log, and may be left out.
    at_rest
        Its type in the log.
    """

    column: Column
    wanted: bool
    at_rest: Type

    @property
    def name(self) -> str:
        """As in requests."""
        return self.column.name

    @property
    def expected(self) -> str:
        """What its values are, in words."""
        match self.column.kind:
            case Kind.NUMBER:
                what = "a whole number" if self.at_rest == "int64" else "a number"
            case Kind.BOOLEAN:
                what = "true or false"
            case Kind.TIME:
                what = "a time with its zone, such as 2025-01-31T12:00:00Z"
            case _:
                what = "a text"
        return f"{what} or null" if self.column.nullable or not self.wanted else what


class Problem(NamedTuple):
    """Something about one value of a request: its row, field and code, and a sentence about what was expected."""

    row: int
    field: str
    code: Code
    message: str

    def __str__(self) -> str:
        return f"rows[{self.row}].{self.field}: {self.message}"


Value: TypeAlias = float | int | str | bool | datetime | None

_TYPES: dict[Kind, Any] = {
    Kind.NUMBER: float,
    Kind.BOOLEAN: bool,
    Kind.TIME: Annotated[datetime, Meta(tz=True)],
    Kind.CATEGORY: Annotated[str, Meta(max_length=LONGEST_TEXT)],
    Kind.TEXT: Annotated[str, Meta(max_length=LONGEST_TEXT)],
}
_WHOLE = Annotated[int, Meta(ge=-WHOLE, le=WHOLE)]


def fields_of(released: ReleasedModel) -> tuple[Field, ...]:
    """The fields of a release, in the order of its schema: features, and what is logged beside them."""
    costs = released.policy.costs
    wanted = {*released.model.features, *(() if costs is None else costs.needs)}
    if released.uncertainty is not None and released.uncertainty.segment:
        wanted.add(released.uncertainty.segment)
    return tuple(
        Field(column, column.name in wanted, type_at_rest(column))
        for column in released.schema.columns
        if column.role not in NOT_LOGGED or column.name in wanted
    )


def id_field(fields: Sequence[Field]) -> str:
    """The key that holds a row's own id: the schema's column for it, or `id`."""
    named = [field.name for field in fields if field.column.role is Role.ID]
    return named[0] if named else "id"


def type_of(field: Field) -> Any:
    """What msgspec takes as a value of a field without a problem."""
    kind = _WHOLE if field.at_rest == "int64" else _TYPES[field.column.kind]
    return kind | None if field.column.nullable or not field.wanted else kind


def read(field: Field, raw: object) -> tuple[Value, tuple[Code, str] | None]:
    """A value as its field has it, and what is wrong with it. Of the wrong type is as good as missing.

    Examples
    --------
    >>> field = Field(Column(name="n", physical="n", kind=Kind.NUMBER, type="int64", nullable=False), True, "int64")
    >>> read(field, 3.0), read(field, 3.5)
    ((3, None), (None, ('type', 'expected a whole number, got another number')))
    >>> read(field, None)
    (None, ('null', 'expected a whole number, got null'))
    """
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return None, (
            "null",
            f"expected {field.expected}, got null",
        ) if field.wanted and not field.column.nullable else None
    value = _READERS[field.column.kind](field, raw)
    return (value, None) if value is not None else (None, ("type", f"expected {field.expected}, got {_got(raw)}"))


def _got(raw: object) -> str:
    """What a value is, without saying it."""
    match raw:
        case bool():
            return "true or false"
        case str():
            return f"a text of more than {LONGEST_TEXT:,} characters" if len(raw) > LONGEST_TEXT else "a text"
        case int() | float():
            return "another number"
        case list() | dict():
            return "a list" if isinstance(raw, list) else "an object"
        case datetime():
            return "a time" if raw.tzinfo else "a time without a zone"
        case _:
            return "another type"


def _number(field: Field, raw: object) -> Value:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if field.at_rest == "int64":
        return int(raw) if math.isfinite(raw) and raw == int(raw) and abs(raw) <= WHOLE else None
    try:
        return float(raw)
    except OverflowError:
        return None


def _boolean(_: Field, raw: object) -> Value:
    return bool(raw) if isinstance(raw, bool) or raw in (0, 1) else None


def _time(_: Field, raw: object) -> Value:
    if isinstance(raw, str):
        try:
            raw = msgspec.convert(raw, datetime)
        except msgspec.ValidationError:
            return None
    return raw if isinstance(raw, datetime) and raw.tzinfo is not None else None


def _text(_: Field, raw: object) -> Value:
    return raw if isinstance(raw, str) and len(raw) <= LONGEST_TEXT else None


_READERS: dict[Kind, Callable[[Field, object], Value]] = {
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: _time,
    Kind.CATEGORY: _text,
    Kind.TEXT: _text,
}
