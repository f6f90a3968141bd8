"""Small sealed releases, made in a second: what serving, logging and monitoring are tried on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from holdfast.evaluation.support import background_of
from holdfast.golden import CONFIDENCE, DECISION, GOLDEN, REASON, SCORE, answered
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.objective import Cost, CostMatrix, Objective
from holdfast.objectives.records import MeanAbsoluteError
from holdfast.policy import REASONS, Policy
from holdfast.released import (
    BACKGROUND,
    MODEL,
    OBJECTIVE,
    POLICY,
    SCHEMA,
    UNCERTAINTY,
    arrow_in,
    arrow_out,
    assembled,
)
from holdfast.releases.environment import origin
from holdfast.releases.folder import Item, SealedFolder
from holdfast.releases.store import Store
from holdfast.schema import infer
from holdfast.stats.conformal import Conformal
from holdfast.stats.prediction_sets import PredictionSets
from holdfast.tables import open_table
from holdfast.uncertainty import Uncertainty

Task = Literal["binary", "classes", "regression"]

CLASSES = ("low", "middle", "high")
FEATURES = ("amount", "items", "country", "online")


def payments(rows: int = 500, seed: int = 0) -> pa.Table:
    """Payments with an id, a time, four features of all kinds, an age that no model gets, and three targets.

    The features are a number, a whole number, a category that may be missing, and a flag; the targets `fraud`, `risk`
    (three classes) and `loss` (a number).
    """
    rng = np.random.default_rng(seed)
    amount, items, abroad = rng.lognormal(3, 1, rows).round(2), rng.integers(1, 9, rows), rng.random(rows) < 0.3
    online = rng.random(rows) < 0.5
    odds = -2.5 + np.log(amount / 20) + 1.5 * abroad + 0.8 * online + 0.05 * items
    level = odds + rng.logistic(size=rows)
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    return pa.table(
        {
            "payment": [f"P{seed}-{i:05d}" for i in range(rows)],
            "time": pa.array([begin + timedelta(minutes=10 * i) for i in range(rows)], pa.timestamp("us", "UTC")),
            "amount": amount,
            "items": items,
            "country": pa.array(np.where(abroad, "FR", "AT").tolist(), mask=rng.random(rows) < 0.1),
            "online": online,
            "age": rng.integers(18, 90, rows),
            "fraud": level > 0,
            "risk": np.select([level < -2, level < 0], CLASSES[:2], CLASSES[2]),
            "loss": np.round(amount * 0.1 + rng.normal(size=rows), 3),
        }
    )


def seal_small(
    store: Store,
    name: str = "payments",
    task: Task = "binary",
    *,
    seed: int = 0,
    policy: Mapping[str, Any] | None = None,
) -> SealedFolder:
    """Seal the next release of a small scikit-learn model, without an evaluation.

    Parameters
    ----------
    policy
        Settings of the policy in place of the usual ones.
    """
    target = {"binary": "fraud", "classes": "risk", "regression": "loss"}[task]
    rows = payments(seed=seed)
    others = [column for column in ("fraud", "risk", "loss") if column != target]
    history = rows.drop_columns(others)
    schema = infer(open_table(history), roles={target: "target", "payment": "id", "time": "time", "age": "protected"})
    features = rows.select(list(FEATURES))
    model = load_model(_fitted(rows, target, task), features=FEATURES)
    files = {
        MODEL: Item(content=to_onnx(model, features).content),
        SCHEMA: Item(content=schema.to_json().encode()),
        OBJECTIVE: Item(content=msgspec.json.encode(_objective(task))),
        POLICY: Item(content=msgspec.json.encode(_policy(task, dict(policy or {})))),
        BACKGROUND: Item(content=arrow_out(background_of(features, schema, seed, rows=100)), erasable=True),
    }
    if task != "binary":
        files[UNCERTAINTY] = Item(content=msgspec.json.encode(_uncertainty(task)))
    released = assembled(f"{name}/0", lambda file: bytes(files[file].content), files)
    golden = rows.select([*FEATURES]).slice(0, 20)
    score, answers = answered(released, golden)
    own = {
        SCORE: pa.array(score.tolist()),
        DECISION: pa.array(answers.decision),
        CONFIDENCE: pa.array(answers.confidence),
        REASON: pa.array([REASONS[code] for code in answers.reason]),
    }
    for column, values in own.items():
        golden = golden.append_column(column, values)
    files[GOLDEN] = Item(content=arrow_out(golden), erasable=True)
    return store.add(name, files, origin())


def seal_otherwise(store: Store, model: str) -> SealedFolder:
    """The first release of a model once more, whose golden row 4 says another score than the model gives."""
    sealed = store.get(model, 1)
    files = {
        name: Item(content=sealed.read(name), purpose=file.purpose, erasable=file.erasable)
        for name, file in sealed.manifest.files.items()
    }
    golden = arrow_in(sealed.read(GOLDEN))
    score = pa.array([one + 1e-3 * (row == 4) for row, one in enumerate(golden[SCORE].to_pylist())])
    golden = golden.set_column(golden.column_names.index(SCORE), SCORE, score)
    files[GOLDEN] = Item(content=arrow_out(golden), erasable=True)
    return store.add(model, files, origin())


def _fitted(rows: pa.Table, target: str, task: Task) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = rows.select(list(FEATURES)).to_pandas().fillna({"country": "none"})
    encoded = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["amount", "items"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["country"]),
            ("flags", "passthrough", ["online"]),
        ]
    )
    last = LinearRegression() if task == "regression" else LogisticRegression()
    return make_pipeline(encoded, last).fit(frame, rows[target].to_numpy(zero_copy_only=False))


def _objective(task: Task) -> Objective:
    match task:
        case "binary":
            return Cost(false_positive=5.0, false_negative="amount", currency="EUR")
        case "classes":
            costs: dict[str, dict[str, float | str]] = {
                "low": {"middle": 1.0, "high": 2.0},
                "middle": {"low": 2.0, "high": 1.0},
                "high": {"low": 9.0, "middle": 4.0},
            }
            return CostMatrix(costs=costs)
        case _:
            return MeanAbsoluteError()


def _policy(task: Task, given: dict[str, Any]) -> Policy:
    usual: dict[Task, dict[str, Any]] = {
        "binary": {"rule": "threshold", "threshold": 0.5, "review_low": 0.4, "review_high": 0.6},
        "classes": {"rule": "most_probable", "classes": tuple(sorted(CLASSES)), "confidence_limit": 0.5},
        "regression": {"rule": "value"},
    }
    return Policy(**(usual[task] | given))


def _uncertainty(task: Task) -> Uncertainty:
    if task == "regression":
        return Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=1.6, rows=100))
    return Uncertainty(sets=PredictionSets(method="lac", level=0.9, quantile=0.7, rows=100))
