"""Disparities against fairlearn, equalised thresholds against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    equalized_odds_ratio,
)

from holdfast.evaluation.codes import Codes
from holdfast.evaluation.fairness import disparities, equalised
from holdfast.evaluation.slices import figures_of, groups
from holdfast.objective import Cost, FBeta, Judged


def world(n: int = 6_000, seed: int = 0, gap: float = 0.15) -> tuple[Judged, Codes]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    truth = rng.random(n) < 0.3
    score = np.clip(0.35 * truth + 0.65 * rng.random(n) - gap * (codes == 2), 0, 1)
    return Judged(truth=truth, score=score, answer=score >= 0.5), Codes(codes=codes, values=("a", "b", "c"))


def test_the_disparities_are_those_of_fairlearn() -> None:
    judged, column = world()
    found = disparities(groups({"g": column}, figures_of(FBeta(), judged), minimum_rows=50))
    values = {d.measure: d.estimate.value for d in found}
    y, p, g = judged.truth, judged.answer, column.codes
    assert values["demographic_parity_difference"] == pytest.approx(
        demographic_parity_difference(y, p, sensitive_features=g)
    )
    assert values["demographic_parity_ratio"] == pytest.approx(demographic_parity_ratio(y, p, sensitive_features=g))
    assert values["equal_opportunity_difference"] == pytest.approx(
        equal_opportunity_difference(y, p, sensitive_features=g)
    )
    assert values["equalised_odds_difference"] == pytest.approx(equalized_odds_difference(y, p, sensitive_features=g))
    assert values["equalised_odds_ratio"] == pytest.approx(equalized_odds_ratio(y, p, sensitive_features=g))
    assert next(d for d in found if d.measure == "demographic_parity_difference").lowest == "g = c"


def test_groups_without_enough_rows_make_no_disparity() -> None:
    judged, column = world(300)
    assert disparities(groups({"g": column}, figures_of(FBeta(), judged), minimum_rows=10_000)) == ()


def test_groups_of_which_nothing_is_called_have_no_ratio_but_one() -> None:
    judged = Judged(truth=np.tile([True, False], 100), score=np.zeros(200), answer=np.zeros(200, bool))
    column = Codes(codes=np.repeat([0, 1], 100), values=("a", "b"))
    found = {
        d.measure: d.estimate.value
        for d in disparities(groups({"g": column}, figures_of(FBeta(), judged), minimum_rows=1))
    }
    assert found["demographic_parity_difference"] == 0.0
    assert found["demographic_parity_ratio"] == 1.0


@pytest.mark.simulation
def test_alike_groups_seldom_differ_beyond_the_interval() -> None:
    """The farthest of three pairs: at most 5% of 400 runs, plus three standard errors."""
    beyond = 0
    for seed in range(400):
        judged, column = world(1_500, seed + 100, gap=0.0)
        found = disparities(groups({"g": column}, figures_of(FBeta(), judged), minimum_rows=50))
        interval = next(d for d in found if d.measure == "demographic_parity_difference").estimate
        assert interval.low is not None
        beyond += interval.low > 0
    assert beyond <= 400 * 0.05 + 3 * np.sqrt(400 * 0.05 * 0.95)


@pytest.mark.parametrize("measure", ["demographic_parity_difference", "equal_opportunity_difference"])
def test_thresholds_of_their_own_bring_groups_together(measure: str) -> None:
    judged, column = world(60_000)
    rows = np.arange(60_000)
    made = equalised(
        "g",
        column,
        rows[:30_000],
        rows[30_000:],
        judged,
        0.5,
        Cost(false_positive=1, false_negative=3),
        minimum_rows=50,
    )
    found = next(e for e in made if e.measure == measure)
    assert found.before.value is not None
    assert found.before.value > 0.1
    assert found.after.value is not None
    assert found.after.value < 0.05
    assert found.thresholds["c"] < found.thresholds["a"]
    assert found.objective_before is not None
    assert found.objective_after is not None


def test_one_group_cannot_be_equalised() -> None:
    judged, _ = world(500)
    one = Codes(codes=np.zeros(500, np.int64), values=("a",))
    rows = np.arange(500)
    assert equalised("g", one, rows[:250], rows[250:], judged, 0.5, FBeta(), minimum_rows=10) == ()
