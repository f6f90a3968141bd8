"""How a server ends, and what becomes of it when one of its processes does: nothing that was acknowledged is lost or doubled."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.log.proof import verify
from holdfast.testing.logged import in_lake
from holdfast.testing.servers import Server, serving, small_site
from holdfast.testing.waiting import until

ROW: dict[str, Any] = {"amount": 20.5, "items": 3, "country": "FR", "online": True}
PREDICT = "/v1/models/binary/predict"


class Load:
    """Clients that ask one row after the other, each with an id of its own, until they are told to stop.

    Attributes
    ----------
    answered
        Ids of rows that were acknowledged.
    lost
        Requests that were sent, and never answered.
    statuses
        Of answers.

    Parameters
    ----------
    again
        Whether a client connects again when the server has told it that the connection ends.
    """

    def __init__(self, server: Server, clients: int = 4, *, again: bool = True) -> None:
        self.answered: list[str] = []
        self.lost: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._server, self._again, self._stopping = server, again, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, client: int) -> None:
        connection: http.client.HTTPConnection | None = None
        number = 0
        while not self._stopping.is_set():
            number += 1
            own = f"{client}-{number}"
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
                try:
                    connection.connect()
                except OSError:  # nobody is there: no request, no loss
                    connection.close()
                    connection = None
                    time.sleep(0.02)
                    continue
            try:
                connection.request("POST", PREDICT, json.dumps({"rows": [{**ROW, "payment": own}]}))
                reply = connection.getresponse()
                content = reply.read()
            except (http.client.HTTPException, OSError):
                self.lost.append(own)
                connection.close()
                connection = None
                continue
            self.statuses[reply.status] += 1
            if reply.status == 200:
                self.answered += [one["id"] for one in json.loads(content)["answers"]]
            if reply.will_close:
                connection.close()
                connection = None
                if not self._again:
                    return
        if connection is not None:
            connection.close()


@contextmanager
def load(server: Server, clients: int = 4, *, again: bool = True) -> Iterator[Load]:
    asked = Load(server, clients, again=again)
    try:
        yield asked
    finally:
        asked.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_site(tmp_path, "binary")


def logged(folder: Path) -> Counter[str]:
    return Counter(in_lake(folder / ".holdfast", "binary").column("hf_id").to_pylist())


def healthy(server: Server) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{server.address}/v2/health/ready", timeout=60).status_code == 200
    return False


def refuses(server: Server) -> bool:
    """Whether nobody listens any more."""
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def complete(folder: Path, asked: Load) -> None:
    """All that was acknowledged is in the lake, once, and the proof holds."""
    there = logged(folder)
    assert asked.answered
    assert [own for own in asked.answered if there[own] != 1] == []
    assert max(there.values()) == 1
    assert verify(folder / ".holdfast")[1] == []


# The end


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_answers_what_it_has(folder: Path, stop: signal.Signals) -> None:
    """Each request is answered, and each client told with an answer that its connection ends: it can go elsewhere."""
    with serving(folder, "binary", options=["--workers", "2"]) as server, load(server, 8, again=False) as asked:
        until(lambda: len(asked.answered) > 200)
        server.process.send_signal(stop)
        assert server.process.wait(120) == 0
        asked.stop()
        assert set(asked.statuses) == {200}
        assert asked.lost == []
        complete(folder, asked)
        assert "Traceback" not in server.output


def test_a_large_request_is_answered_after_the_signal(folder: Path) -> None:
    """It is on its way: its last byte comes after the signal."""
    body = json.dumps({"rows": [{**ROW, "payment": f"p{i}"} for i in range(60_000)]}).encode()
    with serving(folder, "binary") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.putrequest("POST", PREDICT)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:-1])
        until(lambda: "in_flight 2" in httpx.get(f"{server.address}/metrics", timeout=60).text)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(server))
        connection.send(body[-1:])
        reply = connection.getresponse()
        assert (reply.status, len(json.loads(reply.read())["answers"])) == (200, 60_000)
        connection.close()
        assert server.process.wait(120) == 0
    assert len(logged(folder)) == 60_000


def test_no_client_delays_the_end_beyond_the_limit(folder: Path) -> None:
    """It is told so before it would be given up by itself, with status 408, after a minute."""
    (folder / "site.toml").write_text("[server]\ndrain_seconds = 1\n")
    with serving(folder, "binary") as server, socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{{".encode())
        until(lambda: "in_flight 2" in httpx.get(f"{server.address}/metrics", timeout=60).text)
        assert server.stop(120) == 0
        told, _, body = slow.recv(1_000).partition(b"\r\n\r\n")
        if told:  # nothing at all where the machine is so busy that the worker does not come to it
            assert told.startswith(b"HTTP/1.1 503 ")
            assert json.loads(body) == {"error": "This server ends: ask again."}


# The death of one


def test_a_worker_that_dies_is_replaced_and_the_others_go_on(folder: Path) -> None:
    with serving(folder, "binary", options=["--workers", "2"]) as server:
        first, second = server.children()["worker"]
        with load(server) as asked:
            until(lambda: len(asked.answered) > 50)
            os.kill(first, signal.SIGKILL)
            until(lambda: server.children()["worker"][:1] == [second] and len(server.children()["worker"]) == 2)
            before = len(asked.answered)
            until(lambda: len(asked.answered) > before + 50)
        assert set(asked.statuses) == {200}
        assert len(asked.lost) <= 4
        assert server.stop() == 0
    complete(folder, asked)


def test_a_committer_that_dies_is_replaced_and_doubles_nothing(folder: Path) -> None:
    (folder / "site.toml").write_text("[log]\nrows = 20\nseconds = 0.1\n")
    with serving(folder, "binary") as server:
        with load(server) as asked:
            for _ in range(3):
                (committer,) = server.children()["committing"]
                before = len(asked.answered)
                until(lambda: len(asked.answered) > before + 100)  # noqa: B023 - called at once
                os.kill(committer, signal.SIGKILL)
                until(lambda: server.children()["committing"] not in ([], [committer]))  # noqa: B023
        assert set(asked.statuses) == {200}
        assert not asked.lost
        assert server.stop() == 0
    complete(folder, asked)


def test_when_the_supervisor_dies_nobody_stays_behind(folder: Path) -> None:
    with serving(folder, "binary", options=["--workers", "2"]) as server:
        pids = [pid for pids in server.children().values() for pid in pids]
        assert len(pids) == 3
        with load(server) as asked:
            until(lambda: len(asked.answered) > 50)
            server.process.kill()
            server.process.wait()
            until(lambda: not any(map(alive, pids)))
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.address}/v2/health/live", timeout=60)
    with serving(folder, "binary", port=server.port) as again:  # and its place can be taken
        assert again.stop() == 0
    complete(folder, asked)


def test_after_the_death_of_all_the_next_one_commits_what_was_acknowledged(folder: Path) -> None:
    with serving(folder, "binary") as server, load(server) as asked:
        until(lambda: len(asked.answered) > 100)
        server.kill()
        asked.stop()
    with serving(folder, "binary") as server:
        assert server.stop() == 0
    complete(folder, asked)


def test_a_worker_that_cannot_start_ends_the_server_with_the_reason(folder: Path) -> None:
    (folder / ".holdfast" / "spool").write_bytes(b"no folder")
    with pytest.raises(RuntimeError, match="The spool cannot be written"), serving(folder, "binary"):
        raise AssertionError
