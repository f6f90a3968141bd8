"""Ratios of densities: against scikit-learn, against EM, and where both inputs and labels change."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.errors import InputError
from holdfast.stats.density_ratio import Rows, effective_rows, fit, log_ratio


def drawn(n: int, prior: float, seed: int, shift: float = 0.0) -> Rows:
    """One column around -1 or 1 by the label, one by itself; what the model says is right at a prior of 0.3."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) + np.where(rng.random(n) < prior, 1.0, -1.0)
    p = 1 / (1 + np.exp(-(2 * x + np.log(0.3 / 0.7))))
    inputs = np.stack([x, rng.normal(size=n) + shift], axis=1)
    return Rows(inputs=inputs, weight=np.ones(n), probability=np.stack([1 - p, p], axis=1))


def inputs_only(rows: Rows) -> Rows:
    return Rows(inputs=rows.inputs, weight=rows.weight, probability=np.empty((len(rows.inputs), 0)))


def test_without_labels_and_with_all_columns_it_is_the_logistic_regression_of_scikit_learn() -> None:
    before, now = inputs_only(drawn(500, 0.3, 0)), inputs_only(drawn(300, 0.5, 1, 0.4))
    ratio = fit(before, now, kept=0)
    rows = 2 / (1 / 500 + 1 / 300)
    oracle = LogisticRegression(C=rows, tol=1e-10, max_iter=1_000).fit(
        np.concatenate([before.inputs, now.inputs]),
        np.repeat([0, 1], [500, 300]),
        sample_weight=np.repeat([1 / 500, 1 / 300], [500, 300]),
    )
    np.testing.assert_allclose(ratio.slope, oracle.coef_[0], atol=1e-4)
    assert ratio.intercept == pytest.approx(oracle.intercept_[0], abs=1e-4)


def test_where_only_proportions_change_it_finds_what_em_finds() -> None:
    before, now = drawn(20_000, 0.3, 2), drawn(20_000, 0.6, 3)
    nothing = [
        Rows(inputs=np.empty((20_000, 0)), weight=np.ones(20_000), probability=one.probability) for one in (before, now)
    ]
    ratio = fit(nothing[0], nothing[1])
    share = 0.3
    for _ in range(500):  # Saerens, Latinne & Decaestecker
        p = now.probability[:, 1]
        odds = p / (1 - p) * (share / 0.3) * (0.7 / (1 - share))
        share = float((odds / (1 + odds)).mean())
    tilted = 0.3 * np.exp(ratio.labels[1])
    assert tilted / (tilted + 0.7) == pytest.approx(share, abs=0.01)
    assert share == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize(("prior", "shift"), [(0.3, 0.5), (0.55, 0.0), (0.55, 0.5)])
def test_inputs_and_labels_are_told_apart(prior: float, shift: float) -> None:
    before, now = drawn(20_000, 0.3, 4), drawn(20_000, prior, 5, shift)
    ratio = fit(before, now)
    assert ratio.slope == pytest.approx([0.0, shift], abs=0.12)
    assert ratio.labels[1] == pytest.approx(np.log(prior / 0.3 * 0.7 / (1 - prior)), abs=0.25)


def test_known_labels_are_kept() -> None:
    labels = np.array([0.0, 0.7])
    assert fit(drawn(500, 0.3, 6), drawn(500, 0.3, 7), labels=labels).labels is labels


def test_its_exponential_weighs_the_rows_before_to_those_now() -> None:
    before, now = drawn(20_000, 0.3, 8), drawn(20_000, 0.5, 9, 0.3)
    weight = np.exp(log_ratio(fit(before, now), before))
    assert weight.mean() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(np.average(before.inputs, axis=0, weights=weight), now.inputs.mean(axis=0), atol=0.05)


def test_weights_stand_for_rows() -> None:
    """A row of weight 2 counts as two."""
    before, now = drawn(200, 0.3, 10), drawn(200, 0.5, 11)
    places = np.repeat(np.arange(200), np.arange(200) % 2 + 1)
    weighed = Rows(inputs=before.inputs, weight=np.arange(200) % 2 + 1.0, probability=before.probability)
    one, other = fit(weighed, now, kept=0), fit(before.take(places), now, kept=0)
    np.testing.assert_allclose(one.slope, other.slope, rtol=0.02)


def test_noise_becomes_nothing_and_what_is_large_stays() -> None:
    """Of twenty columns one moves: it has its closed form, and few of the others have a coefficient at all."""
    rng = np.random.default_rng(12)
    none = np.empty((5_000, 0))
    before, now = (
        Rows(inputs=rng.normal(size=(5_000, 20)) + shift, weight=np.ones(5_000), probability=none)
        for shift in (np.zeros(20), 0.3 * (np.arange(20) == 7))
    )
    slope = fit(before, now).slope
    assert slope[7] == pytest.approx(0.3, abs=0.06)
    assert np.count_nonzero(slope) <= 5
    assert np.count_nonzero(fit(before, now, kept=0).slope) == 20


def test_effective_rows() -> None:
    assert effective_rows(np.ones(7)) == pytest.approx(7)
    assert effective_rows(np.array([1.0, 0.0])) == 1
    assert effective_rows(np.zeros(3)) == 0


def test_rows_that_are_no_numbers_or_none_are_refused() -> None:
    rows = drawn(10, 0.3, 17)
    bad = Rows(inputs=np.full((10, 2), np.nan), weight=np.ones(10), probability=rows.probability)
    for before, now in ((rows, bad), (bad, rows), (rows, rows.take(np.arange(0)))):
        with pytest.raises(InputError, match="expected finite inputs"):
            fit(before, now)
