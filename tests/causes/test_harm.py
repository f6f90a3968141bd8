"""Which change costs most: on rows whose true harm is known, with labels and without."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.causes.harm import Suspect, ranked
from holdfast.causes.unexplained import Labels, changed_effect, expected_of_scores
from holdfast.causes.what_if import WhatIf, answering
from holdfast.objective import Cost, FBeta, Judged, MeanAbsoluteError, value
from holdfast.released import load_release
from holdfast.releases.store import open_store
from holdfast.seal.labelled_sample import LabelledSample
from holdfast.testing.releases import FEATURES, payments, seal_small

COST = Cost(false_positive=1.0, false_negative=5.0, currency="EUR")
N = 8_000


def chance(rows: pa.Table) -> np.ndarray:
    x, y = (np.nan_to_num(rows[name].to_numpy()) for name in ("x", "y"))
    return 1 / (1 + np.exp(-(1.5 * x + 0.5 * y - 1.5)))


def answer(rows: pa.Table, _: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The very model that the truth follows."""
    return chance(rows), chance(rows) >= 1 / 6


def drawn(rows: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    place = np.where(rng.random(rows) < 0.5, "north", "south")
    table = pa.table(
        {"x": rng.normal(size=rows), "y": rng.normal(size=rows), "z": rng.normal(size=rows), "place": place}
    )
    return table, rng.random(rows) < chance(table)


def reference() -> LabelledSample:
    rows, truth = drawn(N, 0)
    return LabelledSample(rows=rows, truth=truth, score=chance(rows), weight=np.ones(N))


def put(rows: pa.Table, name: str, values: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, pa.array(values, from_pandas=True))


def labels(rows: pa.Table, truth: np.ndarray) -> Labels:
    score, decision = answer(rows, {})
    return Labels(rows=rows, judged=Judged(truth=truth, score=score, answer=decision))


def found(suspects: tuple[Suspect, ...], cause: str, column: str = "") -> Suspect:
    (one,) = [one for one in suspects if one.cause == cause and (not column or one.column == column)]
    return one


def test_what_nulls_cost_is_found_before_labels_come() -> None:
    """The true harm: what answers to 200,000 rows are expected to cost, of which 60% are answered without x."""
    many, _ = drawn(200_000, 20)
    without = np.random.default_rng(21).random(200_000) < 0.6
    sent = put(many, "x", np.where(without, np.nan, many["x"].to_numpy()))
    before, after = (np.where(chance(one) >= 1 / 6, 1 - chance(many), 5 * chance(many)).mean() for one in (many, sent))
    rows, _ = drawn(N, 1)
    empty = put(rows, "x", np.where(np.random.default_rng(2).random(N) < 0.6, np.nan, rows["x"].to_numpy()))
    suspects = ranked(WhatIf(reference(), empty, answer, COST), ["x", "y", "z"], rows_a_day=1_000)
    first = suspects[0]
    assert (first.cause, first.column, first.material) == ("column", "x", True)
    assert first.worse is not None
    assert first.worse_per_day is not None
    assert first.worse.low is not None
    assert first.worse.low < after - before < (first.worse.high or 0)
    assert first.worse.value == pytest.approx(after - before, abs=0.03)
    assert first.worse_per_day.value == pytest.approx(1_000 * (first.worse.value or 0))
    assert (first.worse.unit, first.needs_labels) == ("EUR", False)
    assert found(suspects, "concept").needs_labels


def test_a_sign_flip_cannot_be_seen_without_labels_and_is_named_with_them() -> None:
    rows, truth = drawn(N, 3)
    flipped = put(rows, "x", -rows["x"].to_numpy())
    tried = WhatIf(reference(), flipped, answer, COST)
    silent = ranked(tried, ["x", "y", "z"])
    assert (silent[0].cause, silent[0].needs_labels, silent[0].worse) == ("concept", True, None)
    assert not any(one.material for one in silent)
    first = ranked(tried, ["x", "y", "z"], labels=labels(flipped.slice(0, 1_000), truth[:1_000]))[0]
    assert (first.cause, first.column, first.material, first.needs_labels) == ("concept", "x", True, False)
    expected = value(COST, labels(flipped, truth).judged) - value(COST, labels(rows, truth).judged)
    assert first.worse is not None
    assert first.worse.value == pytest.approx(expected, abs=0.15)


def test_where_nothing_changed_nothing_is_material() -> None:
    rows, truth = drawn(N, 4)
    suspects = ranked(WhatIf(reference(), rows, answer, COST), ["x", "y", "z"], labels=labels(rows, truth))
    assert not any(one.material for one in suspects)
    assert max(abs(one.worse.value or 0) for one in suspects if one.worse) < 0.04


def test_dearer_cases_are_not_taken_for_another_truth() -> None:
    """More rows near the threshold, whose truths follow the model as before: the mix of cases, not the concept."""
    rows, _ = drawn(4 * N, 5)
    near = rows.filter(pa.array(np.abs(rows["x"].to_numpy() - 0.4) < 0.8))
    truth = np.random.default_rng(6).random(len(near)) < chance(near)
    suspects = ranked(WhatIf(reference(), near, answer, COST), ["z"], labels=labels(near, truth))
    assert (suspects[0].cause, suspects[0].material) == ("cases", True)
    concept = found(suspects, "concept")
    assert concept.worse is not None
    assert abs(concept.worse.value or 0) < 0.05
    assert (concept.material, concept.column) == (False, "")


def test_the_segment_that_carries_a_loss_is_named() -> None:
    """In the south the truth turns round: of the whole excess, all is there."""
    rows, _ = drawn(N, 7)
    south = np.array(rows["place"].to_pylist()) == "south"
    p = np.where(south, 1 - chance(rows), chance(rows))
    truth = np.random.default_rng(8).random(N) < p
    tried = WhatIf(reference(), rows, answer, COST)
    first = ranked(tried, ["x", "y"], labels=labels(rows, truth), segments=["place", "z"])[0]
    assert (first.cause, first.material) == ("concept", True)
    assert first.where is not None
    assert (first.where.column, first.where.value) == ("place", "south")
    assert first.where.share == pytest.approx(1.0, abs=0.2)
    assert first.where.rows == pytest.approx(0.5, abs=0.03)


def test_nulls_in_one_segment_cost_there() -> None:
    rows, _ = drawn(N, 9)
    empty = put(rows, "x", np.full(N, np.nan))
    first = ranked(WhatIf(reference(), empty, answer, COST), ["x"], segments=["x"])[0]
    assert first.where is not None
    assert first.where.column == "x"


def test_more_is_better_turns_the_sign() -> None:
    """With F1 for the objective, what lowers it is a loss."""
    rows, truth = drawn(N, 10)
    empty = put(rows, "x", np.full(N, np.nan))
    first = ranked(WhatIf(reference(), empty, answer, FBeta(beta=1)), ["x", "z"])[0]
    assert (first.column, first.material) == ("x", True)
    f1 = FBeta(beta=1)
    expected = value(f1, labels(rows, truth).judged) - value(f1, labels(empty, truth).judged)
    assert first.worse is not None
    assert first.worse.value == pytest.approx(expected, abs=0.05)


def test_the_error_is_the_scatter_over_samples() -> None:
    rows, _ = drawn(30_000, 11)
    found, errors = [], []
    for seed in range(30):
        labelled, truth = drawn(2_000, 100 + seed)
        own = LabelledSample(rows=labelled, truth=truth, score=chance(labelled), weight=np.ones(2_000))
        window = put(rows.slice(1_000 * seed, 1_000), "x", 4 * rows["x"].to_numpy()[1_000 * seed :][:1_000])
        tried = WhatIf(own, window, answer, COST, seed=seed).tried(["x"])
        found.append(tried.worse.mean())
        errors.append(tried.error)
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.4)


