"""Labels revise the intervals of a release: over a real log and book, once for each label."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.book.opening import Book, open_book
from holdfast.book.policies import PolicyRevision, newest_policy_revisions
from holdfast.config import project_of
from holdfast.gate.evaluate import evaluate
from holdfast.log.reading import open_log
from holdfast.monitoring.monitor import monitor
from holdfast.monitoring.revising import follow_labels
from holdfast.monitoring.sources.source import LogSource
from holdfast.profile.calendar import moments
from holdfast.released import load_release
from holdfast.releases.folder import SealedFolder
from holdfast.releases.store import open_store
from holdfast.seal.release import release
from holdfast.site import Site
from holdfast.testing.answered import answer_rows, commit, label_rows
from holdfast.testing.releases import Task, payments, seal_small
from holdfast.uncertainty import revised

DAY = 86_400.0


def sealed_in(folder: Path, task: Task) -> SealedFolder:
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    return seal_small(open_store(folder / "releases"), task, task)


def answer(folder: Path, sealed: SealedFolder, rows: pa.Table, truths: Any, delay_days: float = 1.0) -> float:
    """Log rows and their labels; the moment by which all labels have come, in seconds since 1970."""
    when = moments(rows["time"].combine_chunks())[0]
    ids = answer_rows(folder, sealed, rows, "time")
    label_rows(folder, sealed, ids, pa.array(truths).to_pylist(), when + delay_days * DAY)
    commit(folder)
    return float(when[-1]) + delay_days * DAY + 1


def follow(folder: Path, sealed: SealedFolder, book: Book, until: float) -> PolicyRevision | None:
    task = sealed.manifest.model
    source = LogSource(open_log(folder), task)
    return follow_labels(source, load_release(sealed), book, folder, until=int(until * 1e6))


@pytest.fixture
def book(tmp_path: Path) -> Any:
    found = open_book(tmp_path / "book.db")
    yield found
    found.close()


def test_errors_that_double_widen_the_interval_that_is_served(tmp_path: Path, book: Book) -> None:
    """The sealed half width is 1.6, of errors of deviation 1; later they have 2, and 90% of them lie within 3.29."""
    sealed = sealed_in(tmp_path, "regression")
    rows = payments(2_000, seed=1)
    noise = rows["loss"].to_numpy() - 0.1 * rows["amount"].to_numpy()
    until = answer(tmp_path, sealed, rows, 0.1 * rows["amount"].to_numpy() + 2 * noise)
    revision = follow(tmp_path, sealed, book, until)
    assert revision is not None
    assert (revision.revision, revision.author, revision.reason) == (1, "monitor", "follows 2,000 labels")
    assert revision.content["quantile"] == pytest.approx(3.29, rel=0.1)
    found = revised(load_release(sealed).uncertainty, revision.content)
    assert found.conformal is not None
    assert found.conformal.quantile == revision.content["quantile"]


def test_each_label_is_followed_once(tmp_path: Path, book: Book) -> None:
    sealed = sealed_in(tmp_path, "regression")
    rows = payments(1_000, seed=2)
    until = answer(tmp_path, sealed, rows, rows["loss"].to_numpy() + 5.0)
    halves = [until - 3 * DAY, until - 3 * DAY, until, until]
    found = [follow(tmp_path, sealed, book, moment) for moment in halves]
    assert [one is None for one in found][1::2] == [True, True]
    assert found[0] is not None
    newest = newest_policy_revisions(book)["regression", 1]
    assert newest.content["quantile"] == pytest.approx(6.3, abs=0.4)


def test_after_a_crash_before_the_end_the_same_labels_lead_to_the_same_offset(tmp_path: Path, book: Book) -> None:
    sealed = sealed_in(tmp_path, "regression")
    rows = payments(600, seed=3)
    until = answer(tmp_path, sealed, rows, rows["loss"].to_numpy() + 5.0)
    assert follow(tmp_path, sealed, book, until) is not None
    (tmp_path / "following" / "regression-1.state").unlink()
    assert follow(tmp_path, sealed, book, until) is None
    assert newest_policy_revisions(book)["regression", 1].revision == 1


def test_sets_of_classes_follow(tmp_path: Path, book: Book) -> None:
    sealed = sealed_in(tmp_path, "classes")
    rows = payments(800, seed=4)
    wrong = np.random.default_rng(0).choice(["low", "middle", "high"], 800)
    revision = follow(tmp_path, sealed, book, answer(tmp_path, sealed, rows, wrong.tolist()))
    assert revision is not None
    assert 0.9 < revision.content["quantile"] <= 1.0


def test_without_labels_or_intervals_nothing_is_revised(tmp_path: Path, book: Book) -> None:
    sealed = sealed_in(tmp_path, "regression")
    rows = payments(50, seed=5)
    answer_rows(tmp_path, sealed, rows, "time")
    commit(tmp_path)
    assert follow(tmp_path, sealed, book, 2e9) is None
    two = sealed_in(tmp_path / "other", "binary")
    until = answer(tmp_path / "other", two, rows, rows["fraud"].to_pylist())
    assert follow(tmp_path / "other", two, book, until) is None
    assert newest_policy_revisions(book) == {}


def test_a_few_labels_leave_the_sealed_offset(tmp_path: Path, book: Book) -> None:
    sealed = sealed_in(tmp_path, "regression")
    rows = payments(60, seed=6)
    assert follow(tmp_path, sealed, book, answer(tmp_path, sealed, rows, rows["loss"].to_numpy() + 50)) is None


def test_monitoring_a_model_of_numbers_revises_its_intervals(tmp_path: Path) -> None:
    """From the history to the revision: a release with intervals, weeks of answers whose errors doubled, and `hf.monitor`."""
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    from sklearn.linear_model import LinearRegression

    history = payments(3_000, seed=7).select(["payment", "time", "amount", "items", "loss"])
    early = history.slice(0, 1_000).to_pandas()
    model = LinearRegression().fit(early[["amount", "items"]], early["loss"])
    project = project_of(
        {
            "name": "losses",
            "data": {"path": "payments.parquet", "target": "loss", "id": "payment"},
            "model": {"path": "model.joblib"},
            "objective": {"kind": "mae"},
            "slices": {"search": False},
            "explain": {"rows": 20, "background": 10},
            "gate": {"warnings": ["drift", "explain", "leakage"]},
            "folder": str(tmp_path),
        }
    )
    found = evaluate(model, history, project, keep=False)
    sealed = release(found, store=tmp_path / "releases")
    before = found.uncertainty
    assert before is not None
    assert before.conformal is not None
    later = payments(2_000, seed=8)
    exact = 0.1 * later["amount"].to_numpy()
    until = answer(tmp_path / ".holdfast", sealed, later, exact + 2 * (later["loss"].to_numpy() - exact))
    said: list[str] = []
    monitor("losses", site=Site(folder=str(tmp_path)), now=datetime.fromtimestamp(until + 60, UTC), say=said.append)
    book = open_book(tmp_path / ".holdfast" / "book.db")
    (revision,) = newest_policy_revisions(book).values()
    book.close()
    assert revision.content["quantile"] == pytest.approx(2 * (before.conformal.quantile or 0), rel=0.15)
    assert "Revision 1 of the policy of losses/1 follows 2,000 labels" in said
