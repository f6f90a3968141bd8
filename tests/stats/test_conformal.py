from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie.conformity_scores import ResidualNormalisedScore
from mapie.regression import ConformalizedQuantileRegressor, SplitConformalRegressor
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin

from holdfast.errors import InputError, SettingError
from holdfast.stats.conformal import Conformal, conformal_quantile, coverage, fit, interval


class Column(RegressorMixin, BaseEstimator):
    """A fitted model whose prediction is a column of its input."""

    fitted_ = True

    def __init__(self, column: int = 0) -> None:
        self.column = column

    def fit(self, *_):
        return self

    def predict(self, x):
        return np.asarray(x)[:, self.column]


def _rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns: prediction, lower and upper quantile, sigma; and the truth. The noise grows with the prediction."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 3, n)
    return np.column_stack([x, x - x / 2, x + x, x]), x + x * rng.normal(size=n)


@pytest.mark.parametrize("n", [20, 199, 200, 1_000])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_intervals_are_those_of_mapie(n: int, level: float) -> None:
    (x, truth), (new, _) = _rows(n), _rows(50, 1)
    ours = {
        "absolute": interval(fit(truth, x[:, 0], level=level), new[:, 0]),
        "normalised": interval(fit(truth, x[:, 0], level=level, sigma=x[:, 3]), new[:, 0], sigma=new[:, 3]),
        "cqr": interval(fit(truth, x[:, 1:3], level=level), new[:, 1:3]),
    }
    normalised = ResidualNormalisedScore(residual_estimator=Column(3), prefit=True, sym=True)
    split = {
        "absolute": SplitConformalRegressor(Column(), confidence_level=level, prefit=True),
        "normalised": SplitConformalRegressor(
            Column(), confidence_level=level, prefit=True, conformity_score=normalised
        ),
        "cqr": ConformalizedQuantileRegressor(
            [Column(1), Column(2), Column()],
            confidence_level=level,
            prefit=True,
        ),
    }
    for kind, regressor in split.items():
        regressor.conformalize(x, truth)
        options = {"symmetric_correction": True} if kind == "cqr" else {}
        _, theirs = regressor.predict_interval(new, **options)
        np.testing.assert_allclose(np.transpose(ours[kind]), theirs[:, :, 0], rtol=1e-9, err_msg=kind)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.sampled_from([0.1, 0.5, 0.7, 0.9, 0.99]))
