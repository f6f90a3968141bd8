"""Shares of right and wrong answers, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from holdfast.stats.confusion import Confusion, share


@pytest.mark.parametrize("weighted", [False, True])
def test_shares_are_those_of_scikit_learn(weighted: bool) -> None:
    rng = np.random.default_rng(0)
    truth, answer = rng.random((2, 500)) < [[0.3], [0.4]]
    weight = rng.lognormal(size=500) if weighted else None
    one = np.ones(500) if weight is None else weight
    cells = Confusion(
        *(np.array(one[rows].sum()) for rows in (truth & answer, ~truth & answer, truth & ~answer, ~truth & ~answer))
    )
    expected = {
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "matthews": metrics.matthews_corrcoef,
    }
    for name, function in expected.items():
        assert getattr(cells, name) == pytest.approx(function(truth, answer, sample_weight=weight), abs=1e-12), name
    recall = metrics.recall_score(~truth, ~answer, sample_weight=weight)
    assert cells.specificity == pytest.approx(recall, abs=1e-12)
    assert cells.selected == pytest.approx(np.average(answer, weights=weight), abs=1e-12)
    for beta in (0.5, 1, 2):
        found = metrics.fbeta_score(truth, answer, beta=beta, sample_weight=weight)
        assert cells.f_beta(beta) == pytest.approx(found, abs=1e-12)


def test_every_place_at_once_is_each_place_alone() -> None:
    negative, positive = np.array([4.0, 3.0, 0.0]), np.array([0.0, 1.0, 2.0])
    every = Confusion.at_every_place(negative, positive)
    for place in range(4):
        one = Confusion.at(negative, positive, place)
        for name in ("tp", "fp", "fn", "tn"):
            assert getattr(every, name)[place] == getattr(one, name)


def test_what_has_no_rows_is_unknown() -> None:
    nothing = Confusion(*np.zeros((4, 1)))
    for name in ("precision", "recall", "specificity", "accuracy", "balanced_accuracy", "matthews", "selected"):
        assert np.isnan(getattr(nothing, name)).all()
    assert np.isnan(share(0, 0))


def test_nothing_found_is_an_f_of_zero_and_no_precision() -> None:
    missed = Confusion(*(np.array(float(n)) for n in (0, 0, 5, 10)))
    assert (missed.f_beta(2), missed.recall) == (0, 0)
    assert np.isnan(missed.precision)
    assert np.isnan(missed.matthews)


def test_large_weights_do_not_overflow() -> None:
    cells = Confusion(*(np.array(n * 1e200) for n in (6.0, 1.0, 2.0, 3.0)))
    assert cells.matthews == pytest.approx(0.47809144, abs=1e-8)
