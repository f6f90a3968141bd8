"""A real server in a process of its own, for tests, benchmarks and demonstrations."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from holdfast.book.opening import open_book
from holdfast.book.stages import promote
from holdfast.releases.store import open_store
from holdfast.testing.releases import Task, seal_small

if TYPE_CHECKING:
    import httpx

START_SECONDS = 180.0
"""Far more than it takes, also on a machine that is busy."""

_ADDRESS = re.compile(rb"^(?:Serving|Listening) +(https?://\S+)$", re.MULTILINE)


@dataclass(slots=True)
class Server:
    """A server that runs.

    Attributes
    ----------
    address
        Such as `http://127.0.0.1:40123`.
    process
        The supervisor.
    """

    process: subprocess.Popen[bytes]
    address: str = ""
    _output: bytearray = field(default_factory=bytearray)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.address.rpartition(":")[2])

    @property
    def output(self) -> str:
        """What it has written so far."""
        return bytes(self._output).decode(errors="replace")

    def children(self) -> dict[str, list[int]]:
        """Process ids of the workers (`worker`) and the committer (`committing`)."""
        found: dict[str, list[int]] = {"worker": [], "committing": []}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError, IndexError):
                parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
                command = (entry / "cmdline").read_bytes().split(b"\0")
                module = command[command.index(b"-m") + 1].decode().rpartition(".")[2] if b"-m" in command else ""
                if int(parent) == self.process.pid and module in found:
                    found[module].append(int(entry.name))
        return {module: sorted(pids) for module, pids in found.items()}

    def kill(self) -> None:
        """End all of its processes at once, as a power cut would."""
        pids = [pid for pids in self.children().values() for pid in pids]
        for pid in [self.process.pid, *pids]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 120.0) -> int:
        """Let it finish; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def serving(folder: Path, *names: str, port: int = 0, options: Sequence[str] = ()) -> Iterator[Server]:
    """Run `holdfast serve` in a folder, at a port (0: a free one), until the block ends.

    Raises
    ------
    RuntimeError
        It ended, or did not answer in time; with what it wrote.
    """
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "holdfast", "serve", *names, "--port", str(port), *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    server = Server(process)
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(server, ready), daemon=True)
    reader.start()
    try:
        if not ready.wait(START_SECONDS) or not server.address:
            raise RuntimeError(f"holdfast serve did not start:\n{server.output}")
        yield server
    finally:
        if process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                server.stop()
        if process.poll() is None:
            server.kill()
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()


class Running(NamedTuple):
    """A server of small releases, a client of it, and the folder that it runs in."""

    folder: Path
    server: Server
    client: httpx.Client


@contextmanager
def running(folder: Path, *tasks: Task, options: Sequence[str] = ()) -> Iterator[Running]:
    """Serve a small champion of each task from a folder, and a client of the server."""
    import httpx

    small_site(folder, *tasks)
    with (
        serving(folder, *tasks, options=options) as server,
        httpx.Client(base_url=server.address, timeout=30) as client,
    ):
        yield Running(folder, server, client)


def small_site(folder: Path, *tasks: Task) -> Path:
    """A folder with a small champion of each task, named after it."""
    store, book = open_store(folder / "releases"), open_book(folder / ".holdfast" / "book.db")
    for task in tasks:
        sealed = seal_small(store, task, task)
        promote(book, task, sealed.manifest.version, sealed.identity, author="test")
    book.close()
    return folder


def _read(server: Server, ready: threading.Event) -> None:
    assert server.process.stdout is not None
    for line in server.process.stdout:
        server._output += line
        if not ready.is_set() and (found := _ADDRESS.search(bytes(server._output))):
            server.address = found[1].decode()
            ready.set()
    ready.set()
