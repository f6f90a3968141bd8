"""A release of a small model of payments, and logs of weeks in which it answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.book import monitoring as recorded
from holdfast.book.opening import Book, open_book
from holdfast.config import project_of
from holdfast.gate.evaluate import evaluate
from holdfast.log.reading import open_log
from holdfast.monitoring.counts import kept
from holdfast.monitoring.incidents.looking import Looking
from holdfast.monitoring.reference import Reference, References, reference_of
from holdfast.monitoring.run import Ran, run
from holdfast.monitoring.sources.source import LogSource
from holdfast.profile.calendar import moments
from holdfast.releases.folder import SealedFolder
from holdfast.seal.release import release
from holdfast.testing.answered import answer_rows, commit, label_rows

DAY = 86_400.0
BEGIN = np.datetime64("2026-01-05T00:00:00", "us")
"""A Monday."""

HISTORY_DAYS, ROWS_A_DAY = 60, 200


def payments(first_day: int, days: int, seed: int, rows_a_day: int = ROWS_A_DAY) -> pa.Table:
    """Payments of some days, in the order of time; the dearer and the farther, the more of them are fraud."""
    rng = np.random.default_rng([seed, first_day])
    n = days * rows_a_day
    amount, abroad, age = rng.lognormal(3, 1, n), rng.random(n) < 0.2, rng.normal(45, 12, n)
    odds = -3.0 + 1.5 * np.log(amount / 20) + 2.0 * abroad
    seconds = np.sort(rng.integers(first_day * 86_400, (first_day + days) * 86_400, n)).astype("timedelta64[s]")
    return pa.table(
        {
            "payment": [f"P{first_day}-{i}" for i in range(n)],
            "time": pa.array(BEGIN + seconds, pa.timestamp("us", "UTC")),
            "amount": np.round(amount, 2),
            "age": np.round(age),
            "country": np.where(abroad, "FR", "AT"),
            "region": rng.choice(["north", "south"], n),
            "fraud": rng.random(n) < 1 / (1 + np.exp(-odds)),
        }
    )


def day(number: float) -> float:
    """When a day begins, in seconds since 1970; the log's first is `HISTORY_DAYS`."""
    return float(BEGIN.astype(np.int64)) / 1e6 + number * DAY


def label(
    service: Service, rows: pa.Table, ids: Sequence[str], places: Sequence[int] | np.ndarray, delay: float
) -> None:
    """The truth of some of the rows, so many seconds after their time."""
    when, truths = moments(rows["time"].combine_chunks())[0], rows["fraud"].to_pylist()
    label_rows(
        service.root,
        service.sealed,
        [ids[place] for place in places],
        [truths[place] for place in places],
        when[places] + delay,
    )
    commit(service.root)


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> SealedFolder:
    """A logistic regression, fitted on the first 20 days, released."""
    return released(tmp_path_factory)


def released(tmp_path_factory: pytest.TempPathFactory, **sections: Any) -> SealedFolder:
    """That release, with other sections of its configuration."""
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    pytest.importorskip("onnxruntime", reason="needs the extra `serve`")
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    rows = payments(0, HISTORY_DAYS, seed=0)
    early = rows.slice(0, 20 * ROWS_A_DAY).to_pandas()
    numbers = make_pipeline(FunctionTransformer(), StandardScaler())
    encode = make_column_transformer(
        (numbers, ["amount", "age"]), (OneHotEncoder(handle_unknown="ignore"), ["country"])
    )
    model = make_pipeline(encode, LogisticRegression()).fit(early[["amount", "age", "country"]], early["fraud"])
    project = project_of(
        {
            "name": "fraud",
            "data": {"path": "payments.parquet", "target": "fraud", "id": "payment", "roles": {"region": "segment"}},
            "model": {"path": "model.joblib", "trained_until": "2026-01-25"},
            "objective": {"kind": "cost", "false_positive": 5, "false_negative": "amount", "currency": "EUR"},
            "slices": {"search": False},
            "explain": {"rows": 20, "background": 10},
            "gate": {"limits": [{"metric": "roc_auc", "at_least": 0.5}], "warnings": ["drift", "explain", "leakage"]},
            "monitor": {"smallest": 50},
            "folder": str(tmp_path_factory.mktemp("project")),
            **sections,
        }
    )
    return release(evaluate(model, rows, project, keep=False), store=tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session")
def reference(sealed: SealedFolder) -> Reference:
    """What its windows are held against."""
    return reference_of(sealed)


@dataclass(frozen=True)
class Service:
    """An installation: its log, its book, and the release that answers."""

    root: Path
    sealed: SealedFolder
    reference: Reference
    book: Book

    def answer(
        self, rows: pa.Table, *, delay_days: float | None = 1.0, truth: Callable[[pa.Table], list[bool]] | None = None
    ) -> list[str]:
        """Rows are answered at their time; labels arrive so many days later, or never."""
        ids = answer_rows(self.root, self.sealed, rows, "time")
        if delay_days is not None:
            when = moments(rows["time"].combine_chunks())[0]
            truths = rows["fraud"].to_pylist() if truth is None else truth(rows)
            label_rows(self.root, self.sealed, ids, truths, when + delay_days * DAY)
        commit(self.root)
        return ids

    def monitor(self, now: float, reference: Reference | None = None, references: References | None = None) -> Ran:
        """Run as of a moment, in seconds since 1970."""
        source, own = LogSource(open_log(self.root), "fraud"), reference or self.reference
        return run(source, own, self.book, self.root, references=references, now=now, margin=0.0)

    def looking(self, now: float) -> Looking:
        """What there is to look at after the runs so far."""
        runs = [one.number for one in recorded.runs(self.book, "fraud")]
        counts, told = kept.held(self.root, self.reference, runs).counts, recorded.windows(self.book, "fraud")
        return Looking(LogSource(open_log(self.root), "fraud"), self.reference, self.root, runs, counts, now, told)


@pytest.fixture
def service(tmp_path: Path, sealed: SealedFolder, reference: Reference) -> Iterator[Service]:
    """An installation without any row yet."""
    book = open_book(tmp_path / "book.db")
    yield Service(tmp_path, sealed, reference, book)
    book.close()
