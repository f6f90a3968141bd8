"""Requests that come by column: tensors, CSV and Arrow all become the same rows as records do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from holdfast.serve.errors import ServeError
from holdfast.serve.fields import Code, Field, Problem, read, type_of
from holdfast.serve.request import LONGEST_ID, MOST_ROWS, Request
from holdfast.serve.rows import Row

Columns = Mapping[str, Sequence[Any]]
"""Values by the name of their field, as many in each as there are rows; None where there is none."""

MOST_PROBLEMS = MOST_ROWS
"""A few bytes can lack thirty fields in each of many rows: nobody reads more problems than this."""


class Columnar:
    """Reads rows of a release from columns.

    Parameters
    ----------
    fields
        Of the release.
    id_field
        Name of the column that holds each row's own id.
    ignored
        Names that the schema has and that are not used.

    Attributes
    ----------
    by_name
        The fields.
    used
        Names that are read: the fields', and that of the ids.
    known
        Names that a request may have.
    """

    def __init__(self, fields: Sequence[Field], id_field: str, ignored: Sequence[str]) -> None:
        self.by_name = {field.name: field for field in fields}
        self.used = frozenset([*self.by_name, id_field])
        self.known = self.used.union(ignored)
        self._fields = tuple(fields)
        self._id_field = id_field
        self._wanted = frozenset(field.name for field in fields if field.wanted)
        self._whole = [place for place, field in enumerate(fields) if field.at_rest == "int64"]
        # As a member of a struct, because msgspec keeps what it has learned of those only.
        rows: Any = list[tuple[tuple(type_of(field) for field in fields)]]  # type: ignore[misc]
        self._rows: Any = msgspec.defstruct("Rows", [("rows", rows)], array_like=True)

    def request(
        self, columns: Columns, rows: int, *, strange: int = 0, own: str | None = None, explain: bool = False
    ) -> Request:
        """The rows of columns, and what is wrong with them.

        Parameters
        ----------
        columns
            Of the request.
        rows
            How many values each of them has.
        strange
            How many names of the request are none that the schema knows.
        own
            What the client calls the request; several rows are told apart by their place in it, `own-0` being the first.
        explain
            Whether contributions of the features are asked for.

        Raises
        ------
        ServeError
            400 there is no row; 413 there are too many; 422 there are more than `MOST_PROBLEMS` problems.
        """
        check_rows(rows)
        absent = [None] * rows
        values = [columns.get(name, absent) for name in self.by_name]
        for place in self._whole:
            values[place] = _as_whole(values[place])
        problems: list[Problem] = []
        typed = self._as_they_are(values) if self._wanted.issubset(columns) else None
        if typed is None:
            typed, problems = self._by_field(values, columns, rows)
        if strange:
            # A name is the client's text, which may be anything: only the number is told.
            problems.append(Problem(0, "", "unknown", f"{strange} fields that the model does not know"))
        ids, wrong = self._ids(columns, typed, own)
        return Request(rows=typed, ids=ids, problems=problems + wrong, explain=explain)

    def _as_they_are(self, values: Sequence[Sequence[Any]]) -> list[Row] | None:
        """The rows, if nothing is wrong with them."""
        try:
            typed: list[Row] = msgspec.convert([list(zip(*values, strict=True))], self._rows).rows
        except msgspec.ValidationError:
            return None
        return typed

    def _by_field(
        self, values: Sequence[Sequence[Any]], columns: Columns, rows: int
    ) -> tuple[list[Row], list[Problem]]:
        problems: list[Problem] = []
        typed: list[Sequence[Any]] = []
        for field, raw in zip(self._fields, values, strict=True):
            if field.wanted and field.name not in columns:
                message = f"is missing; expected {field.expected}"
                problems += [Problem(row, field.name, "missing", message) for row in range(rows)]
                typed.append(raw)
            else:
                column, found = values_of(field, raw)
                typed.append(column)
                problems += [Problem(row, field.name, code, message) for row, code, message in found]
            check_problems(problems)
        return list(zip(*typed, strict=True)), problems

    def _ids(self, columns: Columns, typed: Sequence[Row], own: str | None) -> tuple[list[str | None], list[Problem]]:
        """What the client calls each row, and ids that are none."""
        rows = len(typed)
        if self._id_field not in columns:
            if not own:
                return [None] * rows, []
            ids: list[str | None] = [own] if rows == 1 else [f"{own}-{row}" for row in range(rows)]
            if len(ids[-1] or "") > LONGEST_ID:
                raise ServeError(400, f"id: expected a text of at most {LONGEST_ID} characters, with the row's place.")
            return ids, []
        given = columns[self._id_field]
        if self._id_field in self.by_name:
            place = list(self.by_name).index(self._id_field)
            given = [row[place] for row in typed]
        ids = [_id(value) for value in given]
        message = f"expected a text of 1 to {LONGEST_ID} characters"
        return ids, [
            Problem(row, self._id_field, "type", message)
            for row, (one, value) in enumerate(zip(ids, given, strict=True))
            if one is None and value is not None
        ]


def check_rows(rows: int) -> None:
    """Refuse a request without rows, or with too many.

    Raises
    ------
    ServeError
        400 there is no row; 413 there are more than `MOST_ROWS`.
    """
    if rows == 0:
        raise ServeError(400, "Expected at least one row.")
    if rows > MOST_ROWS:
        raise ServeError(413, f"Expected at most {MOST_ROWS} rows in a request.")


def check_problems(problems: Sequence[Problem]) -> None:
    """Refuse a request with far too many problems: `ServeError` 422 where there are more than `MOST_PROBLEMS`."""
    if len(problems) > MOST_PROBLEMS:
        raise ServeError(422, f"More than {MOST_PROBLEMS} values are missing or of another type.")


def values_of(field: Field, raw: Sequence[Any]) -> tuple[Sequence[Any], list[tuple[int, Code, str]]]:
    """A column as its field has it, and what is wrong with it, by row: what `read` says of each value, faster.

    Examples
    --------
    >>> from holdfast.column import Column
    >>> from holdfast.kinds import Kind
    >>> field = Field(Column(name="n", physical="n", kind=Kind.NUMBER, type="int64", nullable=False), True, "int64")
    >>> values_of(field, [1, 2, None])
    ([1, 2, None], [(2, 'null', 'expected a whole number, got null')])
    """
    try:
        return msgspec.convert(raw, list[type_of(field)]), []  # type: ignore[misc]
    except msgspec.ValidationError:
        pass
    values: list[Any] = []
    found: list[tuple[int, Code, str]] = []
    for row, one in enumerate(raw):
        value, wrong = read(field, one)
        values.append(value)
        if wrong is not None:
            found.append((row, *wrong))
    return values, found


def _as_whole(values: Sequence[Any]) -> Sequence[Any]:
    """Whole numbers that came as floats, as such."""
    if type(values[0]) is not float:
        return values
    return [int(one) if type(one) is float and one.is_integer() else one for one in values]


def _id(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return None
    return text if 0 < len(text := str(value)) <= LONGEST_ID else None
