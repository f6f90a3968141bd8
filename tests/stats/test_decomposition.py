"""Parts of a change: they sum to the whole, and have their closed form where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holdfast.objective import FBeta, Judged, contributions
from holdfast.stats.decomposition import parts_of_change

NUMBERS = st.floats(-3, 3)


@given(arrays(float, (12, 3), elements=NUMBERS), arrays(float, 12, elements=NUMBERS))
def test_the_parts_sum_to_the_whole(terms: np.ndarray, loss: np.ndarray) -> None:
    weight = np.arange(1.0, 13.0)
    parts = parts_of_change(lambda _: loss, weight, terms)
    after = weight * np.exp(terms.sum(axis=1))
    whole = np.average(loss, weights=after) - np.average(loss, weights=weight)
    if np.abs(parts).sum() > 1e-6:
        assert parts.sum() == pytest.approx(whole, abs=1e-9)


def test_a_mean_that_moves_has_the_whole_part_of_a_loss_that_is_its_own() -> None:
    """exp(d x) moves N(0, 1) to N(d, 1): of x^2 + y, x explains d^2 and y its own shift."""
    x, y = (one.ravel() for one in np.meshgrid(np.linspace(-8, 8, 161), np.linspace(-8, 8, 161)))
    normal = np.exp(-(x**2 + y**2) / 2)
    parts = parts_of_change(lambda _: x**2 + y, normal, np.stack([0.7 * x, -0.4 * y, np.full_like(x, 2.0)], axis=1))
    np.testing.assert_allclose(parts, [0.49, -0.4, 0.0], atol=1e-6)


def test_two_that_do_one_thing_share_it() -> None:
    x = np.linspace(-8, 8, 801)
    parts = parts_of_change(lambda _: x, np.exp(-(x**2) / 2), np.stack([0.3 * x, 0.3 * x], axis=1))
    np.testing.assert_allclose(parts, [0.3, 0.3], atol=1e-9)


def test_a_ratio_is_split_by_its_influence() -> None:
    """F1 by weights: its parts sum to how much it changes."""
    rng = np.random.default_rng(0)
    truth, said = rng.random(500) < 0.4, rng.random(500) < 0.5
    terms = rng.normal(size=(500, 2)) + truth[:, None]

    def f1(weight: np.ndarray) -> np.ndarray:
        judged = Judged(truth=truth, score=np.zeros(500), answer=said, weight=weight)
        return contributions(FBeta(beta=1), judged)

    after = np.exp(terms.sum(axis=1))
    whole = np.average(f1(after), weights=after) - f1(np.ones(500)).mean()
    assert parts_of_change(f1, np.ones(500), terms).sum() == pytest.approx(whole, abs=1e-12)


def test_nothing_changes_nothing() -> None:
    assert parts_of_change(lambda _: np.arange(3.0), np.ones(3), np.zeros((3, 2))).tolist() == [0.0, 0.0]
