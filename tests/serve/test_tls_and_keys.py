"""Keys, TLS, and limits of a real server: who gets in, and what no client can do to the others."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from holdfast.testing.servers import Server, serving, small_site
from holdfast.testing.waiting import until

ROW: dict[str, Any] = {"amount": 20.5, "items": 3, "country": "FR", "online": True}
PREDICT = "/v1/models/binary/predict"
BODY = b'{"rows":[{"amount":20.5,"items":3,"country":"FR","online":true}]}'

ROLES = ("predict", "label", "read", "operate")


def holdfast(folder: Path, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holdfast", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=seconds)


def new_key(folder: Path, name: str, *options: str) -> str:
    """A key, as `holdfast keys add` prints it."""
    done = holdfast(folder, "keys", "add", name, *options)
    assert done.returncode == 0, done.stderr
    (found,) = [word for word in done.stdout.split() if word.startswith("holdfast_")]
    return found


class Locked(NamedTuple):
    """A server that wants keys, and those that it has."""

    folder: Path
    server: Server
    keys: dict[str, str]

    def ask(self, method: str, path: str, key: str | None, **more: Any) -> httpx.Response:
        headers = {} if key is None else {"X-API-Key": self.keys.get(key, key)}
        return httpx.request(method, self.server.address + path, headers=headers, timeout=50, **more)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = small_site(tmp_path_factory.mktemp("locked"), "binary")
    (folder / "site.toml").write_text('[server]\nauthentication = "keys"\nmost_bytes = 100_000\n')
    keys = {role: new_key(folder, f"{role}-1", "--role", role) for role in ROLES}
    keys["slow"] = new_key(folder, "slow-1", "--role", "predict", "--rate", "0.2")
    with serving(folder, "binary") as server:
        yield Locked(folder, server, keys)


# Keys


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("POST", PREDICT, "predict"),
        ("POST", "/v2/models/binary/infer", "predict"),
        ("POST", "/v1/labels", "label"),
        ("POST", "/v1/models/binary/champion", "operate"),
        ("GET", "/v1/models", "read"),
        ("GET", "/v1/models/binary", "read"),
        ("GET", "/metrics", "read"),
    ],
)
def test_a_way_in_is_open_to_its_role_and_to_no_other(locked: Locked, method: str, path: str, role: str) -> None:
    for key in ROLES:
        reply = locked.ask(method, path, key, content=b"{}" if method == "POST" else None)
        assert (reply.status_code == 403) == (key != role), reply.text
        assert reply.status_code in ((403,) if key != role else (200, 400))
    for nobody in (None, "holdfast_0123456789_" + 64 * "a", "x"):
        reply = locked.ask(method, path, nobody)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("Bearer")
        assert "key" in reply.json()["error"]


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/binary/ready", "/docs"])
def test_health_and_what_clients_ask_first_is_open(locked: Locked, path: str) -> None:
    assert locked.ask("GET", path, None).status_code == 200


def test_the_description_says_what_needs_a_key(locked: Locked) -> None:
    document = locked.ask("GET", "/openapi.json", None).json()
    assert document["security"] == [{"key": []}, {"bearer": []}]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            reply = locked.ask(method.upper(), path.replace("{version}", "1"), None, content=b"{}")
            assert (reply.status_code == 401) == ("security" not in operation), path


@pytest.mark.parametrize("key", [None, "predict", "nonsense"])
def test_ranges_and_categories_are_told_to_those_who_may_read(locked: Locked, key: str | None) -> None:
    """Names of fields are open, as they are in the metadata of the protocol; what the history has is not."""
    page, text = locked.ask("GET", "/docs", key).text, locked.ask("GET", "/openapi.json", key).text
    assert "country" in page
    assert "country" in text
    assert not [told for told in (page, text) for secret in ("in the history", "FR", "AT") if secret in told]
    assert "curl -s -H &#39;X-API-Key: holdfast_…&#39; http://" in page  # what a line needs, it has
    page, text = locked.ask("GET", "/docs", "read").text, locked.ask("GET", "/openapi.json", "read").text
    assert all("in the history AT, FR" in told for told in (page, text))


def test_a_key_goes_as_bearer_too_and_its_name_is_in_the_metrics(locked: Locked) -> None:
    headers = {"Authorization": f"Bearer {locked.keys['predict']}"}
    assert httpx.post(locked.server.address + PREDICT, content=BODY, headers=headers, timeout=60).status_code == 200
    assert (
        'holdfast_client_requests_total{api="records",client="predict-1"}' in locked.ask("GET", "/metrics", "read").text
    )


def test_more_than_the_rate_is_refused_and_told_when_to_come_again(locked: Locked) -> None:
    def asked() -> httpx.Response:
        return locked.ask("POST", PREDICT, "slow", content=BODY)

    replies = [asked() for _ in range(6)]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert {reply.status_code for reply in replies} == {200, 429}
    assert 1 <= int(refused[0].headers["retry-after"]) <= 5
    assert refused[0].json() == {"error": "This key may ask 0.2 times a second."}
    until(lambda: asked().status_code == 200)


def test_a_key_works_and_stops_to_work_soon(locked: Locked) -> None:
    key = new_key(locked.folder, "passing", "--role", "predict")
    until(lambda: locked.ask("POST", PREDICT, key, content=BODY).status_code == 200)
    assert holdfast(locked.folder, "keys", "revoke", "passing").returncode == 0
    until(lambda: locked.ask("POST", PREDICT, key, content=BODY).status_code == 401)


def test_no_key_is_in_what_the_server_writes(locked: Locked) -> None:
    for secret in locked.keys.values():
        locked.ask("POST", PREDICT, secret, content=b"{")
        assert secret not in locked.server.output
        assert secret.encode() not in b"".join(
            path.read_bytes() for path in (locked.folder / ".holdfast").glob("*.db*")
        )


# What is refused at the start, in one line


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_site(tmp_path_factory.mktemp("site"), "binary")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["binary", "--host", "0.0.0.0"], 'needs keys. Write authentication = "keys"'),
        (["binary", "--host", "example.org"], "needs keys"),
        (["nope"], "There is no release of 'nope' in releases; models with one: binary."),
        (["binary/7"], "There is no version 7 of 'binary' in releases; versions: 1."),
        (["binary/one"], "Expected a model, or model/version such as fraud/3"),
        (["binary", "--site", "bad.toml"], "bad.toml and binary.key, cannot be used"),
        (["binary", "--site", "half.toml"], "certificate and private_key belong together"),
        (["binary", "--site", "none.toml"], "Cannot read the site's configuration none.toml: No such file"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(site: Path, arguments: list[str], told: str) -> None:
    (site / "bad.toml").write_text('[server]\ncertificate = "bad.toml"\nprivate_key = "binary.key"\n')
    (site / "half.toml").write_text('[server]\ncertificate = "bad.toml"\n')
    done = holdfast(site, "serve", *arguments, "--port", "0")
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[server]\nauthentication = "key"',
            "Invalid enum value 'key' - at `$.server.authentication`: did you mean 'keys'?",
        ),
        ('[log]\ndurabilty = "sync"', "unknown field `durabilty` - at `$.log`: did you mean 'durability'?"),
        ('[models.binary]\nvalidation = "no"', "at `$.models.binary.validation`: there are 'reject', 'flag'."),
        ('[server]\ntraces = "localhost:4318"', "traces is the address of a collector, such as http://127.0.0.1:4318"),
        ('[log]\nhash_key = "$HOLDFAST_UNSET"', "site.toml names the variable HOLDFAST_UNSET, which is not set."),
        ("[models.binry]", "[models.binry] of site.toml is of no release: did you mean 'binary'?"),
        ('[models.binary]\nleft_out = ["contry"]', "left_out of [models.binary]: 'contry' is no column of a release"),
        ('[models.binary]\nhashed = ["items", "country_"]', "is no column of a release: did you mean 'country'?"),
    ],
)
def test_rules_that_would_do_nothing_are_refused(site: Path, text: str, told: str) -> None:
    """Who mistypes a personal column, or its model, would have it logged."""
    (site / "rules.toml").write_text(text + "\n")
    done = holdfast(site, "serve", "binary", "--site", "rules.toml", "--port", "0")
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_told_in_one_line(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = holdfast(site, "serve", "binary", "--port", port)
    assert done.returncode == 2
    assert done.stderr == (
        f"holdfast: Cannot serve at 127.0.0.1:{port}: Address already in use. Choose another --port.\n"
    )


def test_a_port_that_is_none_is_told_in_one_line(site: Path) -> None:
    done = holdfast(site, "serve", "binary", "--port", "70000")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Invalid value for '--port': Input should be less than or equal to 65535." in done.stderr


def test_other_addresses_are_served_with_keys(site: Path) -> None:
    (site / "keys.toml").write_text('[server]\nauthentication = "keys"\nhost = "0.0.0.0"\n')
    with serving(site, "binary", options=["--site", "keys.toml"]) as server:
        assert server.address.startswith("http://0.0.0.0:")
        assert httpx.post(f"http://127.0.0.1:{server.port}{PREDICT}", content=BODY, timeout=60).status_code == 401


# TLS


def test_tls_with_a_certificate_of_ones_own(site: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    named = "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out certificate.pem"
    subprocess.run(["openssl", *made.split(), *named.split()], cwd=site, capture_output=True, check=True)
    (site / "tls.toml").write_text('[server]\ncertificate = "certificate.pem"\nprivate_key = "key.pem"\n')
    trusting = ssl.create_default_context(cafile=str(site / "certificate.pem"))
    with serving(site, "binary", options=["--site", "tls.toml"]) as server:
        assert server.address.startswith("https://")
        with httpx.Client(base_url=server.address, verify=trusting, timeout=30) as client:
            assert client.post(PREDICT, content=BODY).json()["answers"][0]["score"] > 0
            assert server.address in client.get("/docs").text
        with pytest.raises(httpx.ConnectError, match="self-signed"):
            httpx.get(f"{server.address}/v2/health/live", timeout=60)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{server.port}/v2/health/live", timeout=60)
        assert httpx.get(f"{server.address}/v2/health/live", verify=trusting, timeout=60).status_code == 200


# Limits


def test_a_body_up_to_the_limit_is_read_and_no_larger_one(locked: Locked) -> None:
    body = BODY + b" " * (100_000 - len(BODY))
    assert locked.ask("POST", PREDICT, "predict", content=body).status_code == 200
    reply = locked.ask("POST", PREDICT, "predict", content=body + b" ")
    assert reply.status_code == 413
    assert reply.json() == {"error": "The body is larger than 100,000 bytes: send fewer rows at once."}


def test_a_body_without_a_length_is_read_up_to_the_limit(locked: Locked) -> None:
    def pieces(*given: bytes) -> Iterator[bytes]:
        yield from given

    assert locked.ask("POST", PREDICT, "predict", content=pieces(BODY[:9], BODY[9:])).status_code == 200
    assert locked.ask("POST", PREDICT, "predict", content=pieces(BODY, *100 * [b" " * 1_000])).status_code == 413


def test_no_body_at_all_is_told(locked: Locked) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {locked.keys['predict']}\r\nConnection: close\r\n\r\n"
    reply = raw(locked.server.port, [head.encode()])
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"The body is empty" in reply


def test_a_length_that_lies_is_refused_before_anything_is_read(locked: Locked) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {locked.keys['predict']}\r\nContent-Length: 99999999999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", locked.server.port), timeout=50) as connection:
        connection.sendall(head.encode() + BODY)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_slow_clients_hold_nobody_up(locked: Locked) -> None:
    """Fifty requests come a byte at a time; others are answered meanwhile, and in the end all are."""
    key = locked.keys["predict"]
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n"
    slow = [socket.create_connection(("127.0.0.1", locked.server.port), timeout=50) for _ in range(50)]
    try:
        for place, connection in enumerate(slow):
            connection.sendall((head.encode() + BODY)[: 20 + 5 * place])
        for _ in range(10):  # each before the server gives the slow ones up, which it does after a minute
            assert locked.ask("POST", PREDICT, "predict", content=BODY).status_code == 200
        for place, connection in enumerate(slow):
            connection.sendall((head.encode() + BODY)[20 + 5 * place :])
        for connection in slow:
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_goes_away_half_way_leaves_nothing(locked: Locked) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nX-API-Key: {locked.keys['predict']}\r\nContent-Length: 50000\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", locked.server.port), timeout=50) as connection:
            connection.sendall(head.encode() + b" " * 30_000)
    until(lambda: "holdfast_requests_in_flight 1.0" in locked.ask("GET", "/metrics", "read").text)
    assert "defect" not in locked.server.output


def raw(port: int, pieces: Sequence[bytes]) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=50) as connection:
        for piece in pieces:
            connection.sendall(piece)
        reply = b""
        while more := connection.recv(65_536):
            reply += more
    return reply


def test_many_connections_at_once_are_answered(locked: Locked) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(locked.ask("POST", PREDICT, "predict", content=BODY).status_code)
        )
        for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
