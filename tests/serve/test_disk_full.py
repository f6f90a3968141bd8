"""The disk is full: predictions stop or go on by a setting, it is said loudly, and what was acknowledged is there afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
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


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder of 8 MB below that of the site: where spools, lake and book are."""
    place = tmp_path / ".holdfast"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        small_site(tmp_path, "binary")
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def full(root: Path) -> Iterator[None]:
    """No byte is left."""
    ballast = root / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 9, 1):
            with suppress(OSError):
                while file.write(os.urandom(size)):
                    pass
    try:
        yield
    finally:
        ballast.unlink()


def ask(server: Server, own: str, rows: int = 1) -> httpx.Response:
    sent = [{**ROW, "payment": f"{own}-{number}"} for number in range(rows)]
    return httpx.post(f"{server.address}/v1/models/binary/predict", json={"rows": sent}, timeout=60)


def metric(server: Server, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", httpx.get(f"{server.address}/metrics", timeout=60).text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def logged(root: Path) -> list[str]:
    found: list[str] = in_lake(root, "binary").column("hf_id").to_pylist()
    assert len(set(found)) == len(found)
    assert verify(root)[1] == []
    return found


def test_predictions_stop_and_begin_again(tmp_path: Path, root: Path) -> None:
    acknowledged: list[str] = []
    with serving(tmp_path, "binary") as server:
        for number in range(20):
            reply = ask(server, f"before-{number}")
            acknowledged += [one["id"] for one in reply.json()["answers"]]
        with full(root):
            statuses = []
            for number in range(200):
                reply = ask(server, f"full-{number}", rows=20)
                statuses.append(reply.status_code)
                if reply.status_code == 200:  # there was room in what the spool had taken before
                    acknowledged += [one["id"] for one in reply.json()["answers"]]
            assert statuses[-50:] == [503] * 50
            assert reply.json() == {"error": "The prediction log cannot be written: no answer."}
            assert reply.headers["retry-after"] == "5"
            label = {"labels": [{"id": "x", "label": 1}]}
            assert httpx.post(f"{server.address}/v1/labels", json=label, timeout=60).status_code == 503
            assert (
                metric(
                    server, 'holdfast_requests_total{api="records",model="binary",outcome="unavailable",release="1"}'
                )
                >= 50
            )
            assert httpx.get(f"{server.address}/v2/health/live", timeout=60).status_code == 200
        until(lambda: "cannot be logged, and are refused" in server.output)
        until(lambda: ask(server, "probe").status_code in (200, 503) and ask(server, "after").status_code == 200)
        acknowledged += ["after-0"]
        assert metric(server, "holdfast_log_unlogged_rows_total") == 0
        assert server.stop() == 0
    assert set(acknowledged) <= set(logged(root))


def test_predictions_go_on_and_those_that_are_not_logged_are_counted(tmp_path: Path, root: Path) -> None:
    (tmp_path / "site.toml").write_text('[log]\nwhen_unwritable = "answer"\n')
    answered: list[str] = []

    def ask_many(server: Server, name: str, requests: int) -> None:
        for number in range(requests):
            reply = ask(server, f"{name}-{number}", rows=20)
            assert reply.status_code == 200
            answered.extend(one["id"] for one in reply.json()["answers"])

    with serving(tmp_path, "binary") as server:
        ask_many(server, "before", 5)
        with full(root):
            ask_many(server, "full", 100)
            first = metric(server, "holdfast_log_unlogged_rows_total")
            assert 0 < first <= 2_000
            until(lambda: "go out without being logged" in server.output)
            # A worker that dies on the full disk is replaced by one that answers, and the count goes on.
            (worker,) = server.children()["worker"]
            os.kill(worker, signal.SIGKILL)
            until(lambda: server.children()["worker"] not in ([], [worker]))
            ask_many(server, "replaced", 10)
            assert metric(server, "holdfast_log_unlogged_rows_total") == first + 200
            server.kill()
            # So is the whole server.
            with serving(tmp_path, "binary") as again:
                ask_many(again, "again", 10)
                unlogged = metric(again, "holdfast_log_unlogged_rows_total")
                assert unlogged == first + 400
                again.kill()
    with serving(tmp_path, "binary") as server:
        ask_many(server, "after", 5)
        assert metric(server, "holdfast_log_unlogged_rows_total") == unlogged
        assert server.stop() == 0
    there = logged(root)
    assert set(there) <= set(answered)
    assert len(answered) - len(there) == unlogged
    assert {one for one in answered if one.startswith(("before", "after"))} <= set(there)


def test_a_server_that_shall_log_and_cannot_does_not_start(tmp_path: Path, root: Path) -> None:
    with full(root), pytest.raises(RuntimeError, match=r"The spool .* cannot be used"), serving(tmp_path, "binary"):
        raise AssertionError
    with serving(tmp_path, "binary") as server:
        assert ask(server, "after").status_code == 200


def test_a_worker_that_dies_on_a_full_disk_is_replaced_by_one_that_says_so(tmp_path: Path, root: Path) -> None:
    with serving(tmp_path, "binary") as server:
        assert ask(server, "before").status_code == 200
        with full(root):
            (worker,) = server.children()["worker"]
            os.kill(worker, signal.SIGKILL)
            until(lambda: server.children()["worker"] not in ([], [worker]))
            until(lambda: ask(server, "full", rows=100).status_code == 503)
        until(lambda: ask(server, "after").status_code == 200)
        assert server.stop() == 0
    assert {"before-0", "after-0"} <= set(logged(root))
