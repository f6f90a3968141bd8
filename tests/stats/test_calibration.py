from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from holdfast.errors import InputError
from holdfast.stats.calibration import EDGE, KINDS, Calibration, apply, choose, fit


def _stream(rows: int, seed: int = 0, positive: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are too sure of themselves, and labels."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(np.log(positive / (1 - positive)), 1.5, rows)
    truth = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return 1 / (1 + np.exp(-2 * odds - 0.5)), truth


def _smoothed(truth: np.ndarray) -> tuple[float, float]:
    return (truth.sum() + 1) / (truth.sum() + 2), 1 / ((~truth).sum() + 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_platt_is_that_of_scikit_learn_on_the_log_odds(weighted: bool) -> None:
    scores, truth = _stream(2_000)
    weight = np.random.default_rng(1).integers(1, 4, 2_000).astype(float) if weighted else np.ones(2_000)
    weight /= weight.mean()
    odds = np.log(scores / (1 - scores))
    oracle = _SigmoidCalibration().fit(odds, truth, weight)
    found = apply(fit("platt", scores, truth, weight), scores)
    np.testing.assert_allclose(found, oracle.predict(odds), atol=1e-4)


def test_beta_is_a_logistic_regression_on_both_logarithms() -> None:
    """Kull et al.: features ln(s) and -ln(1 - s); a smoothed target is a positive and a negative row with its weights."""
    scores, truth = _stream(2_000)
    high, low = _smoothed(truth)
    features = np.column_stack([np.log(scores), -np.log(1 - scores)])
    target = np.where(truth, high, low)
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    oracle.fit(np.tile(features, (2, 1)), np.repeat([1, 0], 2_000), np.concatenate([target, 1 - target]))
    found = fit("beta", scores, truth)
    np.testing.assert_allclose(found.coefficients, [*oracle.coef_[0], oracle.intercept_[0]], rtol=1e-4)
    np.testing.assert_allclose(apply(found, scores), oracle.predict_proba(features)[:, 1], atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_isotonic_is_that_of_scikit_learn(weighted: bool) -> None:
    scores, truth = _stream(500)
    scores = scores.round(2)  # with ties
    weight = np.random.default_rng(1).random(500) if weighted else None
    oracle = IsotonicRegression(y_min=1 / 502, y_max=1 - 1 / 502, out_of_bounds="clip").fit(scores, truth, weight)
    grid = np.linspace(0, 1, 1_001)
    np.testing.assert_allclose(apply(fit("isotonic", scores, truth, weight), grid), oracle.predict(grid), atol=1e-12)


@given(
    kind=st.sampled_from(KINDS),
    rows=st.lists(
        st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 7.0])), min_size=2, max_size=40
    ),
)
def test_a_calibration_never_falls_and_stays_off_the_ends(kind: str, rows: list[tuple[float, bool, float]]) -> None:
    scores, truth, weight = (np.array(column) for column in zip(*rows, strict=True))
    weight[[0, 1]], truth[[0, 1]] = 1, [True, False]
    found = apply(fit(kind, scores, truth, weight), np.linspace(0, 1, 101))
    assert (np.diff(found) >= 0).all()
    assert found.min() >= EDGE
    assert found.max() <= 1 - EDGE


