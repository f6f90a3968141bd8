"""Labelled rows weigh as many rows as they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holdfast.monitoring.labelled.joined import row_weights
from holdfast.monitoring.labelled.weighted import measured
from holdfast.monitoring.reference import Reference
from holdfast.stats.weighted_mean import mean

from .test_weighted import EVERY, cost, counted, edges_of, world


def test_the_weighted_mean_of_labelled_rows_is_the_figure(reference: Reference) -> None:
    rng = np.random.default_rng(0)
    score, truth, answer = world(rng, 5_000)
    known = rng.random(5_000) < 0.1 + 0.8 * score
    edges = edges_of()
    one = counted(edges, score, truth, answer, known)
    weight = row_weights(edges, one, score[known], answer[known])
    assert weight.sum() == pytest.approx(5_000)
    expected = measured(replace(reference, answers=edges), one).figures["loss"][0]
    assert mean(cost(truth, answer)[known], weight).value == pytest.approx(expected)


def test_all_rows_labelled_weigh_the_same() -> None:
    score, truth, answer = (one[:1_000] for one in EVERY)
    one = counted(edges_of(), score, truth, answer, np.ones(1_000, bool))
    assert row_weights(edges_of(), one, score, answer).tolist() == [1.0] * 1_000


def test_what_was_not_counted_so_weighs_the_same() -> None:
    score, truth, answer = (one[:10] for one in EVERY)
    one = counted(edges_of(), score, truth, answer, np.ones(10, bool))
    assert row_weights(edges_of("no"), one, score, answer).tolist() == [1.0] * 10
