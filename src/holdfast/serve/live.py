"""A release that answers: what waits is answered as one group, logged, and only then sent.

A group is what came while the last one was answered: no timer makes anybody wait. At 64 connections groups hold ten to forty
requests, for which model, policy and log cost little more than for one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from holdfast.errors import LogError, ModelError
from holdfast.log.ids import Ulids
from holdfast.log.spool import Group, Spool
from holdfast.serve.engine import Answered
from holdfast.serve.errors import InvalidRowsError, ServeError
from holdfast.serve.fields import INVALID, UNUSUAL, Code
from holdfast.serve.groups import Asked, Owed, joined, origin, replies
from holdfast.serve.loaded import Loaded
from holdfast.serve.logged import Logged
from holdfast.serve.metrics import Metrics
from holdfast.serve.request import Reply, Request
from holdfast.serve.rows import Rows

logger = logging.getLogger("holdfast.serve")

LARGE_ROWS = 1_000
"""Requests of more rows are answered in a thread, piece by piece."""

GROUP_ROWS = 5_000
"""Rows that are answered at once: of the requests that wait, or of such a piece."""

QUEUE_ROWS = 20_000
"""Rows that may wait for their answer; beyond, requests are refused."""


SLOW_LOG = "The prediction log is slow: try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a release is served.

    Attributes
    ----------
    reject
        Codes of problems that refuse a request; the others are told with the answer.
    deadline
        Seconds after which a request that still waits is refused.
    answer_unlogged
        Whether answers go out when the log cannot be written; otherwise they are refused.
    left_out, hashed
        Fields that are not logged, and those of which only a hash is.
    hash_key
        What that is made with.
    explain_seconds
        What contributions of a request may take where they are sampled.
    """

    reject: frozenset[Code] = INVALID
    deadline: float = 10.0
    answer_unlogged: bool = False
    left_out: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()
    hash_key: bytes = b""
    explain_seconds: float = 0.2


