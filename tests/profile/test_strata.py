"""Strata of rows: where each row counts, and for whom rows stand that were answered at random."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.profile.strata import COLUMNS, EXPLORED, SEEN, STOOD_FOR, UNSEEN, Layout, rows_in
from holdfast.profile.table import Edges
from holdfast.profile.window import AnswerEdges, AnsweredRows, Counted, count, from_bytes, observable, to_bytes
from holdfast.schema import Schema

EDGES = Edges(schema=Schema(columns=()), columns={}, digest="sha256:" + "0" * 64)


def rows(
    score: list[float], decision: list[int], truth: list[float], propensity: list[float] | None = None
) -> AnsweredRows:
    """Rows whose loss is 1 where the answer was wrong; the other answer is then right."""
    t, d = np.array(truth), np.array(decision)
    return AnsweredRows(
        inputs=pa.RecordBatch.from_pydict({}),
        time=np.zeros(len(t)),
        score=np.array(score),
        decision=d,
        review=np.zeros(len(t), bool),
        truth=t,
        loss=np.where(np.isnan(t), np.nan, np.abs(t - d)),
        propensity=None if propensity is None else np.array(propensity),
        other_loss=None if propensity is None else np.where(np.isnan(t), np.nan, np.abs(t - (1 - d))),
    )


def by_stratum(edges: AnswerEdges, counted: Counted) -> tuple[np.ndarray, np.ndarray]:
    """Rows, (states, answers, cells), and what is known of them, (states, answers, cells, columns)."""
    layout = edges.layout
    shape = (layout.states, layout.answers, layout.cells)
    return counted.strata.reshape(shape), counted.known_strata.reshape(*shape, COLUMNS)


def test_rows_lie_by_answer_and_score_and_those_without_either_nowhere() -> None:
    edges = AnswerEdges(task="binary", cuts=(0.5,))
    some = rows([0.1, 0.7, 0.7, np.nan, 0.9], [0, 0, 1, 1, -1], [0, 1, 1, np.nan, np.nan])
    strata, known = by_stratum(edges, count(EDGES, edges, some))
    assert strata.tolist() == [[[1, 1], [0, 1]]]
    assert known[..., 0].tolist() == strata.tolist()
    assert known[0, 0, 1, 3:6].tolist() == [1, 1, 1]  # of the wrong one: loss, loss, loss^2
    assert known[0, :, 1, 9].tolist() == [0, 1]  # right ones
    assert known[0, 1, 1, 6] == pytest.approx(1 - 0.7)


def test_truths_that_cannot_come_count_nowhere_but_as_strays() -> None:
    edges = AnswerEdges(task="binary", cuts=(0.5,), observed=("no",))
    some = observable(edges, rows([0.1, 0.7, 0.8], [0, 1, 1], [0, 1, np.nan]))
    found = count(EDGES, edges, some)
    assert found.labelled == 1
    assert found.strays.tolist() == [1]
    strata, known = by_stratum(edges, found)
    assert strata[SEEN].tolist() == [[1, 0], [0, 0]]
    assert strata[UNSEEN].tolist() == [[0, 0], [0, 2]]
    assert known[..., 0].sum() == 1


def test_rows_that_were_answered_at_random_stand_for_those_like_them() -> None:
    edges = AnswerEdges(task="binary", cuts=(0.5,), observed=("no",))
    # Two of ten rows that would be blocked are let through: with probability 0.2, so each stands for four others.
    some = rows([0.9] * 10, [0, 0] + [1] * 8, [1, 0] + [np.nan] * 8, [0.2, 0.2] + [0.8] * 8)
    strata, known = by_stratum(edges, count(EDGES, edges, observable(edges, some)))
    assert strata[EXPLORED, :, 1].tolist() == [2, 0]
    assert strata[STOOD_FOR, :, 1].tolist() == [0, 8]
    assert strata.sum() == 10
    assert known[1, 1, 1, :3] == pytest.approx([2, 8, 32])
    # Blocking the fraud is right and costs nothing; blocking the other is wrong.
    assert known[1, 1, 1, 3:6] == pytest.approx([4, 16, 16])
    assert known[1, 1, 1, 9:] == pytest.approx([4, 16])
    assert known[EXPLORED, 0, 1, 3] == 1, "as they were answered, the fraud that was let through is the loss"


def test_weights_differ_where_propensities_do() -> None:
    edges = AnswerEdges(task="binary", cuts=(), observed=("no",))
    some = observable(edges, rows([0.9, 0.9, 0.9], [0, 0, 1], [1, 1, np.nan], [0.5, 0.1, 0.9]))
    _, known = by_stratum(edges, count(EDGES, edges, some))
    assert known[1, 1, 0, :3] == pytest.approx([2, 1 + 9, 1 + 81])


def test_of_many_classes_the_strata_are_those_of_the_scores() -> None:
    assert Layout.of(20, 8, selective=False).size == 160
    assert Layout.of(20, 9, selective=False).size == 20
    assert Layout.of(20, 0, selective=False).size == 20
    assert Layout.of(20, 2, selective=True).size == 160


def test_a_person_who_looks_makes_the_truth_known() -> None:
    edges = AnswerEdges(task="classes", classes=("a", "b"), observed=("b", "review"))
    seen = edges.seen(np.array([0, 1, 0, -1]), np.array([False, False, True, True]))
    assert seen is not None
    assert seen.tolist() == [False, True, True, False]
    assert AnswerEdges(task="regression").seen(None, np.zeros(2, bool)) is None


def test_strata_add_up_and_come_back_from_bytes() -> None:
    edges = AnswerEdges(task="binary", cuts=(0.5,), observed=("no",))
    one = count(EDGES, edges, observable(edges, rows([0.1, 0.9], [0, 1], [0, 1])))
    assert (one + one).strata.tolist() == (2 * one.strata).tolist()
    answers, ((_, back),) = from_bytes(EDGES, to_bytes(EDGES, edges, [(0.0, one)]))
    assert answers == edges
    assert back == one


@pytest.mark.parametrize("answers", [0, 2, 3, 12])
@pytest.mark.parametrize("selective", [False, True])
def test_rows_are_counted_where_they_lie(answers: int, selective: bool) -> None:
    rng = np.random.default_rng(answers)
    layout, n = Layout.of(5, answers, selective), 500
    cell, review = rng.integers(0, 6, n), rng.random(n) < 0.5
    decision = rng.integers(-1, answers, n) if answers else None
    seen = review if selective else None
    propensity = np.where(rng.random(n) < 0.3, 0.4, 1.0)
    stratum = layout.strata(cell, decision, seen, propensity)
    assert stratum.max() < layout.size
    assert (stratum < 0).sum() == ((cell == 5) | (False if decision is None else decision < 0)).sum()
    expected = [np.count_nonzero(stratum == place) for place in range(layout.size)]
    assert rows_in(layout, cell, decision, seen, propensity).tolist() == expected
