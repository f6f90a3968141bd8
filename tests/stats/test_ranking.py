"""Ranking, against scikit-learn and against counting every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from holdfast.stats.ranking import (
    auc_error,
    auc_of_counts,
    auc_variance,
    average_precision,
    average_precision_bracket,
    average_precision_of_counts,
    gain_of_counts,
    kolmogorov_smirnov_most,
    kolmogorov_smirnov_of_counts,
    roc_auc,
    tied,
)

rows = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=2, max_size=60).filter(
    lambda drawn: 0 < sum(truth for _, truth in drawn) < len(drawn)
)


def sample(n: int = 3_000, *, digits: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, truths, and weights some of which are 0."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.2
    scores = (1 / (1 + np.exp(-rng.normal(truth * 1.5 - 1)))).round(digits)
    return scores, truth, rng.integers(0, 4, n) * rng.random(n)


@pytest.mark.parametrize("digits", [1, 2, 15])
def test_areas_are_those_of_scikit_learn(digits: int) -> None:
    scores, truth, weight = sample(digits=digits)
    assert roc_auc(scores, truth) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert average_precision(scores, truth) == pytest.approx(average_precision_score(truth, scores), abs=1e-12)
    expected = roc_auc_score(truth, scores, sample_weight=weight)
    assert roc_auc(scores, truth, weight) == pytest.approx(expected, abs=1e-12)
    expected = average_precision_score(truth, scores, sample_weight=weight)
    assert average_precision(scores, truth, weight) == pytest.approx(expected, abs=1e-12)


def test_kolmogorov_smirnov_is_the_largest_gap_of_the_roc_curve() -> None:
    scores, truth, weight = sample()
    fpr, tpr, _ = roc_curve(truth, scores, sample_weight=weight)
    found = kolmogorov_smirnov_of_counts(*tied(scores, truth, weight))
    assert found == pytest.approx(np.abs(tpr - fpr).max(), abs=1e-12)


def test_the_variance_of_the_area_is_delongs() -> None:
    """Structural components, counted pair by pair."""
    scores, truth, _ = sample(300, digits=1)
    wins = np.sign(scores[truth][:, None] - scores[~truth][None, :]) / 2 + 0.5
    expected = wins.mean(1).var(ddof=1) / truth.sum() + wins.mean(0).var(ddof=1) / (~truth).sum()
    counts = tied(scores, truth)
    assert auc_variance(*counts, *counts) == pytest.approx(expected, rel=1e-12)


def test_the_variance_with_weights_is_that_of_the_weighted_components() -> None:
    """Weights that are all 7 change nothing."""
    scores, truth, _ = sample(300)
    counts = tied(scores, truth)
    seven = [7 * group for group in counts]
    squares = [49 * group for group in counts]
    assert auc_variance(*seven, *squares) == pytest.approx(auc_variance(*counts, *counts), rel=1e-12)


@given(rows)
def test_what_bins_hide_is_within_the_stated_bounds(drawn: list[tuple[int, bool]]) -> None:
    """Scores 0 to 40 in bins of ten: the figures of the single rows lie inside."""
    scores, truth = np.array([score for score, _ in drawn]), np.array([truth for _, truth in drawn])
    bins = scores // 10
    negative, positive = (np.bincount(bins[one], minlength=5) for one in (~truth, truth))
    single = np.array([len(set(scores[bins == one])) == 1 for one in range(5)])
    error = auc_error(negative, positive, single)
    assert abs(roc_auc(scores, truth) - auc_of_counts(negative, positive)) <= error + 1e-12
    low, high = average_precision_bracket(negative, positive, single)
    assert low - 1e-12 <= average_precision(scores, truth) <= high + 1e-12
    assert low - 1e-12 <= average_precision_of_counts(negative, positive) <= high + 1e-12
    exact, binned = (kolmogorov_smirnov_of_counts(*counts) for counts in (tied(scores, truth), (negative, positive)))
    assert binned - 1e-12 <= exact <= kolmogorov_smirnov_most(negative, positive, single) + 1e-12


def test_one_distinct_score_in_a_bin_hides_nothing() -> None:
    negative, positive = [5, 3], [1, 4]
    assert auc_error(negative, positive, [True, True]) == 0
    low, high = average_precision_bracket(negative, positive, [True, True])
    assert low == high == average_precision_of_counts(negative, positive)
    most = kolmogorov_smirnov_most(negative, positive, [True, True])
    assert most == kolmogorov_smirnov_of_counts(negative, positive)


def test_gain_counts_the_best_rows_first_and_cuts_a_tied_group_in_parts() -> None:
    negative, positive = [90, 6, 0], [1, 1, 2]
    assert gain_of_counts(negative, positive, 0.02) == pytest.approx(2 / 4)
    assert gain_of_counts(negative, positive, 0.055) == pytest.approx((2 + 0.5) / 4)
    assert gain_of_counts(negative, positive, 1) == 1


def test_leading_axes_are_replicates() -> None:
    rng = np.random.default_rng(0)
    negative, positive = rng.integers(0, 9, (2, 6, 5)) + 1.0
    for figure in (auc_of_counts, average_precision_of_counts, kolmogorov_smirnov_of_counts):
        assert figure(negative, positive).tolist() == [figure(*pair) for pair in zip(negative, positive, strict=True)]


@pytest.mark.parametrize("truth", [[], [True], [False, False]], ids=["empty", "positive", "negative"])
def test_one_class_alone_has_no_area(truth: list[bool]) -> None:
    assert np.isnan(roc_auc(np.zeros(len(truth)), truth))
    assert np.isnan(gain_of_counts([1, 1], [0, 0], 0.5))
    assert np.isnan(average_precision(np.zeros(2), [False, False]))
    assert np.isnan(kolmogorov_smirnov_of_counts([1, 1], [0, 0]))
    assert np.isnan(auc_variance([1, 0], [0, 1], [1, 0], [0, 1]))


def test_scores_that_are_missing_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        roc_auc([0.1, np.nan], [True, False])
