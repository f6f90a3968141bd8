"""Intervals and sets are calibrated on validation, and hold on the test part what they promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

from holdfast.config import Project
from holdfast.errors import SettingError
from holdfast.gate.reading import Parts, Scores, loaded_model, read_parts, scores_of
from holdfast.gate.uncertain import calibrated, coverage, quantile_models, segments
from holdfast.uncertainty import intervals

Asked = Callable[..., Project]


def booster(**settings: Any) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=8, random_state=0, **settings)


@pytest.fixture(scope="module")
def weights(payments: pd.DataFrame) -> pd.DataFrame:
    """A number whose error grows with `x` and is twice as large in Zug."""
    random, wide = np.random.default_rng(1), np.where(payments["city"] == "Zug", 2.0, 1.0)
    return payments.assign(kg=10 * payments["x"] + np.exp(payments["x"] / 2) * wide * random.normal(size=len(payments)))


@pytest.fixture(scope="module")
def folder(weights: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("quantiles")
    early = weights[:1500]
    for name, level in (("low", 0.05), ("high", 0.95)):
        model = booster(loss="quantile", quantile=level).fit(early[["x", "y"]], early["kg"])
        joblib.dump(model, where / f"{name}.joblib")
    joblib.dump(LogisticRegression().fit(early[["x", "y"]], early["bad"]), where / "classes.joblib")
    return where


@pytest.fixture(scope="module")
def read(weights: pd.DataFrame, asked: Asked, folder: Path) -> tuple[Parts, Scores]:
    project = of(asked, folder, lower="low.joblib", upper="high.joblib", segment="city")
    model = loaded_model(booster().fit(weights[["x", "y"]][:1500], weights["kg"][:1500]), project)
    parts, _ = read_parts(weights, project, model)
    return parts, scores_of(model, parts, quantile_models(project, trust=True))


def of(asked: Asked, folder: Path, **uncertainty: Any) -> Project:
    return asked(where=folder, data={"target": "kg"}, objective={"kind": "mae", "unit": "kg"}, uncertainty=uncertainty)


@pytest.mark.parametrize(("method", "kind"), [("split", "absolute"), ("normalised", "normalised"), ("cqr", "cqr")])
def test_coverage_is_the_share_of_truths_inside(
    read: tuple[Parts, Scores], asked: Asked, folder: Path, method: str, kind: str
) -> None:
    parts, scores = read
    assert scores.quantiles is not None
    project = of(asked, folder, method=method, lower="low.joblib", upper="high.joblib")
    found = calibrated(project, parts.validation, scores.validation, scores.quantiles[0])
    assert found is not None
    assert found.conformal is not None
    held = coverage(project, found, parts.test, scores.test, scores.quantiles[1])
    low, high = intervals(found, scores.quantiles[1] if kind == "cqr" else scores.test)
    assert found.conformal.kind == kind
    assert held.coverage.value == pytest.approx(np.mean((low <= parts.test.truth) & (parts.test.truth <= high)))
    assert held.width.value == pytest.approx(np.mean(high - low))
    assert held.coverage.value == pytest.approx(0.9, abs=0.05)
    assert sum(period.rows for period in held.periods) == len(parts.test)


def test_scaled_intervals_follow_the_error(read: tuple[Parts, Scores], asked: Asked, folder: Path) -> None:
    parts, scores = read
    found = calibrated(of(asked, folder, method="normalised"), parts.validation, scores.validation)
    assert found is not None
    low, high = intervals(found, np.array([-15.0, 15.0]))
    assert high[1] - low[1] > 2 * (high[0] - low[0])


def test_the_level_is_kept_in_each_segment(read: tuple[Parts, Scores], asked: Asked, folder: Path) -> None:
    parts, scores = read

    def worst(**settings: Any) -> float:
        project = of(asked, folder, method="split", **settings)
        found = calibrated(project, parts.validation, scores.validation)
        assert found is not None
        held = coverage(project, found, parts.test, scores.test, None)
        return min(group.figures["coverage"].value or 0.0 for group in held.groups)

    assert worst() < 0.85
    assert worst(segment="city") > 0.85


def test_missing_segments_are_one(payments: pd.DataFrame, asked: Asked, folder: Path, weights: pd.DataFrame) -> None:
    rows = weights.assign(city=weights["city"].where(weights["city"] != "Zug"))
    project = of(asked, folder, segment="city")
    model = loaded_model(booster().fit(rows[["x", "y"]][:1500], rows["kg"][:1500]), project)
    found = segments(read_parts(rows, project, model)[0].test, "city")
    assert found is not None
    assert (found == "(missing)").sum() == (payments["city"][2400:] == "Zug").sum()


def test_two_classes_need_no_intervals(read: tuple[Parts, Scores], asked: Asked) -> None:
    rows = replace(read[0].validation, task="binary")
    assert calibrated(asked(), rows, read[1].validation) is None


BAD: dict[str, tuple[dict[str, str], str]] = {
    "one of two": ({"lower": "low.joblib"}, "belong together"),
    "cqr without": ({"method": "cqr"}, "needs two quantile models"),
    "classes": ({"lower": "low.joblib", "upper": "classes.joblib"}, "models that predict numbers"),
}


@pytest.mark.parametrize(("settings", "told"), BAD.values(), ids=BAD)
def test_quantile_models_that_do_not_fit_are_refused(
    asked: Asked, folder: Path, settings: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingError, match=told):
        quantile_models(of(asked, folder, **settings), trust=True)


def test_swapped_quantiles_are_refused(read: tuple[Parts, Scores], asked: Asked, folder: Path) -> None:
    parts, scores = read
    assert scores.quantiles is not None
    with pytest.raises(SettingError, match="swap them"):
        calibrated(of(asked, folder), parts.validation, scores.validation, scores.quantiles[0][:, ::-1])


def test_a_method_of_another_task_is_refused(read: tuple[Parts, Scores], asked: Asked, folder: Path) -> None:
    parts, scores = read
    with pytest.raises(SettingError, match="'aps' is not for this kind of model; there are: auto, split"):
        calibrated(of(asked, folder, method="aps"), parts.validation, scores.validation)
