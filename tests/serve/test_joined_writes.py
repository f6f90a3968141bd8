"""What a client gets of an answer, and when, to the byte."""

from __future__ import annotations

import json
import socket
from contextlib import closing

from holdfast.testing.servers import Running

GET = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n"
LIVE = b'{"live":true}'


def test_an_answer_comes_in_one_piece(running: Running) -> None:
    body = json.dumps({"rows": [{"amount": 20.5, "items": 3, "country": "FR", "online": True}]}).encode()
    head = f"POST /v1/models/binary/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with closing(connected(running)) as client:
        for _ in range(20):
            client.sendall(head.encode() + body)
            told, _, answer = client.recv(65_536).partition(b"\r\n\r\n")
            assert told.startswith(b"HTTP/1.1 200 OK\r\n")
            assert f"content-length: {len(answer)}".encode() in told
            assert json.loads(answer)["answers"][0]["score"] > 0


def test_requests_that_come_at_once_are_answered_in_their_order(running: Running) -> None:
    with closing(connected(running)) as client:
        client.sendall(
            (GET + b"\r\n") * 2 + GET.replace(b"/v2/health/live", b"/nothing") + b"Connection: close\r\n\r\n"
        )
        answers = whole(client)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]
    assert answers.count(LIVE) == 2


def test_the_last_answer_of_a_connection_comes_before_its_end(running: Running) -> None:
    with closing(connected(running)) as client:
        client.sendall(GET + b"Connection: close\r\n\r\n")
        assert whole(client).endswith(b"\r\n\r\n" + LIVE)


def connected(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.server.port), timeout=30)


def whole(client: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    found = b""
    while piece := client.recv(65_536):
        found += piece
    return found
