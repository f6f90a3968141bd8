"""A real server, asked over HTTP: what it answers, what it refuses, and that what it acknowledged is in the log."""

from __future__ import annotations

import json
import math
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from holdfast.book.opening import open_book
from holdfast.book.stages import promote
from holdfast.released import load_release
from holdfast.releases.store import open_store
from holdfast.testing.releases import FEATURES, payments, seal_small
from holdfast.testing.servers import Running, serving, small_site
from holdfast.testing.waiting import until

ROW: dict[str, Any] = {"amount": 20.5, "items": 3, "country": "FR", "online": True}


@pytest.fixture
def client(running: Running) -> httpx.Client:
    return running.client


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_answers_are_those_of_the_release(running: Running, task: str) -> None:
    rows = payments(40, seed=1).select(list(FEATURES))
    reply = running.client.post(f"/v1/models/{task}/predict", json={"rows": rows.to_pylist()})
    released = load_release(open_store(running.folder / "releases").named(task))
    scores = released.model.predict(rows)
    decided = released.decide(scores, rows, {})
    answers = reply.json()["answers"]
    assert (reply.status_code, reply.json()["model"], reply.json()["release"]) == (200, task, 1)
    if task == "classes":
        assert [list(one["score"].values()) for one in answers] == [
            pytest.approx(row, abs=1e-6) for row in scores.tolist()
        ]
        assert [one["decision"] for one in answers] == [released.model.classes[code] for code in decided.decision]
        assert all(one["decision"] in one["classes"] for one in answers if one["confidence"] > 0.3)
    else:
        assert [one["score"] for one in answers] == pytest.approx(scores.tolist(), abs=1e-6)
    if task == "regression":
        assert [one["upper"] - one["score"] for one in answers] == pytest.approx([1.6] * 40)
        assert "decision" not in answers[0]
        assert "confidence" not in answers[0]
    else:
        assert [one.get("review", False) for one in answers] == decided.review.tolist()
        assert [one["confidence"] for one in answers] == pytest.approx(decided.confidence.tolist(), abs=1e-6)


def test_a_row_in_the_band_goes_to_review_and_says_so(client: httpx.Client) -> None:
    rows = payments(200, seed=2).select(list(FEATURES)).to_pylist()
    answers = client.post("/v1/models/binary/predict", json={"rows": rows}).json()["answers"]
    asked = [one for one in answers if one.get("review")]
    assert asked
    assert all(0.4 <= one["score"] < 0.6 and one["reason"] == "band" for one in asked)
    assert not any(0.4 <= one["score"] < 0.6 for one in answers if not one.get("review"))


def test_every_problem_of_a_request_is_told_and_no_value(client: httpx.Client) -> None:
    rows = [{**ROW, "amount": "much"}, {"amount": 1.0, "country": "AT", "online": 3}, {**ROW, "items": None}]
    reply = client.post("/v1/models/binary/predict", json={"rows": rows})
    assert reply.status_code == 422
    assert [(one["row"], one["field"], one["code"]) for one in reply.json()["problems"]] == [
        (0, "amount", "type"),
        (1, "items", "missing"),
        (1, "online", "type"),
        (2, "items", "null"),
    ]
    assert reply.json()["error"].startswith(
        "rows[0].amount: expected a number, got a text; rows[1].items: is missing; expected a whole number"
    )
    assert "much" not in reply.text


def test_what_the_history_does_not_have_is_answered_with_a_warning(client: httpx.Client) -> None:
    reply = client.post("/v1/models/binary/predict", json={"rows": [ROW, {**ROW, "country": "BR", "amount": 1e9}]})
    first, second = reply.json()["answers"]
    assert "warnings" not in first
    assert second["warnings"] == [{"field": "country", "code": "category"}, {"field": "amount", "code": "range"}]


def test_a_key_that_the_model_does_not_know_is_told(client: httpx.Client) -> None:
    (answer,) = client.post("/v1/models/binary/predict", json={"rows": [{**ROW, "fraud": True, "extra": 1}]}).json()[
        "answers"
    ]
    assert answer["warnings"] == [{"field": "", "code": "unknown"}]


