"""How large a change is: closed forms, independent oracles, and no distance by chance."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from holdfast.checks.effects import (
    EFFECTS,
    cells_of,
    distances,
    kolmogorov_above_chance,
    wasserstein_in_deviations,
)
from holdfast.engines.local import profile_of, reference_profile
from holdfast.profile.column import ColumnProfile
from holdfast.schema import infer
from holdfast.tables import open_table


def profiles(current: object, reference: object) -> tuple[ColumnProfile, ColumnProfile]:
    """Both sides of one column over the reference's edges."""
    with open_table({"x": reference}) as before, open_table({"x": current}) as now:
        known = reference_profile(before, infer(before))
        return profile_of(now, known.edges).columns["x"], known.columns["x"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total_variation", 0.2),
        ("psi", 0.4 * np.log(1.5)),
        ("jensen_shannon", np.sqrt(1 + 0.6 * np.log2(0.6) + 0.4 * np.log2(0.4))),
        ("hellinger", np.sqrt(1 - 2 * np.sqrt(0.24))),
    ],
)
def test_distances_of_long_samples_have_their_closed_forms(name: str, value: float) -> None:
    """Shares 0.6 and 0.4 against 0.4 and 0.6 (the Jensen-Shannon divergence is 1 - H(0.6) bits); chance adds next to nothing."""
    rows = 1e10
    measured = EFFECTS[name].above_chance(np.array([0.6, 0.4]) * rows, np.array([0.4, 0.6]) * rows)
    assert measured == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("rows", [100, 1_000, 100_000])
def test_without_a_change_the_mean_effect_is_about_zero_at_every_size(name: str, rows: int) -> None:
    """A fixed limit on the plain distance alarms in most small windows; above chance it does not depend on their size."""
    rng = np.random.default_rng(1)
    shares = np.full(10, 0.1)
    now, before = rng.multinomial(rows, shares, 400), rng.multinomial(10 * rows, shares, 400)
    values = [EFFECTS[name].above_chance(c.astype(float), r.astype(float)) for c, r in zip(now, before, strict=True)]
    plain = np.sqrt(9 * 1.1 / rows)  # the size of a root distance by chance
    assert abs(np.mean(values)) < 0.1 * plain
    assert np.mean(np.array(values) > EFFECTS[name].minimum) < 0.1


def test_kolmogorov_and_wasserstein_agree_with_scipy() -> None:
    rng = np.random.default_rng(2)
    before, now = rng.lognormal(size=5_000), rng.lognormal(0.3, size=2_000)
    found = distances(*profiles(now, before))
    exact = stats.ks_2samp(now, before).statistic
    assert found["kolmogorov_smirnov"] <= exact + 1e-12
    assert found["kolmogorov_smirnov"] == pytest.approx(exact, abs=2 / 512)
    assert found["kolmogorov_smirnov_upper"] >= exact - 1e-12
    units = stats.wasserstein_distance(now, before) / before.std(ddof=1)
    assert found["wasserstein_in_deviations"] == pytest.approx(units, rel=0.05)


def test_a_shift_by_one_deviation_is_a_wasserstein_distance_of_one() -> None:
    values = np.random.default_rng(3).normal(5, 2, 10_000)
    assert wasserstein_in_deviations(*profiles(values + values.std(ddof=1), values)) == pytest.approx(1, abs=0.02)


def test_a_constant_reference_has_no_deviations_to_measure_in() -> None:
    current, reference = profiles([1.0, 2.0] * 50, [1.0] * 100)
    assert np.isnan(wasserstein_in_deviations(current, reference))
    assert "wasserstein_in_deviations" not in distances(current, reference)


def test_kolmogorov_above_chance_is_about_zero_without_a_change() -> None:
    rng = np.random.default_rng(4)
    reference = rng.normal(size=20_000)
    values = [kolmogorov_above_chance(*profiles(rng.normal(size=500), reference)) for _ in range(60)]
    assert abs(np.mean(values)) < 4 * np.std(values, ddof=1) / np.sqrt(60)


def test_categories_have_no_order_and_so_no_kolmogorov_or_wasserstein() -> None:
    assert set(distances(*profiles(["a", "b"] * 50, ["a", "b"] * 50))) == {
        "psi",
        "jensen_shannon",
        "hellinger",
        "total_variation",
    }


def test_there_are_no_distances_to_nothing() -> None:
    assert distances(*profiles(pa.nulls(50, pa.float64()), [1.0, 2.0] * 50)) == {}


@pytest.mark.parametrize("huge", [1e6, 1e9])
def test_one_huge_value_leaves_half_a_deviation_of_shift_in_sight(huge: float) -> None:
    """With equal-width bins one peer's KS fell from 0.199 to 0.000002, another's PSI from 0.249 to 0.025."""
    rng = np.random.default_rng(5)
    before, now = rng.normal(size=20_000), rng.normal(0.5, size=20_000)
    clean = distances(*profiles(now, before))
    spoiled = distances(*profiles(now, np.append(before, huge)))
    assert clean["kolmogorov_smirnov"] == pytest.approx(2 * stats.norm.cdf(0.25) - 1, abs=0.02)
    assert clean["psi"] == pytest.approx(0.25, abs=0.03)  # shift squared, for normal columns
    for name in ("kolmogorov_smirnov", "psi", "total_variation", "hellinger", "jensen_shannon"):
        assert spoiled[name] == pytest.approx(clean[name], rel=0.01)


def test_a_heavy_tail_that_doubles_is_seen() -> None:
    """Pareto times two: exact KS 0.173 for a tail index of 0.274; equal-width bins show 0.002."""
    uniform = np.random.default_rng(6).uniform(size=20_000)
    index = -np.log2(1 - 0.173)
    before, now = uniform[:10_000] ** (-1 / index), 2 * uniform[10_000:] ** (-1 / index)
    assert distances(*profiles(now, before))["kolmogorov_smirnov"] == pytest.approx(0.173, abs=0.02)


def test_cells_hold_all_rows() -> None:
    rng = np.random.default_rng(7)
    current, reference = profiles(rng.normal(size=333), rng.normal(size=4_000))
    now, before = cells_of(current, reference)
    assert (now.sum(), before.sum(), len(now)) == (333, 4_000, len(before))
    assert before.min() / 4_000 * 333 >= 5
