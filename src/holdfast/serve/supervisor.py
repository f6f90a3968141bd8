"""`holdfast serve`: one process that starts those that answer, and the one that commits the log, and keeps them alive."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import FrameType

import msgspec

from holdfast.decoding import ready
from holdfast.errors import SettingError
from holdfast.releases.store import open_store
from holdfast.serve.access import Access, allowed_address
from holdfast.serve.counts import counts_folder
from holdfast.serve.names import check_known, check_rules
from holdfast.serve.standing import Standing, over
from holdfast.site import Site

BACKLOG = 2_048
RESTART_SECONDS = 1.0
"""A process that dies sooner than this after its start is started again only after so long."""

COMMIT_SECONDS = 10.0
"""How long the last commit may take. What it does not come to waits in the spool for the next start."""

WATCH_SECONDS = 0.1
COULD_NOT_RUN = 2


_MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(128 << 10), "MALLOC_TRIM_THRESHOLD_": str(16 << 20)}
"""The C library gives back what a large request took; by itself it keeps more and more. What it may keep is what requests of some
hundred rows take: to ask the system for it again each time is a tenth of their work."""


@dataclass(slots=True)
class _Child:
    """A process that is started again when it dies."""

    command: list[str]
    told: Callable[[], bytes]
    passed: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    deaths: list[int] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        self.since = time.monotonic()
        # It takes the mask over: told to end while it starts, it does so when it knows how.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                self.command,
                stdin=subprocess.PIPE,
                pass_fds=self.passed,
                start_new_session=True,
                env={**_MEMORY, **os.environ},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(self.told())
            self.process.stdin.flush()
        return self.process


def serve(site: Site, names: tuple[str, ...], *, say: Callable[[str, list[Standing]], None]) -> int:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    site
        Where everything is, and how it is served.
    names
        Models, or `model/version`.
    say
        Called with the server's address, and how it stands with the releases, when all workers listen.

    Returns
    -------
    int
        An exit code: 0, or 2 if a worker could not start.

    Raises
    ------
    SettingError
        The address or the certificate cannot be used, others could ask there without a key, or the site has rules for a
        model or a column that no release has.
    ReleaseError
        There is no release of a model or of a version.
    """
    allowed_address(site.server.host, Access(None if site.server.authentication == "none" else ()))
    store = open_store(site.path(site.releases))
    check_known(store, names)
    check_rules(store, site.models)
    _ = site.hash_key  # a variable that is not set is told now
    _check_certificate(site)
    listening = _listen(site)
    host, port = listening.getsockname()[:2]
    site.root_path.mkdir(parents=True, exist_ok=True)
    stopping: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    children: list[_Child] = []
    held = ExitStack()
    try:
        counts = str(held.enter_context(counts_folder(site.root_path)))
        readers = [_worker(site, names, worker, listening, counts, children) for worker in range(site.server.workers)]
        if site.log.enabled:
            children.append(_committer(site))
            children[-1].start()
        if (standings := _wait_ready(readers, children, stopping)) is None:
            return COULD_NOT_RUN if not stopping else 0
        scheme = "https" if site.server.certificate else "http"
        say(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}", standings)
        while not stopping:
            time.sleep(WATCH_SECONDS)
            for child in children:
                _revive(child)
        return 0
    finally:
        listening.close()  # who connects from now on is refused
        _stop(children[: site.server.workers], site.server.drain_seconds + 5)
        _stop(children[site.server.workers :], COMMIT_SECONDS)
        held.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(site: Site) -> socket.socket:
    host, port = site.server.host, site.server.port
    try:
        return socket.create_server((host, port), family=_family(host), backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise SettingError(f"Cannot serve at {host}:{port}: {reason}. Choose another --port.") from None


def _check_certificate(site: Site) -> None:
    certificate, key = site.server.certificate, site.server.private_key
    if certificate is None or key is None:
        return
    try:
        # Without a password, it would be asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(site.path(certificate), site.path(key), password="")
    except OSError as error:
        told = f"{site.path(certificate)} and {site.path(key)}"
        raise SettingError(f"The certificate and its key, {told}, cannot be used: {error.strerror or error}.") from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _worker(
    site: Site, names: tuple[str, ...], worker: int, listening: socket.socket, counts: str, children: list[_Child]
) -> int:
    """Start a worker; returns the end of a pipe that tells how it stands with the releases, when it answers."""
    reader, writer = os.pipe()
    ends = [writer]  # a worker that is started again has nobody to tell that it answers

    def told() -> bytes:
        ready = ends.pop() if ends else None
        return (
            msgspec.json.encode(
                {
                    "site": site,
                    "names": names,
                    "worker": worker,
                    "socket": listening.fileno(),
                    "counts": counts,
                    "ready": ready,
                }
            )
            + b"\n"
        )

    child = _Child([sys.executable, "-m", "holdfast.serve.worker"], told, (listening.fileno(), writer))
    children.append(child)
    child.start()
    os.close(writer)
    child.passed = (listening.fileno(),)
    return reader


def _committer(site: Site) -> _Child:
    command = [sys.executable, "-m", "holdfast.serve.committing"]
    return _Child(command, lambda: msgspec.json.encode(site) + b"\n")


def _wait_ready(readers: list[int], children: list[_Child], stopping: list[int]) -> list[Standing] | None:
    """Wait until each worker has told how it stands with the releases; None if one ends, or all are to stop, before."""
    told: dict[int, bytes] = dict.fromkeys(readers, b"")
    for reader in readers:
        os.set_blocking(reader, False)
    left = list(readers)
    while left and not stopping:
        time.sleep(0.01)
        for reader in list(left):
            with suppress(BlockingIOError):
                if more := os.read(reader, 65_536):
                    told[reader] += more
                else:
                    os.close(reader)
                    left.remove(reader)
        if any(child.process is not None and child.process.poll() is not None for child in children[: len(readers)]):
            return None
    if left or not all(told.values()):  # a pipe closes when its worker dies, too
        return None
    return over(msgspec.json.decode(one, type=ready(list[Standing])) for one in told.values())


def _revive(child: _Child) -> None:
    if child.process is None or child.process.poll() is None:
        return
    if time.monotonic() - child.since < RESTART_SECONDS:
        return
    child.start()


def _stop(children: list[_Child], seconds: float) -> None:
    """Let them finish; end those that do not within so many seconds."""
    end = time.monotonic() + seconds
    processes = [child.process for child in children if child.process is not None]
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
