"""Delivers what waits in the outbox: each route by itself, so that one which hangs delays no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from holdfast.alerts.outbox import Waiting, claim, conclude, waiting
from holdfast.alerts.routes import Route
from holdfast.book.opening import Book
from holdfast.errors import BookError
from holdfast.names import listed

if TYPE_CHECKING:
    from holdfast.alerts.sinks import Say

PATIENCE_SECONDS = 15.0
"""How long all routes together are waited for."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What left, and what could not.

    Attributes
    ----------
    sent
        Alerts that were taken.
    problems
        One sentence for each route that did not take what it was given.
    """

    sent: int = 0
    problems: tuple[str, ...] = ()


def deliver(
    book: Book,
    routes: Sequence[Route],
    say: Say = print,
    *,
    patience: float = PATIENCE_SECONDS,
    now: datetime | None = None,
) -> Delivered:
    """Send what is due.

    Parameters
    ----------
    book
        With the outbox.
    routes
        The ways out; what waits for another one stays.
    say
        Prints a line, for the route `stdout`.
    patience
        Seconds after which routes that have not answered are left alone; what they were given is tried again later.
    now
        The moment; None: this one.

    Returns
    -------
    Delivered
        How many left; and what did not, with the reason: it stays in the outbox, and is tried again.
    """
    at = now or datetime.now(UTC)
    known = {route.name: route for route in routes}
    found = waiting(book)
    due: dict[str, list[Waiting]] = {}
    for one in found:
        if one.next <= at and one.route in known:
            due.setdefault(one.route, []).append(one)
    queues = [_Queue(book, known[name], some, say, at) for name, some in due.items()]
    for queue in queues:
        queue.start()
    until = time.monotonic() + patience
    for queue in queues:
        queue.join(max(0.0, until - time.monotonic()))
    problems = [
        _told(queue.route.name, queue.error or "it did not answer in time", queue.left)
        for queue in queues
        if queue.left
    ]
    # Those that are not due yet have failed before: until they leave, that is said.
    for name in sorted(known.keys() - due.keys()):
        rest = [one for one in found if one.route == name]
        if rest:
            problems.append(_told(name, rest[0].error or "it is tried again", len(rest)))
    strange = sorted({one.route for one in found} - known.keys())
    if strange:
        count = sum(one.route in strange for one in found)
        wait = "An alert waits" if count == 1 else f"{count} alerts wait"
        problems.append(f"{wait} for a route that site.toml does not name any more: {listed(strange)}.")
    return Delivered(sent=sum(queue.sent for queue in queues), problems=tuple(problems))


class _Queue(threading.Thread):
    """Sends what is due by one route, in its order, until it fails."""

    def __init__(self, book: Book, route: Route, due: Sequence[Waiting], say: Say, at: datetime) -> None:
        super().__init__(name=f"alerts to {route.name}", daemon=True)  # one that hangs keeps no process alive
        self.route = route
        self.sent, self.left, self.error = 0, len(due), ""
        self._book, self._due, self._say, self._at = book, due, say, at

    def run(self) -> None:
        """Send them."""
        from holdfast.alerts.sinks import send  # what talks to the network is loaded where there is something to say

        try:
            for one in self._due:
                if claim(self._book, one, self._at):
                    self.error = send(self.route, one.alert, self._say)
                    conclude(self._book, one, self._at, self.error)
                    if self.error:
                        return
                    self.sent += 1
                self.left -= 1
        except BookError as error:
            self.error = str(error)


def _told(route: str, why: str, count: int) -> str:
    what = "An alert" if count == 1 else f"{count} alerts"
    return f"{what} could not be delivered to {route!r}: {why}. {'It is' if count == 1 else 'They are'} tried again."
