"""What a random split would have said, beside the honest figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.evaluation.labelled import Labelled
from holdfast.evidence import Evidence
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import figures
from holdfast.gate.inflated import inflated, together
from holdfast.gate.reading import loaded_model, read_parts, scores_of

Asked = Callable[..., Project]


def evidence(model: Any, rows: pd.DataFrame, project: Project) -> Evidence:
    loaded = loaded_model(model, project)
    parts, schema = read_parts(rows, project, loaded)
    trial, why = tried(loaded, schema, parts, scores_of(loaded, parts), project)
    return inflated(trial, figures(trial, why, uses=1))


def test_a_model_that_remembers_the_week_is_flattered(payments: pd.DataFrame, asked: Asked) -> None:
    """Whether rows are bad depends on the day alone: a random split shows each day to the model, time does not."""
    day = np.arange(len(payments)) // 48
    bad = (np.random.default_rng(0).random(63) < 0.4)[day]
    rows = payments.assign(
        day=day.astype(float), bad=(bad ^ (np.random.default_rng(1).random(len(day)) < 0.1)).astype(int)
    )
    model = ExtraTreesClassifier(20, max_depth=10, random_state=0).fit(rows[["day", "y"]][:1500], rows["bad"][:1500])
    found = evidence(model, rows, asked(objective={"kind": "f_beta"}))
    random = {metric.key: metric.estimate.value for metric in found.inflated_metrics}
    honest = {metric.key: metric.estimate.value for metric in found.metrics}
    assert found.inflated is not None
    assert random["objective"] == found.inflated.value
    assert random["roc_auc"] > 0.8 > 0.7 > honest["roc_auc"]


def test_a_kind_that_cannot_be_fitted_again_is_a_note(payments: pd.DataFrame, asked: Asked) -> None:
    def constant(rows: pa.Table) -> Any:
        return np.linspace(0.1, 0.9, rows.num_rows)

    found = evidence(constant, payments, asked(data={"features": ["x"]}, model={"task": "binary"}))
    assert found.inflated is None
    assert found.notes[-1].startswith("A random split was not tried: this kind of model cannot be fitted again")


def test_a_model_that_raises_when_it_is_fitted_again_is_a_note(payments: pd.DataFrame, asked: Asked) -> None:
    model = ExtraTreesClassifier(2, random_state=0).fit(payments[["x"]], payments["bad"])
    model.set_params(criterion="no such thing")
    found = evidence(model, payments, asked())
    assert found.inflated is None
    assert "raised InvalidParameterError when it was fitted again" in found.notes[-1]


@pytest.mark.parametrize(
    "objective",
    [
        {"kind": "top_k", "top": 3, "per": "1d", "by": "customer"},
        {"kind": "precision_at_capacity", "capacity": 5, "per": "1d"},
        {"kind": "ndcg", "k": 3, "query": "customer"},
    ],
)
def test_counts_per_period_are_not_told_of_thinned_periods(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, objective: dict[str, Any]
) -> None:
    found = evidence(pipeline, payments, asked(objective=objective))
    assert found.inflated is None
    assert "objective" not in {metric.key for metric in found.inflated_metrics}
    assert "thins them out" in found.notes[-1]


def test_without_a_time_the_split_is_random_anyway(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    found = evidence(pipeline, payments.drop(columns="when"), asked(data={"time": None}))
    assert found.inflated is None
    assert found.inflated_metrics == ()


def test_a_sample_of_parts_keeps_their_shares() -> None:
    parts = [
        Labelled(task="regression", classes=(), features=pa.table({"x": np.arange(n)}), truth=np.arange(n) + start)
        for n, start in ((600, 0), (400, 1000))
    ]
    found = together(parts, 100, seed=0)
    assert (len(found), (found.truth < 1000).sum()) == (100, 60)
    assert len(together(parts, 1000, seed=0)) == 1000
