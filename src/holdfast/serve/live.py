"""A release that answers: what waits is answered as one group, logged, and only then sent.

A group is what came while the last one was answered: no timer makes anybody wait. At 64 connections groups hold ten to forty
rows, for which model, policy and log cost little more than for one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from holdfast.errors import LogError, ModelError
from holdfast.kinds import Kind, Role
from holdfast.log.columns import prediction_layout
from holdfast.log.frames import encode, microseconds
from holdfast.log.ids import Ulids
from holdfast.log.spool import Group, Spool
from holdfast.serve.engine import Answered, Engine, hashed
from holdfast.serve.errors import ServeError
from holdfast.serve.fields import Problem
from holdfast.serve.request import Reply, Request, Row

GROUP_ROWS = 1_000
"""Rows that are answered at once in the event loop; requests of more are answered in a thread, piece by piece."""

QUEUE_ROWS = 20_000
"""Rows that may wait for their answer; beyond, requests are refused."""


class Asked(NamedTuple):
    """A request that waits: who asked, by which route, when (seconds of a clock that never goes back), and the reply to come."""

    request: Request
    route: str
    client: str
    since: float
    reply: asyncio.Future[Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a release is served.

    Attributes
    ----------
    deadline
        Seconds after which a request that still waits is refused.
    answer_unlogged
        Whether answers go out when the log cannot be written; otherwise they are refused.
    left_out, hashed
        Fields that are not logged, and those of which only a hash is.
    """

    deadline: float = 10.0
    answer_unlogged: bool = False
    left_out: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()


