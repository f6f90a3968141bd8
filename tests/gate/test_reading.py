"""What a project names is read as it says, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from holdfast.config import Project
from holdfast.errors import HoldfastError, InputError, ModelError, SettingError
from holdfast.gate.reading import Parts, loaded_model, read_parts, roles_of, scores_of

Asked = Callable[..., Project]


def read(model: Any, rows: pd.DataFrame, project: Project) -> Parts:
    return read_parts(rows, project, loaded_model(model, project))[0]


def again(pipeline: Pipeline, rows: pd.DataFrame) -> Pipeline:
    return clone(pipeline).fit(rows[["x", "y", "city"]][:1500], rows["bad"][:1500])


def test_parts_follow_each_other_in_time(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    shuffled = payments.sample(frac=1, random_state=0)
    parts = read(pipeline, shuffled, asked())
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [1800, 600, 600]
    np.testing.assert_array_equal(parts.test.truth, payments["bad"][2400:] == 1)
    assert parts.test.features.column_names == ["x", "y", "city"]
    assert parts.history is None


def test_scores_are_those_of_the_model(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    project = asked()
    model = loaded_model(pipeline, project)
    parts, _ = read_parts(payments, project, model)
    expected = pipeline.predict_proba(payments[["x", "y", "city"]])[:, 1]
    np.testing.assert_array_equal(scores_of(model, parts).test, expected[2400:])


def test_the_order_of_columns_does_not_matter(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    project = asked()
    model = loaded_model(pipeline, project)
    one, other = (
        scores_of(model, read(pipeline, rows, project)).test for rows in (payments, payments[payments.columns[::-1]])
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("labels", "positive", "share"),
    [
        (("1", "2"), None, "last"),  # the model's last class, although 1 is what positive classes are usually called
        (("no", "yes"), None, "last"),
        (("no", "yes"), "no", "first"),
        ((False, True), None, "last"),
    ],
)
def test_truth_and_score_agree_on_the_positive_class(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, labels: tuple[Any, Any], positive: Any, share: str
) -> None:
    named = payments.assign(bad=pd.Series([labels[value] for value in payments["bad"]]))
    project = asked(data={"positive": positive})
    model = loaded_model(again(pipeline, named), project)
    parts, _ = read_parts(named, project, model)
    score = scores_of(model, parts).test
    assert parts.test.truth.mean() == pytest.approx(
        payments["bad"][2400:].mean() if share == "last" else 1 - payments["bad"][2400:].mean()
    )
    assert score[parts.test.truth].mean() > score[~parts.test.truth].mean() + 0.1


def test_a_model_of_0_and_1_needs_to_be_told_what_texts_mean(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked
) -> None:
    named = payments.assign(bad=np.where(payments["bad"] == 1, "yes", "no"))
    with pytest.raises(InputError, match=r"classes that the model names \(0, 1\); say with data\.positive"):
        read(pipeline, named, asked())
    parts = read(pipeline, named, asked(data={"positive": "yes"}))
    np.testing.assert_array_equal(parts.test.truth, payments["bad"][2400:] == 1)


def test_naive_times_are_in_the_zone_of_the_project(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    naive = payments.assign(when=payments["when"].dt.tz_localize(None))
    texts = payments.assign(when=payments["when"].dt.strftime("%Y-%m-%dT%H:%M"))
    utc = read(pipeline, payments, asked()).test.time
    for rows in (naive, texts):
        vienna = read(pipeline, rows, asked(data={"zone": "Europe/Vienna"})).test.time
        assert utc is not None
        assert vienna is not None
        assert set(utc - vienna) == {3600.0}
    zoned = read(pipeline, payments, asked(data={"zone": "Europe/Vienna"})).test.time
    np.testing.assert_array_equal(zoned, utc)


def test_without_a_time_rows_are_drawn_at_random_and_the_split_says_so(
    pipeline: Pipeline, payments: pd.DataFrame, asked: Asked
) -> None:
    parts = read(pipeline, payments.drop(columns="when"), asked(data={"time": None}))
    assert parts.split.kind == "random"
    assert "hides whatever changes over time" in parts.split.warnings[0]


def test_rolling_origins_keep_the_whole_history(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked) -> None:
    parts = read(pipeline, payments, asked(split={"folds": 3, "test": "6d", "validation": "6d", "delay": "1d"}))
    assert parts.history is not None
    assert len(parts.history) == len(payments)
    assert [len(fold.test) for fold in parts.folds] == [288, 288, 288]


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], type[HoldfastError], str]] = {
    "the target among the features": (
        {},
        {"data": {"target": "x"}},
        SettingError,
        "takes the target 'x' for a feature",
    ),
    "another task": (
        {},
        {"objective": {"kind": "mae"}},
        SettingError,
        "is for numbers, and the model is for two classes",
    ),
    "no such feature": ({"y": None}, {}, InputError, "wants 1 columns that are not there .'y'."),
    "no such target": ({}, {"data": {"target": "badd"}}, SettingError, "no column 'badd': did you mean 'bad'"),
    "no such time": ({}, {"data": {"time": "wann"}}, SettingError, "no column 'wann'"),
    "no such zone": ({}, {"data": {"zone": "Europe/Vienn"}}, SettingError, "there is none of the name 'Europe/Vienn'"),
    "no such slice": ({}, {"slices": {"columns": ["land"]}}, InputError, "no column 'land'"),
    "no such segment to watch": (
        {},
        {"monitor": {"segments": ["citty"]}},
        SettingError,
        r"monitor\.segments: the data has no column 'citty': did you mean 'city'\?",
    ),
    "no such crossing": (
        {},
        {"monitor": {"crossings": [["city", "land"]]}},
        SettingError,
        r"monitor\.crossings: the data has no column 'land'",
    ),
    "numbers to cross": (
        {},
        {"monitor": {"crossings": [["city", "x"]]}},
        SettingError,
        r"monitor\.crossings: expected categories or booleans .* 'x' is none",
    ),
    "times that are none": ({"when": "soon"}, {}, SettingError, "the role time needs a column of the kind time"),
    "one moment": ({"when": "2025-01-01"}, {}, InputError, "All rows have the same time"),
    "amounts that are text": (
        {},
        {"objective": {"kind": "cost", "false_positive": 1, "false_negative": "city"}},
        InputError,
        "takes 'city' for an amount, and it holds",
    ),
    "three values": ({"bad": [0, 1, 2] * 1000}, {}, InputError, "knows two classes, and the target has 3"),
    "no positive rows": ({"bad": [1] * 1500 + [0] * 1500}, {}, InputError, "validation part has no positive rows"),
    "one class in test": ({"bad": [0, 1] * 1200 + [1] * 600}, {}, InputError, "test part has only positive rows"),
    "no weight at all": ({"w": 0.0}, {"data": {"weight": "w"}}, InputError, "all weights in 'w' are zero"),
    "no weight in test": (
        {"w": [1.0] * 2400 + [0.0] * 600},
        {"data": {"weight": "w"}},
        InputError,
        "test part has no rows with a weight above 0",
    ),
    "no weight of positives": (
        {"bad": [0, 1] * 1500, "w": [1.0, 0.0] * 1500},
        {"data": {"weight": "w"}},
        InputError,
        "validation part has only one class with a weight above 0",
    ),
    "fitted on everything": (
        {},
        {"model": {"trained_until": "2026-01-01"}},
        InputError,
        "1,200 by model.trained_until",
    ),
    "no moment": (
        {},
        {"model": {"trained_until": "yesterday"}},
        SettingError,
        "model.trained_until is a moment such as",
    ),
    "too many folds": ({}, {"split": {"folds": 30}}, InputError, "too short for 30 folds"),
    "every group seen before": ({"g": "same"}, {"split": {"group": "g"}}, InputError, "1,200 by group"),
    "two roles": ({}, {"data": {"roles": {"when": "feature"}}}, SettingError, "data.roles says that 'when' is feature"),
}


@pytest.mark.parametrize(("columns", "sections", "kind", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_refused(
    pipeline: Pipeline,
    payments: pd.DataFrame,
    asked: Asked,
    columns: dict[str, Any],
    sections: dict[str, Any],
    kind: type[HoldfastError],
    told: str,
) -> None:
    rows = payments.drop(columns=[name for name, values in columns.items() if values is None])
    rows = rows.assign(**{name: values for name, values in columns.items() if values is not None})
    with pytest.raises(kind, match=told):
        read(pipeline, rows, asked(**sections))


@pytest.mark.parametrize("rows", [0, 1, 3, 10])
def test_too_few_rows_are_refused(pipeline: Pipeline, payments: pd.DataFrame, asked: Asked, rows: int) -> None:
    with pytest.raises(InputError):
        read(pipeline, payments[:rows], asked())


def test_what_the_project_names_is_loaded_and_pickles_need_trust(
    pipeline: Pipeline, asked: Asked, tmp_path: Any
) -> None:
    import joblib

    joblib.dump(pipeline, tmp_path / "model.joblib")
    project = asked(where=tmp_path, model={"path": "model.joblib"})
    with pytest.raises(ModelError, match="is a pickle"):
        loaded_model(None, project)
    assert loaded_model(None, project, trust=True).features == ("x", "y", "city")


def test_roles_come_from_several_places(asked: Asked) -> None:
    project = asked(data={"id": "n", "weight": "w", "roles": {"city": "segment"}})
    assert roles_of(project) == {"city": "segment", "when": "time", "n": "id", "w": "weight", "bad": "target"}


@pytest.mark.parametrize("kind", ["raises", "nan"])
def test_the_row_that_cannot_be_scored_is_a_row_of_the_data(kind: str, payments: pd.DataFrame, asked: Asked) -> None:
    """Rows are sorted by time and split: the number must be that of the data, which are in another order."""

    def model(rows: pa.Table) -> Any:
        x = rows["x"].to_numpy()
        if kind == "raises" and (x == worst).any():
            raise ValueError("secret")
        return np.where(x == worst, np.nan, 0.5)

    worst = payments["x"][2500:].max()
    shuffled = payments.sample(frac=1, random_state=0).reset_index(drop=True)
    [place] = np.flatnonzero(shuffled["x"] == worst)
    project = asked(data={"features": ["x"]}, model={"task": "binary"})
    loaded = loaded_model(model, project)
    with pytest.raises(ModelError, match=f"of the test part, which is row {place:,} of the data") as caught:
        scores_of(loaded, read_parts(shuffled, project, loaded)[0])
    assert caught.value.row == place
    assert "secret" not in str(caught.value)


def test_rows_that_fail_only_together_are_of_a_part(payments: pd.DataFrame, asked: Asked) -> None:
    def model(rows: pa.Table) -> Any:
        if rows.num_rows == 600:
            raise ValueError
        return np.full(rows.num_rows, 0.5)

    project = asked(data={"features": ["x"]}, model={"task": "binary"})
    loaded = loaded_model(model, project)
    with pytest.raises(ModelError, match=r"In the validation part: .* at rows 0 to 599"):
        scores_of(loaded, read_parts(payments, project, loaded)[0])
