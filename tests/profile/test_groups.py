"""Groups of rows are counted as their rows alone are, and come back from bytes as they were."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from holdfast.engines.local import reference_profile
from holdfast.errors import ProfileError
from holdfast.profile.groups import MOST_VALUES, by_value, category_values, count_groups, from_bytes, to_bytes
from holdfast.profile.table import Edges
from holdfast.profile.window import AnswerEdges, AnsweredRows, count
from holdfast.schema import infer
from holdfast.tables import open_table

TASKS = {
    "binary": AnswerEdges(task="binary", cuts=(0.5,)),
    "classes": AnswerEdges(task="classes", cuts=(0.5,), classes=("a", "b", "c")),
    "regression": AnswerEdges(task="regression", cuts=(0.0,)),
}


def rows_of(task: str, sex: list[str | None], seed: int = 0) -> tuple[Edges, AnsweredRows]:
    """Answered rows with one column, and the edges of it."""
    rng, n = np.random.default_rng(seed), len(sex)
    inputs = pa.table({"sex": pa.array(sex, pa.string())})
    with open_table(inputs, name="rows") as table:
        edges = reference_profile(table, infer(table), seed=0).edges
    score: NDArray[np.float64] = rng.dirichlet(np.ones(3), n) if task == "classes" else rng.random(n)
    kinds = {"binary": 2, "classes": 3}
    truth = rng.normal(size=n) if task == "regression" else rng.integers(0, kinds[task], n).astype(float)
    known = rng.random(n) < 0.7
    return edges, AnsweredRows(
        inputs=inputs.to_batches()[0],
        time=np.zeros(n),
        score=score,
        decision=None if task == "regression" else rng.integers(0, kinds[task], n),
        review=rng.random(n) < 0.5,
        truth=np.where(known, truth, np.nan),
        loss=np.where(known, rng.random(n), np.nan),
    )


@pytest.mark.parametrize("task", list(TASKS))
def test_a_group_is_counted_as_its_rows_alone_and_comes_back(task: str) -> None:
    sex = ["F", "M", "M", None, "X", "F"] * 20
    edges, rows = rows_of(task, sex)
    found = count_groups(edges, TASKS[task], rows, ["sex", "no such column"], category_values(edges))
    assert set(found) == {"sex=F", "sex=M", "sex=X"}
    own = count(edges, TASKS[task], rows.take(np.flatnonzero(np.array(sex) == "M")))
    for name in ("rows", "decisions", "reviews", "truths", "confusion", "losses", "residuals"):
        assert np.array_equal(getattr(found["sex=M"], name), getattr(own, name)), name
    windows = [(0.0, found), (86_400.0, {"sex=F": found["sex=F"] + found["sex=M"]})]
    again = from_bytes(TASKS[task], to_bytes(TASKS[task], windows))
    assert {start: dict(groups) for start, groups in again.items()} == dict(windows)


def test_no_groups_are_no_windows() -> None:
    assert from_bytes(TASKS["binary"], to_bytes(TASKS["binary"], [(0.0, {})])) == {}


def test_groups_of_other_answers_and_damaged_bytes_are_refused() -> None:
    stored = to_bytes(TASKS["binary"], [])
    with pytest.raises(ProfileError, match="other answers"):
        from_bytes(TASKS["classes"], stored)
    with pytest.raises(ProfileError, match="damaged"):
        from_bytes(TASKS["binary"], stored[:-1] + b"x")


def test_the_commonest_values_of_the_reference_are_groups_the_same_in_each_batch() -> None:
    """Those of the batch would be others in the next one, and hold a part of their rows."""
    edges, _ = rows_of("binary", [str(k) for k in range(60) for _ in range(k + 1)])
    usual = {f"sex={k}" for k in range(59, 59 - MOST_VALUES, -1)}
    for seed in range(3):
        some = np.random.default_rng(seed).integers(0, 70, 400)
        _, rows = rows_of("binary", [str(k) for k in some])
        found = {group: len(own) for group, own in by_value(rows, ["sex"], category_values(edges))}
        assert found == {name: n for name in usual if (n := np.count_nonzero(some == int(name[4:])))}


def test_where_there_is_room_values_that_the_reference_does_not_have_are_groups_too() -> None:
    edges, _ = rows_of("binary", ["F", "M", "M"])
    _, rows = rows_of("binary", ["X", "F", "Y", "Y", None])
    assert {group: len(own) for group, own in by_value(rows, ["sex"], category_values(edges))} == {
        "sex=F": 1,
        "sex=Y": 2,
        "sex=X": 1,
    }


def test_a_year_of_ten_groups_takes_little_room() -> None:
    edges, rows = rows_of("binary", [f"{k % 10}" for k in range(2_000)])
    groups = count_groups(edges, TASKS["binary"], rows, ["sex"], category_values(edges))
    assert len(to_bytes(TASKS["binary"], [(float(day), groups) for day in range(365)])) < 365 * 10 * 100