def test_where_no_column_moved_the_model_is_asked_once() -> None:
    """Of the rows as they were: without other values there is nothing to answer anew."""
    asked: list[int] = []

    def counting(rows: pa.Table, columns: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        asked.append(rows.num_rows)
        return answer(rows, columns)

    alone = WhatIf(reference(), drawn(2_000, 1)[0], counting, COST).tried([])
    assert (asked, alone.worse.tolist(), alone.error) == ([N], [0.0] * N, 0.0)


def test_few_labels_are_none() -> None:
    rows, truth = drawn(29, 12)
    suspects = ranked(WhatIf(reference(), rows, answer, COST), ["x"], labels=labels(rows, truth))
    assert found(suspects, "concept").needs_labels
    assert found(suspects, "column").worse is not None


def test_an_effect_that_did_not_change_is_seldom_named() -> None:
    named = 0
    for seed in range(100):
        rows, truth = drawn(400, 1_000 + seed)
        labelled, known = drawn(800, 2_000 + seed)
        own = LabelledSample(rows=labelled, truth=known, score=chance(labelled), weight=np.ones(800))
        named += (
            changed_effect(WhatIf(own, rows, answer, COST), labels(rows, truth), ["x", "y", "z", "place"]) is not None
        )
    assert named <= 4


def test_scores_that_did_not_change_are_expected_to_cost_what_they_did() -> None:
    rows, truth = drawn(4 * N, 13)
    cases = expected_of_scores(WhatIf(reference(), rows, answer, COST))
    assert cases.value == pytest.approx(value(COST, labels(rows, truth).judged), abs=3 * cases.error)


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_a_release_of_each_task_is_tried(tmp_path: Path, task: Any) -> None:
    """Amounts that are sent in hundreds look harmless, and so they are dear."""
    released = load_release(seal_small(open_store(tmp_path), task, task))
    rows = payments(2_000, seed=1)
    target = {"binary": "fraud", "classes": "risk", "regression": "loss"}[task]
    truth = rows[target].to_numpy(zero_copy_only=False)
    if task == "classes":
        truth = np.array([released.model.classes.index(one) for one in truth])
    features, columns = rows.select(list(FEATURES)), {"amount": rows["amount"].to_numpy()}
    score = released.model.predict(features)
    known = LabelledSample(rows=features, truth=truth, score=score, weight=np.ones(2_000), columns=columns)
    later = payments(1_000, seed=2).select(list(FEATURES))
    small = later.set_column(0, "amount", pa.array(later["amount"].to_numpy() / 100))
    tried = WhatIf(known, small, answering(released), released.objective, classes=released.model.classes)
    first = ranked(tried, FEATURES, segments=["country"])[0]
    assert (first.cause, first.column, first.material) == ("column", "amount", True)
    nothing = ranked(
        WhatIf(known, later, answering(released), released.objective, classes=released.model.classes), FEATURES
    )
    assert not any(one.material for one in nothing)


def test_rows_that_a_model_cannot_score_are_answered_as_the_average_one() -> None:
    class Fragile:
        task, classes, features = "regression", (), ("x",)

        def predict(self, rows: pa.Table) -> np.ndarray:
            return rows["x"].to_numpy()

    from dataclasses import dataclass

    from holdfast.policy import Policy, decide

    @dataclass(frozen=True)
    class Released:
        model: Any
        policy: Policy

        def decide(self, scores: np.ndarray, _: pa.Table, columns: Any = None) -> Any:
            return decide(self.policy, scores, columns)

    released: Any = Released(Fragile(), Policy(rule="value"))
    score, decision = answering(released)(pa.table({"x": [1.0, float("nan"), 5.0]}), {})
    assert score.tolist() == decision.tolist() == [1.0, 3.0, 5.0]
    assert value(MeanAbsoluteError(), Judged(truth=np.array([1.0, 4.0, 5.0]), score=score)) == pytest.approx(1 / 3)
    score, _ = answering(released)(pa.table({"x": [float("nan")] * 2}), {})
    assert score.tolist() == [0.0, 0.0]
