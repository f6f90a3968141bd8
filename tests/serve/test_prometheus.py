"""A real Prometheus server scrapes the metrics of two workers, and `promtool` finds nothing to say about them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from holdfast.serve.metrics import METRICS
from holdfast.testing.servers import Server, serving, small_site
from holdfast.testing.waiting import until

ROW: dict[str, Any] = {"amount": 20.5, "items": 3, "country": "FR", "online": True}

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Prometheus, which scrapes the server, is not installed (scripts/system.sh)",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = small_site(tmp_path_factory.mktemp("site"), "binary", "classes")
    with serving(folder, "binary", "classes", options=["--workers", "2"]) as found:
        yield found


def ask(server: Server, rows: int = 1, model: str = "binary") -> None:
    """A connection of its own, which any worker may take."""
    reply = httpx.post(f"{server.address}/v1/models/{model}/predict", json={"rows": [ROW] * rows}, timeout=30)
    assert reply.status_code == 200


def page(server: Server) -> str:
    return httpx.get(f"{server.address}/metrics", timeout=30).text


def series(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


class Prometheus(NamedTuple):
    """A Prometheus server."""

    address: str

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series, now."""
        reply = httpx.get(f"{self.address}/api/v1/query", params={"query": expression}, timeout=30).json()
        assert reply["status"] == "success", reply
        return [(one["metric"], float(one["value"][1])) for one in reply["data"]["result"]]

    def value(self, expression: str) -> float | None:
        """The value of the only series; None while there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None


@pytest.fixture
def prometheus(server: Server, tmp_path: Path) -> Iterator[Prometheus]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: holdfast, static_configs: [{{targets: ['127.0.0.1:{server.port}']}}]}}\n"
    )
    subprocess.run(["promtool", "check", "config", configuration], check=True, capture_output=True)
    command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        found = Prometheus(f"http://127.0.0.1:{port}")
        wait(lambda: httpx.get(f"{found.address}/-/ready", timeout=60).status_code == 200)
        yield found
    finally:
        process.terminate()
        process.wait(120)


def wait(true: Callable[[], bool]) -> None:
    """Until something holds; while nobody is there it does not."""

    def holds() -> bool:
        with suppress(httpx.TransportError):
            return true()
        return False

    until(holds)


def settle(server: Server) -> None:
    """Until both workers have saved their counts: each does so twice a second, and when it is asked for the page."""
    time.sleep(1.2)
    for _ in range(30):
        page(server)


@needs_prometheus
def test_prometheus_sees_what_both_workers_did(server: Server, prometheus: Prometheus) -> None:
    before = series(page(server)).get('holdfast_rows_total{model="binary",release="1"}', 0.0)
    for _ in range(30):
        ask(server, rows=2)
    wait(lambda: prometheus.value('holdfast_rows_total{model="binary"}') == before + 60)
    assert prometheus.value("up") == 1
    quantile = 'histogram_quantile(0.9, sum by (le) (holdfast_request_duration_seconds_bucket{api="records"}))'
    assert 0 < (prometheus.value(quantile) or 0) < 10
    stages = {labels["stage"] for labels, _ in prometheus.query("holdfast_stage_duration_seconds_count")}
    assert {"queue", "validate", "predict", "log"} <= stages
    assert len(prometheus.query("holdfast_worker_resident_memory_bytes")) == 2
    assert [one for _, one in prometheus.query("holdfast_model_info")] == [1, 1]
    wait(lambda: prometheus.value("scrape_samples_scraped") is not None)
    assert prometheus.query("resets(holdfast_rows_total[1m]) > 0") == []


@needs_prometheus
def test_promtool_has_nothing_to_say(server: Server) -> None:
    ask(server)
    ask(server, model="classes")
    httpx.post(f"{server.address}/v1/labels", json={"labels": [{"id": "x", "label": 1, "model": "binary"}]}, timeout=30)
    command = ["promtool", "check", "metrics"]
    checked = subprocess.run(command, input=page(server), text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_names_units_and_types_follow_the_conventions(server: Server) -> None:
    ask(server)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page(server), re.MULTILINE))
    assert set(types) == {f"{name}_total" if found.kind == "counter" else name for name, found in METRICS.items()}
    for name, kind in types.items():
        assert re.fullmatch(r"holdfast_[a-z_]+", name)
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"milli|micro|minutes|hours|megabytes|percent", name), name
    for name, found in METRICS.items():
        assert found.help.endswith("."), name
        assert name.endswith("_seconds") or "duration" not in name, name
        assert not name.endswith(("_count", "_sum", "_bucket", "_total")), name


def test_nothing_that_waits_is_a_zero_and_no_gap(server: Server) -> None:
    """An alert on what waits must not be silent because the series is not there."""
    waiting = {name for name in series(page(server)) if name.startswith("holdfast_log_pending_rows")}
    assert waiting == {
        f'holdfast_log_pending_rows{{kind="{kind}",model="{model}"}}'
        for kind in ("labels", "predictions")
        for model in ("binary", "classes")
    }


def test_each_request_is_validated_in_a_time_that_is_counted(server: Server) -> None:
    """Those that do not fit, too."""
    ask(server, rows=3)
    wrong = {"rows": [{**ROW, "amount": "much"}]}
    assert httpx.post(f"{server.address}/v1/models/binary/predict", json=wrong, timeout=30).status_code == 422

    def agree() -> bool:
        found = series(page(server))
        asked = {name: count for name, count in found.items() if 'requests_total{api="records",model="binary"' in name}
        validated = found.get('holdfast_stage_duration_seconds_count{model="binary",stage="validate"}', 0.0)
        return validated == sum(asked.values()) >= 2 and any('outcome="invalid"' in name for name in asked)

    wait(agree)


def test_unknown_names_make_no_series(server: Server) -> None:
    """A thousand each of models, paths, versions, methods, media types and clients that there are not."""
    with httpx.Client(base_url=server.address, timeout=30) as client:

        def ask_for_all(number: int) -> None:
            client.post(f"/v1/models/unknown-{number}/predict", content=b"{}")
            client.post(f"/v1/models/binary/versions/{number + 2}/predict", content=b"{}")
            client.get(f"/path-{number}")
            client.request(f"METHOD{number}", "/v1/models")
            headers = {"X-API-Key": f"key-{number}", "User-Agent": f"client-{number}", "Content-Type": f"a/{number}"}
            client.post("/v1/models/binary/predict", json={"rows": [{**ROW, f"strange-{number}": 1}]}, headers=headers)
            client.post("/v1/models/binary/predict", json={"rows": [{**ROW, "country": f"country-{number}"}]})
            client.post("/v1/labels", json={"labels": [{"id": "x", "label": 1, "model": f"unknown-{number}"}]})

        # Both workers know each kind of them afterwards.
        for number in range(20):
            ask_for_all(number)
            ask(server)
            page(server)  # which is counted, too
        settle(server)
        known = set(series(page(server)))
        for number in range(20, 1_000):
            ask_for_all(number)
    settle(server)
    text = page(server)
    # What waits, and what the committer finds out about labels and reviews, comes and goes by itself; each has one model.
    by_itself = ("holdfast_log_pending_", "holdfast_label_", "holdfast_labels_unmatched", "holdfast_review")
    assert set(series(text)) <= known | {name for name in series(text) if name.startswith(by_itself)}
    assert not re.search(r"unknown-|path-|METHOD|key-|client-|strange|country-", text)


def test_counters_never_fall_whichever_worker_is_asked(server: Server) -> None:
    seen: dict[str, float] = {}
    for _ in range(40):
        ask(server)
        now = series(page(server))
        fallen = {name for name, value in seen.items() if "_total" in name and now.get(name, 0) < value}
        assert not fallen
        seen = now


def test_nothing_is_forgotten_when_a_worker_dies(server: Server) -> None:
    for _ in range(10):
        ask(server)
    settle(server)
    before = series(page(server))['holdfast_rows_total{model="binary",release="1"}']
    for pid in server.children()["worker"]:
        os.kill(pid, signal.SIGKILL)
    wait(lambda: len(server.children()["worker"]) == 2)
    wait(lambda: httpx.get(f"{server.address}/v2/health/ready", timeout=60).status_code == 200)
    ask(server)
    rows = 'holdfast_rows_total{model="binary",release="1"}'
    wait(lambda: series(page(server))[rows] > before)  # the other worker's page has it within half a second
    assert series(page(server))[rows] == before + 1
    wait(lambda: sum("resident_memory" in name for name in series(page(server))) == 2)
