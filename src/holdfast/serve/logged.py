"""What is logged of answers, as the spool takes it: the answers, and the fields that the site does not leave out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import msgspec

from holdfast.kinds import Role
from holdfast.log.class_sets import joined
from holdfast.log.columns import prediction_layout
from holdfast.log.frames import Type, encode, microseconds
from holdfast.serve.engine import Answered, Engine, hashed
from holdfast.serve.request import Reply
from holdfast.serve.rows import Rows


class Origin(NamedTuple):
    """Where rows come from: route, client, and seconds from request to answer; one value is that of all rows."""

    routes: Sequence[str]
    clients: Sequence[str]
    latencies: Sequence[float]


class _Field(NamedTuple):
    """A field that is logged: its place in a row, its column, and that of the matrix if it goes as it lies there."""

    place: int
    column: str
    type: Type
    hashed: bool
    number: int | None


class Logged:
    """Makes frames of the answers of a release.

    Parameters
    ----------
    model, version
        What answers.
    engine
        Of the release.
    left_out, hash_of
        Fields that are not logged, and those of which only a hash is.
    clock
        Seconds since 1970.
    hash_key
        What hashes are made with.
    """

    def __init__(
        self,
        model: str,
        version: int,
        engine: Engine,
        left_out: Collection[str],
        hash_of: Collection[str],
        clock: Callable[[], float] = time.time,
        hash_key: bytes = b"",
    ) -> None:
        self._version, self._clock, self._hash_key = version, clock, hash_key
        self._fields = []
        for place, field in enumerate(engine.fields):
            if field.column.role is Role.IGNORE or field.name in left_out:
                continue
            hash_it = field.name in hash_of
            number = engine.column_of[field.name] if field.at_rest == "float64" and not hash_it else None
            kind: Type = "string" if hash_it else field.at_rest
            self._fields.append(_Field(place, field.column.physical, kind, hash_it, number))
        self.layout = prediction_layout(
            model,
            engine.task,
            engine.released.model.classes,
            [(field.column, field.type) for field in self._fields],
            [field.column for field in self._fields if field.number is not None],
        )
        self._packed = [field.number for field in self._fields if field.number is not None]
        # Where all are logged they need no copy.
        self._all_packed = self._packed == list(range(len(engine.column_of)))
        times = [place for place, field in enumerate(engine.fields) if field.column.role is Role.TIME]
        self._time = times[0] if times else None

    def frame(
        self,
        answered: Answered,
        rows: Rows,
        ids: Sequence[str],
        given: Sequence[str | None],
        replies: Sequence[Reply],
        origin: Origin,
    ) -> bytes:
        """A group of rows and their answers.

        Parameters
        ----------
        answered
            The answers.
        rows
            As the engine has them.
        ids, given
            What each row is called, and how its client calls it.
        replies
            To the requests of the group: they know what is unusual.
        origin
            Where the rows come from.
        """
        some_given = any(given)
        a = answered
        scores = list(zip(*a.score, strict=True)) if a.classes else [a.score]
        return encode(
            [
                ids,
                [one is not None for one in given] if some_given else [False],
                [int(self._clock() * 1_000_000)],
                [None] if self._time is None else _moments(rows.column(self._time)),
                [self._version],
                origin.routes,
                *scores,
                a.decision,
                a.confidence,
                a.lower or [None],
                a.upper or [None],
                [None] if a.sets is None else [joined(names) for names in a.sets],
                a.review,
                a.reason,
                a.loss,
                a.propensity,
                [a.revision],
                _warned(replies, len(rows)) if any(reply.problems for reply in replies) else [""],
                origin.latencies,
                origin.clients,
                [hashed(repr(row)) >> 1 for row in rows.tuples()] if some_given else [0],
                *(
                    _values(rows.column(field.place), field, self._hash_key)
                    for field in self._fields
                    if field.number is None
                ),
                *([self._numbers(rows)] if self._packed else []),
            ]
        )

    def _numbers(self, rows: Rows) -> bytes:
        return rows.packed if self._all_packed else rows.matrix[:, self._packed].tobytes()


def _values(values: list[Any], field: _Field, key: bytes) -> Sequence[Any]:
    if field.hashed:
        return [None if value is None else f"{hashed(str(value), key):016x}" for value in values]
    return _moments(values) if field.type == "timestamp" else values


def _moments(values: list[Any]) -> list[int | None]:
    if values.count(None) == len(values):  # as of a time that is optional
        return [None]
    return [None if value is None else microseconds(value) for value in values]


def _warned(replies: Sequence[Reply], rows: int) -> list[str]:
    """What is unusual of each row, as a JSON list of `code:field`; empty if nothing is."""
    found: dict[int, list[str]] = {}
    for reply in replies:
        for problem in reply.problems:
            found.setdefault(reply.first + problem.row, []).append(f"{problem.code}:{problem.field}")
    warned = [""] * rows
    for row, codes in found.items():
        warned[row] = msgspec.json.encode(codes).decode()
    return warned
