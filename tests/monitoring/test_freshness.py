"""Features that are made too late, and prediction sets that grow: what the history says is usual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.opening import open_book
from holdfast.config import Project, project_of
from holdfast.errors import SettingError
from holdfast.gate.evaluate import evaluate
from holdfast.monitoring.reference import reference_of
from holdfast.profile.calendar import moments
from holdfast.releases.folder import SealedFolder
from holdfast.seal.release import release

from .conftest import DAY, HISTORY_DAYS, ROWS_A_DAY, Service, day, payments


def made(rows: pa.Table, seed: int, late: float = np.inf) -> pa.Table:
    """With the time at which the features were made: minutes before, and hours before from a moment on."""
    rng, when = np.random.default_rng(seed), moments(rows["time"].combine_chunks())[0]
    age = rng.lognormal(np.log(300), 0.8, len(rows)) * np.where(when >= late, 24.0, 1.0)
    stamps = pa.array(((when - age) * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC"))
    return rows.append_column("computed_at", stamps)


def project(folder: Path, **monitor: object) -> Project:
    return project_of(
        {
            "name": "fraud",
            "data": {"path": "payments.parquet", "target": "fraud", "id": "payment", "time": "time"},
            "model": {"path": "model.joblib", "trained_until": "2026-01-25"},
            "objective": {"kind": "cost", "false_positive": 5, "false_negative": "amount", "currency": "EUR"},
            "slices": {"search": False},
            "explain": {"rows": 20, "background": 10},
            "gate": {"limits": [{"metric": "roc_auc", "at_least": 0.5}], "warnings": ["drift", "explain", "leakage"]},
            "monitor": {"smallest": 50, **monitor},
            "folder": str(folder),
        }
    )


def model_of(rows: pa.Table) -> object:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    early = rows.slice(0, 20 * ROWS_A_DAY).to_pandas()
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(early[["amount", "age"]], early["fraud"])


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> SealedFolder:
    """A release that watches how old features are."""
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    pytest.importorskip("onnxruntime", reason="needs the extra `serve`")
    rows = made(payments(0, HISTORY_DAYS, seed=0), seed=0)
    asked = project(tmp_path_factory.mktemp("project"), freshness=["computed_at"])
    return release(evaluate(model_of(rows), rows, asked, keep=False), store=tmp_path_factory.mktemp("releases"))


def test_features_that_are_made_too_late_open_an_incident(fresh: SealedFolder, tmp_path: Path) -> None:
    book = open_book(tmp_path / "book.db")
    service = Service(tmp_path, fresh, reference_of(fresh), book)
    late = day(HISTORY_DAYS + 9)
    service.answer(made(payments(HISTORY_DAYS, 12, seed=1), seed=1, late=late), delay_days=None)
    done = service.monitor(day(HISTORY_DAYS + 12))
    (one,) = done.opened
    assert (one.subject, one.kind, one.title) == ("computed_at", "input", "computed_at is older or newer than usual")
    assert one.since == late
    assert one.opened == late + DAY
    assert one.status == "open"
    assert "is late" in one.advice
    found = recorded.windows(book, "fraud")
    effects = [found[round((late + at * DAY) * 1e6)]["effects"]["column:computed_at:age"] for at in (-1, 0)]
    assert abs(effects[0]) < 0.3
    assert effects[1] == pytest.approx(np.log(24) / 0.8, rel=0.1)
    book.close()


def test_times_that_are_missing_are_watched_too(fresh: SealedFolder, tmp_path: Path) -> None:
    book = open_book(tmp_path / "book.db")
    service = Service(tmp_path, fresh, reference_of(fresh), book)
    rows = made(payments(HISTORY_DAYS, 6, seed=1), seed=1)
    gone = moments(rows["time"].combine_chunks())[0] >= day(HISTORY_DAYS + 4)
    gone &= np.arange(len(rows)) % 2 == 0
    column = pa.array(np.array(rows["computed_at"].cast(pa.int64())), mask=gone).cast(pa.timestamp("us", "UTC"))
    rows = rows.set_column(rows.schema.names.index("computed_at"), "computed_at", column)
    service.answer(rows, delay_days=None)
    (one,) = service.monitor(day(HISTORY_DAYS + 6)).opened
    assert (one.subject, one.title) == ("computed_at", "computed_at changed its share of missing values")
    book.close()


def test_a_column_that_is_no_time_is_refused(tmp_path: Path) -> None:
    rows = payments(0, HISTORY_DAYS, seed=0)
    for name in ("amount", "time"):
        with pytest.raises(SettingError, match=f"besides data.time; '{name}' is none"):
            evaluate(model_of(rows), rows, project(tmp_path, freshness=[name]), keep=False)
