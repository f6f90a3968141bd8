"""The converted model against the original, on every test row: scores, and decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.evidence import Evidence
from holdfast.gate.converting import converted
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import Trial, figures
from holdfast.gate.reading import loaded_model, read_parts, scores_of
from holdfast.models.session import OnnxSession

Asked = Callable[..., Project]


@pytest.fixture(scope="module")
def case(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> tuple[Trial, Evidence]:
    project = asked(policy={"threshold": 0.3, "explore": 0.1})
    model = loaded_model(pipeline, project)
    parts, schema = read_parts(payments, project, model)
    trial, why = tried(model, schema, parts, scores_of(model, parts), project)
    return trial, figures(trial, why, uses=1)


def test_a_model_that_agrees_is_scored_by_its_onnx_form(case: tuple[Trial, Evidence]) -> None:
    found, session = converted(*case)
    assert isinstance(session, OnnxSession)
    assert found.parity is not None
    assert (found.parity.rows, found.parity.beyond, found.parity.flips) == (600, 0, 0)
    assert found.parity.worst < 1e-6
    assert found.running is not None
    assert found.running.single_row_ms > 0


def test_an_onnx_form_that_differs_is_seen_on_every_row(case: tuple[Trial, Evidence]) -> None:
    """The original adds 0.01 to all scores, of which its ONNX form knows nothing."""
    trial, evidence = case
    native = trial.model
    shifted = replace(native, run=lambda rows: np.minimum(native.run(rows) + 0.01, 1.0))  # type: ignore[type-var]
    scores = replace(trial.scores, test=shifted.predict(trial.test.rows.features))  # type: ignore[attr-defined]
    found, session = converted(replace(trial, model=shifted, scores=scores), evidence)
    score = trial.test.score
    crossing = np.flatnonzero((score < 0.3) & (score + 0.01 >= 0.3))
    assert found.parity is not None
    assert found.parity.beyond == 600
    assert found.parity.worst == pytest.approx(0.01, abs=1e-5)
    assert found.parity.flips == len(crossing) > 0
    assert set(found.parity.flipped) <= set(crossing.tolist())
    assert session is None


def test_what_has_no_onnx_form_says_why(payments: pd.DataFrame, asked: Asked) -> None:
    def slope(rows: pa.Table) -> Any:
        return np.clip(rows["x"].to_numpy() / 8 + 0.5, 0, 1)

    project = asked(data={"features": ["x"]}, model={"task": "binary"})
    model = loaded_model(slope, project)
    parts, schema = read_parts(payments, project, model)
    trial, why = tried(model, schema, parts, scores_of(model, parts), project)
    found, session = converted(trial, figures(trial, why, uses=1))
    assert found.parity is None
    assert found.unsealable.startswith("a callable model has no ONNX form")
    assert session is None
