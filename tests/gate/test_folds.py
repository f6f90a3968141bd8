"""Rolling origins are fitted on what lies before them; where that cannot be done, it is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.evidence import Evidence
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import figures
from holdfast.gate.folds import rolled
from holdfast.gate.reading import Parts, loaded_model, read_parts, scores_of
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model

Asked = Callable[..., Project]
SPLIT = {"folds": 3, "test": "6d", "validation": "6d", "delay": "1d"}


def evidence(model: Any, rows: pd.DataFrame, project: Project) -> tuple[Evidence, Parts]:
    loaded = loaded_model(model, project)
    parts, schema = read_parts(rows, project, loaded)
    trial, why = tried(loaded, schema, parts, scores_of(loaded, parts), project)
    return rolled(trial, figures(trial, why, uses=1)), parts


def test_each_fold_is_fitted_on_what_lies_before_it(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    found, parts = evidence(pipeline, payments, asked(split=SPLIT))
    assert len(found.folds) == 3
    for period, fold in zip(found.folds, parts.folds, strict=True):
        early, late = payments.iloc[fold.train], payments.iloc[fold.test]
        again = clone(pipeline).fit(early[["x", "y", "city"]], early["bad"])
        expected = roc_auc_score(late["bad"], again.predict_proba(late[["x", "y", "city"]])[:, 1])
        assert period.figures["roc_auc"].value == pytest.approx(expected, abs=1e-3)  # of a table of fine bins
        assert (period.rows, period.positives) == (288, late["bad"].sum())
        assert period.start == late["when"].min().timestamp()
    assert found.folds[0].end < found.folds[1].start
    assert found.notes == ()


def test_a_model_that_cannot_be_fitted_again_is_judged_as_it_is(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked
) -> None:
    project = asked(split=SPLIT)
    loaded = load_model(pipeline)
    onnx = to_onnx(loaded, read_parts(payments, project, loaded)[0].test.features).content
    found, parts = evidence(onnx, payments, project)
    first = payments.iloc[parts.folds[0].test]
    expected = roc_auc_score(first["bad"], pipeline.predict_proba(first[["x", "y", "city"]])[:, 1])
    assert found.folds[0].figures["roc_auc"].value == pytest.approx(expected, abs=1e-3)
    assert "judged with the model as it is" in found.notes[-1]


def test_a_fold_of_one_class_has_no_figures(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    project = asked(split=SPLIT)
    parts = evidence(pipeline, payments, project)[1]
    quiet = payments["bad"].where(~np.isin(np.arange(len(payments)), parts.folds[0].test), 0)
    found, _ = evidence(pipeline, payments.assign(bad=quiet), project)
    assert found.folds[0].figures == {}
    assert found.folds[1].figures["objective"].value is not None
    assert found.notes[0].startswith("Rolling origin 1 has no figures: The test part has no positive rows")


def test_none_are_judged_where_none_are_asked_for(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    assert evidence(pipeline, payments, asked())[0].folds == ()
