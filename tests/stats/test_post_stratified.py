"""Figures of all rows from labelled ones: exact where all are labelled, and unbiased with true intervals where not."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.stats.post_stratified import (
    Sampled,
    Sums,
    means,
    stratified_balanced,
    stratified_f_beta,
    stratified_mean,
    stratified_ratio,
)


def summed(x: np.ndarray, stratum: np.ndarray, weight: np.ndarray, rows: np.ndarray) -> tuple[Sampled, Sums]:
    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(stratum, values, minlength=len(rows))

    sampled = Sampled(rows=rows, labelled=total(np.ones(len(x))), weight=total(weight), square=total(weight**2))
    return sampled, Sums(first=total(weight * x), mixed=total(weight**2 * x), second=total(weight**2 * x**2))


RNG = np.random.default_rng(0)


def test_where_all_are_labelled_it_is_the_plain_mean_with_its_error() -> None:
    x, stratum = RNG.normal(size=3_000), RNG.integers(0, 5, 3_000)
    rows = np.bincount(stratum).astype(float)
    value, variance = stratified_mean(*summed(x, stratum, np.ones(3_000), rows))
    assert value == pytest.approx(x.mean())
    assert variance == pytest.approx(x.var(ddof=1) / 3_000, rel=0.01)


def test_one_stratum_with_weights_is_the_ratio_estimator() -> None:
    x, weight = RNG.normal(size=200), RNG.uniform(1, 5, 200)
    mean, variance = means(*summed(x, np.zeros(200, int), weight, np.array([1_000.0])))
    assert mean[0] == pytest.approx(np.average(x, weights=weight))
    expected = (weight**2 * (x - mean[0]) ** 2).sum() / weight.sum() ** 2 * 200 / 199
    assert variance[0] == pytest.approx(expected)


def test_a_stratum_with_a_single_label_takes_the_variance_of_the_others() -> None:
    x, stratum = np.array([0.0, 2.0, 0.0, 2.0, 5.0]), np.array([0, 0, 0, 0, 1])
    _, variance = means(*summed(x, stratum, np.ones(5), np.array([10.0, 10.0])))
    assert variance[0] == pytest.approx(np.var([0, 2, 0, 2], ddof=1) / 4)
    assert variance[1] == pytest.approx(4 * 4 / 3 / 4)  # that of one row
    alone = means(*summed(x[4:], np.array([0]), np.ones(1), np.array([10.0])))
    assert np.isnan(alone[1]).all()


def test_labels_that_depend_on_the_stratum_leave_it_unbiased_and_its_intervals_true() -> None:
    rng = np.random.default_rng(7)
    shares, means_of, chance = np.array([0.5, 0.3, 0.2]), np.array([0.05, 0.2, 0.6]), np.array([0.1, 0.4, 0.9])
    truth, found, inside, plain = float(shares @ means_of), [], [], []
    for _ in range(1_000):
        stratum = rng.choice(3, 2_000, p=shares)
        x = (rng.random(2_000) < means_of[stratum]).astype(float)
        known = rng.random(2_000) < chance[stratum]
        rows = np.bincount(stratum, minlength=3).astype(float)
        value, variance = stratified_mean(*summed(x[known], stratum[known], np.ones(known.sum()), rows))
        found.append(value)
        plain.append(x[known].mean())
        inside.append(abs(value - truth) <= 1.96 * variance**0.5)
    assert np.mean(found) == pytest.approx(truth, abs=3 * np.std(found) / 1_000**0.5)
    assert np.mean(inside) >= 0.93
    assert np.mean(plain) > truth + 0.1


def test_a_ratio_of_everything_labelled_is_the_binomial_one() -> None:
    stratum = np.zeros(1_000, int)
    right, wrong = (np.arange(1_000) < 80).astype(float), (np.arange(1_000) < 20).astype(float)
    part, rest = (summed(x, stratum, np.ones(1_000), np.array([1_000.0])) for x in (right, wrong))
    value, variance, rows = stratified_ratio(part, rest)
    assert (value, rows) == (0.8, 100)
    assert variance == pytest.approx(0.8 * 0.2 / 100, rel=0.01)


def test_figures_of_the_outcomes_have_the_spread_of_drawn_outcomes_where_everything_is_labelled() -> None:
    """The oracle: the four outcomes are drawn again and again."""
    right, wrong = (np.arange(1_000) < 600).astype(float), (np.arange(4_000) < 200).astype(float)
    yes = summed(right, np.zeros(1_000, int), np.ones(1_000), np.array([1_000.0]))
    no = summed(wrong, np.zeros(4_000, int), np.ones(4_000), np.array([4_000.0]))
    drawn = np.random.default_rng(3).multinomial(5_000, np.array([600, 400, 200, 3_800]) / 5_000, 20_000)
    tp, fp, fn, tn = drawn.T.astype(float)
    for beta in (0.5, 1.0, 2.0):
        value, variance, rows = stratified_f_beta(yes, no, beta)
        of_drawn = (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)
        assert (value, rows) == (
            pytest.approx((1 + beta**2) * 600 / ((1 + beta**2) * 600 + beta**2 * 200 + 400)),
            1_200,
        )
        assert variance == pytest.approx(of_drawn.var(), rel=0.03)
    value, variance, rows = stratified_balanced(yes, no)
    assert (value, rows) == (pytest.approx((600 / 800 + 3_800 / 4_200) / 2), 800)
    assert variance == pytest.approx(((tp / (tp + fn) + tn / (tn + fp)) / 2).var(), rel=0.03)


def test_a_ratio_of_nothing_is_unknown() -> None:
    none = summed(np.zeros(10), np.zeros(10, int), np.ones(10), np.array([10.0]))
    assert np.isnan(stratified_ratio(none, none)[0])
    assert np.isnan(stratified_balanced(none, none)[0])
