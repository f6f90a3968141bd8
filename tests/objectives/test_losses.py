import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss, root_mean_squared_error

from holdfast.objectives import losses

RNG = np.random.default_rng(2)
TRUTH, PREDICTED, WEIGHT = RNG.normal(size=300), RNG.normal(size=300), RNG.random(300)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_pinball_is_that_of_scikit_learn(quantile: float) -> None:
    found = np.average(losses.pinball(TRUTH, PREDICTED, quantile), weights=WEIGHT)
    expected = mean_pinball_loss(TRUTH, PREDICTED, alpha=quantile, sample_weight=WEIGHT)
    assert found == pytest.approx(expected, abs=1e-12)


def test_root_squared_is_that_of_scikit_learn() -> None:
    found = np.average(losses.root_squared(TRUTH, PREDICTED, WEIGHT), weights=WEIGHT)
    assert found == pytest.approx(root_mean_squared_error(TRUTH, PREDICTED, sample_weight=WEIGHT), abs=1e-12)


def test_root_squared_of_a_perfect_prediction_is_0() -> None:
    assert losses.root_squared(TRUTH, TRUTH, WEIGHT).tolist() == [0.0] * 300


def test_root_squared_has_the_standard_error_of_the_bootstrap() -> None:
    error = losses.root_squared(TRUTH, PREDICTED, np.ones(300)).std() / np.sqrt(300)
    rng = np.random.default_rng(0)
    squared = (TRUTH - PREDICTED) ** 2
    replicates = [np.sqrt(np.average(squared, weights=rng.poisson(1, 300))) for _ in range(1_000)]
    assert error == pytest.approx(np.std(replicates), rel=0.1)


def test_absolute() -> None:
    assert losses.absolute(np.array([1.0, 5.0]), np.array([3.0, 4.0])).tolist() == [2.0, 1.0]


def test_asymmetric_takes_a_price_per_row() -> None:
    over = np.array([1.0, 2.0])
    assert losses.asymmetric(np.zeros(2), np.array([3.0, 3.0]), over, 9.0).tolist() == [3.0, 6.0]
