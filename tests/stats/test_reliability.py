from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from holdfast.errors import InputError
from holdfast.stats.reliability import calibration_error, chance_error, probabilities, reliability, spiegelhalter


def _calibrated(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.beta(1, 3, rows)
    return scores, rng.random(rows) < scores


def test_the_curve_is_that_of_scikit_learn() -> None:
    scores, truth = _calibrated(1_000)
    curve = reliability(scores, truth, bins=10)
    share, score = calibration_curve(truth, scores, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve.score, score, rtol=1e-12)
    np.testing.assert_allclose(curve.share, share, rtol=1e-12)
    assert curve.rows.tolist() == [100] * 10
    np.testing.assert_allclose(curve.weight, 0.1)


def test_the_interval_is_wilsons() -> None:
    scores, truth = _calibrated(400)
    curve = reliability(scores, truth, bins=4, level=0.9)
    expected = [proportion_confint(round(share * 100), 100, 0.1, method="wilson") for share in curve.share]
    np.testing.assert_allclose(np.transpose([curve.low, curve.high]), expected, rtol=1e-9, atol=1e-12)


def test_integer_weights_count_as_repeated_rows_except_in_the_interval() -> None:
    scores, truth = _calibrated(200)
    weight = np.random.default_rng(1).integers(0, 4, 200)
    weighted = reliability(scores, truth, weight, bins=5)
    repeated = reliability(np.repeat(scores, weight), np.repeat(truth, weight), bins=5)
    for name in ("score", "share", "weight"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-12)
    assert (weighted.rows < repeated.rows).all()
    for found, expected in zip(
        spiegelhalter(scores, truth, 3.0 * np.ones(200)), spiegelhalter(scores, truth), strict=True
    ):
        assert found == pytest.approx(expected)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=60))
def test_equal_scores_share_a_bin(rows: list[tuple[float, bool]]) -> None:
    scores, truth = np.array(rows).T
    curve = reliability(scores, truth, bins=3)
    assert (np.diff(curve.score) > 0).all()
    assert curve.rows.sum() == pytest.approx(len(rows))
    assert ((curve.low <= curve.share + 1e-12) & (curve.share <= curve.high + 1e-12)).all()
    assert 0 <= calibration_error(curve) <= 1
    assert curve.weight @ curve.share == pytest.approx(truth.mean())


def test_the_error_of_a_calibrated_score_is_what_chance_gives() -> None:
    curves = [reliability(*_calibrated(500, seed)) for seed in range(200)]
    errors, expected = [calibration_error(c) for c in curves], [chance_error(c) for c in curves]
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.05)
    assert chance_error(reliability([0.001], [True])) == pytest.approx(2 * 0.001 * 0.999)


def test_spiegelhalter_keeps_its_level_and_sees_a_wrong_scale() -> None:
    p_values = [spiegelhalter(*_calibrated(300, seed))[1] for seed in range(400)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    scores, truth = _calibrated(2_000)
    assert spiegelhalter(scores**2, truth)[0] > 3
    assert spiegelhalter(0.5 + (scores - 0.5) / 2, truth)[0] < -3


def test_spiegelhalter_is_the_standardised_brier_score() -> None:
    """The Brier score minus its mean, over its standard deviation, if each label is drawn with its score."""
    scores, truth = _calibrated(50)
    mean = (scores * (1 - scores)).sum()
    variance = ((1 - 2 * scores) ** 2 * scores * (1 - scores)).sum()
    z, p_value = spiegelhalter(scores, truth)
    assert z == pytest.approx((((truth - scores) ** 2).sum() - mean) / np.sqrt(variance))
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(z)))


@pytest.mark.parametrize("scores", [[0.0, 1.0], [0.5, 0.5]])
def test_scores_without_variance_cannot_be_tested(scores: list[float]) -> None:
    assert np.isnan(spiegelhalter(scores, [True, False])).all()


@pytest.mark.parametrize(
    ("scores", "truth", "weight", "message"),
    [
        ([np.nan], [True], None, "from 0 to 1"),
        ([-0.1], [True], None, "from 0 to 1"),
        ([0.5], [True], [0.0], "got none"),
        ([0.5], [True], [np.nan], "weights"),
        ([0.5], [True, False], None, "as many"),
        ([], [], None, "got none"),
    ],
)
def test_rows_that_are_no_probabilities_are_refused(scores, truth, weight, message: str) -> None:
    with pytest.raises(InputError, match=message):
        probabilities(scores, truth, weight)
