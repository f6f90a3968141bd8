"""Whatever is sent, the server answers: never with 500, never late, and never by taking all memory."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.testing.releases import FEATURES, payments
from holdfast.testing.servers import Server, serving, small_site

TASKS = ("binary", "classes", "regression")
ARROW = "application/vnd.apache.arrow.stream"
LARGEST = 32 << 20
LATE_SECONDS = 50.0
"""Far less on a machine that does nothing else; bodies that do not come are given up after a minute."""


class Body(NamedTuple):
    """A body, and the headers that it is sent with."""

    content: bytes
    headers: Mapping[str, str] = {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(small_site(tmp_path_factory.mktemp("site"), *TASKS), *TASKS) as found:
        yield found
        assert "defect" not in found.output
        assert "Traceback" not in found.output


class Sender:
    """Sends bodies, each on the connection of the last one where that is still there."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self._connection = self._new()

    def close(self) -> None:
        self._connection.close()

    def _new(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)

    def post(self, path: str, body: Body) -> tuple[int, bytes]:
        """The status and the answer; anything but an answer to all, in time and of its form, is an error."""
        since = time.monotonic()
        try:
            self._connection.request("POST", path, body.content, dict(body.headers))
            reply = self._connection.getresponse()
        except (http.client.HTTPException, OSError):  # it had been idle, and was closed
            self._connection.close()
            self._connection = self._new()
            self._connection.request("POST", path, body.content, dict(body.headers))
            reply = self._connection.getresponse()
        content = reply.read()
        assert time.monotonic() - since < LATE_SECONDS
        assert reply.status in (200, 400, 404, 413, 415, 422, 503), content
        if reply.status != 200:
            assert reply.headers["content-type"] == "application/json"
            assert json.loads(content)["error"]
        return reply.status, content


# What OpenAPI says is what happens


def test_the_server_does_what_its_description_says(server: Server, tmp_path: Path) -> None:
    """Schemathesis makes up requests from the description. What values a server refuses, other tests say."""
    schemathesis = Path(sys.executable).with_name("schemathesis")
    if not schemathesis.exists():
        pytest.skip("schemathesis is not installed")
    checks = "not_a_server_error status_code_conformance content_type_conformance response_headers_conformance "
    checks += "response_schema_conformance unsupported_method allow_header_conformance missing_required_header"
    command = [schemathesis, "run", f"{server.address}/openapi.json", "--checks", checks.replace(" ", ",")]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", "1", "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-5_000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None
    assert int(tested[1]) >= 20


# Anything


def arrow(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def tensors(rows: list[dict[str, Any]], *, binary: bool = False) -> Body:
    """Rows as the Open Inference Protocol has them."""
    inputs: list[dict[str, Any]] = []
    tail = b""
    for name, datatype in zip(FEATURES, ("FP64", "INT64", "BYTES", "BOOL"), strict=True):
        values = [row[name] for row in rows]
        inputs.append({"name": name, "datatype": datatype, "shape": [len(rows)]})
        if binary and datatype == "FP64":
            piece = np.array(values, dtype="<f8").tobytes()
            inputs[-1]["parameters"] = {"binary_data_size": len(piece)}
            tail += piece
        else:
            inputs[-1]["data"] = values
    head = json.dumps({"id": "x", "inputs": inputs, "parameters": {"binary_data_output": binary}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))} if binary else {}
    return Body(head + tail, headers)


