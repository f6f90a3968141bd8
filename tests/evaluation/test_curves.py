"""Curves against scikit-learn, and thinned to what a reader can see."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from holdfast.evaluation.curves import MOST_POINTS, ranking_curves, reliability_curve, thinned


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    score = random.random(150).round(2)
    return score, random.random(150) < score, random.integers(1, 5, 150).astype(float)


def test_roc_and_precision_are_those_of_scikit_learn(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    score, truth, weight = rows
    roc, precision, _ = ranking_curves(score, truth, weight)
    fall_out, recall, _ = roc_curve(truth, score, sample_weight=weight, drop_intermediate=False)
    np.testing.assert_allclose(roc.x, fall_out)
    np.testing.assert_allclose(roc.y, recall)
    expected, recall, _ = precision_recall_curve(truth, score, sample_weight=weight)
    np.testing.assert_allclose(precision.x, recall[:-1][::-1])
    np.testing.assert_allclose(precision.y, expected[:-1][::-1])


def test_gain_is_the_share_of_positives_among_the_highest_scores() -> None:
    *_, gain = ranking_curves(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]))
    assert gain.x == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert gain.y == (0.0, 0.5, 0.5, 1.0, 1.0)


def test_weights_are_repeated_rows(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    score, truth, weight = rows
    times = weight.astype(int)
    repeated = ranking_curves(np.repeat(score, times), np.repeat(truth, times))
    for one, other in zip(ranking_curves(score, truth, weight), repeated, strict=True):
        np.testing.assert_allclose(one.y, other.y)


def test_reliability_counts_what_happened() -> None:
    probability = np.repeat([0.2, 0.8], 500)
    truth = np.arange(1000) % 10 < np.repeat([2, 8], 500)
    found = reliability_curve(probability, truth)
    np.testing.assert_allclose(found.x, [0.2, 0.8])
    np.testing.assert_allclose(found.y, [0.2, 0.8])
    assert all(low < y < high for low, y, high in zip(found.low, found.y, found.high, strict=True))


def test_a_thinned_line_keeps_its_ends_and_its_area() -> None:
    random = np.random.default_rng(0)
    score = random.random(50_000)
    truth = random.random(50_000) < score
    found = ranking_curves(score, truth)[0]
    fall_out, recall, _ = roc_curve(truth, score)
    assert len(found.x) <= MOST_POINTS + 2
    assert (found.x[0], found.y[0], found.x[-1], found.y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert auc(found.x, found.y) == pytest.approx(auc(fall_out, recall), abs=1e-3)


def test_a_short_line_stays() -> None:
    x = np.arange(3.0)
    assert all(one is other for one, other in zip(thinned(x, x), (x, x), strict=True))


def test_curves_are_json(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    curves = [*ranking_curves(*rows), reliability_curve(*rows)]
    assert msgspec.json.decode(msgspec.json.encode(curves), type=list[type(curves[0])]) == curves  # type: ignore[misc]
