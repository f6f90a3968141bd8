"""Lines of logs, and traces at a collector that listens here."""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from holdfast.serve.telemetry import JsonLines
from holdfast.testing.servers import serving, small_site

ROW = {"amount": 20.5, "items": 3, "country": "FR", "online": True}


def test_a_line_of_json_has_what_happened() -> None:
    record = logging.LogRecord("holdfast.serve", logging.WARNING, "", 0, "%s is away", ("the book",), None)
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["logger"], line["message"]) == ("warning", "holdfast.serve", "the book is away")


def test_an_error_says_where_it_arose() -> None:
    try:
        int("secret")
    except ValueError as error:
        found = RuntimeError("ValueError").with_traceback(error.__traceback__)
    record = logging.LogRecord("a", logging.ERROR, "", 0, "failed", (), (type(found), found, found.__traceback__))
    line = JsonLines().format(record)
    assert "test_an_error_says_where_it_arose" in json.loads(line)["where"]
    assert line.count("\n") == 0


def test_requests_are_traced(tmp_path: Path) -> None:
    spans: list[Span] = []
    came = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            spans.extend(span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *_: object) -> None:
            pass

    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    small_site(tmp_path, "binary")
    (tmp_path / "site.toml").write_text(
        f'[server]\nlog_lines = "json"\ntraces = "http://127.0.0.1:{collector.server_address[1]}"\n'
    )
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    try:
        with serving(tmp_path, "binary") as server:
            url = f"{server.address}/v1/models/binary/predict"
            headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
            assert httpx.post(url, json={"rows": [ROW]}, headers=headers, timeout=60).status_code == 200
            assert httpx.post(url, json={"rows": []}, timeout=60).status_code == 400
            server.stop()
            first = server.output.splitlines()[0]
        assert came.wait(120), server.output
    finally:
        collector.shutdown()
        collector.server_close()
    assert [span.name for span in spans] == ["POST records", "POST records"]
    assert spans[0].trace_id.hex() == trace
    attributes = {one.key: one.value for one in spans[0].attributes}
    assert attributes["holdfast.model"].string_value == "binary"
    assert attributes["http.response.status_code"].int_value == 200
    assert json.loads(first)["level"] == "info"