ROWS = payments(3, seed=1).select([*FEATURES, "payment", "age"])
CSV = b"amount,items,country,online\n1.5,2,AT,true\n2.5,3,,0\n"
VALID = {
    "predict": [
        Body(json.dumps({"rows": ROWS.to_pylist(), "explain": True}).encode()),
        Body(CSV, {"Content-Type": "text/csv"}),
        Body(arrow(ROWS), {"Content-Type": ARROW}),
        Body(gzip.compress(CSV), {"Content-Type": "text/csv", "Content-Encoding": "gzip"}),
    ],
    "infer": [tensors(ROWS.to_pylist()), tensors(ROWS.to_pylist(), binary=True)],
    "labels": [
        Body(
            b'{"labels":[{"id":"a","label":1,"model":"binary","time":"2026-01-01T00:00:00Z"},'
            b'{"id":7,"label":"low","model":"classes","source":"review"},{"id":"c","label":-1.5,"model":"regression"}]}'
        )
    ],
    "promote": [Body(b'{"version":1,"reason":"cheaper"}')],
}
PATHS = {
    "predict": [f"/v1/models/{task}/predict" for task in TASKS] + ["/v1/models/binary/versions/1/predict"],
    "infer": [f"/v2/models/{task}/infer" for task in TASKS] + ["/v2/models/classes/versions/1/infer"],
    "labels": ["/v1/labels"],
    "promote": [f"/v1/models/{task}/champion" for task in TASKS],
}
STRANGE = [
    *(b"1e999", b"-1e-999", b"1e38", b"-4e38", b"1.7e308", b"9007199254740993", b"18446744073709551616", b"9" * 5_000),
    *(b"NaN", b"Infinity", b"-0", b"null", b"true", b"[]", b"{}", b"[[[[[[[[", b'{"a":' * 50),
    *(b'""', b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"\xf0\x9f\xa6\x91"', b'"' + b"x" * 11_000 + b'"'),
    *(b'"0001-01-01T00:00:00+23:59"', b'"9999-12-31T23:59:59.999999-23:59"'),
    *(b"\x00", b"\n", b",", b'"', b"\\", b"\r\n\r\n"),
]


@st.composite
def broken(draw: st.DrawFn, valid: Body) -> bytes:
    """A valid body of which a few pieces are gone, doubled, or others."""
    content = valid.content
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.integers(0, 12)))
        match draw(st.sampled_from(["value", "strange", "bytes", "cut", "double"])):
            case "value":  # in place of a whole value
                places = [found.span() for found in re.finditer(rb'-?\d[\d.e+-]*|"[^"]*"|true|false|null', content)]
                begin, end = draw(st.sampled_from(places)) if places else (begin, end)
                content = content[:begin] + draw(st.sampled_from(STRANGE)) + content[end:]
            case "strange":
                content = content[:begin] + draw(st.sampled_from(STRANGE)) + content[end:]
            case "bytes":
                content = content[:begin] + draw(st.binary(max_size=12)) + content[end:]
            case "cut":
                content = content[:begin]
            case _:
                content = content[:end] + content[begin:]
    return content


@st.composite
def anything(draw: st.DrawFn, kind: str) -> Body:
    valid = draw(st.sampled_from(VALID[kind]))
    content = draw(st.one_of(broken(valid), broken(valid), st.binary(max_size=300), st.just(valid.content)))
    headers = dict(valid.headers)
    if draw(st.integers(0, 4)) == 0:
        headers["Content-Type"] = draw(
            st.sampled_from(["text/csv", ARROW, "application/json", "application/x-www-form-urlencoded", "x", ";", ""])
        )
    if draw(st.integers(0, 9)) == 0:
        encoding, pack = draw(
            st.sampled_from([("gzip", gzip.compress), ("deflate", zlib.compress), ("gzip", bytes), ("br", bytes)])
        )
        headers["Content-Encoding"], content = encoding, pack(content)
    if draw(st.integers(0, 9)) == 0:
        length = st.one_of(st.integers(-1, len(content) + 5).map(str), st.sampled_from(["x", "9" * 30, ""]))
        headers["Inference-Header-Content-Length"] = draw(length)
    if draw(st.integers(0, 4)) == 0:
        headers["Accept"] = draw(st.sampled_from(["text/csv", ARROW, "*/*;q=x", "a/b;q=9", ",;=", "application/json"]))
    return Body(content, headers)


