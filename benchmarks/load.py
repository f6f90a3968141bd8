"""Load on a server with wrk: each has a core of its own. What the server's processes use is read from /proc."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bars import Bar

SERVER_CORE, LOAD_CORE = "0", "1"
HOST = "127.0.0.1"
READY_SECONDS = 120

SCRIPT = """
local bodies = {bodies}
local requests, last = {{}}, 0
function init()
    wrk.method, wrk.path, wrk.headers["Content-Type"] = "POST", "{path}", "application/json"
    for place, name in ipairs(bodies) do
        local file = io.open(name)
        requests[place] = wrk.format(nil, nil, nil, file:read("*a"))
        file:close()
    end
end
function request()
    last = last % #requests + 1
    return requests[last]
end
function delay() return {pause} end
function done(summary, latency)
    local e = summary.errors
    local errors = e.connect + e.read + e.write + e.status + e.timeout
    io.write(string.format("%d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(99), errors))
end
"""


def without_wrk() -> Iterator[Bar]:
    """What there is to say where wrk is not installed; else nothing."""
    if shutil.which("wrk") is None:
        yield Bar(setting="a server under load", bar="all", measured="not measured: wrk is not installed")


class LoadError(Exception):
    """A server did not start, or did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a server did under load; `per_cpu_second`: requests for each second of the processor that its processes used."""

    per_second: float
    per_cpu_second: float
    p99_milliseconds: float


@dataclass(frozen=True, slots=True)
class Running:
    """A server that was started, as the process that its command became."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def pids(self) -> list[int]:
        """The process, and all that come from it."""
        children: dict[int, list[int]] = {}
        for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*")):
            if fields := _stat(pid):
                children.setdefault(int(fields[1]), []).append(pid)
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all processes that live."""
        ticks = sum(int(fields[11]) + int(fields[12]) for pid in self.pids if (fields := _stat(pid)))
        return ticks / os.sysconf("SC_CLK_TCK")

    def megabytes(self, of: str = "") -> float:
        """Resident memory of its processes, or of those whose command has a word."""
        pages = sum(int(fields[21]) for pid in self.pids if of in _command(pid) and (fields := _stat(pid)))
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of an answer."""
        connection = HTTPConnection(HOST, self.port, timeout=60)
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    ready: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    cores: str = SERVER_CORE,
) -> Iterator[Running]:
    """Start a server on its cores, wait until it answers 200 at a path, and end it with all its processes."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", cores, *command],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=said,
            stderr=said,
        )
        server = Running(process, port)
        try:
            _wait(server, ready)
            yield server
        except LoadError as error:
            said.seek(0)
            raise LoadError(f"{error}: {said.read().decode(errors='replace')[-2000:]}") from None
        finally:
            for pid in server.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def _wait(server: Running, ready: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise LoadError(f"it ended with {server.process.returncode}")
        with suppress(OSError, HTTPException):
            if server.ask(ready)[0] == 200:
                return
        time.sleep(0.005)
    raise LoadError(f"not ready after {READY_SECONDS} s")


def load(
    server: Running, path: str, bodies: Sequence[bytes], *, connections: int, seconds: float, pause: int = 0
) -> Load:
    """Send the bodies in turn over so many connections, each `pause` milliseconds after the last answer.

    Raises
    ------
    LoadError
        Any answer was an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for place, body in enumerate(bodies):
            names.append(str(Path(folder, f"{place}.json")))
            Path(names[-1]).write_bytes(body)
        listed = ", ".join(f'"{name}"' for name in names)
        script = Path(folder, "load.lua")
        script.write_text(SCRIPT.format(bodies=f"{{{listed}}}", path=path, pause=pause), encoding="utf-8")
        address = f"http://{HOST}:{server.port}{path}"
        wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", str(script), address]
        before = server.cpu_seconds
        told = subprocess.run(["taskset", "--cpu-list", LOAD_CORE, *wrk], check=True, capture_output=True, text=True)
        used = server.cpu_seconds - before
    requests, duration, p99, errors = map(int, told.stdout.splitlines()[-1].split())
    if errors or not requests:
        raise LoadError(f"{errors} errors in {requests} requests at {path}")
    return Load(per_second=requests / (duration / 1e6), per_cpu_second=requests / used, p99_milliseconds=p99 / 1e3)


def _stat(pid: int) -> list[str]:
    """What the system tells of a process, from its state on; empty if it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return []


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
