"""What verdicts saved, by the objective of the release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.log.queueing import Saved
from holdfast.log.reviews import Settled
from holdfast.releases.store import open_store
from holdfast.serve.gains import saved_in
from holdfast.testing.releases import seal_small

pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    store = open_store(tmp_path_factory.mktemp("store"))
    seal_small(store, "binary", "binary")
    seal_small(store, "classes", "classes")
    seal_small(store, "regression", "regression")
    return saved_in(store)


def settled(decision: Any, verdict: Any, outcome: Any, *, release: int = 1, **row: Any) -> Settled:
    return Settled(release, decision, verdict, outcome, {"row": row})


def test_a_fraud_that_was_caught_saves_its_amount(saved: Saved) -> None:
    """A missed one costs its amount, a false alarm 5."""
    rows = [
        settled(False, True, True, amount=80.0),
        settled(False, True, False, amount=80.0),
        settled(True, False, False, amount=80.0),
        settled(True, True, True, amount=80.0),
    ]
    assert saved("binary", rows) == [80.0, -5.0, 5.0, 0.0]


def test_classes_cost_what_the_matrix_says(saved: Saved) -> None:
    rows = [settled("low", "high", "high"), settled("middle", "high", "high"), settled("high", "low", "middle")]
    assert saved("classes", rows) == [9.0, 4.0, -1.0]


def test_numbers_save_their_loss(saved: Saved) -> None:
    assert saved("regression", [settled(10.0, 13.0, 14.0)]) == [3.0]


@pytest.mark.parametrize("row", [{}, {"amount": None}, {"amount": "01ab45"}])
def test_what_needs_a_column_that_the_log_does_not_have_cannot_be_told(saved: Saved, row: dict[str, Any]) -> None:
    assert saved("binary", [settled(False, True, True, **row)]) == [None]


def test_what_is_of_no_release_or_no_class_cannot_be_told(saved: Saved) -> None:
    assert saved("binary", [settled(False, True, True, release=9, amount=1.0)]) == [None]
    assert saved("classes", [settled("low", "high", "other")]) == [None]
    assert saved("binary", [settled(None, True, True, amount=1.0)]) == [None]


def test_an_objective_of_many_rows_counts_errors(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sealed = seal_small(store, "fraud")
    files = {name: sealed.read(name) for name in sealed.manifest.files if name != "objective.json"}
    store.add("fraud", {**files, "objective.json": msgspec.json.encode({"kind": "f_beta"})}, sealed.manifest.origin)
    rows = [settled(False, True, True, release=2), settled(False, True, False, release=2)]
    assert saved_in(store)("fraud", rows) == [1.0, -1.0]