@pytest.mark.parametrize("kind", ["predict", "infer", "labels", "promote"])
def test_anything_is_answered(server: Server, kind: str) -> None:
    seen: set[int] = set()
    sender = Sender(server)

    @settings(max_examples=400, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(path=st.sampled_from(PATHS[kind]), body=anything(kind))
    def ask(path: str, body: Body) -> None:
        seen.add(sender.post(path, body)[0])

    with closing(sender):
        ask()
    assert {200, 400} <= seen


def test_what_is_no_http_is_closed_and_others_are_answered(server: Server) -> None:
    made = random.Random(0)
    head = b"POST /v1/models/binary/predict HTTP/1.1\r\nHost: localhost\r\n"
    wires = [made.randbytes(made.randint(1, 300)) for _ in range(30)]
    wires += [
        head + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx",
        head + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
        head + b"Content-Length: -5\r\n\r\n",
        head + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        head + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head + b"X: " + b"x" * 300_000 + b"\r\n\r\n",
        b"GET " + b"/x" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%ff%00%c3%28 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v2/health/live HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    for wire in wires:
        with socket.create_connection(("127.0.0.1", server.port), timeout=LATE_SECONDS) as connection:
            try:
                connection.sendall(wire)
                connection.shutdown(socket.SHUT_WR)
                reply = connection.recv(4_096)
            except OSError:
                continue
            assert re.match(rb"$|HTTP/1.1 4\d\d ", reply), (wire[:100], reply[:100])
    with closing(Sender(server)) as sender:
        assert sender.post(PATHS["predict"][0], VALID["predict"][0])[0] == 200


# Much


def filled(begin: bytes, piece: bytes, end: bytes, size: int = LARGEST) -> bytes:
    return begin + piece * ((size - len(begin) - len(end)) // len(piece)) + end


TENSOR = b'{"inputs":[{"name":"amount","datatype":"%s","shape":[1],"data":['
ROW = b'{"amount":1,"items":1,"country":null,"online":true}'
MUCH = [
    ("predict", Body(filled(b'{"rows":[', b"{},", b"{}]}", 300_000)), 422),
    ("predict", Body(filled(b'{"rows":[', b"{},", b"{}]}")), 413),
    ("predict", Body(filled(b'{"rows":[{"x":[', b"[],", b"[]]}]}")), 413),
    ("predict", Body(filled(b'{"rows":[', ROW + b",", ROW + b"]}")), 413),
    ("predict", Body(b'{"rows":[' + b",".join([ROW] * 100_000) + b"]}"), 200),
    ("predict", Body(b'{"rows":[' + b",".join([ROW.replace(b":1", b':"a"')] * 100_000) + b"]}"), 422),
    ("predict", Body(b'{"rows":' + b"[" * 200_000), 400),
    ("predict", Body(b'{"rows":[{"x":' + b"[" * 200_000), 400),
    ("predict", Body(b'{"rows":[{"amount":' + b"9" * 1_000_000 + b"}]}"), 400),
    ("predict", Body(b'{"rows":[{"country":"' + b"\\u0041" * 1_000_000 + b'"}]}'), 422),
    ("predict", Body(gzip.compress(bytes(1 << 28)), {"Content-Encoding": "gzip"}), 413),
    ("predict", Body(zlib.compress(bytes(1 << 28)), {"Content-Encoding": "deflate"}), 413),
    ("predict", Body(filled(b"amount,items,country,online\n", b"1,1,,1\n", b""), {"Content-Type": "text/csv"}), 413),
    ("predict", Body(b"," * (LARGEST - 1) + b"\n", {"Content-Type": "text/csv"}), 413),
    ("predict", Body(b'"' * (LARGEST - 1) + b"\n", {"Content-Type": "text/csv"}), 400),
    ("infer", Body(filled(TENSOR % b"FP64", b"1,", b"1]}]}")), 413),
    ("infer", Body(filled(TENSOR % b"BYTES", b'"aa",', b'"aa"]}]}')), 413),
    ("infer", Body(b'{"inputs":' + b"[" * 200_000), 400),
    ("infer", Body(b'{"inputs":[{"name":"amount","datatype":"FP64","shape":[9999999999999],"data":[]}]}'), 413),
    ("labels", Body(filled(b'{"labels":[', b'{"id":1,"label":1},', b'{"id":1,"label":1}]}')), 413),
    ("labels", Body(b'{"labels":[],"x":' + b"[" * 200_000), 400),
]
HUGE = Body(b'{"rows":[' + b" " * (LARGEST - 9))


def test_much_is_refused_in_time_and_the_memory_comes_back(server: Server) -> None:
    """Twice the same: the second time takes no more than the first one."""
    (worker,) = server.children()["worker"]
    before = memory(worker)["VmRSS"]
    with closing(Sender(server)) as sender:
        for _ in range(2):
            statuses = [sender.post(PATHS[kind][0], body)[0] for kind, body, _ in MUCH]
            assert statuses == [status for _, _, status in MUCH]
    after = memory(worker)
    assert after["VmRSS"] - before < 60e6
    assert after["VmHWM"] - before < 250e6


def test_much_at_once_is_refused_or_waits_and_the_memory_comes_back(server: Server) -> None:
    """Twelve clients send the largest bodies that there are; small requests are answered meanwhile."""
    (worker,) = server.children()["worker"]
    before = memory(worker)["VmRSS"]
    statuses: list[int] = []

    def send() -> None:
        with closing(Sender(server)) as sender:
            statuses.extend(sender.post(PATHS["predict"][0], HUGE)[0] for _ in range(2))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    with closing(Sender(server)) as small:
        while any(thread.is_alive() for thread in threads):
            assert small.post(PATHS["predict"][1], VALID["predict"][0])[0] == 200
    for thread in threads:
        thread.join()
    assert len(statuses) == 24
    assert set(statuses) <= {400, 503}
    after = memory(worker)
    assert after["VmRSS"] - before < 60e6
    assert after["VmHWM"] - before < 400e6


def memory(pid: int) -> dict[str, float]:
    """Bytes that a process has, and has had at most."""
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: float(size) * 1024 for name, size in re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", text)}
