"""How large errors are at each predicted value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.stats.error_scale import BINS, FEWEST_ROWS, fit, sigma


def test_bins_hold_the_mean_error_of_their_rows() -> None:
    predicted = np.arange(60.0)
    scale = fit(predicted, predicted + np.where(predicted < 30, 1.0, -3.0))
    assert scale.x == (14.5, 44.5)
    assert scale.y == (1.0, 3.0)


def test_between_bins_the_scale_is_linear_and_beyond_them_constant() -> None:
    predicted = np.arange(60.0)
    scale = fit(predicted, predicted + np.where(predicted < 30, 1.0, 3.0))
    assert sigma(scale, [-9.0, 14.5, 29.5, 44.5, 99.0]).tolist() == [1.0, 1.0, 2.0, 3.0, 3.0]
    assert np.isnan(sigma(scale, [np.nan])).all()


def test_it_finds_how_errors_grow() -> None:
    random = np.random.default_rng(0)
    predicted = random.uniform(1, 10, 20_000)
    scale = fit(predicted, predicted + predicted * random.normal(size=20_000))
    middle = np.array([2.0, 5.0, 9.0])
    np.testing.assert_allclose(sigma(scale, middle), middle * np.sqrt(2 / np.pi), rtol=0.07)


def test_few_rows_have_one_scale() -> None:
    assert len(fit(np.arange(FEWEST_ROWS - 1.0), np.zeros(FEWEST_ROWS - 1)).x) == 1
    assert len(fit(np.arange(10_000.0), np.zeros(10_000)).x) == BINS


def test_equal_predictions_are_one_bin() -> None:
    scale = fit(np.full(100, 5.0), np.arange(100.0))
    assert len(scale.x) == 1
    assert scale.y[0] == pytest.approx(np.abs(np.arange(100) - 5).mean(), rel=0.01)


def test_a_perfect_model_still_has_a_scale() -> None:
    assert min(fit(np.arange(100.0), np.arange(100.0)).y) > 0
    exact_in_one_half = fit(np.arange(60.0), np.arange(60.0) + np.where(np.arange(60) < 30, 0.0, 2.0))
    assert exact_in_one_half.y == (0.001, 2.0)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=200))
def test_the_scale_is_always_finite_and_above_0(rows: list[tuple[float, float]]) -> None:
    predicted, truth = np.array(rows).T
    found = sigma(fit(predicted, truth), predicted)
    assert np.isfinite(found).all()
    assert (found > 0).all()


@pytest.mark.parametrize(
    ("predicted", "truth", "told"),
    [
        ([], [], "a prediction and a truth per row"),
        ([1.0], [1.0, 2.0], "a prediction and a truth per row"),
        ([[1.0]], [[1.0]], "a prediction and a truth per row"),
        ([np.nan], [1.0], "NaN or infinite"),
        ([1.0], [np.inf], "NaN or infinite"),
    ],
)
def test_what_has_no_scale_is_refused(predicted: list[float], truth: list[float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        fit(predicted, truth)
