"""Contributions beside the answers of small releases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from holdfast.released import BACKGROUND, arrow_in
from holdfast.releases.store import open_store
from holdfast.serve import explainer as subject
from holdfast.serve import explaining
from holdfast.serve.errors import ServeError
from holdfast.serve.explaining import Explaining
from holdfast.serve.live import Rules
from holdfast.serve.metrics import Metrics, exposition
from holdfast.serve.records import answers
from holdfast.serve.request import Reply, Request
from holdfast.serve.roster import Champion, Named, Roster, Serving
from holdfast.testing.releases import FEATURES, Task, payments, seal_small
from holdfast.testing.servers import Running

TASKS: tuple[Task, ...] = ("binary", "classes", "regression")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("releases")
    for task in TASKS:
        seal_small(open_store(found), task, task)
    return found


def asking(
    folder: Path,
    task: str,
    ask: Callable[[Serving, Explaining], Any],
    *,
    rules: Rules = Rules(),  # noqa: B008 - it cannot change
    metrics: Metrics | None = None,
) -> Any:
    """What a coroutine gives that is handed a release, loaded as by a server."""
    metrics = metrics or Metrics()

    async def run() -> Any:
        champions = {task: Champion(1, open_store(folder).get(task, 1).identity)}
        roster = Roster(open_store(folder), (task,), lambda: Named(champions), None, lambda _: rules, metrics)
        await roster.refresh()
        return await ask(roster.find(task), Explaining(metrics))

    return asyncio.run(run())


def request_of(serving: Serving, rows: Sequence[dict[str, Any]]) -> Request:
    names = [field.name for field in serving.loaded.engine.fields]
    return Request(rows=[tuple(row.get(name) for name in names) for row in rows], ids=[None] * len(rows), explain=True)


def explained(folder: Path, task: str, rows: Sequence[dict[str, Any]], **options: Any) -> Reply:
    async def ask(serving: Serving, explaining: Explaining) -> Reply:
        return await explaining.ask(serving, request_of(serving, rows), "champion", "")

    reply: Reply = asking(folder, task, ask, **options)
    return reply


def some(n: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = payments(n, seed=4).select(list(FEATURES)).to_pylist()
    return found


def score_of(answer: Any) -> float:
    """The score that is explained."""
    return float(answer.score[answer.decision] if isinstance(answer.score, dict) else answer.score)


@pytest.mark.parametrize("task", TASKS)
def test_contributions_and_base_add_up_to_the_score(folder: Path, task: Task) -> None:
    reply = explained(folder, task, some(30))
    assert reply.explanation is not None
    assert reply.explanation.scale == "score"
    assert reply.explanation.method == ("interventional" if task == "regression" else "rescaled")
    assert reply.explanation.background == 100
    for answer in answers(reply):
        assert answer.contributions is not None
        assert list(answer.contributions) == [*FEATURES, "base"]
        assert sum(answer.contributions.values()) == pytest.approx(score_of(answer), abs=1e-9)


def test_contributions_of_a_linear_regression_have_their_closed_form(folder: Path) -> None:
    """What a number changes, when it alone goes from the background to the row's own value."""
    reply = explained(folder, "regression", some(5))
    loaded = asking(folder, "regression", _itself).loaded
    model = loaded.released.model
    known = arrow_in(open_store(folder).get("regression", 1).read(BACKGROUND)).select(list(FEATURES))
    assert reply.contributions is not None
    assert reply.contributions[0]["base"] == pytest.approx(model.predict(known).mean(), abs=1e-6)
    for row, found in zip(some(5), reply.contributions, strict=True):
        for place, name in enumerate(FEATURES):
            value = pa.array([row[name]] * known.num_rows, known.schema.field(name).type)
            changed = model.predict(known.set_column(place, name, value))
            assert found[name] == pytest.approx((changed - model.predict(known)).mean(), abs=1e-5)


async def _itself(serving: Serving, _: Explaining) -> Serving:
    return serving


def test_a_row_without_a_score_has_no_contributions_and_its_neighbours_have(folder: Path) -> None:
    rows = some(3)
    rows[1]["amount"] = None
    reply = explained(folder, "binary", rows, rules=Rules(reject=frozenset()))
    found = answers(reply)
    assert [answer.contributions is None for answer in found] == [False, True, False]
    assert sum((found[2].contributions or {}).values()) == pytest.approx(score_of(found[2]), abs=1e-9)


def test_rows_without_any_score_say_that_there_is_no_explanation(folder: Path) -> None:
    reply = explained(folder, "binary", [some(1)[0] | {"amount": None}], rules=Rules(reject=frozenset()))
    assert reply.explanation is not None
    assert (reply.explanation.method, reply.contributions) == ("none", [{}])


