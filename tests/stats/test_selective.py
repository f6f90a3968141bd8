from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.errors import InputError, SettingError
from holdfast.stats.selective import STARTS, Guarantee, guarantee, risk_coverage


def _stream(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = rng.random(rows)
    return confidence, rng.random(rows) < 0.25 * np.exp(-4 * confidence)


def _true_risk(threshold: float) -> float:
    """Mean error of the stream above a threshold."""
    return 0.25 * (math.exp(-4 * threshold) - math.exp(-4)) / 4 / (1 - threshold)


@pytest.mark.parametrize(("risk", "coverage"), [(0.02, 0.4), (0.05, 0.86)])
def test_the_guarantee_holds_and_is_worth_something(risk: float, coverage: float) -> None:
    found = [guarantee(*_stream(5_000, seed), risk=risk) for seed in range(100)]
    held = [g is None or _true_risk(g.threshold) <= risk for g in found]
    assert np.mean(held) >= 0.95
    assert np.mean([g.coverage if g else 0 for g in found]) >= coverage


def test_the_bound_is_that_of_clopper_and_pearson_on_the_decided_rows() -> None:
    confidence, errors = _stream(2_000, 1)
    found = guarantee(confidence, errors, risk=0.1, delta=0.1)
    decided = confidence >= found.threshold
    exact = stats.binomtest(int(errors[decided].sum()), int(decided.sum())).proportion_ci(1 - 2 * 0.1 / len(STARTS))
    assert found.bound == pytest.approx(exact.high)
    assert found.bound <= 0.1
    assert found.coverage == decided.mean()
    assert (found.rows, found.risk, found.delta) == (2_000, 0.1, 0.1)


def test_without_errors_the_rows_needed_are_those_of_the_formula() -> None:
    """ln(4 / 0.05) / -ln(0.98) = 216.9 rows at the start of the last chain, which are 80% of 272."""
    assert guarantee(np.arange(272.0), np.zeros(272), risk=0.02).coverage == 271 / 272
    assert guarantee(np.arange(270.0), np.zeros(270), risk=0.02) is None


def test_errors_among_the_most_confident_do_not_hide_the_safe_rest() -> None:
    """The first chains fail at once; no rising confidence is taken for granted."""
    errors = np.arange(10_000) >= 9_950
    found = guarantee(np.arange(10_000.0), errors, risk=0.02)
    assert found.coverage == pytest.approx(1, abs=0.001)
    assert found.bound == pytest.approx(stats.beta.ppf(1 - 0.05 / 4, 51, 9_999 - 50))


def test_when_nothing_can_be_guaranteed_it_says_so() -> None:
    assert guarantee(*_stream(100, 0), risk=0.02) is None
    assert guarantee(np.arange(1_000.0), np.ones(1_000), risk=0.5) is None
    assert guarantee(np.ones(1_000), np.zeros(1_000), risk=0.5) is None  # no row is above another
    assert guarantee([], [], risk=0.5) is None
    assert guarantee([0.5], [False], risk=0.5) is None


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.6, 0.9]), st.booleans()), min_size=1, max_size=200),
    st.sampled_from([0.3, 0.6, 0.9]),
)
def test_ties_are_decided_together(rows: list[tuple[float, bool]], risk: float) -> None:
    confidence, errors = (np.array(column) for column in zip(*rows, strict=True))
    found = guarantee(confidence, errors, risk=risk)
    if found:
        decided = confidence >= found.threshold
        assert decided.mean() == pytest.approx(found.coverage)
        assert errors[decided].mean() <= found.bound <= risk


def test_a_guarantee_survives_json() -> None:
    found = guarantee(*_stream(2_000, 1), risk=0.05)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Guarantee) == found


def test_the_curve_by_hand() -> None:
    curve = risk_coverage([0.2, 0.9, 0.9, 0.5], [4.0, 0.0, 1.0, 2.0])
    assert curve.threshold.tolist() == [0.9, 0.5, 0.2]
    assert curve.coverage.tolist() == [0.5, 0.75, 1.0]
    assert curve.risk.tolist() == [0.5, 1.0, 1.75]
    assert curve.area == pytest.approx(0.5 * 0.5 + 0.25 * 1.0 + 0.25 * 1.75)


def test_the_area_is_the_mean_selective_risk() -> None:
    """Geifman et al.: over the n coverages 1/n to 1. Weights count as repeated rows."""
    confidence, errors = _stream(500, 0)
    ordered = errors[np.argsort(-confidence)]
    assert risk_coverage(confidence, errors).area == pytest.approx(np.mean(np.cumsum(ordered) / np.arange(1, 501)))
    weight = np.random.default_rng(0).integers(0, 3, 500)
    weighted = risk_coverage(confidence, errors, weight)
    repeated = risk_coverage(np.repeat(confidence, weight), np.repeat(errors, weight))
    np.testing.assert_allclose(weighted.risk, repeated.risk)
    assert weighted.area == pytest.approx(repeated.area)


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (([np.nan], [True]), {"risk": 0.1}, InputError),
        (([0.5], [True, False]), {"risk": 0.1}, InputError),
        (([0.5], [True]), {"risk": 0.0}, SettingError),
        (([0.5], [True]), {"risk": np.nan}, SettingError),
        (([0.5], [True]), {"risk": 0.1, "delta": 1.0}, SettingError),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, options, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected"):
        guarantee(*arguments, **options)


@pytest.mark.parametrize(
    ("confidence", "loss", "weight"),
    [([0.5], [np.nan], None), ([0.5], [0.0], [0.0]), ([0.5], [0.0], [-1.0]), ([0.5], [0.0], [np.nan]), ([], [], None)],
)
def test_curves_without_rows_or_numbers_are_refused(confidence, loss, weight) -> None:
    with pytest.raises(InputError, match="expected"):
        risk_coverage(confidence, loss, weight)
