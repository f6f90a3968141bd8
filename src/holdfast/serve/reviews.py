"""Reviews over HTTP: the rows that a person should decide, and the verdicts."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from holdfast.errors import LogError
from holdfast.log import reviews
from holdfast.log.labels import Given, Task, group, truth
from holdfast.log.spool import Spool
from holdfast.serve.errors import ServeError, misfit
from holdfast.serve.lenient import decoded as read_json

logger = logging.getLogger("holdfast.serve")

USUAL, MOST = 50, 1_000
"""Reviews of one answer: where no `limit` says it, and at most."""

LONGEST_NAME = 200

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Verdict(msgspec.Struct, forbid_unknown_fields=True):
    """What a person decided.

    Attributes
    ----------
    verdict
        Yes or no (true, false, 1, 0), the name of a class, or the number: the truth as the reviewer sees it.
    reviewer
        Who decided; by default whose key it is.
    """

    verdict: bool | float | str | None
    reviewer: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)] | None = None


class Review(msgspec.Struct):
    """A row that a person should decide.

    Attributes
    ----------
    id, release, time
        What the row is called, which version answered, and when.
    reason, expected_loss
        Why it is asked for, and what the answer is expected to cost beyond the right one.
    score, decision, confidence, lower, upper
        The answer.
    row
        What was logged of the row.
    """

    id: str
    release: int
    time: datetime
    reason: str
    expected_loss: float | None
    score: Any
    decision: Any
    confidence: float | None
    lower: float | None
    upper: float | None
    row: dict[str, Any]


class Reviews(msgspec.Struct):
    """Reviews that wait, those that may cost most first."""

    model: str
    open: int
    reviews: list[Review]


_decode = msgspec.json.Decoder(Verdict).decode


@dataclass(frozen=True, slots=True)
class Desk:
    """Where reviewers ask.

    Attributes
    ----------
    root
        The folder of spools and lake.
    spool
        Where verdicts go; None: they are not taken.
    """

    root: Path
    spool: Spool | None

    async def listed(self, model: str, query: bytes) -> bytes:
        """The queue of a model; see `listed`."""
        limit = parse_qs(query.decode("latin-1")).get("limit", [None])[-1]
        return await asyncio.to_thread(listed, self.root, model, limit)

    async def decided(self, model: str, task: Task, identifier: str, body: bytes, client: str) -> bytes:
        """Take a verdict; see `decided`."""
        now = time.time()
        return await asyncio.to_thread(decided, self.root, self.spool, model, task, identifier, body, client, now)


def listed(root: Path, model: str, limit: str | None) -> bytes:
    """The queue of a model, as JSON.

    Parameters
    ----------
    limit
        How many are asked for.

    Raises
    ------
    ServeError
        400: the limit is none; 503: the queue cannot be read.
    """
    most = USUAL if limit is None else int(limit) if limit.isdecimal() and len(limit) < 10 else 0
    if not 1 <= most <= MOST:
        raise ServeError(400, f"limit: expected a number from 1 to {MOST:,}.")
    try:
        waiting = reviews.waiting(root, model, most)
        open_ones = reviews.counts(root).get(model, reviews.Counts()).open
    except LogError as error:
        logger.error("the queue of reviews cannot be read: %s", error)  # noqa: TRY400
        raise ServeError(503, "The queue cannot be read: try again.", retry_after=5) from None
    found = [
        Review(
            id=one.id,
            release=one.release,
            time=_EPOCH + timedelta(microseconds=one.time),
            reason=one.reason,
            expected_loss=one.expected_loss,
            score=one.content["score"],
            decision=one.decision,
            confidence=one.content["confidence"],
            lower=one.lower,
            upper=one.upper,
            row=one.content["row"],
        )
        for one in waiting
    ]
    return msgspec.json.encode(Reviews(model, open_ones, found))


def decided(
    root: Path, spool: Spool | None, model: str, task: Task, identifier: str, body: bytes, client: str, now: float
) -> bytes:
    """Take a verdict; it is a label when this returns.

    Parameters
    ----------
    root
        The folder of spools and lake.
    spool
        Where labels go; None: they are not taken.
    model, task, identifier
        The review.
    body
        A `Verdict`.
    client
        Who asks.
    now
        Seconds since 1970.

    Raises
    ------
    ServeError
        400: the body is none; 404 and 409: there is no such review, or it has a verdict; 422: the verdict is none of the
        task; 503: the log cannot be written.
    """
    try:
        given: Verdict = read_json(_decode, body)
    except msgspec.ValidationError as error:
        raise misfit(error, '{"verdict": ..., "reviewer": ...}') from None
    verdict = truth(task, given.verdict)
    if verdict is None:
        raise ServeError(422, f"verdict: expected {task.expected}.")
    if spool is None:
        raise ServeError(503, "This server keeps no log, and takes no verdicts.")
    reviewer = given.reviewer or client
    try:
        with reviews.deciding(root, model, identifier, verdict, reviewer, int(now * 1_000_000)) as overruled:
            spool.write([group(model, task.task, [Given(identifier, verdict, "review")], reviewer, now)])
    except reviews.NoReviewError as error:
        raise ServeError(404, str(error)) from None
    except reviews.DecidedError as error:
        raise ServeError(409, str(error)) from None
    except LogError as error:
        logger.error("a verdict cannot be logged, and is refused: %s", error)  # noqa: TRY400
        raise ServeError(503, "The log cannot be written: the verdict was not taken.", retry_after=5) from None
    return msgspec.json.encode({"id": identifier, "verdict": verdict, "overruled": overruled})
