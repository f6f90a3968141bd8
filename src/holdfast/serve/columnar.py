"""Requests that come by column: tensors, CSV and Arrow all become the same rows as records do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.kinds import Kind
from holdfast.serve.errors import ServeError
from holdfast.serve.fields import LONGEST_TEXT, WHOLE, Code, Field, Problem, read
from holdfast.serve.request import LONGEST_ID, MOST_ROWS, Request

Columns = Mapping[str, Sequence[Any]]
"""Values by the name of their field, as many in each as there are rows; None or NaN where there is none."""

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
        problems: list[Problem] = []
        values: list[Sequence[Any]] = []
        for field in self._fields:
            column, found = values_of(field, columns.get(field.name), rows)
            values.append(column)
            if len(problems) + len(found) > MOST_PROBLEMS:
                raise ServeError(422, f"More than {MOST_PROBLEMS} values are missing or of another type.")
            problems += [Problem(row, field.name, code, message) for row, code, message in found]
        if strange:
            # A name is the client's text, which may be anything: only the number is told.
            problems.append(Problem(0, "", "unknown", f"{strange} fields that the model does not know"))
        ids, wrong = self._ids(columns, values, rows, own)
        return Request(
            rows=list(zip(*values, strict=True)),
            ids=ids,
            problems=problems + wrong,
            explain=explain,
        )

    def _ids(
        self, columns: Columns, values: Sequence[Sequence[Any]], rows: int, own: str | None
    ) -> tuple[list[str | None], list[Problem]]:
        """What the client calls each row, and ids that are none."""
        if self._id_field not in columns:
            if not own:
                return [None] * rows, []
            ids: list[str | None] = [own] if rows == 1 else [f"{own}-{row}" for row in range(rows)]
            if len(ids[-1] or "") > LONGEST_ID:
                raise ServeError(400, f"id: expected a text of at most {LONGEST_ID} characters, with the row's place.")
            return ids, []
        given = columns[self._id_field]
        if self._id_field in self.by_name:
            given = values[list(self.by_name).index(self._id_field)]
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


def values_of(field: Field, raw: Sequence[Any] | None, rows: int) -> tuple[Sequence[Any], list[tuple[int, Code, str]]]:
    """A column as its field has it, and what is wrong with it: what `read` says of each value, faster.

    Parameters
    ----------
    field
        The field.
    raw
        Values; None where the request has no such column.
    rows
        Of the request.

    Examples
    --------
    >>> from holdfast.column import Column
    >>> field = Field(Column(name="n", physical="n", kind=Kind.NUMBER, type="int64", nullable=False), True, "int64")
    >>> values_of(field, [1, 2.0, None], 3)
    ([1, 2, None], [(2, 'null', 'expected a whole number')])
    """
    if raw is None:
        message = f"expected {field.expected}"
        return [None] * rows, [(row, "missing", message) for row in range(rows)] if field.wanted else []
    quick = _as_it_is(field, raw)
    if quick is not None:
        return quick, []
    values: list[Any] = []
    found: list[tuple[int, Code, str]] = []
    for row, one in enumerate(raw):
        value, wrong = read(field, one)
        values.append(value)
        if wrong is not None:
            found.append((row, *wrong))
    return values, found


def _as_it_is(field: Field, raw: Sequence[Any]) -> Sequence[Any] | None:
    """The column where nothing is missing or wrong; None where its values must be looked at one by one."""
    types = set(map(type, raw))
    match field.column.kind:
        case Kind.NUMBER if field.at_rest == "int64":
            # NaN and infinities are not whole.
            whole = list(map(int, raw)) if types == {float} and all(map(float.is_integer, raw)) else raw
            return whole if types <= {int, float} and set(map(type, whole)) == {int} and _within(whole) else None
        case Kind.NUMBER if types == {float}:
            # One sum tells of every NaN; infinities are looked at one by one.
            return raw if math.isfinite(sum(raw)) else None
        case Kind.NUMBER:
            return list(map(float, raw)) if types == {int} and _within(raw) else None
        case Kind.BOOLEAN:
            return raw if types == {bool} else None
        case Kind.CATEGORY | Kind.TEXT:
            return raw if types == {str} and max(map(len, raw)) <= LONGEST_TEXT else None
        case _:
            return None


def _within(whole: Sequence[int]) -> bool:
    return min(whole) >= -WHOLE and max(whole) <= WHOLE


def _id(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return None
    return text if 0 < len(text := str(value)) <= LONGEST_ID else None
