"""Reviews over HTTP, of a real server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from holdfast.log.reading import open_log
from holdfast.testing.releases import FEATURES, payments
from holdfast.testing.servers import Running
from holdfast.testing.waiting import until

QUEUE = "/v1/models/binary/reviews"


def reviews(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(QUEUE, params={"limit": 1000}).json()["reviews"]
    return found


@pytest.fixture(scope="module")
def waiting(running: Running) -> list[dict[str, Any]]:
    """Reviews that wait, of rows that were answered before."""
    rows = payments(200, seed=7).select(list(FEATURES)).to_pylist()
    for number, row in enumerate(rows):
        row["id"] = f"to/review-{number}"
    answers = running.client.post("/v1/models/binary/predict", json={"rows": rows}).json()["answers"]
    asked = {one["id"] for one in answers if one.get("review")}
    assert len(asked) > 5

    def all_of_them() -> list[dict[str, Any]]:
        found = [one for one in reviews(running.client) if one["id"] in asked]
        return found if len(found) == len(asked) else []

    found: list[dict[str, Any]] = until(all_of_them)
    return found


def test_what_may_cost_most_comes_first(running: Running, waiting: list[dict[str, Any]]) -> None:
    losses = [one["expected_loss"] for one in waiting]
    assert losses == sorted(losses, reverse=True)
    first = waiting[0]
    assert (first["reason"], first["release"]) == ("band", 1)
    assert set(FEATURES) <= set(first["row"])
    assert 0.4 <= first["score"] < 0.6
    body = running.client.get(QUEUE, params={"limit": 2}).json()
    assert (body["model"], len(body["reviews"])) == ("binary", 2)
    assert body["open"] >= len(waiting)


def test_a_verdict_is_a_label(running: Running, waiting: list[dict[str, Any]]) -> None:
    one = waiting[1]
    reply = running.client.post(f"{QUEUE}/{one['id']}", json={"verdict": not one["decision"], "reviewer": "ada"})
    assert (reply.status_code, reply.json()) == (
        200,
        {"id": one["id"], "verdict": not one["decision"], "overruled": True},
    )
    assert one["id"] not in {other["id"] for other in reviews(running.client)}
    labels = open_log(running.folder / ".holdfast").labels("binary").read_all().to_pylist()
    (label,) = [label for label in labels if label["hf_id"] == one["id"]]
    assert (label["hf_label"], label["hf_source"], label["hf_giver"]) == (not one["decision"], "review", "ada")
    again = running.client.post(f"{QUEUE}/{one['id']}", json={"verdict": 1})
    assert (again.status_code, again.json()) == (
        409,
        {"error": "This review has a verdict already; a correction is a label."},
    )


def test_what_a_verdict_saved_is_a_metric(running: Running, waiting: list[dict[str, Any]]) -> None:
    one = next(one for one in waiting[2:] if one["decision"] is False)
    running.client.post(f"{QUEUE}/{one['id']}", json={"verdict": 1})
    running.client.post("/v1/labels", json={"labels": [{"id": one["id"], "label": 1, "model": "binary"}]})

    def saved() -> float:
        lines = running.client.get("/metrics").text.splitlines()
        (found,) = [line for line in lines if line.startswith('holdfast_review_loss_saved{model="binary"}')]
        return float(found.split()[-1])

    assert until(saved) == pytest.approx(one["row"]["amount"])
    text = running.client.get("/metrics").text
    assert 'holdfast_reviews_decided_total{model="binary",verdict="overruled"}' in text
    assert 'holdfast_reviews_open{model="binary"}' in text


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"verdict": "perhaps"}, 422, "verdict: expected true or false."),
        ({"verdict": None}, 422, "verdict: expected true or false."),
        ({}, 400, "missing required field `verdict`"),
        ({"verdict": 1, "rank": 2}, 400, "Object contains unknown field."),
        ([], 400, "Expected `object`"),
    ],
)
def test_what_is_no_verdict_is_refused(
    running: Running, waiting: list[dict[str, Any]], body: Any, status: int, told: str
) -> None:
    reply = running.client.post(f"{QUEUE}/{waiting[-1]['id']}", json=body)
    assert reply.status_code == status
    assert told in reply.json()["error"]


def test_what_is_no_review_is_not_found(running: Running) -> None:
    reply = running.client.post(f"{QUEUE}/nothing", json={"verdict": 1})
    assert (reply.status_code, reply.json()["error"]) == (404, "binary has no such review.")
    assert running.client.post("/v1/models/none/reviews/a", json={"verdict": 1}).status_code == 404
    assert running.client.post(f"{QUEUE}/a", content=b"{").status_code == 400


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many", "9" * 30])
def test_what_is_no_limit_is_refused(running: Running, limit: str) -> None:
    reply = running.client.get(QUEUE, params={"limit": limit})
    assert (reply.status_code, reply.json()["error"]) == (400, "limit: expected a number from 1 to 1,000.")


def test_a_model_without_reviews_has_an_empty_queue(running: Running) -> None:
    assert running.client.get("/v1/models/regression/reviews").json() == {
        "model": "regression",
        "open": 0,
        "reviews": [],
    }