def test_a_key_id_does_not_name_a_row_whose_schema_has_another_column_for_that(client: httpx.Client) -> None:
    row = {**ROW, "payment": "mine", "id": "other"}
    (answer,) = client.post("/v1/models/binary/predict", json={"rows": [row]}).json()["answers"]
    assert (answer["id"], answer["warnings"]) == ("mine", [{"field": "id", "code": "unknown"}])
    del row["payment"]
    (answer,) = client.post("/v1/models/binary/predict", json={"rows": [{**row, "extra": 1}]}).json()["answers"]
    assert answer["id"] != "other"
    assert answer["warnings"] == [{"field": "id", "code": "unknown"}, {"field": "", "code": "unknown"}]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("models/binary/predict", {"rows": [{}] * 100_001}, "Expected at most 100000 rows in a request."),
        ("labels", {"labels": [{"id": "a", "label": 1}] * 100_001}, "Expected at most 100000 labels in a request."),
    ],
)
def test_more_rows_or_labels_than_a_request_may_have_are_too_large(
    client: httpx.Client, path: str, body: object, told: str
) -> None:
    reply = client.post(f"/v1/{path}", json=body)
    assert (reply.status_code, reply.json()["error"]) == (413, told)


def test_an_id_comes_back_and_rows_without_one_get_one(client: httpx.Client) -> None:
    reply = client.post("/v1/models/binary/predict", json={"rows": [{**ROW, "payment": "mine"}, ROW]})
    first, second = (one["id"] for one in reply.json()["answers"])
    assert first == "mine"
    assert len(second) == 26


def test_csv_and_arrow_go_in_and_come_out(client: httpx.Client) -> None:
    rows = payments(3, seed=1).select(list(FEATURES))
    expected = [
        one["score"]
        for one in client.post("/v1/models/binary/predict", json={"rows": rows.to_pylist()}).json()["answers"]
    ]
    lines = ["amount,items,country,online"]
    for row in rows.to_pylist():
        lines.append(f"{row['amount']},{row['items']},{row['country'] or ''},{str(row['online']).lower()}")  # noqa: PERF401
    as_csv = client.post("/v1/models/binary/predict", content="\n".join(lines), headers={"Content-Type": "text/csv"})
    header, *found = as_csv.text.splitlines()
    place = header.split(",").index("score")
    assert [float(line.split(",")[place]) for line in found] == pytest.approx(expected)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    media = "application/vnd.apache.arrow.stream"
    as_arrow = client.post(
        "/v1/models/binary/predict", content=sink.getvalue().to_pybytes(), headers={"Content-Type": media}
    )
    assert as_arrow.headers["content-type"] == media
    assert pa.ipc.open_stream(as_arrow.content).read_all()["score"].to_pylist() == pytest.approx(expected)


def test_many_rows_are_answered_in_pieces_and_stay_in_order(client: httpx.Client) -> None:
    rows = payments(12_000, seed=3).select(list(FEATURES)).to_pylist()
    whole = client.post("/v1/models/regression/predict", json={"rows": rows}).json()["answers"]
    part = client.post("/v1/models/regression/predict", json={"rows": rows[11_990:]}).json()["answers"]
    assert len(whole) == 12_000
    assert len({one["id"] for one in whole}) == 12_000
    assert [one["score"] for one in whole[11_990:]] == pytest.approx([one["score"] for one in part])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "/v1/models/none/predict", b"{}", 404, "no such model here; models: binary, classes, regression"),
        ("POST", "/v1/models/binary/versions/9/predict", b"{}", 404, "no such version here; versions: 1"),
        ("POST", "/nowhere", b"", 404, "nothing at this path"),
        ("GET", "/v1/models/binary/predict", b"", 405, "another method"),
        ("POST", "/v1/models/binary/predict", b"{", 400, "no JSON"),
        ("POST", "/v1/models/binary/predict", b" ", 400, "The body is empty: expected JSON."),
        ("POST", "/v1/models/binary/predict", b'{"rows": []}', 400, "length >= 1"),
        ("POST", "/v1/labels", b"", 400, "The body is empty: expected JSON."),
        ("POST", "/v1/models/binary/predict", b'{"rows": [7]}', 400, "rows[0]: expected an object"),
        ("POST", "/v1/labels", b'{"labels": [{"id": "x", "label": 1}]}', 422, "Several models"),
        ("POST", "/v1/labels", b'{"labels": [{"id": "x", "label": "perhaps", "model": "binary"}]}', 422, "labels[0]"),
    ],
)
def test_errors_say_what_was_expected(
    client: httpx.Client, method: str, path: str, body: bytes, status: int, told: str
) -> None:
    reply = client.request(method, path, content=body)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert told in reply.json()["error"]


