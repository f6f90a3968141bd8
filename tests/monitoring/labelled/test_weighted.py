"""Realised figures where not every truth is known: right on average, with true intervals, and unknown where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from holdfast.monitoring.labelled.figures import figures
from holdfast.monitoring.labelled.weighted import Measured, measured
from holdfast.monitoring.reference import Reference
from holdfast.objective import FBeta
from holdfast.profile.table import Edges
from holdfast.profile.window import AnswerEdges, AnsweredRows, Counted, count, observable
from holdfast.schema import Schema

Array = np.ndarray
Labels = Callable[[np.random.Generator, Array, Array], Array]
"""Which rows are labelled, by their scores and answers."""

# ruff: noqa: ARG005  # what labels depend on differs
EDGES = Edges(schema=Schema(columns=()), columns={}, digest="sha256:" + "0" * 64)
KEYS = (
    "loss",
    "bias",
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "prevalence",
    "f1",
    "f2",
    "balanced_accuracy",
)
FALSE_ALARM, MISS = 1.0, 5.0


@pytest.fixture
def reference(reference: Reference) -> Reference:
    """One whose objective asks for an F-beta of its own."""
    return replace(reference, objective=FBeta(beta=2))


def world(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Score, truth and answer of rows; the score is a little off."""
    odds = rng.normal(-1.5, 1.3, n)
    score = 1 / (1 + np.exp(-1.2 * odds - 0.2))
    return score, rng.random(n) < 1 / (1 + np.exp(-odds)), (score >= 0.5).astype(np.int64)


def cost(truth: Array, answer: Array) -> Array:
    return np.where(truth & (answer == 0), MISS, np.where(~truth & (answer == 1), FALSE_ALARM, 0.0))


def true_figures(score: Array, truth: Array, answer: Array) -> dict[str, float]:
    precision, recall = float(truth[answer == 1].mean()), float((answer[truth] == 1).mean())
    specificity = float((answer[~truth] == 0).mean())
    return {
        "loss": float(cost(truth, answer).mean()),
        "bias": float((truth - score).mean()),
        "accuracy": float((truth == answer).mean()),
        "precision": precision,
        "recall": recall,
        "specificity": specificity,
        "prevalence": float(truth.mean()),
        "f1": 2 * precision * recall / (precision + recall),
        "f2": 5 * precision * recall / (4 * precision + recall),
        "balanced_accuracy": (recall + specificity) / 2,
    }


EVERY = world(np.random.default_rng(99), 1_000_000)
TRUE = true_figures(*EVERY)


def edges_of(*observed: str) -> AnswerEdges:
    return AnswerEdges.learn("binary", EVERY[0], (), observed)


def counted(
    edges: AnswerEdges, score: Array, truth: Array, answer: Array, known: Array, propensity: Array | None = None
) -> Counted:
    known_truth = np.where(known, truth.astype(float), np.nan)
    rows = AnsweredRows(
        inputs=pa.RecordBatch.from_pydict({}),
        time=np.zeros(len(score)),
        score=score,
        decision=answer,
        review=np.zeros(len(score), bool),
        truth=known_truth,
        loss=np.where(known, cost(truth, answer), np.nan),
        propensity=propensity,
        other_loss=None if propensity is None else np.where(known, cost(truth, 1 - answer), np.nan),
    )
    return count(EDGES, edges, observable(edges, rows))


def windows(
    reference: Reference, labels: Labels, *, n: int = 2_000, repeats: int = 400, explore: float | None = None
) -> tuple[list[Measured], list[Counted], Reference]:
    """Many windows of rows of which some are labelled; with `explore`, those answered yes have no truth otherwise."""
    edges = edges_of() if explore is None else edges_of("no")
    reference, rng = replace(reference, answers=edges), np.random.default_rng(5)
    found = []
    for _ in range(repeats):
        score, truth, answer = world(rng, n)
        propensity = None
        if explore is not None:
            turned = (answer == 1) & (rng.random(n) < explore)
            propensity = np.where(answer == 1, np.where(turned, explore, 1 - explore), 1.0)
            answer = np.where(turned, 0, answer)
        found.append(counted(edges, score, truth, answer, labels(rng, score, answer), propensity))
    return [measured(reference, one) for one in found], found, reference


def judged(found: list[Measured], true: dict[str, float], key: str) -> tuple[float, float, float]:
    """Mean less the truth in standard errors of that mean, the same in deviations of one window, and coverage."""
    value, low, high = np.array([one.figures[key] for one in found]).T
    away = value.mean() - true[key]
    inside = np.mean((low <= true[key]) & (true[key] <= high))
    return float(away / (value.std() / len(found) ** 0.5)), float(away / value.std()), float(inside)