def test_the_quantile_is_an_order_statistic(scores: list[float], level: float) -> None:
    percent = round(100 * level)
    rank = -(-(len(scores) + 1) * percent // 100)  # in integers
    assert conformal_quantile(scores, level) == (sorted(scores)[rank - 1] if rank <= len(scores) else math.inf)


def test_coverage_follows_the_beta_law() -> None:
    """Given the calibration rows, the coverage of new rows is Beta(k, n + 1 - k) with k = ceil((n + 1) * level)."""
    n, level = 199, 0.9
    covered = []
    for seed in range(300):
        residual = np.random.default_rng(seed).random(n)
        covered.append(fit(residual, np.zeros(n), level=level).quantile)  # of uniform residuals, the coverage itself
    law = stats.beta(180, 20)
    assert stats.kstest(covered, law.cdf).pvalue > 0.01
    assert np.mean(covered) == pytest.approx(0.9, abs=0.005)


@pytest.mark.parametrize("kind", ["normalised", "cqr"])
def test_every_kind_covers_what_it_promises(kind: str) -> None:
    shares = []
    for seed in range(40):
        (x, truth), (new, future) = _rows(500, 2 * seed), _rows(500, 2 * seed + 1)
        if kind == "cqr":
            low, high = interval(fit(truth, x[:, 1:3], level=0.8), new[:, 1:3])
        else:
            low, high = interval(fit(truth, x[:, 0], level=0.8, sigma=x[:, 3]), new[:, 0], sigma=new[:, 3])
        shares.append(((low <= future) & (future <= high)).mean())
    assert np.mean(shares) == pytest.approx(0.8, abs=0.01)


def test_too_few_rows_for_the_level_give_infinite_intervals() -> None:
    conformal = fit(np.arange(8.0), np.zeros(8), level=0.9)
    assert conformal.quantile is None
    assert [end.tolist() for end in interval(conformal, [5.0])] == [[-math.inf], [math.inf]]
    assert fit(np.arange(9.0), np.zeros(9), level=0.9).quantile == 8
    assert fit([], [], level=0.9).quantile is None


def test_a_segment_has_its_own_quantile_from_a_hundred_rows_on() -> None:
    """At level 0.9; smaller and unseen segments use that of all rows."""
    truth = np.concatenate([np.arange(100.0), 1_000 + np.arange(99.0)])
    segment = np.repeat(["large", "small"], [100, 99])
    conformal = fit(truth, np.zeros(199), level=0.9, segment=segment)
    assert conformal.segments == {"large": 90.0}
    assert conformal.fallback == ("small",)
    assert conformal.quantile == 1_079
    _, high = interval(conformal, np.zeros(3), segment=["small", "large", "never seen"])
    assert high.tolist() == [1_079, 90, 1_079]
    with pytest.raises(InputError, match="segment of each row"):
        interval(conformal, [0.0])


def test_segments_cover_each_as_promised() -> None:
    """Without them the quiet segment is covered almost always, at the price of the loud one."""
    shares = {True: [], False: []}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        segment = np.array(["quiet", "loud"])[rng.integers(0, 2, 2_000)]
        truth = np.where(segment == "loud", 10.0, 1.0) * rng.normal(size=2_000)
        for mondrian in (True, False):
            names = segment if mondrian else None
            conformal = fit(truth[:1_000], np.zeros(1_000), level=0.8, segment=None if names is None else names[:1_000])
            low, high = interval(conformal, np.zeros(1_000), segment=None if names is None else names[1_000:])
            inside = (low <= truth[1_000:]) & (truth[1_000:] <= high)
            found = coverage(inside, high - low, segment[1_000:] == "loud", groups=2)
            shares[mondrian].append(found.share)
    np.testing.assert_allclose(np.mean(shares[True], axis=0), 0.8, atol=0.01)
    assert np.mean(shares[False], axis=0)[0] > 0.95
    assert np.mean(shares[False], axis=0)[1] < 0.65


def test_a_band_that_is_too_wide_shrinks_and_never_turns_over() -> None:
    conformal = fit(np.zeros(99), np.tile([-10.0, 10.0], (99, 1)), level=0.9)
    assert conformal.quantile == -10
    low, high = interval(conformal, [[-30.0, 30.0], [2.0, 6.0]])
    assert (low.tolist(), high.tolist()) == ([-20, 4], [20, 4])


def test_a_conformal_survives_json() -> None:
    for conformal in (
        fit(np.arange(5.0), np.zeros(5)),
        fit(np.arange(200.0), np.zeros(200), segment=np.repeat(["a", "b"], [150, 50])),
    ):
        assert msgspec.json.decode(msgspec.json.encode(conformal), type=Conformal) == conformal


def test_coverage_counts_by_group_and_knows_nothing_of_empty_ones() -> None:
    found = coverage([True, True, True, False], [1.0, 3.0, 5.0, 7.0], [0, 0, 2, 2], groups=3)
    assert found.rows.tolist() == [2, 0, 2]
    np.testing.assert_array_equal(found.share, [1, np.nan, 0.5])
    np.testing.assert_array_equal(found.size, [2, np.nan, 6])
    assert np.isnan(found.low[1])
    assert found.low[2] < 0.5 < found.high[2]
    assert coverage([], []).rows.tolist() == [0]


def test_a_nan_prediction_has_no_interval() -> None:
    for conformal in (fit(np.arange(9.0), np.zeros(9)), fit([1.0], [0.0])):
        assert np.isnan(interval(conformal, [np.nan])).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0, np.nan], [0.0, 0.0]), InputError, "NaN"),
        (([1.0, 2.0], [0.0, np.nan]), InputError, "NaN"),
        (([1.0, 2.0], [0.0, np.inf]), InputError, "infinite"),
        (([1.0], [0.0, 0.0]), InputError, "per row"),
        (([1.0], [[0.0, 0.0, 0.0]]), InputError, "two quantiles"),
        (([1.0], [0.0], {"sigma": [0.0]}), InputError, "above 0"),
        (([1.0], [0.0], {"sigma": [np.nan]}), InputError, "above 0"),
        (([1.0], [[0.0, 1.0]], {"sigma": [1.0]}), SettingError, "both"),
        (([1.0], [0.0], {"level": 1.0}), SettingError, "between 0 and 1"),
        (([1.0], [0.0], {"level": 95}), SettingError, "between 0 and 1"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(arguments, error: type[Exception], message: str) -> None:
    truth, prediction, *options = arguments
    with pytest.raises(error, match=message):
        fit(truth, prediction, **(options[0] if options else {}))


def test_inputs_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError, match="absolute"):
        interval(fit(np.arange(9.0), np.zeros(9)), [[0.0, 1.0]])
