from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from statsmodels.stats.multitest import multipletests

from holdfast.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, e_benjamini_hochberg, holm

PROCEDURES = [(benjamini_hochberg, "fdr_bh"), (benjamini_yekutieli, "fdr_by"), (holm, "holm")]
procedures = pytest.mark.parametrize(("procedure", "method"), PROCEDURES, ids=[name for _, name in PROCEDURES])
# A coarse grid gives ties; powers of ten reach what is small.
families = st.lists(st.integers(0, 40).map(lambda k: k / 40) | st.integers(1, 300).map(lambda k: 10.0**-k), min_size=1)


@procedures
@settings(max_examples=30)  # statsmodels takes 65 ms for a Holm family
@given(families, st.sampled_from([0.01, 0.05, 0.2]))
def test_adjusted_p_values_are_those_of_statsmodels(procedure, method: str, p_values, level: float) -> None:
    result = procedure(p_values, level)
    rejected, adjusted, _, _ = multipletests(p_values, level, method=method)
    np.testing.assert_allclose(result.adjusted, adjusted, rtol=1e-12)
    clear = np.abs(adjusted - level) > 1e-12  # at the very edge rounding decides
    np.testing.assert_array_equal(result.rejected[clear], rejected[clear])


@pytest.mark.parametrize("procedure", [benjamini_hochberg, benjamini_yekutieli, holm])
@given(families, st.data())
def test_what_was_not_tested_is_left_out(procedure, p_values, data) -> None:
    """NaN anywhere in the family changes nothing for the others."""
    expected = procedure(p_values, 0.05)
    places = data.draw(st.lists(st.integers(0, len(p_values)), max_size=5))
    mixed = procedure(np.insert(p_values, places, math.nan), 0.05)
    tested = ~np.isnan(mixed.adjusted)
    assert tested.sum() == len(p_values)
    np.testing.assert_array_equal(mixed.adjusted[tested], expected.adjusted)
    np.testing.assert_array_equal(mixed.rejected[tested], expected.rejected)
    assert not mixed.rejected[~tested].any()


@pytest.mark.parametrize("procedure", [benjamini_hochberg, benjamini_yekutieli, holm, e_benjamini_hochberg])
def test_edge_cases(procedure) -> None:
    assert procedure([], 0.05).adjusted.shape == (0,)
    nothing = procedure([math.nan, math.nan], 0.05)
    assert not nothing.rejected.any()
    assert np.isnan(nothing.adjusted).all()
    assert procedure(1, 0.05).adjusted == 1
    assert procedure([[1, 1, 1], [1, 1, 1]], 0.05).rejected.shape == (2, 3)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.sampled_from([0.01, 0.05, 0.2]))
def test_e_benjamini_hochberg_rejects_by_its_definition(multiples: list[int], level: float) -> None:
    """The k largest, for the largest k whose k-th largest e-value is at least m / (level * k)."""
    e = np.array(multiples) * math.sqrt(2)  # irrational, so that rounding never decides
    ranked, m = np.sort(e)[::-1], len(e)
    enough = np.flatnonzero(ranked >= m / (level * np.arange(1, m + 1)))
    expected = e >= ranked[enough[-1]] if enough.size else np.zeros(m, dtype=bool)
    np.testing.assert_array_equal(e_benjamini_hochberg(e, level).rejected, expected)


def test_e_values_of_zero_and_infinity() -> None:
    result = e_benjamini_hochberg([math.inf, 5e-324, math.nan, 30.0, 0.0], 0.1)
    assert result.rejected.tolist() == [True, False, False, True, False]
    np.testing.assert_allclose(result.adjusted, [0, 1, math.nan, 1 / 15, 1])


def false_discovery_share(rejected: np.ndarray, nulls: int) -> np.ndarray:
    return rejected[:, :nulls].sum(axis=1) / np.maximum(rejected.sum(axis=1), 1)


@pytest.mark.simulation
def test_benjamini_hochberg_has_exactly_its_false_discovery_rate() -> None:
    """Independent families of 30, 24 true: the mean share of false rejections is level * 24 / 30."""
    rng = np.random.default_rng(1)
    z = rng.normal(np.repeat([0, 3], [24, 6]), 1, (4_000, 30))
    rejected = np.array([benjamini_hochberg(family, 0.1).rejected for family in ndtr(-z)])
    share = false_discovery_share(rejected, 24)
    assert share.mean() == pytest.approx(0.08, abs=3 * share.std() / math.sqrt(4_000))


@pytest.mark.simulation
@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_false_discoveries_are_bounded_under_dependence(correlation: float) -> None:
    """Equicorrelated normal scores; the e-values are likelihood ratios for a mean of 3, of mean 1 without one."""
    rng = np.random.default_rng(2)
    common, own = rng.normal(size=(3_000, 1)), rng.normal(size=(3_000, 30))
    z = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own + np.repeat([0, 3], [24, 6])
    by = np.array([benjamini_yekutieli(family, 0.1).rejected for family in ndtr(-z)])
    ebh = np.array([e_benjamini_hochberg(family, 0.1).rejected for family in np.exp(3 * z - 4.5)])
    family_wise = np.array([holm(family, 0.1).rejected for family in ndtr(-z)])
    assert false_discovery_share(by, 24).mean() < 0.1
    assert false_discovery_share(ebh, 24).mean() < 0.1
    assert family_wise[:, :24].any(axis=1).mean() < 0.1 + 3 * math.sqrt(0.09 / 3_000)
    for rejected in (by, ebh, family_wise):
        assert rejected[:, 24:].mean() > 0.25  # and it still finds something
