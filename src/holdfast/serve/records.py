"""The record API: rows in, answers out, as JSON that people read and write.

A body that fits the schema is decoded straight into typed rows. Any other is decoded again as plain JSON, and every problem in
it is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import astuple

from holdfast.serve.columnar import check_problems, check_rows
from holdfast.serve.errors import ServeError, misfit
from holdfast.serve.fields import Field, Problem, Value, read, type_of
from holdfast.serve.lenient import decoded
from holdfast.serve.request import LONGEST_ID, MOST_ROWS, Explanation, Reply, Request
from holdfast.serve.rows import Row

_ID = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]


class Plain(msgspec.Struct):
    """A body whose rows are not looked at."""

    rows: Annotated[list[Any], Meta(min_length=1)]
    explain: bool = False


class Unusual(msgspec.Struct, frozen=True):
    """Something about a value that was answered all the same."""

    field: str
    code: str


class Answer(msgspec.Struct, omit_defaults=True, gc=False):
    """The answer to one row.

    Attributes
    ----------
    id
        What it is called in the log, and what its label must name.
    score
        Probability of the positive class, probability by class, or the predicted number.
    decision
        Yes or no, or the name of a class.
    confidence
        Probability that the decision is right.
    lower, upper
        The interval that holds the true number with the release's level.
    classes
        Classes that hold the true one with the release's level.
    review, reason
        Whether a person should decide, and why.
    warnings
        Values that the history does not have, or that are missing or of another type.
    contributions
        Of each feature to the score; with `base` they add up to it. Of several classes: to the probability of the decided one.
    """

    id: str
    score: float | dict[str, float | None] | None
    decision: bool | str | None = None
    confidence: float | None = None
    lower: float | None = None
    upper: float | None = None
    classes: list[str] | None = None
    review: bool = False
    reason: str = ""
    warnings: list[Unusual] = []
    contributions: Mapping[str, float | None] | None = None


class Answers(msgspec.Struct, omit_defaults=True):
    """The answers to a request, in the order of its rows, the release that gave them, and what contributions are."""

    model: str
    release: int
    answers: list[Answer]
    explanation: Explanation | None = None


class Records:
    """Reads rows of a release from JSON.

    Parameters
    ----------
    fields
        Of the release.
    id_field
        Key of a row's own id.
    ignored
        Keys that the schema has and that are not used.
    """

    def __init__(self, fields: Sequence[Field], id_field: str, ignored: Sequence[str]) -> None:
        self._fields = fields
        self._id_field = id_field
        self._known = frozenset([*(field.name for field in fields), id_field, *ignored])
        names = [field.name for field in fields]
        id_place = names.index(id_field) if id_field in names else len(names)
        members: list[Any] = [_member(f"f{i}", field) for i, field in enumerate(fields)]
        keys = {f"f{i}": name for i, name in enumerate(names)}
        if id_place == len(names):
            members.append(("own", _ID | int | None, None))
            keys["own"] = id_field
        for i, name in enumerate(one for one in ignored if one not in names and one != id_field):
            members.append((f"x{i}", msgspec.Raw, msgspec.Raw()))
            keys[f"x{i}"] = name
        row = msgspec.defstruct("Row", members, rename=keys, forbid_unknown_fields=True, kw_only=True, gc=False)
        body = msgspec.defstruct(
            "Body",
            [("rows", Annotated[list[row], Meta(min_length=1, max_length=MOST_ROWS)]), ("explain", bool, False)],  # type: ignore[valid-type]
        )
        self._decode = msgspec.json.Decoder(body).decode
        self._decode_plain = msgspec.json.Decoder(Plain).decode
        self._id_of = itemgetter(id_place)

    def read(self, body: bytes) -> Request:
        """The rows of a body, and what is wrong with them.

        Raises
        ------
        ServeError
            400: it is not `{"rows": [{...}, ...]}`; 413: too many rows; 422: far too many problems.
        """
        try:
            typed: Any = self._decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._read_plain(body)
        rows = list(map(astuple, typed.rows))
        ids = list(map(self._id_of, rows))
        if ids.count(None) < len(ids):
            ids = [own if own is None or type(own) is str else str(own) for own in ids]
            if any(own is not None and not 0 < len(own) <= LONGEST_ID for own in ids):
                return self._read_plain(body)
        return Request(rows=rows, ids=ids, explain=typed.explain)

    def _read_plain(self, body: bytes) -> Request:
        try:
            plain: Plain = decoded(self._decode_plain, body)
        except msgspec.ValidationError as error:
            raise misfit(error, '{"rows": [{...}, ...]}') from None
        check_rows(len(plain.rows))
        rows: list[Row] = []
        ids: list[str | None] = []
        problems: list[Problem] = []
        for i, raw in enumerate(plain.rows):
            if not isinstance(raw, dict):
                raise ServeError(400, f"rows[{i}]: expected an object with a key for each field.")
            row, found = self._row(i, raw)
            rows.append(row)
            problems += found
            check_problems(problems)
            own = raw.get(self._id_field)
            if (given := isinstance(own, str | int) and not isinstance(own, bool)) and 0 < len(str(own)) <= LONGEST_ID:
                ids.append(str(own))
            else:
                ids.append(None)
                if (given or own is not None) and not any(one.field == self._id_field for one in found):
                    problems.append(
                        Problem(i, self._id_field, "type", f"expected a text of 1 to {LONGEST_ID} characters")
                    )
        return Request(rows=rows, ids=ids, problems=problems, explain=plain.explain)

    def _row(self, place: int, raw: dict[str, Any]) -> tuple[Row, list[Problem]]:
        values: list[Value] = []
        problems: list[Problem] = []
        for field in self._fields:
            if field.wanted and field.name not in raw:
                values.append(None)
                problems.append(Problem(place, field.name, "missing", f"is missing; expected {field.expected}"))
                continue
            value, wrong = read(field, raw.get(field.name))
            values.append(value)
            if wrong is not None:
                problems.append(Problem(place, field.name, *wrong))
        # A key is the client's text, which may be anything: only its number is told. But for `id`, by which clients mean
        # what the row is called.
        strange = raw.keys() - self._known
        if "id" in strange:
            strange.remove("id")
            problems.append(Problem(place, "id", "unknown", f"does not name the row; {self._id_field} does"))
        if strange:
            problems.append(Problem(place, "", "unknown", f"the model does not know {len(strange)} of its keys"))
        return tuple(values), problems


_encode = msgspec.json.Encoder().encode


def write(reply: Reply) -> bytes:
    """The answers as JSON."""
    return _encode(Answers(reply.model, reply.version, answers(reply), reply.explanation))


def answers(reply: Reply) -> list[Answer]:
    """The answers of a reply, one for each row."""
    a, first = reply.answered, reply.first
    warnings: dict[int, list[Unusual]] = {}
    for problem in reply.problems:
        warnings.setdefault(problem.row, []).append(Unusual(problem.field, problem.code))
    own, none = slice(first, first + reply.rows), repeat(None)
    score = [dict(zip(a.classes, one, strict=True)) for one in a.score[own]] if a.classes else a.score[own]
    decided = (none, none) if a.decision is a.score else (a.decision[own], a.confidence[own])
    bounds = (none, none) if a.lower is None or a.upper is None else (a.lower[own], a.upper[own])
    sets = none if a.sets is None else a.sets[own]
    made = list(map(Answer, reply.ids, score, *decided, *bounds, sets, a.review[own], a.reason[own]))
    for row, found in warnings.items():
        made[row].warnings = found
    if reply.contributions is not None:
        for answer, contributions in zip(made, reply.contributions, strict=True):
            answer.contributions = contributions or None
    return made


def _member(name: str, field: Field) -> tuple[str, Any] | tuple[str, Any, Any]:
    return (name, type_of(field)) if field.wanted else (name, type_of(field), None)