def test_a_release_whose_background_was_erased_is_not_explained_and_answers_on(tmp_path: Path) -> None:
    seal_small(open_store(tmp_path), "binary")

    async def ask(serving: Serving, explaining: Explaining) -> list[Any]:
        next(tmp_path.rglob("background.arrow")).unlink()
        found: list[Any] = []
        for _ in range(2):
            try:
                await explaining.ask(serving, request_of(serving, some(2)), "champion", "")
            except ServeError as error:
                found.append((error.status, "background" in error.message))
        return [*found, (await serving.live.ask(request_of(serving, some(2)))).rows]

    assert asking(tmp_path, "binary", ask) == [(422, True), (422, True), 2]


def test_too_many_rows_are_refused_before_they_are_answered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MOST_ROWS", 3)
    metrics = Metrics()
    with pytest.raises(ServeError, match="at most 3 rows") as refused:
        explained(folder, "binary", some(4), metrics=metrics)
    assert refused.value.status == 413
    assert "holdfast_rows_total{" not in exposition([metrics.content()])


def test_who_would_wait_too_long_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is not waited for: whatever it is expected to take, which its thread may have learnt by now, is too long."""
    monkeypatch.setattr(explaining, "QUEUE_SECONDS", 0.0)

    async def ask(serving: Serving, explaining: Explaining) -> list[float | None]:
        async def one() -> float | None:
            try:
                await explaining.ask(serving, request_of(serving, some(1)), "champion", "")
            except ServeError as error:
                return error.retry_after
            return None

        at_once = await asyncio.gather(*(one() for _ in range(3)))
        return [*at_once, await one()]

    assert asking(folder, "binary", ask) == [None, 1, 1, None]


def test_who_waits_for_nobody_is_answered_however_long_it_takes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 0.1 + 0.2 + 0.3 seconds something is left when each was subtracted."""

    async def run() -> list[float | None]:
        named = Named({task: Champion(1, open_store(folder).get(task, 1).identity) for task in TASKS})
        seconds = dict(zip(TASKS, (0.1, 0.2, 0.3), strict=True))
        metrics = Metrics()
        rules = {task: Rules(explain_seconds=seconds[task]) for task in TASKS}
        roster = Roster(open_store(folder), TASKS, lambda: named, None, rules.__getitem__, metrics)
        await roster.refresh()
        explaining_ = Explaining(metrics)

        async def one(task: str) -> float | None:
            serving = roster.find(task)
            try:
                await explaining_.ask(serving, request_of(serving, some(1)), "champion", "")
            except ServeError as error:
                return error.retry_after
            return None

        together = await asyncio.gather(*(one(task) for task in TASKS))
        monkeypatch.setattr(explaining, "QUEUE_SECONDS", 0.0)
        return [*together, await one("binary")]

    assert asyncio.run(run()) == [None, None, None, None]


def test_the_time_of_an_explanation_is_counted(folder: Path) -> None:
    metrics = Metrics()
    explained(folder, "binary", some(2), metrics=metrics)
    told = exposition([metrics.content()])
    assert 'holdfast_stage_duration_seconds_count{model="binary",stage="explain"} 1.0' in told


@pytest.mark.parametrize("task", TASKS)
def test_a_server_tells_contributions_to_those_who_ask(running: Running, task: Task) -> None:
    rows = some(4)
    reply = running.client.post(f"/v1/models/{task}/predict", json={"rows": rows, "explain": True}).json()
    assert reply["explanation"]["scale"] == "score"
    for answer in reply["answers"]:
        score = answer["score"][answer["decision"]] if task == "classes" else answer["score"]
        assert sum(answer["contributions"].values()) == pytest.approx(score, abs=1e-9)
    plain = running.client.post(f"/v1/models/{task}/predict", json={"rows": rows}).json()
    assert "explanation" not in plain
    assert not any("contributions" in answer for answer in plain["answers"])


def test_the_inference_protocol_has_them_as_an_output(running: Running) -> None:
    rows = some(3)
    kinds = {"amount": "FP64", "items": "INT64", "country": "BYTES", "online": "BOOL"}
    inputs = [
        {"name": name, "shape": [3], "datatype": kind, "data": [row[name] for row in rows]}
        for name, kind in kinds.items()
    ]
    asked = {"inputs": inputs, "outputs": [{"name": "score"}, {"name": "contributions"}]}
    reply = running.client.post("/v2/models/binary/infer", json=asked).json()
    assert reply["parameters"] == {"scale": "score", "method": "rescaled", "background": 100}
    score, found = reply["outputs"]
    assert found["shape"] == [3, 5]
    np.testing.assert_allclose(np.reshape(found["data"], (3, 5)).sum(axis=1), score["data"], atol=1e-9)


def test_a_table_has_them_as_columns(running: Running) -> None:
    reply: httpx.Response = running.client.post(
        "/v1/models/binary/predict", json={"rows": some(2), "explain": True}, headers={"Accept": "text/csv"}
    )
    assert reply.text.splitlines()[0].count("contributions") == 5
