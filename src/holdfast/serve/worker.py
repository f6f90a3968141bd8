"""One process that answers. The supervisor tells it on standard input what to do; when that ends, so does the process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import uvicorn
import uvloop

from holdfast.book.key import Key
from holdfast.book.keys import keys
from holdfast.book.opening import Book, open_book
from holdfast.book.policies import newest_policy_revisions
from holdfast.book.stages import in_force
from holdfast.decoding import ready
from holdfast.errors import HoldfastError, LogError
from holdfast.log import reviews
from holdfast.log.coverage import summaries
from holdfast.log.spool import Spool, pending, spools
from holdfast.log.tally import unlogged
from holdfast.releases.store import open_store
from holdfast.serve.access import Access
from holdfast.serve.app import App
from holdfast.serve.counts import process_use, resumed, saved
from holdfast.serve.fields import INVALID, UNUSUAL, Code
from holdfast.serve.joined_writes import Joining
from holdfast.serve.live import Rules
from holdfast.serve.metrics import Metrics, exposition, monitored
from holdfast.serve.promoting import Promoting
from holdfast.serve.reviews import Desk
from holdfast.serve.roster import POLL_SECONDS, Champion, Named, Revision, Roster
from holdfast.serve.telemetry import Tracing, log_to_stderr
from holdfast.site import Served, Site
from holdfast.startup import prepare

FLUSH_SECONDS = 0.5
POLITE_SECONDS = 0.5
"""A connection that says nothing for so long after the end has begun is closed."""

BACKLOG = 2_048

GC_THRESHOLDS = 50_000, 20, 50
"""Python looks for cycles each time that there are so many objects more. By default it does so at 700, which is a few requests
under load; none of what a request leaves is a cycle."""

logger = logging.getLogger("holdfast.serve")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told.

    Attributes
    ----------
    site
        Where everything is, and how it is served.
    names
        Models, or `model/version`.
    worker
        Its number.
    socket
        File descriptor of the socket that it takes requests from.
    counts
        Folder of all workers' counts.
    ready
        File descriptor of a pipe: how it stands with the releases is written there, and it is closed, when it answers;
        None: nobody waits for that.
    """

    site: Site
    names: tuple[str, ...]
    worker: int
    socket: int
    counts: str
    ready: int | None


def main() -> None:
    """Answer until told to stop."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])  # nothing is lost if it ends before it answers
    prepare()
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=ready(Task))
    log_to_stderr(task.site.server.log_lines)
    threading.Thread(target=_follow, daemon=True, name="holdfast-parent").start()
    try:
        uvloop.run(run(task))
    except HoldfastError as error:
        logger.error("%s", error)  # noqa: TRY400 - the message says it all
        sys.exit(2)


async def run(task: Task) -> None:
    """Serve from now on."""
    site = task.site
    counts = Path(task.counts) / f"{task.worker}.counts"
    metrics = resumed(counts)
    # Who starts a server is told that it cannot log; one that goes on refuses requests, or answers them, until it can.
    late = task.ready is None or site.log.when_unwritable == "answer"
    spool = Spool(site.spool_path, site.log.durability, late=late) if site.log.enabled else None
    book = _Book(site.book_location)
    store = open_store(site.path(site.releases))
    roster = Roster(store, task.names, book.named, spool, _rules(site), metrics)
    await roster.refresh()
    # What is loaded by now stays: looking through all of it again, every few seconds, makes requests wait for 40 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    keys = await asyncio.to_thread(book.keys) if site.server.authentication == "keys" else None
    access = Access(keys, shared=counts.parent)

    async def exposed() -> str:
        metrics.save(counts)  # so that no other process shows less afterwards
        return await asyncio.to_thread(_exposed, site, counts.parent, roster.models)

    desk, promoting = Desk(site.root_path, spool), Promoting(store, book.begun)
    app = App(roster, spool, access, metrics, exposed, site.server.most_bytes, desk, promoting)
    tracing = Tracing(site.server.traces, site.server.traced_share) if site.server.traces else None
    config = uvicorn.Config(
        tracing.traced(app, app.named) if tracing else app,
        http=Joining,
        lifespan="off",
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ssl_certfile=site.server.certificate and site.path(site.server.certificate),
        ssl_keyfile=site.server.private_key and site.path(site.server.private_key),
        timeout_graceful_shutdown=int(site.server.drain_seconds) or 1,
    )
    listening = socket.socket(fileno=task.socket)
    server = _Server(config)
    background = [
        asyncio.create_task(_every(POLL_SECONDS, app.follow)),
        asyncio.create_task(_every(POLL_SECONDS, lambda: _follow_keys(access, book))),
        asyncio.create_task(_every(FLUSH_SECONDS, lambda: _flush(metrics, counts, app, roster))),
        asyncio.create_task(_announce(server, roster, task.ready)),
    ]
    # When it has ended, uvicorn raises again what it was told to end by, which must not cut short what is done below.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        await server.serve(sockets=[listening])
    finally:
        for one in background:
            one.cancel()
        if spool is not None:
            await asyncio.to_thread(spool.close)
        if tracing is not None:
            await asyncio.to_thread(tracing.close)
        metrics.save(counts)


class _Server(uvicorn.Server):
    """Ends politely: a client that has a connection is told with its next answer that it ends, and none is cut off."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()  # who connects from now on is refused
        self.server_state.default_headers.append((b"connection", b"close"))
        await asyncio.sleep(POLITE_SECONDS)
        await super().shutdown(sockets)


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again, whatever becomes of it at one time; what stays wrong is told once."""
    told = ""
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
            told = ""
        except HoldfastError as error:
            if str(error) != told:
                logger.warning("%s", error)
            told = str(error)
        except Exception:  # what is not done any more is missed too late
            logger.exception("this is a defect of Holdfast; it is tried again in %g seconds", seconds)


async def _follow_keys(access: Access, book: _Book) -> None:
    """Follow the book apart from its stages: a key that is revoked does not wait until a release is loaded."""
    if not access.open:
        access.update(await asyncio.to_thread(book.keys))


async def _flush(metrics: Metrics, counts: Path, app: App, roster: Roster) -> None:
    for serving in roster.serving:
        serving.live.sweep()
    app.measure()
    metrics.save(counts)


async def _announce(server: uvicorn.Server, roster: Roster, ready: int | None) -> None:
    while not server.started:
        await asyncio.sleep(0.005)
    if ready is not None:
        with os.fdopen(ready, "wb") as pipe:
            pipe.write(msgspec.json.encode(roster.standings()))


class _Book:
    """The book, opened when it is first there."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._book: Book | None = None
        self._opening = threading.Lock()

    def named(self) -> Named:
        """The champion of each model, and the newest policy revisions."""
        if (book := self._opened()) is None:
            return Named()
        champions = {model: Champion(stage.version, stage.identity) for model, stage in in_force(book).items()}
        newest = newest_policy_revisions(book).items()
        return Named(champions, {release: Revision(one.revision, one.content) for release, one in newest})

    def keys(self) -> Sequence[Key]:
        """All keys."""
        return () if (book := self._opened()) is None else keys(book)

    def begun(self) -> Book:
        """The book itself; where there is none, it is begun."""
        with self._opening:
            if self._book is None:
                self._book = open_book(self._location)
            return self._book

    def _opened(self) -> Book | None:
        with self._opening:
            if self._book is None and ("://" in self._location or Path(self._location).exists()):
                self._book = open_book(self._location, create=False)
            return self._book


