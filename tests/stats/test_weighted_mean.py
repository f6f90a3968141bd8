"""Weighted means, against statsmodels and the closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from holdfast.stats.weighted_mean import Mean, mean


def test_without_weights_it_is_the_usual_standard_error() -> None:
    x = np.random.default_rng(0).normal(size=50)
    assert mean(x).value == pytest.approx(x.mean())
    assert mean(x).error == pytest.approx(stats.sem(x))


def test_the_error_is_the_scatter_over_repeats() -> None:
    """Rows drawn with unequal chances and weighed back: the errors agree with how the means scatter."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(2_000):
        kind = rng.random(300) < 0.8
        found.append(mean(rng.normal(size=300) + 3 * kind, np.where(kind, 0.25, 1.0)))
    scatter = np.std([one.value for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(scatter, rel=0.05)


def test_rows_without_weight_do_not_count() -> None:
    assert mean([1.0, 3.0, 99.0], [1.0, 1.0, 0.0]).value == 2.0


def test_one_row_is_not_sure_and_none_is_unknown() -> None:
    assert mean([5.0]) == Mean(value=5.0, error=math.inf)
    assert math.isnan(mean([]).value)
    assert math.isnan(mean([1.0], [0.0]).error)


def test_the_difference_of_two_means() -> None:
    assert Mean(value=5.0, error=3.0) - Mean(value=1.0, error=4.0) == Mean(value=4.0, error=5.0)
