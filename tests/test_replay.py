"""Logged rows are scored again: by the release that had answered, and by others."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from holdfast.cli import app
from holdfast.errors import InputError
from holdfast.log.committer import Committer
from holdfast.log.reading import open_log
from holdfast.log.spool import Spool
from holdfast.released import ReleasedModel, load_release
from holdfast.releases.store import Store, open_store
from holdfast.replay import Replayed, replay
from holdfast.serve.live import Live, Rules
from holdfast.serve.loaded import load
from holdfast.serve.metrics import Metrics
from holdfast.testing.releases import Task, payments, seal_small

pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")

ROWS = 300


def answered(root: Path, store: Store, name: str, version: int, rules: Rules | None = None, *, seed: int = 5) -> None:
    """Have a release answer rows, and log them."""
    loaded = load(store, name, version)
    rows = payments(ROWS, seed=seed).drop_columns(["fraud", "risk", "loss"]).to_pylist()
    body = msgspec.json.encode({"rows": rows})

    async def ask() -> None:
        live = Live(loaded, spool, rules or Rules(), Metrics())
        await live.ask(loaded.records.read(body))

    with closing(Spool(root / "spool")) as spool:
        asyncio.run(ask())


def counted(root: Path, name: str, released: ReleasedModel, **asked: Any) -> tuple[Replayed, pa.Table]:
    done, tables = Replayed(release=released.name), []
    for rows in replay(open_log(root), name, released, **asked):
        done.add(rows)
        tables.append(rows)
    return done, pa.concat_tables(tables)


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_the_release_that_answered_answers_alike(tmp_path: Path, task: Task) -> None:
    store = open_store(tmp_path / "releases")
    sealed = seal_small(store, task, task)
    answered(tmp_path, store, task, 1)
    with Committer(tmp_path) as committer:
        committer.round(flush=True)
    answered(tmp_path, store, task, 1, seed=6)
    done, rows = counted(tmp_path, task, load_release(sealed))
    assert done == Replayed(release=f"{task}/1", rows=2 * ROWS, largest=done.largest)
    assert done.largest < 1e-9
    assert rows.column("decision").to_pylist() == rows.column("hf_decision").to_pylist()
    assert rows.column("reason").to_pylist() == rows.column("hf_reason").to_pylist()


def test_exploration_and_support_are_repeated(tmp_path: Path) -> None:
    store = open_store(tmp_path / "releases")
    sealed = seal_small(store, "fraud", policy={"explore": 0.4, "seed": 3, "support_limit": 0.2})
    answered(tmp_path, store, "fraud", 1)
    done, rows = counted(tmp_path, "fraud", load_release(sealed))
    assert done.differing == 0
    assert {"explore", "support"} <= set(rows.column("reason").to_pylist())


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_another_release_answers_otherwise_and_it_is_told_how(tmp_path: Path, task: Task) -> None:
    store = open_store(tmp_path / "releases")
    for seed in range(2):
        seal_small(store, task, task, seed=seed)
    answered(tmp_path, store, task, 1)
    other = load_release(store.get(task, 2))
    done, rows = counted(tmp_path, task, other)
    assert (done.rows, done.scores, done.differing) == (ROWS, ROWS, ROWS)
    inputs = payments(ROWS, seed=5)
    scores = other.model.predict(inputs.select(list(other.model.features)))
    now = other.decide(scores, inputs, {})
    assert rows.column("score").to_pylist() == [pytest.approx(one) for one in scores.tolist()]
    if task != "regression":
        decisions = [other.policy.classes[one] for one in now.decision] if task == "classes" else now.decision.tolist()
        assert rows.column("decision").to_pylist() == decisions
        before = rows.column("hf_decision").to_pylist()
        assert done.decisions == sum(a != b for a, b in zip(before, decisions, strict=True)) > 0
        flags = rows.column("hf_review").to_pylist()
        assert done.reviews == sum(a != b for a, b in zip(flags, now.review.tolist(), strict=True)) > 0


def test_a_window_and_the_version_that_answered_are_asked_for(tmp_path: Path) -> None:
    store = open_store(tmp_path / "releases")
    for seed in range(2):
        seal_small(store, "fraud", seed=seed)
        answered(tmp_path, store, "fraud", seed + 1, seed=seed)
    released = load_release(store.get("fraud", 2))
    assert counted(tmp_path, "fraud", released, release=2)[0].differing == 0
    assert counted(tmp_path, "fraud", released, release=1)[0].differing == ROWS
    assert counted(tmp_path, "fraud", released, since="1h")[0].rows == 2 * ROWS
    assert list(replay(open_log(tmp_path), "fraud", released, until="1h")) == []


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (Rules(left_out=frozenset({"country"})), "needs 'country', which the log of fraud does not have as it was"),
        (Rules(hashed=frozenset({"amount"})), "needs 'amount', which the log of fraud does not have as it was"),
        (Rules(hashed=frozenset({"country"})), "needs 'country', of which only hashes were logged"),
    ],
)
def test_what_was_not_logged_as_it_was_cannot_be_replayed(tmp_path: Path, rules: Rules, told: str) -> None:
    store = open_store(tmp_path / "releases")
    sealed = seal_small(store, "fraud")
    answered(tmp_path, store, "fraud", 1, rules)
    with pytest.raises(InputError, match=told):
        counted(tmp_path, "fraud", load_release(sealed))


def test_a_release_of_another_task_cannot_be_compared(tmp_path: Path) -> None:
    store = open_store(tmp_path / "releases")
    seal_small(store, "fraud")
    answered(tmp_path, store, "fraud", 1)
    other = load_release(seal_small(store, "risk", "classes"))
    with pytest.raises(InputError, match="needs 'hf_score_0', 'hf_score_1', 'hf_score_2'"):
        counted(tmp_path, "fraud", other)


def test_the_command_says_which_answers_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    store = open_store("releases")
    for seed in range(2):
        seal_small(store, "fraud", seed=seed)
    answered(tmp_path / ".holdfast", store, "fraud", 1)
    same = CliRunner().invoke(app, ["replay", "fraud/1"])
    assert (same.exit_code, same.output) == (0, "fraud/1 answers all 300 rows as they were answered.\n")
    other = CliRunner().invoke(app, ["replay", "fraud", "--since", "1h", "--output", "other.parquet"])
    lines = other.output.splitlines()
    assert other.exit_code == 1
    assert lines[0].split() == ["Id", "Answered", "by", "Score", "now", "Decision", "now", "Review", "now"]
    assert lines[1].startswith("P5-00000")
    assert lines[-2] == "These are the first 20; --output writes all of them."
    assert lines[-1].startswith("fraud/2 answers 300 of 300 rows otherwise: 300 other scores (by at most 0.")
    assert pq.read_table("other.parquet").num_rows == 300
    told = CliRunner().invoke(app, ["replay", "fraud/2", "--json", "--answered-by", "1"])
    assert json.loads(told.output)["differing"] == 300
