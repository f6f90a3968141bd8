"""Blocked payments have no truth, unless some are let through: what is known, what is not, and alarms that stay true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.opening import open_book
from holdfast.config import project_of
from holdfast.errors import SettingError
from holdfast.log.reading import open_log
from holdfast.monitoring.monitor import watched_of
from holdfast.monitoring.reference import reference_of
from holdfast.releases.folder import SealedFolder
from holdfast.testing.answered import answer_rows, commit
from holdfast.watched import Shown

from .conftest import DAY, HISTORY_DAYS, Service, day, label, payments, released

FIRST = HISTORY_DAYS
OUTCOMES = {"precision", "recall", "specificity", "f1", "balanced_accuracy", "prevalence"}
"""Figures that need the truth of rows with either answer."""
POLICY = {"threshold": 0.5, "rule": "threshold"}
LENIENT = {
    "limits": [{"metric": "roc_auc", "at_least": 0.5}],
    "warnings": ["drift", "explain", "leakage", "performance"],
}


@pytest.fixture(scope="module")
def blocking(tmp_path_factory: pytest.TempPathFactory) -> SealedFolder:
    """Payments with the answer yes are blocked: of those nobody learns the truth."""
    return released(tmp_path_factory, monitor={"smallest": 50, "observed": ["no"]}, policy=POLICY, gate=LENIENT)


@pytest.fixture(scope="module")
def exploring(tmp_path_factory: pytest.TempPathFactory) -> SealedFolder:
    """The same, but every third is let through."""
    return released(
        tmp_path_factory, monitor={"smallest": 50, "observed": ["no"]}, policy=POLICY | {"explore": 0.33}, gate=LENIENT
    )


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[object]:
    books = []

    def begin(sealed: SealedFolder) -> Service:
        books.append(open_book(tmp_path / "book.db"))
        return Service(tmp_path, sealed, reference_of(sealed), books[-1])

    yield begin
    for book in books:
        book.close()


def answer(service: Service, rows: pa.Table, *, strays: bool = False) -> None:
    """Rows are answered; a day later comes the truth of those that were not blocked, or with `strays` of all."""
    ids = answer_rows(service.root, service.sealed, rows, "time")
    commit(service.root)
    log = open_log(service.root)
    found = log.predictions("fraud", columns=["hf_id", "hf_decision"]).read_all()
    blocked = dict(zip(found["hf_id"].to_pylist(), found["hf_decision"].to_pylist(), strict=True))
    places = [place for place, one in enumerate(ids) if strays or not blocked[one]]
    label(service, rows, ids, places, DAY)


def shown(service: Service) -> list[Shown]:
    return list(watched_of(service.reference, service.book).windows)


def test_figures_are_of_what_is_not_blocked_and_the_rest_is_unknown(serve, blocking: SealedFolder) -> None:
    service = serve(blocking)
    rows = payments(FIRST, 3, seed=1)
    answer(service, rows)
    service.monitor(day(FIRST + 5))
    found = shown(service)[:3]
    for window in found:
        blocked = window.truth.silent
        assert 0 < blocked < window.rows
        assert window.labelled == window.truth.observable == window.truth.spoken == window.rows - blocked
        assert set(window.figures) == {"loss", "bias", "accuracy"}
        assert set(window.truth.unmeasured) == OUTCOMES
        assert (
            window.truth.unmeasured["recall"] == f"the truth of the {blocked} rows answered yes cannot come to be known"
        )
        assert window.truth.delay == pytest.approx((DAY, DAY), rel=0.1)
        # Estimates are of all rows; figures of these are not held against them.
        assert window.scored == {}


def test_truths_that_could_not_have_come_are_counted_and_used_nowhere(serve, blocking: SealedFolder) -> None:
    service = serve(blocking)
    answer(service, payments(FIRST, 2, seed=1), strays=True)
    service.monitor(day(FIRST + 5))
    for window in shown(service)[:2]:
        assert window.truth.strays == window.truth.silent > 0
        assert window.labelled == window.rows - window.truth.silent


def test_rows_that_are_let_through_make_all_figures_known(serve, exploring: SealedFolder) -> None:
    service = serve(exploring)
    rows = payments(FIRST, 3, seed=1, rows_a_day=2_000)
    answer(service, rows)
    service.monitor(day(FIRST + 5))
    for window in shown(service)[:3]:
        assert window.truth.silent == 0
        assert window.truth.explored > 10
        assert window.truth.spoken == window.rows
        assert window.truth.unmeasured == {}
        assert set(window.figures) == {"loss", "bias", "accuracy", *OUTCOMES}
        assert window.labelled < window.rows
        assert window.truth.effective < window.labelled
        low, high = window.figures["recall"][1:]
        assert 0 < low < high < 1
        assert window.scored.keys() >= {"loss"}, "figures of all rows are held against what was expected of them"


def test_what_is_usual_is_of_the_same_rows(blocking: SealedFolder, sealed: SealedFolder) -> None:
    some, every = reference_of(blocking), reference_of(sealed)
    assert some.answers.observed == ("no",)
    assert every.answers.observed == ()
    whole = some.whole
    assert whole.labelled == whole.decisions[0]
    assert whole.confusion.reshape(2, 2)[:, 1].sum() == 0
    assert whole.strays[0] == whole.decisions[1]


def test_no_truth_of_what_is_blocked_is_no_alarm(serve, blocking: SealedFolder) -> None:
    service = serve(blocking)
    answer(service, payments(FIRST, 14, seed=1))
    service.monitor(day(FIRST + 14))
    assert sum(window.labelled for window in shown(service)) > 2_000
    assert recorded.incidents(service.book, "fraud") == {}


def test_a_worse_model_is_found_by_what_is_not_blocked(serve, blocking: SealedFolder) -> None:
    service = serve(blocking)
    rows = payments(FIRST, 10, seed=1)
    small = np.asarray(rows["amount"]) < 60
    fraud = np.asarray(rows["fraud"].to_numpy(zero_copy_only=False)) | (small & (np.arange(len(small)) % 3 == 0))
    answer(service, rows.set_column(rows.schema.get_field_index("fraud"), "fraud", pa.array(fraud)))
    service.monitor(day(FIRST + 10))
    incidents = recorded.incidents(service.book, "fraud").values()
    assert {sign["key"] for one in incidents for sign in one["signs"]} & {"loss", "calibration"}


def test_decisions_that_there_are_not_are_refused() -> None:
    base = {"name": "x", "data": {"path": "a", "target": "y"}, "model": {"path": "m"}}
    for objective, observed in (({"kind": "f_beta"}, ["maybe"]), ({"kind": "mae"}, ["no"])):
        with pytest.raises(SettingError, match=r"monitor\.observed names the decision"):
            project_of(base | {"objective": objective, "monitor": {"observed": observed}})
    with pytest.raises(SettingError, match=r"monitor\.observed"):
        project_of(base | {"objective": {"kind": "f_beta"}, "monitor": {"observed": []}})
    asked = project_of(base | {"objective": {"kind": "f_beta"}, "monitor": {"observed": ["no", "review"]}})
    assert asked.monitor.observed == ("no", "review")


def test_what_a_worse_model_costs_is_of_what_is_not_blocked(serve, blocking: SealedFolder) -> None:
    service = serve(blocking)
    rows = payments(FIRST, 10, seed=1)
    small = np.asarray(rows["amount"]) < 60
    fraud = np.asarray(rows["fraud"].to_numpy(zero_copy_only=False)) | (small & (np.arange(len(small)) % 3 == 0))
    answer(service, rows.set_column(rows.schema.get_field_index("fraud"), "fraud", pa.array(fraud)))
    service.monitor(day(FIRST + 10))
    (found,) = (one for one in recorded.incidents(service.book, "fraud").values() if one["kind"] == "performance")
    usual, cost = reference_of(blocking).loss, found["cost"]
    assert usual is not None
    known = [window for window in shown(service) if "loss" in window.figures][-4:]
    excess = np.mean([window.figures["loss"][0] - usual for window in known])
    a_day = np.mean([window.labelled for window in known])
    assert cost == pytest.approx(excess * a_day, rel=0.35)
