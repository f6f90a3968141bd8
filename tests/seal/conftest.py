"""An evaluation to seal: a small model of payments, judged and sealed once for all tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from holdfast.config import project_of
from holdfast.gate.evaluate import evaluate
from holdfast.gate.evaluation import Evaluation
from holdfast.releases.folder import SealedFolder
from holdfast.seal.release import release

ROWS = 6_000


def payments() -> pa.Table:
    """Payments of ninety days, of which some are fraud: the more, the higher the amount, and above all abroad."""
    rng = np.random.default_rng(0)
    amount, abroad = rng.lognormal(3, 1, ROWS), rng.random(ROWS) < 0.2
    odds = -5.5 + 1.2 * np.log(amount / 20) + 2.0 * abroad
    seconds = np.sort(rng.integers(0, 90 * 86_400, ROWS)).astype("timedelta64[s]")
    return pa.table(
        {
            "payment": [f"P{i:05d}" for i in range(ROWS)],
            "time": pa.array(np.datetime64("2025-01-01T00:00:00", "us") + seconds, pa.timestamp("us", "UTC")),
            "amount": np.round(amount, 2),
            "country": np.where(abroad, "FR", "AT"),
            "email": rng.choice(["ann@a.at", "bob@b.at", "eve@c.fr"], ROWS),
            "region": rng.choice(["north", "south"], ROWS),
            "fraud": rng.random(ROWS) < 1 / (1 + np.exp(-odds)),
        }
    )


@pytest.fixture(scope="session")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """A logistic regression, fitted on the first weeks, that passes."""
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    pytest.importorskip("onnxruntime", reason="needs the extra `serve`")
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = payments()
    weeks = rows.slice(0, ROWS // 3).to_pandas()
    encode = make_column_transformer(
        (StandardScaler(), ["amount"]), (OneHotEncoder(handle_unknown="ignore"), ["country", "email"])
    )
    model = make_pipeline(encode, LogisticRegression()).fit(weeks[["amount", "country", "email"]], weeks["fraud"])
    project = project_of(
        {
            "name": "fraud",
            "data": {"path": "payments.parquet", "target": "fraud", "id": "payment", "roles": {"region": "segment"}},
            "model": {"path": "model.joblib", "trained_until": "2025-01-31"},
            "objective": {"kind": "cost", "false_positive": 5, "false_negative": "amount", "currency": "EUR"},
            "policy": {"review_cost": 1.0},
            "slices": {"search": False},
            "explain": {"rows": 20, "background": 10},
            "gate": {"limits": [{"metric": "roc_auc", "at_least": 0.5}], "warnings": ["drift", "explain", "leakage"]},
            "folder": str(tmp_path_factory.mktemp("project")),
        }
    )
    return evaluate(model, rows, project, keep=False)


@pytest.fixture(scope="session")
def sealed(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> SealedFolder:
    """It, sealed."""
    return release(evaluation, store=tmp_path_factory.mktemp("releases"))


def copied(sealed: SealedFolder, folder: Path) -> Path:
    """A copy of a release, to be damaged."""
    return Path(shutil.copytree(str(sealed.place), folder / "fraud" / "1"))