LABELS: dict[str, Labels] = {
    "alike": lambda rng, score, answer: rng.random(len(score)) < 0.3,
    "of high scores": lambda rng, score, answer: rng.random(len(score)) < 0.1 + 0.8 * score,
    "of low scores": lambda rng, score, answer: rng.random(len(score)) < 0.9 - 0.8 * score,
    "of the answer yes": lambda rng, score, answer: rng.random(len(score)) < np.where(answer, 0.9, 0.2),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_weighed_figures_are_unbiased_and_their_intervals_hold_the_truth(reference: Reference, labels: Labels) -> None:
    found, _, _ = windows(reference, labels)
    for key in KEYS:
        # Within a stratum labels depend on the score a little, too.
        _, bias, coverage = judged(found, TRUE, key)
        assert abs(bias) < 0.2, key
        assert coverage >= 0.93, key


def test_the_labelled_rows_alone_are_visibly_off(reference: Reference) -> None:
    found, counts, reference = windows(reference, LABELS["of high scores"], repeats=100)
    plain = [Measured(figures=figures(reference, one)) for one in counts]
    for key in ("accuracy", "recall", "loss"):
        assert abs(judged(plain, TRUE, key)[0]) > 10, key
        assert abs(judged(found, TRUE, key)[0]) < 4, key
    assert judged(plain, TRUE, "recall")[2] == 0
    assert all(one.effective < counted.labelled for one, counted in zip(found, counts, strict=True))


def test_where_all_is_labelled_the_figures_are_the_plain_ones(reference: Reference) -> None:
    score, truth, answer = world(np.random.default_rng(1), 3_000)
    one = counted(edges_of(), score, truth, answer, np.ones(3_000, bool))
    found = measured(reference, one)
    assert found.figures == figures(reference, one)
    assert set(found.figures) == set(KEYS)
    assert (found.unknown, found.spoken, found.effective) == ({}, 3_000, 3_000)


def test_a_label_less_changes_little(reference: Reference) -> None:
    score, truth, answer = world(np.random.default_rng(1), 3_000)
    reference = replace(reference, answers=edges_of())
    all_but_one = np.arange(3_000) > 0
    one, other = (counted(edges_of(), score, truth, answer, known) for known in (np.ones(3_000, bool), all_but_one))
    for key, (value, low, high) in measured(reference, one).figures.items():
        assert measured(reference, other).figures[key] == pytest.approx((value, low, high), abs=0.05 * (high - low)), (
            key
        )


def test_scores_without_any_label_make_figures_unknown(reference: Reference) -> None:
    found, _, _ = windows(
        reference, lambda rng, score, answer: (rng.random(len(score)) < 0.5) & (score < 0.6), repeats=1
    )
    assert found[0].figures == {}
    assert set(found[0].unknown) == set(KEYS)
    assert found[0].unknown["loss"].startswith("none of the ")
    assert "answered yes with scores from 0." in found[0].unknown["loss"]


def test_an_answer_without_any_label_is_named(reference: Reference) -> None:
    found, _, _ = windows(reference, lambda rng, score, answer: answer == 0, repeats=1)
    assert found[0].unknown["precision"].endswith("rows answered yes is labelled")
    assert found[0].unknown.keys() == set(KEYS)


def test_few_labels_are_no_gap(reference: Reference) -> None:
    found, _, _ = windows(reference, lambda rng, score, answer: rng.random(len(score)) < 0.02, repeats=200)
    assert np.mean(["loss" in one.figures for one in found]) > 0.99
    assert judged([one for one in found if "accuracy" in one.figures], TRUE, "accuracy")[2] > 0.88


@pytest.mark.parametrize("known", [0, 1])
def test_no_label_or_one_gives_no_figure(reference: Reference, known: int) -> None:
    score, truth, answer = world(np.random.default_rng(1), 300)
    reference = replace(reference, answers=edges_of())
    assert measured(reference, counted(edges_of(), score, truth, answer, np.arange(300) < known)).figures == {}


def test_a_window_without_answers_yes_has_no_precision_and_no_reason(reference: Reference) -> None:
    score, truth, answer = (one[EVERY[0] < 0.4][:500] for one in EVERY)
    found = measured(
        replace(reference, answers=edges_of()), counted(edges_of(), score, truth, answer, np.arange(500) % 2 == 0)
    )
    assert set(found.figures) == set(KEYS) - {"precision"}
    assert found.unknown == {}
    known = np.arange(500) % 2 == 0
    plain = figures(replace(reference, answers=edges_of()), counted(edges_of(), score, truth, answer, known))
    for key in ("recall", "f1", "f2"):
        assert found.figures[key][:2] == plain[key][:2] == (0, 0)
    assert found.figures["recall"][2] == pytest.approx(plain["recall"][2], rel=0.2)
    assert found.figures["specificity"][0] == plain["specificity"][0] == 1
    assert found.figures["balanced_accuracy"] == pytest.approx(plain["balanced_accuracy"], abs=0.02)


# --- Labels that some answers keep from coming ----------------------------------------------------------------------


def test_figures_are_of_what_can_be_observed_and_the_rest_is_unknown(reference: Reference) -> None:
    found, counts, _ = windows(reference, LABELS["of low scores"], explore=0.0, repeats=200)
    score, truth, answer = EVERY
    seen = answer == 0
    true = {
        "loss": float(cost(truth, answer)[seen].mean()),
        "accuracy": float(1 - truth[seen].mean()),
        "bias": float((truth - score)[seen].mean()),
    }
    assert set(found[0].figures) == set(true)
    for key in true:
        assert abs(judged(found, true, key)[1]) < 0.2
        assert judged(found, true, key)[2] >= 0.92
    assert found[0].unknown["precision"].endswith("rows answered yes cannot come to be known")
    assert "recall" in found[0].unknown
    assert found[0].spoken == counts[0].decisions[0]


@pytest.mark.parametrize("explore", [0.05, 0.2])
def test_rows_let_through_at_random_make_the_rest_known(reference: Reference, explore: float) -> None:
    labels: Labels = lambda rng, score, answer: rng.random(len(score)) < 0.9  # noqa: E731
    found, counts, reference = windows(reference, labels, explore=explore, n=int(500 / explore))
    # What the answers that were given cost: of those that would be blocked, some were let through.
    score, truth, answer = EVERY
    turned = (answer == 1) & (np.random.default_rng(3).random(len(score)) < explore)
    true = true_figures(score, truth, np.where(turned, 0, answer))
    for key in KEYS:
        assert abs(judged(found, true, key)[1]) < 0.2, key
        assert judged(found, true, key)[2] >= 0.93, key
    plain = [Measured(figures=figures(reference, one)) for one in counts]
    assert judged(plain, true, "accuracy")[2] < 0.3
    assert found[0].spoken == counts[0].size


def test_no_label_of_rows_that_were_let_through_leaves_the_rest_unknown(reference: Reference) -> None:
    found, _, _ = windows(reference, lambda rng, score, answer: score < 0.5, explore=0.2, repeats=1)
    assert set(found[0].unknown) == set(KEYS)
    assert found[0].unknown["precision"].startswith("none of those is labelled that stand for the ")


# --- Other tasks ----------------------------------------------------------------------------------------------------


def of_task(task: str, known: Array) -> tuple[AnswerEdges, Counted]:
    rng = np.random.default_rng(0)
    n = len(known)
    score = rng.dirichlet([1, 1, 1], n) if task == "classes" else rng.normal(size=n)
    edges = AnswerEdges.learn(task, score, ("a", "b", "c") if task == "classes" else ())
    truth = rng.integers(0, 3, n).astype(float) if task == "classes" else score + rng.normal(size=n)
    decision = score.argmax(axis=1) if task == "classes" else None
    loss = (truth != decision).astype(float) if task == "classes" else (truth - score) ** 2
    rows = AnsweredRows(
        inputs=pa.RecordBatch.from_pydict({}),
        time=np.zeros(n),
        score=score,
        decision=decision,
        review=np.zeros(n, bool),
        truth=np.where(known, truth, np.nan),
        loss=np.where(known, loss, np.nan),
    )
    return edges, count(EDGES, edges, rows)


@pytest.mark.parametrize(("task", "keys"), [("classes", {"loss", "accuracy"}), ("regression", {"loss", "bias"})])
def test_classes_and_numbers_are_weighed_too(reference: Reference, task: str, keys: set[str]) -> None:
    edges, every = of_task(task, np.ones(3_000, bool))
    reference = replace(reference, answers=edges)
    whole = measured(reference, every).figures
    some = measured(reference, of_task(task, np.random.default_rng(1).random(3_000) < 0.4)[1])
    assert set(some.figures) == set(whole) == keys
    for key in keys:
        assert some.figures[key][1] <= whole[key][0] <= some.figures[key][2]
    assert 1_000 < some.effective < 1_300
