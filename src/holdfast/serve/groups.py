"""What waits for an answer, groups of it, and the replies that come of the answers to a group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np

from holdfast.serve.engine import Answered
from holdfast.serve.fields import Problem
from holdfast.serve.logged import Origin
from holdfast.serve.request import Reply
from holdfast.serve.rows import Rows


class Owed(NamedTuple):
    """A reply to come, of how many rows, and since when it is waited for (seconds of a clock that never goes back)."""

    reply: asyncio.Future[Reply]
    rows: int
    since: float


class Asked(NamedTuple):
    """Rows that wait for their answers: what is wrong with them, by which route and by whom they came, and what is owed."""

    rows: Rows
    ids: Sequence[str | None]
    problems: list[Problem]
    route: str
    client: str
    owed: Owed


def replies(model: str, version: int, group: Sequence[Asked], ids: Sequence[str], answered: Answered) -> list[Reply]:
    """The reply to each request of a group.

    Parameters
    ----------
    model, version
        The release that answered.
    ids, answered
        Of the rows of the group, in its order.
    """
    found: list[Reply] = []
    first = 0
    for asked in group:
        rows = asked.owed.rows
        found.append(
            Reply(
                model=model,
                version=version,
                ids=ids[first : first + rows],
                answered=answered,
                first=first,
                rows=rows,
                problems=asked.problems,
            )
        )
        first += rows
    if answered.unusual:
        _share(found, answered.unusual)
    return found


def joined(parts: Sequence[Reply], ids: Sequence[str], piece: int) -> Reply:
    """The replies to the pieces of a request, of so many rows each but the last, as one."""
    answers = [part.answered for part in parts]
    whole: dict[str, Any] = {}
    for name in Answered.__slots__:
        values = [getattr(one, name) for one in answers]
        lists = isinstance(values[0], list)
        whole[name] = [value for own in values for value in own] if lists else values[0]
    if answers[0].decision is answers[0].score:
        whole["decision"] = whole["score"]
    problems = [p._replace(row=p.row + start * piece) for start, part in enumerate(parts) for p in part.problems]
    return Reply(
        model=parts[0].model,
        version=parts[0].version,
        ids=ids,
        answered=Answered(**whole),
        first=0,
        rows=len(ids),
        problems=problems,
    )


def origin(group: Sequence[Asked]) -> Origin:
    """Where the rows of a group come from."""
    now = time.monotonic()
    return Origin(
        _by_row([asked.route for asked in group], group),
        _by_row([asked.client for asked in group], group),
        _by_row([now - asked.owed.since for asked in group], group),
    )


def _share(replies: list[Reply], unusual: list[Problem]) -> None:
    """Give each reply the problems of its own rows."""
    firsts = np.array([reply.first for reply in replies])
    for problem in unusual:
        reply = replies[int(np.searchsorted(firsts, problem.row, side="right")) - 1]
        reply.problems = [*reply.problems, problem._replace(row=problem.row - reply.first)]


def _by_row(values: Sequence[Any], group: Sequence[Asked]) -> Sequence[Any]:
    """The values of requests, for each of their rows; or one value where all are the same, which they mostly are."""
    if len(set(values)) == 1:
        return values[:1]
    return list(chain.from_iterable([repeat(v, a.owed.rows) for a, v in zip(group, values, strict=True)]))
