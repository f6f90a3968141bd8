"""Proportions of labels without labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from holdfast.errors import InputError
from holdfast.stats.label_shift import covariance_of_em, proportions_by_confusion, proportions_by_em


def posteriors(rows: int, share: float, prior: float, seed: int, separation: float = 1.5) -> np.ndarray:
    """Two normal classes: posteriors under `prior` of rows that come with `share`."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows) + separation * (random.random(rows) < share)
    odds = np.log(prior / (1 - prior)) + separation * x - separation**2 / 2
    positive = 1 / (1 + np.exp(-odds))
    return np.stack([1 - positive, positive], axis=1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1_000), st.floats(0.05, 0.95), st.floats(0.1, 0.9))
def test_it_is_the_maximum_of_the_likelihood(seed: int, share: float, prior: float) -> None:
    p = posteriors(300, share, prior, seed)
    ratio = p / [1 - prior, prior]
    best = minimize_scalar(lambda t: -np.log(ratio @ [1 - t, t]).sum(), bounds=(0, 1), method="bounded").x
    assert proportions_by_em(p, [1 - prior, prior])[1] == pytest.approx(best, abs=1e-3)


def test_weights_are_repeated_rows() -> None:
    p = posteriors(50, 0.7, 0.3, 0)
    weight = np.arange(50) % 4
    found = proportions_by_em(p, [0.7, 0.3], weight)
    assert found == pytest.approx(proportions_by_em(np.repeat(p, weight, axis=0), [0.7, 0.3]), abs=1e-6)
    assert covariance_of_em(p, [0.7, 0.3], found, weight) == pytest.approx(
        covariance_of_em(np.repeat(p, weight, axis=0), [0.7, 0.3], found)
    )


def test_three_classes() -> None:
    random = np.random.default_rng(1)
    truth = random.choice(3, 6_000, p=[0.6, 0.3, 0.1])
    x = random.normal(size=6_000) + 2 * truth
    likely = np.exp(-0.5 * (x[:, None] - 2 * np.arange(3)) ** 2) * [0.2, 0.3, 0.5]
    found = proportions_by_em(likely / likely.sum(axis=1, keepdims=True), [0.2, 0.3, 0.5])
    assert found == pytest.approx([0.6, 0.3, 0.1], abs=0.02)
    assert found.sum() == pytest.approx(1.0)


def test_its_error_is_that_of_repeated_samples() -> None:
    found, variances = [], []
    for seed in range(200):
        p = posteriors(400, 0.7, 0.3, seed)
        found.append(proportions_by_em(p, [0.7, 0.3]))
        variances.append(covariance_of_em(p, [0.7, 0.3], found[-1])[1, 1])
    assert np.mean(found, axis=0)[1] == pytest.approx(0.7, abs=0.01)
    assert np.sqrt(np.mean(variances)) == pytest.approx(np.std(found, axis=0)[1], rel=0.12)


def test_covariances_of_shares_sum_to_nothing() -> None:
    p = posteriors(200, 0.4, 0.3, 3)
    covariance = covariance_of_em(p, [0.7, 0.3], proportions_by_em(p, [0.7, 0.3]))
    assert covariance.sum(axis=1) == pytest.approx(0.0, abs=1e-12)


def test_rows_of_one_class_have_the_share_one() -> None:
    assert proportions_by_em([[0.0, 1.0]] * 5, [0.5, 0.5]).tolist() == [0.0, 1.0]
    assert proportions_by_em([[0.2, 0.8]], [0.5, 0.5])[1] == pytest.approx(1.0, abs=1e-3)


def test_confusion_is_inverted_and_never_below_zero() -> None:
    assert proportions_by_confusion([0.05, 0.95], [[80, 20], [10, 90]]).tolist() == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(
    ("probabilities", "prior"),
    [([[0.5, 0.5]], [1.0]), (np.empty((0, 2)), [0.5, 0.5]), ([[0.5, np.nan]], [0.5, 0.5]), ([[0.5, 0.5]], [0.0, 1.0])],
)
def test_what_is_no_proportion_is_refused(probabilities: list[list[float]], prior: list[float]) -> None:
    with pytest.raises(InputError, match="expected"):
        proportions_by_em(probabilities, prior)
