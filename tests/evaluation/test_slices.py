"""Figures of groups, against scikit-learn and hand counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score
from statsmodels.stats.proportion import proportion_confint

from holdfast.evaluation.codes import Codes
from holdfast.evaluation.slices import figures_of, groups, rows_where, share
from holdfast.evidence import Estimate
from holdfast.objective import Cost, FBeta, Judged, MeanAbsoluteError

RNG = np.random.default_rng(0)
N = 2_000
TRUTH = RNG.random(N) < 0.3
SCORE = np.clip(0.3 * TRUTH + RNG.random(N) * 0.7, 0, 1)
ANSWER = SCORE >= 0.5
COUNTRY = Codes(codes=RNG.integers(-1, 3, N), values=("AT", "CH", "DE"))
SEX = Codes(codes=RNG.integers(0, 2, N), values=("female", "male"))


def test_every_row_is_in_one_group_of_a_column() -> None:
    found = groups({"country": COUNTRY}, lambda _: {}, minimum_rows=1, positive=TRUTH)
    assert [group.values for group in found] == [("AT",), ("CH",), ("DE",), ("(missing)",)]
    assert sum(group.rows for group in found) == N
    assert sum(group.positives or 0 for group in found) == TRUTH.sum()


def test_crossings_are_pairs_of_columns() -> None:
    found = groups({"country": COUNTRY, "sex": SEX}, lambda _: {}, minimum_rows=1, crossings=True)
    assert len(found) == 4 + 2 + 4 * 2
    assert sum(group.rows for group in found if len(group.columns) == 2) == N
    assert found[6].name == "country = AT, sex = female"


def test_a_small_group_is_named_and_nothing_is_said_of_it() -> None:
    rare = Codes(codes=np.r_[np.zeros(100, np.int64), 1, 1, 1], values=("common", "rare"))
    common, small = groups({"x": rare}, lambda rows: {"n": Estimate(value=float(len(rows)))}, minimum_rows=30)
    assert (common.enough, common.figures["n"].value) == (True, 100.0)
    assert (small.enough, small.rows, small.figures) == (False, 3, {})


def test_of_many_values_the_most_frequent_are_told() -> None:
    many = Codes(codes=np.repeat(np.arange(40), np.arange(1, 41)), values=tuple(f"v{i:02}" for i in range(40)))
    found = groups({"x": many}, lambda _: {}, minimum_rows=1)
    assert [group.values[0] for group in found] == [f"v{i:02}" for i in range(10, 40)]


def test_rows_where_columns_have_values() -> None:
    rows = rows_where({"country": COUNTRY, "sex": SEX}, {"country": "DE", "sex": "male"})
    assert rows.tolist() == np.flatnonzero((COUNTRY.codes == 2) & (SEX.codes == 1)).tolist()
    assert len(rows_where({"country": COUNTRY}, {"country": "FR"})) == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_the_rates_of_a_group_are_those_of_sklearn(weighted: bool) -> None:
    weight = RNG.uniform(0.5, 2.0, N) if weighted else None
    judged = Judged(truth=TRUTH, score=SCORE, answer=ANSWER, weight=weight)
    rows = np.flatnonzero(SEX.codes == 1)
    found = figures_of(FBeta(), judged)(rows)
    w = None if weight is None else weight[rows]
    assert found["recall"].value == pytest.approx(recall_score(TRUTH[rows], ANSWER[rows], sample_weight=w), abs=1e-12)
    assert found["precision"].value == pytest.approx(
        precision_score(TRUTH[rows], ANSWER[rows], sample_weight=w), abs=1e-12
    )
    assert found["false_positive_rate"].value == pytest.approx(
        1 - recall_score(~TRUTH[rows], ~ANSWER[rows], sample_weight=w), abs=1e-12
    )


def test_the_interval_of_a_share_is_wilsons() -> None:
    found = share(ANSWER, np.ones(N, bool))
    low, high = proportion_confint(ANSWER.sum(), N, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)


def test_a_share_of_no_rows_is_unknown() -> None:
    assert share(ANSWER, np.zeros(N, bool)).value is None
    assert share(ANSWER, np.ones(N, bool), np.zeros(N)).value is None


def test_costs_and_errors_of_a_group() -> None:
    judged = Judged(truth=np.array([True, False]), score=np.array([0.2, 0.9]), answer=np.array([False, True]))
    assert figures_of(Cost(false_positive=5, false_negative=100), judged)(np.array([0, 1]))["objective"].value == 52.5
    numbers = Judged(truth=np.array([1.0, 2.0]), score=np.array([2.0, 4.0]), answer=np.array([2.0, 4.0]))
    found = figures_of(MeanAbsoluteError(), numbers)(np.array([0, 1]))
    assert (found["mae"].value, found["bias"].value) == (1.5, 1.5)
