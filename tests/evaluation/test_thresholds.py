import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from holdfast.errors import SettingError
from holdfast.evaluation.thresholds import best_threshold, threshold_curve
from holdfast.objective import (
    Cost,
    FBeta,
    Judged,
    MeanAbsoluteError,
    Ndcg,
    Objective,
    PrecisionAtCapacity,
    RecallAtPrecision,
    TopK,
    value,
)

DAY = 86_400.0
COST = Cost(false_positive=10, false_negative="amount")


def rows(n: int = 4_000, seed: int = 0) -> Judged:
    """Calibrated scores."""
    rng = np.random.default_rng(seed)
    score = rng.random(n) ** 3
    return Judged(
        truth=rng.random(n) < score,
        score=score,
        columns={"amount": rng.lognormal(3, 1, n), "card": rng.integers(0, 50, n).astype(float)},
        time=np.arange(n) * DAY / 200,
    )


def at(judged: Judged, threshold: float) -> Judged:
    return Judged(
        truth=judged.truth,
        score=judged.score,
        answer=judged.score >= threshold,
        columns=judged.columns,
        weight=judged.weight,
    )


@pytest.mark.parametrize("objective", [COST, FBeta(), FBeta(beta=2.0)], ids=lambda objective: objective.title)
def test_it_is_about_as_good_on_other_rows_as_the_best_in_hindsight(objective: Objective) -> None:
    judged, later = rows(), rows(seed=1)
    found = value(objective, at(later, best_threshold(objective, judged, judged.score)))
    sign = 1 if objective.direction == "lower" else -1
    best = min(
        sign * value(objective, at(later, threshold))
        for threshold in np.quantile(later.score, np.arange(0.01, 1, 0.01))
    )
    assert sign * found == pytest.approx(best, rel=0.05)


def test_with_a_single_positive_row_it_follows_the_probabilities() -> None:
    """Elkan's threshold is 0.1; the only positive row has the score 0.02."""
    score = np.arange(0.005, 1, 0.005)
    truth = np.isclose(score, 0.02)
    found = best_threshold(Cost(false_positive=10, false_negative=100), Judged(truth=truth, score=score), score)
    assert found == pytest.approx(0.1, abs=0.01)


def test_it_lies_between_two_scores() -> None:
    score = np.repeat([0.1, 0.9], 500)
    assert best_threshold(COST_1, Judged(truth=score > 0.5, score=score), score) == pytest.approx(0.5)


COST_1 = Cost(false_positive=1, false_negative=1)


def test_nothing_is_called_positive_where_that_only_costs() -> None:
    judged = rows()
    cost = Cost(false_positive=1_000_000, false_negative=1)
    assert best_threshold(cost, judged, judged.score) > judged.score.max()


def test_a_weight_of_2_counts_like_two_rows() -> None:
    judged = rows(300)
    weight = np.random.default_rng(0).integers(1, 3, 300)
    weighted = Judged(truth=judged.truth, score=judged.score, weight=weight.astype(float))
    again = np.repeat(np.arange(300), weight)
    repeated = Judged(truth=judged.truth[again], score=judged.score[again])
    curves = [threshold_curve(FBeta(), one).y for one in (weighted, repeated)]
    assert curves[0] == pytest.approx(curves[1])


def test_a_capacity_is_kept_on_average() -> None:
    judged = rows()
    one_percent = best_threshold(PrecisionAtCapacity(capacity=0.01), judged, judged.score)
    assert (judged.score >= one_percent).sum() == 40
    ten_a_day = best_threshold(PrecisionAtCapacity(capacity=10, per="1d"), judged, judged.score)
    assert (judged.score >= ten_a_day).sum() == 200
    cards = best_threshold(TopK(top=5, per="1d", by="card"), judged, judged.score)
    day = (judged.time // DAY).astype(int)
    chosen = {(d, c) for d, c in zip(day, judged.columns["card"], strict=True)}
    called = {(day[i], judged.columns["card"][i]) for i in np.flatnonzero(judged.score >= cards)}
    assert len(called) == 5 * 20
    assert called < chosen
    assert best_threshold(TopK(top=10, per="1d"), judged, judged.score) == ten_a_day


def test_a_precision_is_kept() -> None:
    judged, later = rows(20_000), rows(20_000, seed=2)
    found = best_threshold(RecallAtPrecision(precision=0.7), judged, judged.score)
    assert later.truth[later.score >= found].mean() == pytest.approx(0.7, abs=0.02)


def test_a_precision_that_is_never_reached_calls_the_best_rows_only() -> None:
    judged = Judged(truth=np.array([True, False, True, False]), score=np.array([0.2, 0.5, 0.7, 0.9]))
    found = best_threshold(RecallAtPrecision(precision=0.99), judged, judged.score)
    assert (judged.score >= found).sum() == 1


def test_what_only_ranks_calls_as_many_positive_as_there_are() -> None:
    judged = rows()
    found = best_threshold(Ndcg(k=5, query="card"), judged, judged.score)
    assert (judged.score >= found).sum() == judged.truth.sum()


def test_numbers_have_no_threshold() -> None:
    with pytest.raises(SettingError, match="Mean absolute error is not about two classes"):
        best_threshold(MeanAbsoluteError(), rows(), rows().score)


def test_a_cost_that_is_missing_where_it_does_not_count_is_no_obstacle() -> None:
    judged = rows()
    gaps = {"amount": np.where(judged.truth, judged.columns["amount"], np.nan)}
    with_gaps = Judged(truth=judged.truth, score=judged.score, columns=gaps)
    assert 0 < best_threshold(COST, with_gaps, judged.score) < 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_the_curve_is_the_objective_at_each_threshold(given_rows: list[tuple[int, bool]]) -> None:
    score, truth = np.array([s / 5 for s, _ in given_rows]), np.array([t for _, t in given_rows])
    judged = Judged(truth=truth, score=score)
    curve = threshold_curve(COST_1, judged)
    assert curve.y == pytest.approx([value(COST_1, at(judged, threshold)) for threshold in curve.x])
    if truth.any():
        curve = threshold_curve(FBeta(), judged, chosen=0.5)
        assert curve.y == pytest.approx([f1_score(truth, score >= threshold) for threshold in curve.x])
        assert curve.marks == {"chosen": 0.5}


def test_the_chosen_threshold_is_a_point_of_the_curve_even_between_scores() -> None:
    """It answers like the next higher score, also of thousands of which most are left out of the picture."""
    rng = np.random.default_rng(0)
    score = rng.random(5_000) ** 4
    judged = Judged(truth=rng.random(5_000) < score, score=score)
    chosen = float(np.sort(score)[4_000:4_002].mean())
    curve = threshold_curve(FBeta(), judged, chosen)
    place = curve.x.index(chosen)
    assert len(curve.x) < 250
    assert sorted(curve.x) == list(curve.x)
    assert curve.y[place] == pytest.approx(f1_score(judged.truth, score >= chosen))


def test_the_curve_of_costs_has_the_interval_of_a_mean() -> None:
    judged = rows()
    curve = threshold_curve(COST, judged)
    middle = len(curve.x) // 2
    never_alarm = judged.score < curve.x[middle]
    cost = np.where(judged.truth, never_alarm * judged.columns["amount"], ~never_alarm * 10.0)
    assert curve.high[middle] - curve.y[middle] == pytest.approx(1.96 * cost.std() / np.sqrt(4_000))
