import numpy as np
import pytest

from holdfast.errors import SettingError
from holdfast.evaluation.tuning import tune
from holdfast.objective import (
    Cost,
    CostMatrix,
    FBeta,
    Judged,
    MeanAbsoluteError,
    Objective,
    PrecisionAtCapacity,
    value,
)
from holdfast.policy import Policy, decide

COST = Cost(false_positive=10, false_negative="amount", currency="EUR")


def two(n: int = 6_000, seed: int = 0, power: float = 3.0) -> Judged:
    rng = np.random.default_rng(seed)
    score = rng.random(n) ** power
    return Judged(truth=rng.random(n) < score, score=score, columns={"amount": rng.lognormal(3, 1.5, n)})


def three(n: int = 3_000, seed: int = 0) -> Judged:
    rng = np.random.default_rng(seed)
    score = rng.dirichlet([1.0, 1.0, 1.0], n)
    truth = (rng.random((n, 1)) > np.cumsum(score, axis=1)).sum(axis=1)
    return Judged(truth=truth, score=score, classes=("a", "b", "c"))


def reached(objective: Objective, policy: Policy, judged: Judged) -> float:
    answer = decide(policy, judged.score, judged.columns).decision
    given = {"truth": judged.truth, "score": judged.score, "columns": judged.columns, "classes": judged.classes}
    return value(objective, Judged(**given, answer=answer))


def test_costs_that_differ_from_row_to_row_are_decided_row_by_row() -> None:
    tuned = tune(COST, two())
    assert tuned.policy.rule == "expected_cost"
    assert tuned.compared["expected_cost"] < tuned.compared["threshold"]
    later = two(seed=1)
    assert reached(COST, tuned.policy, later) < reached(COST, tune(COST, two(), rule="threshold").policy, later)


def test_a_score_that_knows_nothing_of_the_amount_but_is_badly_calibrated_is_calibrated() -> None:
    judged = two(8_000)
    bent = Judged(truth=judged.truth, score=judged.score**0.3, columns=judged.columns)
    tuned = tune(COST, bent)
    assert tuned.policy.calibration.kind != "none"
    assert reached(COST, tuned.policy, bent) == pytest.approx(
        reached(COST, tune(COST, judged).policy, judged), rel=0.03
    )


def test_a_rule_or_a_threshold_or_a_calibration_that_is_asked_for_is_used() -> None:
    assert tune(COST, two(), rule="threshold").policy.rule == "threshold"
    fixed = tune(COST, two(), threshold=0.5, calibrate="beta").policy
    assert (fixed.rule, fixed.threshold, fixed.calibration.kind) == ("threshold", 0.5, "beta")
    assert tune(COST, two(), rule="expected_cost").compared == {}


def test_too_few_positive_rows_to_compare_keep_the_simple_rule() -> None:
    judged = two(500)
    few = Judged(truth=judged.score > np.sort(judged.score)[-5], score=judged.score, columns=judged.columns)
    tuned = tune(COST, few)
    assert (tuned.policy.rule, tuned.compared, tuned.policy.calibration.kind) == ("threshold", {}, "none")


def test_several_classes_take_the_most_probable_unless_costs_say_otherwise() -> None:
    assert tune(FBeta(average="macro"), three()).policy == Policy(rule="most_probable", classes=("a", "b", "c"))
    matrix = CostMatrix(costs={"c": {"a": 20, "b": 20}}, otherwise=1)
    tuned = tune(matrix, three())
    assert tuned.policy.rule == "expected_cost"
    assert set(tuned.compared) == {"most_probable", "expected_cost"}


def test_a_number_is_its_own_answer() -> None:
    assert tune(MeanAbsoluteError(), Judged(truth=np.zeros(3), score=np.zeros(3))).policy == Policy(rule="value")