class Live:
    """A release that answers requests. All calls come from the event loop's thread.

    Parameters
    ----------
    model, version
        The release's name.
    engine
        What answers.
    spool
        Where answers are logged; None: nowhere.
    rules
        How it is served.
    revision
        Of the policy.
    """

    def __init__(
        self,
        model: str,
        version: int,
        engine: Engine,
        spool: Spool | None,
        rules: Rules,
        *,
        revision: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.model, self.version, self.engine = model, version, engine
        self.rules = rules
        self.waiting_rows = 0
        self._spool = spool
        self._revision = revision
        self._clock = clock
        self._ids = Ulids(clock)
        self._waiting: list[Asked] = []
        self._scheduled = False
        self._loop = asyncio.get_running_loop()
        self._logged = [
            (place, field, field.name in rules.hashed)
            for place, field in enumerate(engine.fields)
            if field.column.role is not Role.IGNORE and field.name not in rules.left_out
        ]
        self._layout = prediction_layout(
            model, engine.task, engine.released.model.classes, [field.column for _, field, _ in self._logged]
        )
        times = [place for place, field in enumerate(engine.fields) if field.column.role is Role.TIME]
        self._time = times[0] if times else None

    def ask(self, request: Request, route: str = "champion", client: str = "") -> asyncio.Future[Reply]:
        """Answer a request; what comes back has been logged.

        Raises
        ------
        ServeError
            503: too many rows wait.
        """
        rows = len(request.rows)
        if self.waiting_rows and self.waiting_rows + rows > QUEUE_ROWS:
            raise ServeError(503, f"{self.model} has too many rows to answer: try again shortly.", retry_after=1)
        reply: asyncio.Future[Reply] = self._loop.create_future()
        self.waiting_rows += rows
        asked = Asked(request, route, client, time.monotonic(), reply)
        if rows > GROUP_ROWS:
            self._loop.create_task(self._answer_many(asked))
            return reply
        self._waiting.append(asked)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)
        return reply

    def _run(self) -> None:
        self._scheduled = False
        waiting, self._waiting = self._waiting, []
        rows: list[Row] = []
        group: list[Asked] = []
        late = time.monotonic() - self.rules.deadline
        for asked in waiting:
            if asked.since < late:
                self._fail(asked, ServeError(503, "The request waited too long: try again.", retry_after=1))
                continue
            if rows and len(rows) + len(asked.request.rows) > GROUP_ROWS:
                self._answer(group, rows)
                rows, group = [], []
            rows += asked.request.rows
            group.append(asked)
        if group:
            self._answer(group, rows)

    def _answer(self, group: list[Asked], rows: Sequence[Row]) -> None:
        """Answer a group, and hand it to the log."""
        started = self._clock()
        given = [one for asked in group for one in asked.request.ids]
        ids = [own or new for own, new in zip(given, self._ids.many(len(given)), strict=True)]
        columns = list(zip(*rows, strict=True))
        try:
            answered = self.engine.answer(columns, ids)
        except ServeError as error:
            self._refuse(group, error)
            return
        except ModelError:
            self._refuse(group, ServeError(500, f"The model {self.model} failed on these rows."))
            return
        replies = _replies(self, group, ids, answered)
        if self._spool is None:
            self._send(group, replies, None)
            return
        content = encode(self._columns(group, replies, columns, ids, given, answered, started))

        def done(error: Exception | None) -> None:
            self._loop.call_soon_threadsafe(self._send, group, replies, error)

        try:
            self._spool.append(Group(self._layout, len(rows), content), done)
        except LogError as error:
            self._send(group, replies, error)

    async def _answer_many(self, asked: Asked) -> None:
        raise NotImplementedError

    def _columns(
        self,
        group: list[Asked],
        replies: list[Reply],
        columns: list[tuple[Any, ...]],
        ids: list[str],
        given: list[str | None],
        answered: Answered,
        started: float,
    ) -> list[Sequence[Any]]:
        """What is logged, in the order of the layout; a column of one value holds it for all rows."""
        own = [one is not None for one in given]
        a, rows = answered, len(ids)
        scores = list(zip(*a.score, strict=True)) if a.classes else [a.score]
        time_of = None if self._time is None else [None if t is None else microseconds(t) for t in columns[self._time]]
        warned: list[str] = [""]
        if any(reply.problems for reply in replies):
            warned = [""] * rows
            for reply in replies:
                for problem in reply.problems:
                    place = reply.first + problem.row
                    warned[place] += f"{problem.code}:{problem.field};"
        one = len(group) == 1
        routes = [group[0].route] if one else _spread(group, [asked.route for asked in group])
        clients = [group[0].client] if one else _spread(group, [asked.client for asked in group])
        now = time.monotonic()
        latency = [now - group[0].since] if one else _spread(group, [now - asked.since for asked in group])
        digests = [0] if not any(own) else [_digest(row) for row in zip(*columns, strict=True)]
        kept = [self._kept(columns[place], field.column.kind, hash_it) for place, field, hash_it in self._logged]
        return [
            ids,
            own,
            [int(started * 1_000_000)],
            time_of or [None],
            [self.version],
            routes,
            *scores,
            a.decision,
            a.confidence,
            a.lower or [None],
            a.upper or [None],
            [None] if a.sets is None else ["|".join(names) for names in a.sets],
            a.review,
            a.reason,
            a.loss,
            a.propensity,
            [self._revision],
            warned,
            latency,
            clients,
            digests,
            *kept,
        ]

    def _kept(self, values: Sequence[Any], kind: Kind, hash_it: bool) -> Sequence[Any]:
        if hash_it:
            return [None if value is None else f"{hashed(str(value)):016x}" for value in values]
        if kind is Kind.TIME:
            return [None if value is None else microseconds(value) for value in values]
        return values

    def _send(self, group: list[Asked], replies: list[Reply], error: Exception | None) -> None:
        """Give the replies, now that they are logged; or say that they cannot be."""
        if error is not None:
            if self._spool is not None:
                self._spool.unlogged.add(sum(len(asked.request.rows) for asked in group))
            if not self.rules.answer_unlogged:
                self._refuse(group, ServeError(503, "The prediction log cannot be written: no answer.", retry_after=5))
                return
        for asked, reply in zip(group, replies, strict=True):
            self.waiting_rows -= len(asked.request.rows)
            if not asked.reply.done():
                asked.reply.set_result(reply)

    def _refuse(self, group: list[Asked], error: ServeError) -> None:
        for asked in group:
            self._fail(asked, error)

    def _fail(self, asked: Asked, error: ServeError) -> None:
        self.waiting_rows -= len(asked.request.rows)
        if not asked.reply.done():
            asked.reply.set_exception(error)


def _replies(live: Live, group: list[Asked], ids: list[str], answered: Answered) -> list[Reply]:
    replies, first = [], 0
    for asked in group:
        rows = len(asked.request.rows)
        replies.append(
            Reply(
                model=live.model,
                version=live.version,
                ids=ids[first : first + rows],
                answered=answered,
                first=first,
                rows=rows,
                problems=asked.request.problems,
            )
        )
        first += rows
    if answered.unusual:
        _share(replies, answered.unusual)
    return replies


def _share(replies: list[Reply], unusual: list[Problem]) -> None:
    """Give each reply the problems of its own rows."""
    firsts = np.array([reply.first for reply in replies])
    for problem in unusual:
        reply = replies[int(np.searchsorted(firsts, problem.row, side="right")) - 1]
        moved = Problem(problem.row - reply.first, problem.field, problem.code, problem.message)
        reply.problems = [*reply.problems, moved]


def _spread(group: list[Asked], values: list[Any]) -> list[Any]:
    """A value of each request, for each of its rows."""
    return [value for asked, value in zip(group, values, strict=True) for _ in asked.request.rows]


def _digest(row: Row) -> int:
    """63 bits of a row's values: whether a repeated id came with the same ones."""
    return hashed(repr(row)) >> 1
