"""The figures of the test part: each by itself, from the rows that it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.evidence import Evidence
from holdfast.gate.evaluate import tried
from holdfast.gate.evidence import Trial, figures, protected_columns, segment_columns
from holdfast.gate.reading import loaded_model, read_parts, scores_of

Asked = Callable[..., Project]


def evidence(model: Any, rows: pd.DataFrame, project: Project) -> tuple[Trial, Evidence]:
    loaded = loaded_model(model, project)
    parts, schema = read_parts(rows, project, loaded)
    trial, why = tried(loaded, schema, parts, scores_of(loaded, parts), project)
    return trial, figures(trial, why, uses=3)


@pytest.fixture(scope="module")
def case(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> tuple[Trial, Evidence]:
    project = asked(
        policy={"threshold": 0.3},
        slices={"columns": ["city"], "protected": ["customer"], "minimum_rows": 50, "search": True},
        data={"roles": {"city": "protected"}},
    )
    return evidence(pipeline, payments, project)


@pytest.fixture(scope="module")
def late(pipeline: Pipeline, payments: pd.DataFrame) -> pd.DataFrame:
    """The test part with the score, the decision and its cost."""
    rows = payments[2400:].copy()
    rows["answer"] = pipeline.predict_proba(rows[["x", "y", "city"]])[:, 1] >= 0.3
    rows["cost"] = np.where(rows["bad"] == 1, rows["amount"] * ~rows["answer"], 5.0 * rows["answer"])
    return rows


def test_the_total_is_the_sum_of_all_costs(case: tuple[Trial, Evidence], late: pd.DataFrame) -> None:
    total = case[1].total
    assert total is not None
    assert total.value == pytest.approx(late["cost"].sum())
    assert total.unit == "EUR"


def test_parts_say_what_they_cover(case: tuple[Trial, Evidence], payments: pd.DataFrame) -> None:
    train, validation, test = case[1].parts
    assert (train.name, train.rows, train.uses) == ("train", 1800, 0)
    assert (validation.start, validation.positives) == (
        payments["when"][1800].timestamp(),
        payments["bad"][1800:2400].sum(),
    )
    assert (test.end, test.uses) == (payments["when"][2999].timestamp(), 3)


def test_periods_are_days_of_the_test_part(case: tuple[Trial, Evidence], late: pd.DataFrame) -> None:
    periods = case[1].periods
    assert sum(period.rows for period in periods) == 600
    assert periods[-1].figures["objective"].value == pytest.approx(late["cost"][-48:].mean())
    assert case[1].trend is not None


def test_groups_are_judged_by_themselves(case: tuple[Trial, Evidence], late: pd.DataFrame) -> None:
    cities = {group.values[0]: group for group in case[1].groups if group.columns == ("city",)}
    assert set(cities) == {"Bern", "Genf", "Zug"}
    for city, group in cities.items():
        rows = late[late["city"] == city]
        assert (group.rows, group.positives) == (len(rows), rows["bad"].sum())
        assert group.figures["objective"].value == pytest.approx(rows["cost"].mean())
        assert group.figures["recall"].value == pytest.approx(recall_score(rows["bad"], rows["answer"]))
        assert group.figures["selection_rate"].value == pytest.approx(rows["answer"].mean())


def test_small_groups_are_named_without_figures(case: tuple[Trial, Evidence]) -> None:
    small = [group for group in case[1].groups if group.columns == ("customer",)]
    assert small
    assert all(group.figures == {} and not group.enough for group in small)


def test_columns_come_from_roles_and_from_slices(case: tuple[Trial, Evidence]) -> None:
    assert segment_columns(case[0]) == ("city",)
    assert protected_columns(case[0]) == ("city", "customer")


def test_the_policy_is_told(case: tuple[Trial, Evidence], late: pd.DataFrame) -> None:
    decided = case[1].decided
    assert decided is not None
    assert (decided.rule, decided.threshold, decided.decided, decided.reviewed) == ("threshold", 0.3, 1.0, {})
    assert decided.positive == pytest.approx(late["answer"].mean())


def test_rows_that_cannot_be_judged_are_counted(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    rows = payments.assign(bad=payments["bad"].where(payments.index % 10 > 0), w=1.0)
    rows.loc[[1, 2], "when"] = pd.NaT
    rows.loc[3, "w"] = np.nan
    project = asked(data={"weight": "w"}, split={"delay": "1d"})
    dropped = evidence(pipeline, rows, project)[1].dropped
    delay = dropped.pop("delay")
    assert dropped == {"no truth": 300, "no time": 2, "no weight": 1}
    assert 86 <= delay <= 88  # two days of 48 rows, of which every tenth has no truth


def test_an_objective_per_day_is_judged_in_protected_groups_too(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked
) -> None:
    objective = {"kind": "precision_at_capacity", "capacity": 5, "per": "1d"}
    _, found = evidence(pipeline, payments, asked(objective=objective, slices={"protected": ["city"]}))
    assert found.objective.value is not None
    assert {one.columns for one in found.equalised} == {("city",)}


def test_without_a_time_there_are_no_periods(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    _, found = evidence(pipeline, payments.drop(columns="when"), asked(data={"time": None}))
    assert (found.periods, found.trend, found.parts[0].start) == ((), None, None)
    assert "hides whatever changes over time" in found.notes[0]
