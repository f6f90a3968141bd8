"""One small history of payments, a pipeline fitted on its first half, and projects that differ in what a test says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from holdfast.config import Project, project_of

Asked: TypeAlias = Callable[..., Project]
ROWS = 3_000


@pytest.fixture(scope="session")
def payments() -> pd.DataFrame:
    """3,000 rows, half an hour apart: `x` and `city` tell of `bad` (27% of rows), `y` and `amount` do not."""
    random = np.random.default_rng(0)
    x, city = random.normal(size=ROWS), random.choice(["Bern", "Genf", "Zug"], ROWS)
    chance = 1 / (1 + np.exp(1.5 - 1.5 * x - (city == "Zug")))
    return pd.DataFrame(
        {
            "x": x,
            "y": random.normal(size=ROWS),
            "amount": np.round(random.lognormal(3, 1, ROWS), 2),
            "city": pd.Series(city, dtype=object),
            "customer": pd.Series(random.integers(0, 300, ROWS).astype(str), dtype=object),
            "when": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(ROWS) * 0.5, unit="h"),
            "bad": (random.random(ROWS) < chance).astype(int),
        }
    )


@pytest.fixture(scope="session")
def pipeline(payments: pd.DataFrame) -> Pipeline:
    """Numbers scaled, the city encoded, and a logistic regression; fitted on the first half."""
    return fit(payments, "bad")


def fit(rows: pd.DataFrame, target: str, numbers: tuple[str, ...] = ("x", "y")) -> Pipeline:
    columns = make_column_transformer(
        (StandardScaler(), list(numbers)), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    early = rows[: ROWS // 2]
    return make_pipeline(columns, LogisticRegression()).fit(early[[*numbers, "city"]], early[target])


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A project without explanation and limits, with the sections that are given put over it."""
    folder = tmp_path_factory.mktemp("project")

    def project(*, where: Path = folder, **sections: Any) -> Project:
        settings: dict[str, Any] = {
            "name": "payments",
            "data": {"path": "-", "target": "bad", "time": "when"},
            "model": {"path": "-"},
            "objective": {"kind": "cost", "false_positive": 5, "false_negative": "amount", "currency": "EUR"},
            "explain": {"rows": 0},
            "slices": {"search": False},
            "gate": {"limits": []},
            "folder": str(where),
        }
        for name, section in sections.items():
            settings[name] = section if name == "objective" else {**settings.get(name, {}), **section}
        return project_of(settings)

    return project