class Live:
    """A release that answers requests. All calls come from the event loop's thread.

    Parameters
    ----------
    loaded
        The release.
    spool
        Where answers are logged; None: nowhere.
    rules
        How it is served.
    metrics
        What is counted.
    """

    def __init__(
        self,
        loaded: Loaded,
        spool: Spool | None,
        rules: Rules,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.model, self.version, self.engine = loaded.model, loaded.version, loaded.engine
        self.rules = rules
        self._metrics = metrics
        self.waiting_rows = 0
        self._spool = spool
        self._ids = Ulids(clock)
        self._labels = (self.model, str(self.version))
        self._waiting: list[Asked] = []
        self._logging: deque[list[Owed]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._loop = asyncio.get_running_loop()
        self._logged = Logged(
            self.model, self.version, self.engine, rules.left_out, rules.hashed, clock, rules.hash_key
        )

    def ask(self, request: Request, route: str = "champion", client: str = "") -> asyncio.Future[Reply]:
        """Answer a request; what comes back has been logged.

        Raises
        ------
        ServeError
            422: rows do not fit the schema; 503: too many rows wait.
        """
        rows = len(request.rows)
        if self.waiting_rows and self.waiting_rows + rows > QUEUE_ROWS:
            raise ServeError(503, f"{self.model} has too many rows to answer: try again shortly.", retry_after=1)
        # Now, while they are at hand: what waits is smaller then.
        taken = self.engine.rows(request.rows) if rows <= LARGE_ROWS else None
        self._check(request, taken)
        owed = Owed(self._loop.create_future(), rows, time.monotonic())
        self.waiting_rows += rows
        if taken is None:
            task = self._loop.create_task(self._answer_many(request, route, client, owed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return owed.reply
        self._waiting.append(Asked(taken, request.ids, request.problems, route, client, owed))
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)
        return owed.reply

    def sweep(self) -> None:
        """Refuse what has waited for the log too long; to be called each second or so."""
        late = time.monotonic() - self.rules.deadline
        for group in self._logging:
            if group[0].since >= late:
                break
            for owed in group:
                if not owed.reply.done():
                    owed.reply.set_exception(ServeError(503, SLOW_LOG, retry_after=5))

    def _check(self, request: Request, taken: Rows | None) -> None:
        problems = request.problems
        if self.rules.reject & UNUSUAL:
            problems = [*problems, *self.engine.unusual(taken or self.engine.rows(request.rows))]
        for problem in problems:
            self._metrics.count("holdfast_schema_violations", (self.model, problem.field, problem.code))
        if refusing := [problem for problem in problems if problem.code in self.rules.reject]:
            raise InvalidRowsError(refusing)

    def _run(self) -> None:
        self._scheduled = False
        waiting, self._waiting = self._waiting, []
        rows = 0
        group: list[Asked] = []
        for asked in waiting:
            if rows and rows + asked.owed.rows > GROUP_ROWS:
                self._try(group)
                rows, group = 0, []
            rows += asked.owed.rows
            group.append(asked)
        self._try(group)

    def _try(self, group: list[Asked]) -> None:
        try:
            self._answer(group)
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever
            if len(group) == 1:
                self._fail([group[0].owed], told(self.model, error))
                return
            for asked in group:  # so that one request fails, and not those that came at the same moment
                self._try([asked])

    def _answer(self, group: list[Asked]) -> None:
        """Answer a group, and hand it to the log."""
        started = time.monotonic()
        rows = Rows.joined([asked.rows for asked in group])
        given = list(chain.from_iterable([asked.ids for asked in group]))
        ids = self._named(given)
        answered = self.engine.answer(rows, ids)
        made = replies(self.model, self.version, group, ids, answered)
        self._measure(group, answered, started)
        owed = [asked.owed for asked in group]
        if self._spool is None:
            self._send(owed, made, None)
            return
        content = self._logged.frame(answered, rows, ids, given, made, origin(group))
        self._logging.append(owed)
        self._log(content, len(rows), lambda error: self._send(owed, made, error))

    async def _answer_many(self, request: Request, route: str, client: str, owed: Owed) -> None:
        """Answer a large request piece by piece, in a thread: others are answered meanwhile."""
        try:
            await self._answer_pieces(request, route, client, owed)
        except TimeoutError:
            self._fail([owed], ServeError(503, SLOW_LOG, retry_after=5))
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever
            self._fail([owed], told(self.model, error))

    async def _answer_pieces(self, request: Request, route: str, client: str, owed: Owed) -> None:
        parts = []
        logged: list[asyncio.Future[Exception | None]] = []
        names: list[str] = []
        for start in range(0, len(request.rows), GROUP_ROWS):
            end = start + GROUP_ROWS
            given = request.ids[start:end]
            ids = self._named(given)
            began = time.monotonic()
            rows = await asyncio.to_thread(self.engine.rows, request.rows[start:end])
            answered = await asyncio.to_thread(self.engine.answer, rows, ids)
            problems = [p._replace(row=p.row - start) for p in request.problems if start <= p.row < end]
            piece = Asked(rows, given, problems, route, client, owed._replace(rows=len(rows)))
            made = replies(self.model, self.version, [piece], ids, answered)
            self._measure([piece], answered, began)
            if self._spool is not None:
                done: asyncio.Future[Exception | None] = self._loop.create_future()
                content = self._logged.frame(answered, rows, ids, given, made, origin([piece]))
                self._log(content, len(ids), _once(done))
                logged.append(done)
            names += ids
            parts.append(made[0])
        async with asyncio.timeout(self.rules.deadline):
            ended = await asyncio.gather(*logged)
        errors = [error for error in ended if error is not None]
        self._send([owed], [joined(parts, names, GROUP_ROWS)], errors[0] if errors else None)

    def _named(self, given: Sequence[str | None]) -> list[str]:
        new = self._ids.many(len(given))
        return [own or one for own, one in zip(given, new, strict=True)] if any(given) else new

    def _log(self, content: bytes, rows: int, then: Callable[[Exception | None], None]) -> None:
        """Hand rows to the spool's thread; `then` is called in this one."""
        handed = time.monotonic()

        def done(error: Exception | None) -> None:
            self._loop.call_soon_threadsafe(finish, error)

        def finish(error: Exception | None) -> None:
            if error is not None and self._spool is not None and self.rules.answer_unlogged:
                self._spool.unlogged.add(rows)
            self._metrics.observe("holdfast_stage_duration_seconds", (self.model, "log"), [time.monotonic() - handed])
            then(error)

        assert self._spool is not None
        try:
            self._spool.append(Group(self._logged.layout, rows, content), done)
        except LogError as error:
            self._loop.call_soon(finish, error)

    def _measure(self, group: list[Asked], answered: Answered, started: float) -> None:
        now, stage, rows = time.monotonic(), "holdfast_stage_duration_seconds", len(answered.review)
        self._metrics.observe(stage, (self.model, "queue"), [started - group[0].owed.since])
        self._metrics.observe(stage, (self.model, "predict"), [now - started])
        self._metrics.observe("holdfast_group_rows", (self.model,), [rows])
        self._metrics.count("holdfast_rows", self._labels, rows)
        if any(answered.review):
            for reason in answered.reason:
                if reason:
                    self._metrics.count("holdfast_reviews_asked", (*self._labels, reason))
        for problem in answered.unusual:
            self._metrics.count("holdfast_schema_violations", (self.model, problem.field, problem.code))

    def _send(self, group: list[Owed], replies: list[Reply], error: Exception | None) -> None:
        """Give the replies, now that they are logged; or say that they cannot be."""
        if self._logging and self._logging[0] is group:
            self._logging.popleft()
        if error is not None and not self.rules.answer_unlogged:
            logger.error("predictions of %s cannot be logged, and are refused: %s", self.model, error)
            self._fail(group, ServeError(503, "The prediction log cannot be written: no answer.", retry_after=5))
            return
        if error is not None:
            logger.error("predictions of %s go out without being logged: %s", self.model, error)
        for owed, reply in zip(group, replies, strict=True):
            self.waiting_rows -= owed.rows
            if not owed.reply.done():
                owed.reply.set_result(reply)

    def _fail(self, group: list[Owed], error: ServeError) -> None:
        for owed in group:
            self.waiting_rows -= owed.rows
            if not owed.reply.done():
                owed.reply.set_exception(error)


def told(model: str, error: Exception) -> ServeError:
    """What a client is told of an error; what it was not meant to be told goes to the server's log, without its text."""
    if isinstance(error, ServeError):
        return error
    if isinstance(error, ModelError):
        return ServeError(500, f"The model {model} failed on these rows.")
    name = type(error).__name__
    logger.error("a request failed: %s", name, exc_info=RuntimeError(name).with_traceback(error.__traceback__))
    return ServeError(500, "This is a defect of Holdfast: its log says where it arose.")


def _once(future: asyncio.Future[Exception | None]) -> Callable[[Exception | None], None]:
    def then(error: Exception | None) -> None:
        if not future.done():
            future.set_result(error)

    return then