@pytest.mark.parametrize("rule", ["threshold", "expected_cost"])
def test_a_review_cost_sends_rows_to_review_that_are_worth_it(rule: str) -> None:
    judged, later = two(), two(seed=1)
    plain, reviewed = (tune(COST, judged, rule=rule, review_cost=cost).policy for cost in (None, 1.0))
    answers = decide(reviewed, later.score, later.columns)
    assert 0 < answers.review.mean() < 1
    right = np.where(answers.review, later.truth, answers.decision)
    given = {"truth": later.truth, "score": later.score, "columns": later.columns}
    cost = value(COST, Judged(**given, answer=right)) + answers.review.mean() * 1.0
    assert cost < reached(COST, plain, later)


@pytest.mark.parametrize(
    ("objective", "judged"),
    [
        (COST, two()),
        (FBeta(), two()),
        (PrecisionAtCapacity(capacity=0.05), two()),
        (FBeta(average="macro"), three()),
        (CostMatrix(costs={}, otherwise=1), three()),
    ],
    ids=["cost", "f_beta", "capacity", "classes", "matrix"],
)
def test_a_review_capacity_is_kept_and_used(objective: Objective, judged: Judged) -> None:
    policy = tune(objective, judged, review_capacity=0.1).policy
    assert decide(policy, judged.score, judged.columns).review.mean() == pytest.approx(0.1, abs=0.01)


def test_a_band_reaches_around_the_threshold_also_where_calibration_joins_scores() -> None:
    policy = tune(COST, two(), rule="threshold", calibrate="isotonic", review_capacity=0.2).policy
    assert policy.review_low <= policy.threshold <= policy.review_high
    assert policy.review_low < policy.review_high


def test_a_guarantee_holds_on_later_rows() -> None:
    tuned = tune(FBeta(), two(20_000, power=6.0), risk=0.05)
    assert tuned.guaranteed is not None
    later = two(20_000, seed=3, power=6.0)
    answers = decide(tuned.policy, later.score)
    assert (answers.decision != later.truth)[~answers.review].mean() <= 0.05
    assert (~answers.review).mean() == pytest.approx(tuned.guaranteed.coverage, abs=0.03)
    assert "10,000 rows that nothing was chosen on" in tuned.notes[0]


def test_what_cannot_be_guaranteed_is_said_and_everything_goes_to_review() -> None:
    tuned = tune(FBeta(), two(200), risk=0.001)
    assert tuned.guaranteed is None
    assert "Nothing can be guaranteed" in tuned.notes[0]
    assert decide(tuned.policy, two().score).review.all()


def test_curves_are_drawn_for_what_they_are_about() -> None:
    assert [curve.key for curve in tune(COST, two()).curves] == ["objective_by_threshold", "risk_coverage"]
    assert [curve.key for curve in tune(FBeta(average="macro"), three()).curves] == ["risk_coverage"]
    assert tune(MeanAbsoluteError(), Judged(truth=np.zeros(3), score=np.zeros(3))).curves == ()
    marked = tune(COST, two(), review_capacity=0.1).curves[-1].marks
    assert marked["decided"] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("objective", "judged", "settings", "message"),
    [
        (FBeta(), two(), {"rule": "expected_cost"}, "needs an objective that states costs, not F1 score"),
        (FBeta(), two(), {"review_cost": 1.0}, "A review cost is in money, and F1 score is not"),
        (COST, two(), {"review_cost": 1.0, "risk": 0.1}, "exclude each other"),
        (COST, two(), {"rule": "expected_cost", "threshold": 0.5}, "leave one of them out"),
        (FBeta(average="macro"), three(), {"threshold": 0.5}, "Several classes have no threshold"),
        (MeanAbsoluteError(), two(), {"review_capacity": 0.1}, "its own answer"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    objective: Objective, judged: Judged, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        tune(objective, judged, **settings)


def test_a_guarantee_for_weighted_rows_is_refused() -> None:
    judged = two()
    weighted = Judged(truth=judged.truth, score=judged.score, weight=np.ones(6_000))
    with pytest.raises(SettingError, match="rows that count alike"):
        tune(FBeta(), weighted, risk=0.05)
