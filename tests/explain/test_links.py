from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from holdfast.explain.links import POINTWISE, SOFTMAX, Link, link_of, softmax

MARGINS = np.random.default_rng(0).normal(size=(50, 3))

SCORES = {
    "identity": MARGINS,
    "logistic": expit(MARGINS),
    "complement": 1 - MARGINS,
    "logistic complement": 1 - expit(MARGINS),
    "exp": np.exp(MARGINS),
    "softplus": np.log1p(np.exp(MARGINS)),
    "signed square": np.sign(MARGINS) * MARGINS**2,
    "softmax": scipy_softmax(MARGINS, axis=1),
}


@pytest.mark.parametrize("kind", SCORES)
def test_the_link_is_found_from_the_scores_that_it_made(kind: str) -> None:
    assert link_of(MARGINS, SCORES[kind].astype(np.float32)) == Link(kind, (0, 1, 2))
    assert link_of(MARGINS, SCORES[kind][:, 1:2]) == Link(kind, (1,))
    np.testing.assert_allclose(Link(kind, (2, 0)).scores(MARGINS), SCORES[kind][:, [2, 0]])


def test_all_links_are_tried() -> None:
    assert {*POINTWISE, SOFTMAX} == set(SCORES)


@pytest.mark.parametrize(
    "scores", [np.sin(MARGINS), expit(2 * MARGINS), expit(MARGINS) / expit(MARGINS).sum(axis=1, keepdims=True)]
)
def test_scores_that_no_link_makes_have_none(scores: np.ndarray) -> None:
    assert link_of(MARGINS, scores) is None


margin = st.floats(-40, 40)


@given(st.sampled_from(sorted(SCORES)), st.lists(margin, min_size=3, max_size=3), st.integers(0, 2), st.integers(0, 99))
def test_slopes_times_differences_are_the_difference_of_the_score(
    kind: str, own: list[float], score: int, seed: int
) -> None:
    known = np.random.default_rng(seed).normal(scale=3, size=(7, 3))
    known[0] = own  # no difference at all
    known[1] = np.array(own) + 1e-9
    link = Link(kind, (0, 1, 2))
    row = np.array(own)
    slopes = link.slopes(row, known, score)
    scores = link.scores(known)[:, score]
    expected = link.scores(row[None])[0, score] - scores
    found = (slopes * (row - known)).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * (1 + np.abs(scores).max()))


@given(st.lists(margin, min_size=3, max_size=3), st.integers(0, 99))
def test_slopes_of_a_softmax_are_means_of_its_derivatives(own: list[float], seed: int) -> None:
    known = np.random.default_rng(seed).normal(scale=3, size=(4, 3))
    found = Link("softmax", (0, 1, 2)).slopes(np.array(own), known, 1)
    along = known[:, None] + (np.arange(4_000)[:, None] + 0.5) / 4_000 * (np.array(own) - known)[:, None]
    shares = scipy_softmax(along, axis=2)
    expected = (shares[..., 1:2] * ([0, 1, 0] - shares)).mean(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_where_margins_are_equal_the_slope_is_the_derivative() -> None:
    own = np.array([0.7])
    (slope,) = Link("logistic", (0,)).slopes(own, own[None], 0)[:, 0]
    assert slope == pytest.approx(expit(0.7) * (1 - expit(0.7)), abs=1e-8)


def test_a_softmax_of_two_margins_is_a_logistic_of_their_difference() -> None:
    rng = np.random.default_rng(1)
    own, known = rng.normal(size=2), rng.normal(size=(5, 2))
    slopes = Link("softmax", (0, 1)).slopes(own, known, 1)
    difference = Link("logistic", (0,)).slopes(own[1:] - own[:1], known[:, 1:] - known[:, :1], 0)
    np.testing.assert_allclose(slopes, difference * [-1, 1], atol=1e-9)


def test_extreme_margins_neither_overflow_nor_warn() -> None:
    far = np.array([[900.0, -900.0, 0.0]])
    np.testing.assert_array_equal(softmax(far), [[1, 0, 0]])
    for kind in ("logistic", "softplus", "softmax"):
        assert np.isfinite(Link(kind, (0, 1, 2)).slopes(-far[0], far, 0)).all()
