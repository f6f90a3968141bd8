"""Books, and a webhook that takes what is posted to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from holdfast.alerts.alert import Alert
from holdfast.records import Severity

from ..book.conftest import book, location, postgres

__all__ = ["book", "location", "postgres"]
"""A book of each kind, as for the tests of the book."""


@dataclass
class Hook:
    """What was posted, and what is answered: a status, as soon as it may."""

    url: str = ""
    status: int = 204
    answers: threading.Event = field(default_factory=threading.Event)
    headers: dict[str, str] = field(default_factory=dict)
    posted: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A real server."""
    found = Hook()
    found.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.answers.wait()
            found.posted.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.answers.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def alert() -> Callable[..., Alert]:
    """Makes alerts."""

    def made(incident: str = "fraud-1", **more: Any) -> Alert:
        given: dict[str, Any] = {
            "model": "fraud",
            "subject": "amount",
            "number": 1,
            "event": "opened",
            "severity": Severity.HIGH,
            "title": "amount moved",
            "since": 0.0,
        }
        return Alert(incident=incident, **(given | more))

    return made