def test_what_a_client_made_up_is_not_told(client: httpx.Client) -> None:
    """Words and names may be anything, such as the number of a card."""
    source = {"id": "x", "label": 1, "model": "binary", "source": "4111 `1111'"}
    key = {"id": "x", "label": 1, "model": "binary", "4111 `1111'": 1}
    told = [client.post("/v1/labels", json={"labels": [one]}) for one in (source, key)]
    assert [reply.status_code for reply in told] == [400, 400]
    assert [reply.json()["error"].partition("}: ")[2] for reply in told] == [
        "Expected `outcome` or `review` or `import` - at `$.labels[0].source`.",
        "Object contains unknown field - at `$.labels[0]`.",
    ]


def test_a_nan_is_null(client: httpx.Client) -> None:
    """As Python's `json` writes a missing number of pandas."""
    body = json.dumps({"rows": [{**ROW, "amount": math.nan}, {**ROW, "payment": "NaN, {"}]})
    reply = client.post("/v1/models/binary/predict", content=body)
    assert (reply.status_code, reply.json()["error"]) == (422, "rows[0].amount: expected a number, got null.")


def test_an_id_that_is_none_is_one_problem(client: httpx.Client) -> None:
    reply = client.post("/v1/models/binary/predict", json={"rows": [{**ROW, "payment": [1]}]})
    assert [one["field"] for one in reply.json()["problems"]] == ["payment"]


def test_a_body_that_is_too_large_is_refused(running: Running) -> None:
    reply = running.client.post("/v1/models/binary/predict", content=b" " * (33 << 20))
    assert reply.status_code == 413


def test_health_is_open_and_says_what_the_protocol_says(client: httpx.Client) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/binary/ready").json() == {"name": "binary", "ready": True}


def test_metrics_count_rows_and_no_unknown_name(client: httpx.Client) -> None:
    def value(name: str) -> float:
        lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    def ask(count: int) -> set[str]:
        client.get("/metrics")  # which is counted when it was answered
        client.post("/v1/models/binary/predict", json={"rows": [ROW] * 7})
        for number in range(count):
            client.post(f"/v1/models/unknown-{number}/predict", content=b"{}")
        return {line.rpartition(" ")[0] for line in client.get("/metrics").text.splitlines()}

    series, rows = ask(1), value('holdfast_rows_total{model="binary"')
    assert ask(200) == series
    assert value('holdfast_rows_total{model="binary"') == rows + 7
    assert "unknown-1" not in client.get("/metrics").text