def _rules(site: Site) -> Callable[[str], Rules]:
    hash_key = site.hash_key

    def of(model: str) -> Rules:
        served = site.models.get(model, Served())
        reject: frozenset[Code] = frozenset()
        if served.validation == "reject":
            reject |= INVALID
        if served.unusual == "reject":
            reject |= UNUSUAL
        return Rules(
            reject=reject,
            deadline=served.deadline_seconds,
            answer_unlogged=site.log.when_unwritable == "answer",
            left_out=frozenset(served.left_out),
            hashed=frozenset(served.hashed),
            hash_key=hash_key,
            explain_seconds=served.explain_seconds,
        )

    return of


def _exposed(site: Site, counts: Path, models: Sequence[str]) -> str:
    """All counts of all workers, and what the spools hold."""
    now = Metrics()
    for model in models:
        for kind in ("predictions", "labels"):
            now.set("holdfast_log_pending_rows", (model, kind), 0)
    oldest: list[int] = []
    for path in spools(site.spool_path):
        with suppress(LogError):
            rows, since = pending(path)
            for key, count in rows.items():
                now.count("holdfast_log_pending_rows", key, count)
            oldest += [] if since is None else [since]
    age = max(0.0, time.time() - min(oldest) / 1000) if oldest else 0.0
    now.set("holdfast_log_oldest_uncommitted_seconds", (), age)
    now.count("holdfast_log_unlogged_rows", (), unlogged(site.spool_path))
    for model, summary in summaries(site.root_path).items():
        now.set("holdfast_labels_unmatched", (model,), summary.unmatched)
        if summary.coverage is not None:
            now.set("holdfast_label_coverage_ratio", (model,), summary.coverage)
        if summary.median_delay_seconds is not None:
            now.set("holdfast_label_delay_seconds", (model,), summary.median_delay_seconds)
    with suppress(LogError):
        for model, became in reviews.counts(site.root_path).items():
            now.set("holdfast_reviews_open", (model,), became.open)
            now.count("holdfast_reviews_decided", (model, "upheld"), became.upheld)
            now.count("holdfast_reviews_decided", (model, "overruled"), became.overruled)
            now.count("holdfast_review_wait_seconds", (model,), became.seconds)
            now.count("holdfast_reviews_settled", (model,), became.settled)
            now.set("holdfast_review_loss_saved", (model,), became.saved)
    contents = saved(counts)
    for worker, seconds, size in process_use(contents):
        now.set("holdfast_worker_cpu_seconds", (worker,), seconds)
        now.set("holdfast_worker_resident_memory_bytes", (worker,), size)
    return exposition([now.content(), *contents.values()]) + monitored(site.root_path)


def _follow() -> None:
    """End with whoever started this process."""
    # Not through sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 4_096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
