"""Policy revisions: a server that runs takes up the newest one from the book, and logs its number with every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from deltalake import DeltaTable

from holdfast.book.opening import Book, open_book
from holdfast.book.policies import revise_policy
from holdfast.errors import SettingError
from holdfast.released import load_release
from holdfast.releases.store import open_store
from holdfast.serve.engine import Engine
from holdfast.testing.releases import Task, seal_small
from holdfast.testing.servers import serving, small_site
from holdfast.testing.waiting import until

ROW: dict[str, Any] = {"amount": 20.5, "items": 3, "country": "FR", "online": True}


def engine(folder: Path, task: Task) -> Engine:
    return Engine(load_release(seal_small(open_store(folder), task, task)))


def half_width(client: httpx.Client) -> float:
    (answer,) = client.post("/v1/models/regression/predict", json={"rows": [ROW]}).json()["answers"]
    width: float = (answer["upper"] - answer["lower"]) / 2
    return width


def test_an_answer_says_by_which_revision_it_was_found(tmp_path: Path) -> None:
    found = engine(tmp_path, "regression")
    rows = found.rows([tuple(ROW.get(field.name) for field in found.fields)])
    widths = []
    for revision, content in ((0, {}), (3, {"quantile": 4.0}), (0, {})):
        found.revise(revision, content)
        answered = found.answer(rows, ["a"])
        assert answered.lower is not None
        assert answered.upper is not None
        widths.append((answered.revision, round(answered.upper[0] - answered.lower[0], 9)))
    assert widths == [(0, 3.2), (3, 8.0), (0, 3.2)]


def test_sets_of_classes_follow_too(tmp_path: Path) -> None:
    found = engine(tmp_path, "classes")
    found.revise(1, {"quantile": 1.0})
    rows = found.rows([tuple(ROW.get(field.name) for field in found.fields)])
    assert found.answer(rows, ["a"]).sets == [["high", "low", "middle"]]


def test_what_cannot_be_followed_leaves_all_as_it_is(tmp_path: Path) -> None:
    found = engine(tmp_path, "binary")
    with pytest.raises(SettingError, match="Expected a release with intervals or sets of classes"):
        found.revise(1, {"quantile": 1.0})
    assert found.revision == 0


def test_a_server_takes_up_the_newest_revision_and_logs_it(tmp_path: Path) -> None:
    small_site(tmp_path, "regression")
    book = open_book(tmp_path / ".holdfast" / "book.db")
    revise(book, {"quantile": 2.5})
    with serving(tmp_path, "regression") as server, httpx.Client(base_url=server.address, timeout=30) as client:
        assert half_width(client) == pytest.approx(2.5)
        revise(book, {"quantile": 0.5})
        until(lambda: half_width(client) == pytest.approx(0.5))
        revise(book, {"threshold": 0.9})
        until(lambda: "revision 3 of the policy of regression/1 is not followed" in server.output)
        assert half_width(client) == pytest.approx(0.5)
        server.stop()
    book.close()
    logged = DeltaTable(tmp_path / ".holdfast" / "lake" / "regression" / "predictions").to_pyarrow_table()
    rows = logged.select(["hf_policy_revision", "hf_lower", "hf_upper"]).to_pylist()
    widths = {(row["hf_policy_revision"], round((row["hf_upper"] - row["hf_lower"]) / 2, 6)) for row in rows}
    assert widths == {(1, 2.5), (2, 0.5)}


def revise(book: Book, content: dict[str, Any]) -> None:
    revise_policy(book, "regression", 1, content, author="test")
