"""Counts of windows: they add up, say what was there, and come back from bytes the same."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from holdfast.engines.local import reference_profile
from holdfast.errors import ProfileError
from holdfast.profile.envelope import seal, unseal
from holdfast.profile.table import Edges, entries
from holdfast.profile.window import (
    MAGIC,
    VERSION,
    AnswerEdges,
    AnsweredRows,
    count,
    from_bytes,
    moments,
    nothing,
    ranked,
    to_bytes,
)
from holdfast.schema import Kind, Schema, infer
from holdfast.tables import open_table

RNG = np.random.default_rng(0)
N = 400


def edges_of(table: pa.Table) -> Edges:
    with open_table(table) as opened:
        return reference_profile(opened, infer(opened)).edges


TABLE = pa.table({"x": RNG.normal(size=N), "kind": RNG.choice(["a", "b", "c"], N)})
EDGES = edges_of(TABLE)
SCORE = RNG.random(N)
ANSWERS = AnswerEdges.learn("binary", SCORE)


def rows(places: np.ndarray, known: float = 0.5) -> AnsweredRows:
    """Some of the rows, of which a part has a truth."""
    rng = np.random.default_rng(1)
    truth = np.where(rng.random(N) < known, (rng.random(N) < SCORE).astype(float), np.nan)
    decision = (SCORE > 0.5).astype(np.int64)
    (batch,) = TABLE.combine_chunks().to_batches()
    return AnsweredRows(
        inputs=batch,
        time=np.arange(N, dtype=float),
        score=SCORE,
        decision=decision,
        review=SCORE > 0.9,
        width=SCORE * 2,
        truth=truth,
        loss=np.where(np.isnan(truth), np.nan, np.abs(truth - decision)),
    ).take(places)


EVERY = np.arange(N)


def test_scores_stand_in_quartile_distances_of_the_log_odds() -> None:
    edges = AnswerEdges(task="binary", cuts=(0.1, 0.2, 0.5, 0.8, 0.9))
    standing = edges.standing(np.array([0.5, 0.8, 0.2, 0.0, 1.0, np.nan]))
    assert standing is not None
    np.testing.assert_allclose(standing, [0.0, 0.5, -0.5, -2.0, 2.0, np.nan], atol=1e-12)
    assert AnswerEdges(task="binary", cuts=(0.1, 0.2, 0.5)).standing(SCORE) is None
    assert AnswerEdges(task="binary", cuts=(1e-9, 1e-8, 1e-7, 2e-7)).standing(SCORE) is None
    assert AnswerEdges(task="regression", cuts=edges.cuts).standing(SCORE) is None


def test_slopes_are_what_is_left_of_the_truth_times_how_high_the_score_stands() -> None:
    some = rows(EVERY)
    standing, known = ANSWERS.standing(SCORE), np.isfinite(some.truth)
    assert standing is not None
    left = ((some.truth - SCORE) * standing)[known]
    np.testing.assert_allclose(count(EDGES, ANSWERS, some).slopes, [known.sum(), left.sum(), (left**2).sum()])


@given(st.integers(0, N), st.floats(0, 1))
def test_parts_add_up_to_the_whole(cut: int, known: float) -> None:
    whole = rows(EVERY, known)
    parts = [count(EDGES, ANSWERS, whole.take(places)) for places in (EVERY[:cut], EVERY[cut:])]
    both, one = parts[0] + parts[1], count(EDGES, ANSWERS, whole)
    for name in ("rows", "inputs", "scores", "decisions", "reviews", "confusion", "positives", "known"):
        np.testing.assert_array_equal(getattr(both, name), getattr(one, name))
    for name in ("widths", "truths", "losses", "residuals"):
        np.testing.assert_allclose(getattr(both, name), getattr(one, name), atol=1e-9)


def test_everything_is_counted() -> None:
    whole = rows(EVERY)
    found = count(EDGES, ANSWERS, whole)
    known = np.isfinite(whole.truth)
    assert found.size == N
    assert found.labelled == known.sum()
    assert found.scores[:-1].sum() == N
    assert found.scores.max() - found.scores[:-1].min() <= 2, "cells of equally many rows"
    assert found.reviews[0] == np.count_nonzero(SCORE > 0.9)
    assert found.decisions.tolist() == [np.count_nonzero(SCORE <= 0.5), np.count_nonzero(SCORE > 0.5)]
    table = confusion_matrix(whole.truth[known], whole.decision[known])
    assert found.confusion.reshape(2, 2).tolist() == table.tolist()
    assert found.positives.sum() == whole.truth[known].sum()
    assert found.known.sum() == known.sum()
    assert found.losses[1] / found.losses[0] == pytest.approx(whole.loss[known].mean())
    assert found.residuals[1] == pytest.approx((whole.truth - SCORE)[known].sum())
    assert found.widths[1] == pytest.approx(2 * SCORE.sum())
    place = EDGES.places["kind"]
    assert found.inputs[place].sum() == N


def test_no_rows_are_counted_as_none() -> None:
    found = nothing(EDGES, ANSWERS)
    assert (found.size, found.labelled, int(found.inputs.sum())) == (0, 0, 0)
    whole = count(EDGES, ANSWERS, rows(EVERY))
    assert found + whole == whole


def test_the_truth_may_be_taken_from_a_later_count() -> None:
    early, late = count(EDGES, ANSWERS, rows(EVERY, 0.0)), count(EDGES, ANSWERS, rows(EVERY, 1.0))
    assert early.labelled == 0
    assert early.with_truth_of(late) == late


@pytest.mark.parametrize("coded", [False, True])
def test_inputs_of_every_kind_are_counted_as_their_profiles_are(coded: bool) -> None:
    """Missing rows, and the coarse groups, also of texts, names and times, of new values, and of what came as text."""
    n = 300
    rng = np.random.default_rng(4)

    def inputs(values: list[str]) -> pa.Table:
        lost = rng.random(n) < 0.1
        return pa.table(
            {
                "name": pa.array([f"person {k}" for k in range(n)], mask=lost),
                "note": pa.array([" ".join(["word"] * int(k)) for k in rng.integers(1, 90, n)], mask=lost),
                "country": pa.array(rng.choice(values, n), mask=lost),
                "amount": pa.array(rng.normal(size=n), mask=lost),
                "new": pa.array(rng.random(n) < 0.5, mask=lost),
                "when": pa.array(rng.integers(0, 10**9, n).astype("datetime64[s]"), mask=lost),
            }
        )

    reference = inputs(["AT", "DE", "FR"])
    kinds: dict[str, dict[str, Any]] = {"note": {"kind": Kind.TEXT}, "name": {"identifier": True}}
    with open_table(reference, name="rows") as table:
        columns = (msgspec.structs.replace(one, **kinds.get(one.name, {})) for one in infer(table).columns)
        edges = reference_profile(table, Schema(columns=tuple(columns)), seed=0).edges
    assert {type(one).__name__ for one in edges.columns.values()} == {
        f"{kind}Edges" for kind in ("Identifier", "Text", "Category", "Number", "Time")
    }
    some = inputs(["AT", "XX"]).set_column(3, "amount", pa.array(["1.5", "no number", None] * 100))
    texts = [name for name in some.column_names if pa.types.is_string(some[name].type)]
    for name in texts if coded else ():
        some = some.set_column(some.column_names.index(name), name, some[name].dictionary_encode())
    (batch,) = some.combine_chunks().to_batches()
    nothing_known = np.full(n, np.nan)
    rows = AnsweredRows(
        inputs=batch,
        time=np.zeros(n),
        score=nothing_known,
        decision=np.full(n, -1),
        review=np.zeros(n, bool),
        truth=nothing_known,
        loss=nothing_known,
    )
    found = count(edges, AnswerEdges(task="binary"), rows).inputs
    profiles = {name: edges.columns[name].count(batch.column(name)) for name in edges.columns}
    assert found.tolist() == entries(edges, profiles).tolist()
    assert found.sum() == len(edges.columns) * n


@pytest.mark.parametrize("task", ["classes", "regression"])
def test_other_tasks_are_counted_too(task: str) -> None:
    score = RNG.dirichlet([1, 1, 1], N) if task == "classes" else RNG.normal(size=N)
    answers = AnswerEdges.learn(task, score, ("a", "b", "c") if task == "classes" else ())
    truth = RNG.integers(0, 3, N).astype(float)
    (batch,) = TABLE.combine_chunks().to_batches()
    found = count(
        EDGES,
        answers,
        AnsweredRows(
            inputs=batch,
            time=np.zeros(N),
            score=score,
            decision=score.argmax(axis=1) if task == "classes" else None,
            review=np.zeros(N, bool),
            truth=truth,
            loss=np.ones(N),
        ),
    )
    if task == "classes":
        assert found.confusion.reshape(3, 3).sum(axis=1).tolist() == np.bincount(truth.astype(int)).tolist()
        assert found.residuals.tolist() == [0, 0, 0]
    else:
        assert found.truths.tolist() == pytest.approx(moments(truth).tolist())
        assert found.residuals[1] == pytest.approx((truth - score).sum())
        assert found.decisions.size == 0


def test_windows_come_back_from_bytes() -> None:
    windows = [(0.0, count(EDGES, ANSWERS, rows(EVERY[:100]))), (86_400.0, count(EDGES, ANSWERS, rows(EVERY[100:])))]
    content = to_bytes(EDGES, ANSWERS, windows)
    answers, found = from_bytes(EDGES, content)
    assert answers == ANSWERS
    assert list(found) == windows


def test_windows_over_other_edges_are_refused() -> None:
    content = to_bytes(EDGES, ANSWERS, [(0.0, nothing(EDGES, ANSWERS))])
    other = edges_of(pa.table({"x": RNG.normal(size=N) + 5, "kind": ["d"] * N}))
    with pytest.raises(ProfileError, match="other edges"):
        from_bytes(other, content)
    with pytest.raises(ProfileError, match="damaged"):
        from_bytes(EDGES, content[:-1] + bytes([content[-1] ^ 1]))


def test_rows_without_a_score_or_an_answer_have_a_place() -> None:
    some = rows(EVERY)
    some.score[:3] = np.nan
    some.decision[:2] = -1
    found = count(EDGES, ANSWERS, some)
    assert found.scores[-1] == 3
    assert found.decisions.sum() == N - 2


def test_rows_are_ordered_by_one_number() -> None:
    assert ranked(np.array([[0.2, 0.8], [0.6, 0.4]])).tolist() == [0.8, 0.6]


def test_windows_that_were_written_before_there_were_strata_are_read() -> None:
    whole = count(EDGES, ANSWERS, rows(EVERY))
    content = to_bytes(EDGES, ANSWERS, [(0.0, whole)])
    body = unseal(MAGIC, VERSION, content, "a test")
    del body["answers"]["observed"]
    body["windows"] = [stored[:13] for stored in body["windows"]]
    answers, ((_, found),) = from_bytes(EDGES, seal(MAGIC, VERSION, content[len(MAGIC) + 2 :][:71].decode(), body))
    assert answers == ANSWERS
    assert found.residuals.tolist() == whole.residuals.tolist()
    assert (found.strata.size, found.known_strata.size, found.delays.size) == (0, 0, 0)
    assert (found + whole).strata.tolist() == whole.strata.tolist()