def test_what_was_acknowledged_is_in_the_lake_after_the_end(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    with serving(folder, "binary") as server, httpx.Client(base_url=server.address, timeout=30) as client:
        answers = client.post("/v1/models/binary/predict", json={"rows": [ROW] * 5}).json()["answers"]
        ids = [one["id"] for one in answers]
        accepted = client.post(
            "/v1/labels", json={"labels": [{"id": ids[0], "label": 1}, {"id": "never", "label": False}]}
        )
        assert accepted.json() == {"accepted": 2}
        assert server.stop() == 0
    predictions = DeltaTable(folder / ".holdfast" / "lake" / "binary" / "predictions").to_pyarrow_table()
    assert sorted(predictions["hf_id"].to_pylist()) == sorted(ids)
    assert set(predictions["hf_release"].to_pylist()) == {1}
    assert predictions["amount"].to_pylist() == [20.5] * 5
    labels = DeltaTable(folder / ".holdfast" / "lake" / "binary" / "labels").to_pyarrow_table()
    assert dict(zip(labels["hf_id"].to_pylist(), labels["hf_label"].to_pylist(), strict=True)) == {
        ids[0]: True,
        "never": False,
    }


def test_a_promoted_version_takes_over_without_a_lost_request(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    store = open_store(folder / "releases")
    second = seal_small(store, "binary", seed=7)
    statuses: list[int] = []
    versions: list[int] = []
    stopping = threading.Event()
    with serving(folder, "binary") as server:

        def ask() -> None:
            with httpx.Client(base_url=server.address, timeout=30) as client:
                while not stopping.is_set():
                    reply = client.post("/v1/models/binary/predict", json={"rows": [ROW]})
                    statuses.append(reply.status_code)
                    versions.append(reply.json().get("release", 0))

        asking = threading.Thread(target=ask)
        asking.start()
        book = open_book(folder / ".holdfast" / "book.db")
        promote(book, "binary", 2, second.identity, author="test")
        book.close()
        try:
            until(lambda: versions and versions[-1] == 2)
        finally:
            stopping.set()
            asking.join()
    assert set(statuses) == {200}
    assert (versions[0], versions[-1]) == (1, 2)
    assert versions == sorted(versions)


def test_a_release_that_was_changed_is_not_served(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    policy = folder / "releases" / "binary" / "1" / "policy.json"
    policy.write_bytes(policy.read_bytes().replace(b"0.5", b"0.6"))
    with serving(folder, "binary") as server, httpx.Client(base_url=server.address, timeout=30) as client:
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/v2/health/ready").status_code == 503
        reply = client.post("/v1/models/binary/predict", json={"rows": [ROW]})
        assert reply.status_code == 503
        assert reply.json()["error"] == (
            "binary/1 does not answer: binary/1 is damaged: policy.json is not what was sealed: its SHA-256 differs "
            "from the manifest's. Do not use this release; take it again from where it was sealed."
        )
        assert "binary/1 answers for binary" not in server.output


def test_a_model_without_a_champion_says_what_to_do(tmp_path: Path) -> None:
    seal_small(open_store(tmp_path / "releases"), "binary")
    with serving(tmp_path, "binary") as server, httpx.Client(base_url=server.address, timeout=30) as client:
        reply = client.post("/v1/models/binary/predict", json={"rows": [ROW]})
        assert reply.status_code == 503
        assert "holdfast promote binary VERSION" in reply.json()["error"]


def test_a_book_that_is_away_is_told_once(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    (folder / "site.toml").write_text('book = "postgresql://ada:hush@127.0.0.1:9/none"\n')
    with serving(folder, "binary") as server:
        reply = httpx.post(f"{server.address}/v1/models/binary/predict", json={"rows": [ROW]}, timeout=60)
        assert (reply.status_code, reply.json()) == (
            503,
            {"error": "The champion of binary is not known: the book cannot be read."},
        )
        time.sleep(2.5)  # in which it looks twice more
        records = [line for line in server.output.splitlines() if line.startswith("20")]
        assert sum("the book cannot be read" in line for line in records) == 1, server.output
        assert "holdfast promote" not in server.output  # nobody knows whether there is a champion
        assert "hush" not in server.output


def test_workers_share_the_port_and_one_page_of_metrics(tmp_path: Path) -> None:
    folder = small_site(tmp_path, "binary")
    with serving(folder, "binary", options=["--workers", "2"]) as server:
        for _ in range(40):  # a connection each, so that both workers get some
            reply = httpx.post(f"{server.address}/v1/models/binary/predict", json={"rows": [ROW]}, timeout=60)
            assert reply.status_code == 200
        rows = 'holdfast_rows_total{model="binary",release="1"} 40.0'
        # The one has what the other saved, which it does twice a second.
        text = until(lambda: rows in (page := httpx.get(f"{server.address}/metrics", timeout=60).text) and page)
        assert 'worker="1"' in text
        assert len(server.children()["worker"]) == 2
