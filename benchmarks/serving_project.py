"""The model that is served: a LightGBM classifier of 100 trees, 31 leaves each, with 30 features, released as a user does it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

MODEL = "bench"
FEATURES = tuple(f"f{i}" for i in range(30))
ROWS = 40_000

PROJECT = f"""
name = "{MODEL}"

[data]
path = "rows.parquet"
target = "y"
time = "time"

[model]
path = "model.txt"

[objective]
kind = "f_beta"

[policy]
review_capacity = 0.05
support = false

[explain]
rows = 50
"""
"""A threshold, and a band of scores around it that goes to review."""

Row: TypeAlias = Mapping[str, float]


@contextmanager
def released() -> Iterator[Path]:
    """A folder with the release, which is its model's champion."""
    with tempfile.TemporaryDirectory() as place:
        # In a process of its own: what training loads goes with it.
        subprocess.run([sys.executable, __file__, place], check=True, stdout=subprocess.DEVNULL)
        yield Path(place)


def rows(count: int, seed: int) -> list[Row]:
    """Rows as they are sent."""
    rng = random.Random(seed)
    return [{name: round(rng.gauss(0, 1), 4) for name in FEATURES} for _ in range(count)]


def release(folder: Path) -> None:
    """Train, evaluate, release and promote; only what serving needs stays."""
    import lightgbm
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    os.chdir(folder)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, len(FEATURES)))
    truth = rng.random(ROWS) < 1 / (1 + np.exp(1 - features[:, :5].sum(axis=1)))
    minutes = np.datetime64("2026-01-01", "us") + np.arange(ROWS) * np.timedelta64(1, "m")
    table = {**dict(zip(FEATURES, features.T, strict=True)), "y": truth, "time": minutes}
    pq.write_table(pa.table(table), "rows.parquet")
    half = lightgbm.Dataset(features[: ROWS // 2], truth[: ROWS // 2], feature_name=list(FEATURES))
    lightgbm.train({"objective": "binary", "num_leaves": 31, "verbose": -1}, half, 100).save_model("model.txt")
    Path("holdfast.toml").write_text(PROJECT, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "holdfast", "release", "--promote"], check=True)
    for name in ("rows.parquet", "model.txt", "holdfast.toml", "evaluation.html"):
        Path(name).unlink()


if __name__ == "__main__":
    release(Path(sys.argv[1]))
