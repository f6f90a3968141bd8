"""Releases of models that predict a number, or one of several classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.alarms.season import season_of, usual_spacing
from holdfast.config import project_of
from holdfast.gate.evaluate import evaluate
from holdfast.gate.evaluation import Evaluation
from holdfast.golden import SCORE, check_golden
from holdfast.log.reading import open_log
from holdfast.monitoring.counts.counting import EVERYONE, count_rows
from holdfast.monitoring.counts.reading import wanted_of_rows
from holdfast.monitoring.judging import usual
from holdfast.monitoring.reference import reference_of
from holdfast.monitoring.signals import answer_signals
from holdfast.monitoring.sources.source import LogSource
from holdfast.profile.class_scores import ClassTable
from holdfast.profile.residuals import ResidualTable
from holdfast.released import arrow_in, load_release
from holdfast.releases.folder import SealedFolder
from holdfast.seal.estimators import Estimators, load_fitted
from holdfast.seal.release import release
from holdfast.testing.answered import answer_rows

ROWS = 3_000
UTC = pa.timestamp("us", "UTC")


def rows_of(task: str) -> pa.Table:
    """Rows by the hour, whose target is a line of two numbers and noise, or in which third of it they lie."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, 2))
    y = x @ [2.0, -1.0] + rng.normal(size=ROWS)
    target = y if task == "regression" else np.array(["high", "low", "middle|third"])[np.digitize(y, [-1, 1])]
    start = np.datetime64("2025-01-01", "us")
    return pa.table(
        {
            "a": x[:, 0],
            "b": x[:, 1],
            "time": pa.array(start + np.arange(ROWS).astype("timedelta64[h]"), UTC),
            "target": target,
        }
    )


def sealed_of(task: str, objective: dict[str, Any], folder: Path, **more: Any) -> tuple[Evaluation, SealedFolder]:
    """A linear model of two numbers, fitted on the first third."""
    pytest.importorskip("skl2onnx", reason="needs the extra `sklearn`")
    pytest.importorskip("onnxruntime", reason="needs the extra `serve`")
    from sklearn.linear_model import LinearRegression, LogisticRegression

    rows = rows_of(task)
    third = rows.slice(0, ROWS // 3).to_pandas()
    model = (LinearRegression() if task == "regression" else LogisticRegression()).fit(
        third[["a", "b"]], third["target"]
    )
    project = project_of(
        {
            "name": "lines",
            "data": {"path": "rows.parquet", "target": "target", "time": "time"},
            "model": {"path": "model.joblib", "trained_until": "2025-02-12"},
            "objective": objective,
            "slices": {"search": False},
            "explain": {"rows": 0},
            "gate": {"limits": [{"metric": "objective", "against": "simple"}], "warnings": ["drift"]},
            "folder": str(folder),
            **more,
        }
    )
    found = evaluate(model, rows, project, keep=False)
    return found, release(found, store=folder / "releases")


def test_a_number(tmp_path: Path) -> None:
    found, sealed = sealed_of("regression", {"kind": "mae"}, tmp_path)
    parts = found.parts
    table = ResidualTable.from_bytes(sealed.read("reference/scores.table"))
    assert table.rows == len(parts.validation) + len(parts.test)
    estimators = msgspec.json.decode(sealed.read("estimators.json"), type=Estimators)
    assert (estimators.method, estimators.figure) == ("dle", "mean_absolute_error")
    assert estimators.realised == pytest.approx(np.abs(found.scores.test - parts.test.truth).mean())
    assert estimators.expected == pytest.approx(estimators.realised, rel=0.15)
    assert load_release(sealed).uncertainty == found.uncertainty
    assert check_golden(sealed) == ()


def test_several_classes(tmp_path: Path) -> None:
    found, sealed = sealed_of("classes", {"kind": "f_beta", "average": "macro"}, tmp_path)
    parts, scores = found.parts, found.scores
    table = ClassTable.from_bytes(sealed.read("reference/scores.table"))
    assert table.classes == ("high", "low", "middle|third")
    assert int(table.counts.sum()) == len(parts.validation) + len(parts.test)
    estimators = msgspec.json.decode(sealed.read("estimators.json"), type=Estimators)
    assert (estimators.method, estimators.figure, len(load_fitted(sealed.read("estimators.json")).corrected)) == (
        "cbpe",
        "accuracy",
        3,
    )
    assert estimators.realised == pytest.approx((scores.test.argmax(axis=1) == parts.test.truth).mean())
    assert estimators.expected == pytest.approx(estimators.realised, abs=0.05)
    golden = arrow_in(sealed.read("golden.arrow"))
    assert len(golden[SCORE][0].as_py()) == 3
    assert check_golden(sealed) == ()


@pytest.mark.parametrize(
    ("task", "objective", "more"),
    [
        ("regression", {"kind": "mae"}, {"uncertainty": {"method": "normalised"}}),
        ("classes", {"kind": "f_beta", "average": "macro"}, {}),
    ],
)
def test_service_counts_doubt_as_the_history_does(
    task: str, objective: dict[str, Any], more: dict[str, Any], tmp_path: Path
) -> None:
    """The rows of the test part, answered and logged: widths of their intervals, and sizes of their sets."""
    found, sealed = sealed_of(task, objective, tmp_path, monitor={"smallest": 20}, **more)
    reference = reference_of(sealed)
    assert found.parts.test.place is not None
    rows = rows_of(task).take(pa.array(found.parts.test.place[-480:])).drop_columns(["target"])
    answer_rows(tmp_path / "log", sealed, rows, "time")
    source = LogSource(open_log(tmp_path / "log"), "lines")
    wanted = wanted_of_rows(reference, source.columns())
    of_doubt = {"hf_set"} if task == "classes" else {"hf_lower", "hf_upper"}
    assert {"hf_set", "hf_lower", "hf_upper"} & set(wanted) == of_doubt  # nothing is read that only other tasks have
    tally = count_rows(reference, source.rows(wanted, 1, 0, 2**52), ())
    history = dict(reference.history)
    sums = "set_sizes" if task == "classes" else "widths"
    starts = sorted(start for start, _ in tally.counts)[1:-1]
    assert len(starts) >= 18
    for start in starts:
        served, before = getattr(tally.counts[start, EVERYONE], sums), getattr(history[start], sums)
        assert served.tolist() == pytest.approx(before.tolist(), rel=1e-4)
        assert served[0] == 24
        key = "set:size" if task == "classes" else "interval:width"
        assert answer_signals(reference, tally.counts[start, EVERYONE])[key].value == pytest.approx(served[1] / 24)
    assert {"set:size", "interval:width"} & set(usual(reference).means) == {key}
    assert usual(reference).minimum[key] == pytest.approx(
        0.1 * getattr(reference.whole, sums)[1] / getattr(reference.whole, sums)[0]
    )


def test_hours_are_kept_for_five_weeks_so_that_weekdays_are_told_apart(tmp_path: Path) -> None:
    _, sealed = sealed_of("regression", {"kind": "mae"}, tmp_path, monitor={"window": "1h", "smallest": 1})
    reference = reference_of(sealed)
    starts = [start for start, _ in reference.history]
    assert len(starts) == 5 * 7 * 24
    assert season_of(starts, usual_spacing(starts), "UTC").number == 168
