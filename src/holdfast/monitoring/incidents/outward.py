"""What leaves a run: alerts through the outbox, and gauges for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection

from holdfast.alerts import outbox
from holdfast.alerts.delivering import deliver
from holdfast.alerts.routes import Route, routes_of
from holdfast.book.opening import Book, open_book
from holdfast.incident import Incident
from holdfast.monitoring.incidents.exposed import expose
from holdfast.monitoring.incidents.standing import standings
from holdfast.monitoring.incidents.telling import tell
from holdfast.site import Site
from holdfast.watched import Watched

Say: TypeAlias = Callable[[str], None]


class Outward:
    """What leaves the runs over the models of an installation.

    Parameters
    ----------
    site, book
        The installation.
    say
        Prints a line, for the alert route `stdout`.

    Raises
    ------
    SettingError
        A route names a variable of the environment that is not set.
    """

    def __init__(self, site: Site, book: Book, say: Say) -> None:
        self._routes: tuple[Route, ...] = routes_of(site.alerts)
        self._root: Path = site.root_path
        self._book, self._say = book, say
        self.problems: tuple[str, ...] = ()

    def tell(self, connection: Connection, incidents: Mapping[str, Incident]) -> None:
        """Put into the outbox what is to be told, within the transaction of the run."""
        tell(connection, incidents.values(), self._routes, datetime.now(UTC))

    def send(self, watched: Watched) -> None:
        """Deliver what is due, and write the gauges of a model."""
        self.problems = deliver(self._book, self._routes, self._say).problems
        now = datetime.now(UTC)
        found = standings(self._book, now, watched.model)
        expose(self._root, watched, found, outbox.waiting_by_route(self._book), now)


def send_again(site: Site, say: Say) -> tuple[str, ...]:
    """Deliver what is due between two runs; what could not be, and why."""
    routes = routes_of(site.alerts)
    if not routes:
        return ()
    book = open_book(site.book_location)
    try:
        return deliver(book, routes, say).problems
    finally:
        book.close()
