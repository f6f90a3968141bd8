"""Boosted corrections on binned features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from holdfast.stats.boosting import USUAL, Link, Trees, added, cross_fitted, mean


def folds(rows: int, members: int = 5) -> np.ndarray:
    return np.arange(rows) % members


def binned(rows: int, features: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 33, (features, rows))


def logit(probability: np.ndarray) -> np.ndarray:
    return np.log(probability / (1 - probability))


def test_a_tree_reads_from_the_root_to_a_leaf() -> None:
    trees = Trees(features=((0, 1, 0),), cuts=((10, 5, 20),), leaves=((1.0, 2.0, 3.0, 4.0),))
    codes = np.array([[10, 10, 11, 21], [5, 6, 0, 32]])
    assert added(trees, codes).tolist() == [1.0, 2.0, 3.0, 4.0]


def test_no_trees_add_nothing() -> None:
    assert added(Trees(), np.zeros((2, 3), dtype=int)).tolist() == [0.0, 0.0, 0.0]


def test_no_rows_have_no_values() -> None:
    trees = Trees(features=((0,),), cuts=((1,),), leaves=((0.0, 1.0),))
    assert added(trees, np.zeros((1, 0), dtype=int)).tolist() == []


def test_where_the_start_is_right_no_tree_is_grown() -> None:
    random = np.random.default_rng(0)
    probability = random.random(4_000)
    truth = (random.random(4_000) < probability).astype(float)
    start = np.tile(logit(probability), (5, 1))
    members = cross_fitted(binned(4_000, 4), truth, start, folds(4_000), np.ones(4_000), "logit")
    assert members == (Trees(),) * 5


def test_what_features_say_is_found() -> None:
    """Held-out loss comes close to that of the true probabilities, and no further from it than scikit-learn's."""
    random = np.random.default_rng(1)
    codes = binned(12_000, 4)
    signal = 1.5 * (codes[0] > 16) - 1.0 * (codes[1] < 8) + 0.05 * codes[2] - 1.0
    truth = (random.random(12_000) < mean(signal, "logit")).astype(float)
    known, new = slice(0, 8_000), slice(8_000, None)
    members = cross_fitted(codes[:, known], truth[known], np.zeros((5, 8_000)), folds(8_000), np.ones(8_000), "logit")
    mine = np.mean([mean(added(trees, codes[:, new]), "logit") for trees in members], axis=0)
    peer = HistGradientBoostingClassifier(max_depth=3, learning_rate=0.1, early_stopping=True, random_state=0)
    theirs = peer.fit(codes[:, known].T, truth[known]).predict_proba(codes[:, new].T)[:, 1]
    best = log_loss(truth[new], mean(signal[new], "logit"))
    assert log_loss(truth[new], mine) - best < 0.006
    assert log_loss(truth[new], mine) < log_loss(truth[new], theirs) + 0.001


def test_positive_means_are_found_on_the_log_scale() -> None:
    random = np.random.default_rng(2)
    codes = binned(10_000, 3)
    expected = np.exp(0.5 * (codes[0] > 16) + 0.7 * (codes[1] > 24))
    truth = expected * random.exponential(size=10_000)
    members = cross_fitted(codes, truth, np.zeros((5, 10_000)), folds(10_000), np.ones(10_000), "log")
    found = np.mean([mean(added(trees, codes), "log") for trees in members], axis=0)
    assert np.corrcoef(found, expected)[0, 1] > 0.98
    assert found.mean() == pytest.approx(truth.mean(), rel=0.02)


def test_rows_without_weight_say_nothing() -> None:
    random = np.random.default_rng(3)
    codes = binned(4_000, 2)
    truth = np.where(codes[0] > 16, 1.0, 0.0)
    weight = np.ones(4_000)
    truth[2_000:] = random.random(2_000) < 0.5
    weight[2_000:] = 0.0
    half = cross_fitted(codes, truth, np.zeros((5, 4_000)), folds(4_000), weight, "logit")
    found = mean(added(half[0], codes), "logit")
    assert np.abs(found - (codes[0] > 16)).max() < 0.05


@pytest.mark.parametrize("link", ["logit", "log"])
def test_same_seed_same_trees(link: Link) -> None:
    random = np.random.default_rng(4)
    codes = binned(1_000, 2)
    truth = (random.random(1_000) < np.where(codes[0] > 16, 0.8, 0.2)).astype(float)
    first, again, other = (
        cross_fitted(codes, truth, np.zeros((2, 1_000)), folds(1_000, 2), np.ones(1_000), link, seed=seed)
        for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other
    assert 0 < len(first[0].leaves) == len(first[1].leaves) <= USUAL.most