@pytest.mark.parametrize("kind", KINDS)
def test_a_calibration_survives_json_bit_by_bit(kind: str) -> None:
    scores, truth = _stream(300)
    calibration = fit(kind, scores, truth)
    again = msgspec.json.decode(msgspec.json.encode(calibration), type=Calibration)
    assert again == calibration
    assert (apply(again, scores) == apply(calibration, scores)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_only_ratios_of_weights_matter_and_rows_without_weight_do_not(kind: str) -> None:
    scores, truth = _stream(300)
    weight = np.random.default_rng(1).integers(0, 3, 300).astype(float)
    used = weight > 0
    first, second = fit(kind, scores, truth, weight), fit(kind, scores[used], truth[used], 1e-6 * weight[used])
    np.testing.assert_allclose(apply(first, scores), apply(second, scores), rtol=1e-6)


@pytest.mark.parametrize("kind", ["platt", "beta"])
def test_a_score_that_points_the_wrong_way_becomes_the_base_rate(kind: str) -> None:
    scores, truth = _stream(1_000)
    found = apply(fit(kind, scores, ~truth), [0.1, 0.9])
    np.testing.assert_allclose(found, (~truth).mean(), atol=0.002)


@pytest.mark.parametrize("kind", KINDS)
def test_separable_and_constant_scores_have_a_fit(kind: str) -> None:
    separable = apply(fit(kind, [0.0, 0.0, 1.0, 1.0], [False, False, True, True]), [0.0, 1.0])
    assert separable[0] < 0.3
    assert separable[1] > 0.7
    assert np.isfinite(apply(fit(kind, [0.5, 0.5, 0.5], [False, False, True]), [0.2, 0.5])).all()


def test_constant_scores_get_the_share_of_positives() -> None:
    assert apply(fit("isotonic", [0.5, 0.5, 0.5, 0.5], [False, False, False, True]), 0.5) == 0.25


def test_isotonic_steps_are_joined_by_straight_lines() -> None:
    """Two pools of three rows, a third and two thirds; between them, half way is one half."""
    calibration = fit("isotonic", [0.1, 0.2, 0.3, 0.5, 0.6, 0.7], np.array([1, 0, 0, 1, 1, 0], dtype=bool))
    np.testing.assert_allclose(apply(calibration, [0.0, 0.2, 0.4, 0.6, 1.0]), [1 / 3, 1 / 3, 0.5, 2 / 3, 2 / 3])


def test_choose_keeps_what_is_calibrated_and_mends_what_is_not() -> None:
    """Counted over seeds: one standard error leaves room for chance."""
    kinds = {"calibrated": [], "sure": [], "bent": []}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p = rng.beta(1, 3, 3_000)
        truth = rng.random(3_000) < p
        odds = np.log(p / (1 - p))
        kinds["calibrated"].append(choose(p, truth).kind)
        kinds["sure"].append(choose(1 / (1 + np.exp(-2 * odds)), truth).kind)
        kinds["bent"].append(choose(np.where(p < 0.2, p / 4, np.where(p < 0.4, 0.05 + p / 100, p)), truth).kind)
    assert kinds["calibrated"].count("none") >= 15
    assert kinds["sure"].count("platt") >= 15
    assert kinds["bent"].count("isotonic") >= 15


def test_choose_does_not_fit_a_handful_of_positives() -> None:
    scores, truth = _stream(1_000)
    rare = truth & (np.cumsum(truth) <= 9)
    assert choose(scores, rare) == Calibration()


def test_nan_stays_nan() -> None:
    for kind in KINDS:
        assert np.isnan(apply(fit(kind, [0.1, 0.4, 0.6], [False, True, False]), [np.nan, 0.5])).tolist() == [
            True,
            False,
        ]


@pytest.mark.parametrize(
    ("scores", "truth", "weight", "message"),
    [
        ([0.5, np.nan], [True, False], None, "from 0 to 1"),
        ([0.5, 1.5], [True, False], None, "from 0 to 1"),
        ([0.5, 0.6], [True, True], None, "both labels"),
        ([0.5, 0.6], [True, False], [1.0, 0.0], "both labels"),
        ([0.5, 0.6], [True, False], [1.0, -1.0], "weights"),
        ([0.5, 0.6], [True], None, "as many"),
        ([], [], None, "got none"),
    ],
)
def test_rows_that_cannot_be_calibrated_are_refused(scores, truth, weight, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(scores, truth, weight)


def test_numbers_of_another_kind_are_refused() -> None:
    for text in (b'{"kind":"beta","coefficients":[1,0]}', b'{"kind":"isotonic"}', b'{"x":[1],"y":[1]}'):
        with pytest.raises(msgspec.ValidationError, match="calibration"):
            msgspec.json.decode(text, type=Calibration)
