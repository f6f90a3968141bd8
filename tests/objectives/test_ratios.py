import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from holdfast.objectives import ratios

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_f_beta_is_that_of_scikit_learn_with_weights(beta: float) -> None:
    truth, answer, weight = RNG.random(500) < 0.2, RNG.random(500) < 0.3, RNG.random(500)
    found = np.average(ratios.f_beta(truth, answer, weight, beta), weights=weight)
    assert found == pytest.approx(fbeta_score(truth, answer, beta=beta, sample_weight=weight), abs=1e-12)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_f_beta_of_classes_is_that_of_scikit_learn_with_weights(average: str, beta: float) -> None:
    truth, answer, weight = RNG.integers(0, 4, 500), RNG.integers(0, 4, 500), RNG.random(500)
    found = np.average(ratios.f_beta_of_classes(truth, answer, weight, beta, average), weights=weight)
    expected = fbeta_score(truth, answer, beta=beta, average=average, sample_weight=weight)
    assert found == pytest.approx(expected, abs=1e-12)


def test_macro_leaves_out_a_class_that_occurs_nowhere_and_counts_one_that_was_only_answered() -> None:
    truth, answer = np.array([0, 0, 3]), np.array([0, 1, 3])
    found = ratios.f_beta_of_classes(truth, answer, np.ones(3), 1.0, "macro").mean()
    assert found == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_nothing_positive_and_nothing_called_so_is_undefined() -> None:
    nothing = np.zeros(3, dtype=bool)
    assert np.isnan(ratios.f_beta(nothing, nothing, np.ones(3), 1.0)).all()


def test_rows_without_weight_do_not_count() -> None:
    truth, answer = np.array([True, False, False]), np.array([True, False, True])
    found = ratios.f_beta(truth, answer, np.array([1.0, 1.0, 0.0]), 1.0)
    assert np.average(found, weights=[1, 1, 0]) == 1.0


@pytest.mark.parametrize("average", [None, "macro", "weighted"])
def test_the_standard_error_is_that_of_the_bootstrap(average: str | None) -> None:
    rng = np.random.default_rng(1)
    n = 1_500
    truth = rng.integers(0, 3, n)
    answer = np.where(rng.random(n) < 0.6, truth, rng.integers(0, 3, n))
    weight = np.ones(n)

    def rows(w: np.ndarray) -> np.ndarray:
        if average is None:
            return ratios.f_beta(truth == 1, answer == 1, w, 2.0)
        return ratios.f_beta_of_classes(truth, answer, w, 2.0, average)

    error = rows(weight).std() / np.sqrt(n)
    replicates = [np.average(rows(w), weights=w) for w in rng.poisson(1, (400, n)).astype(float)]
    assert error == pytest.approx(np.std(replicates), rel=0.12)
