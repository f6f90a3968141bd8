import msgspec
import numpy as np
import pytest

from holdfast.errors import InputError
from holdfast.objective import Cost, CostMatrix
from holdfast.policy import REASONS, Answers, Policy, decide
from holdfast.stats.calibration import Calibration

COST = Cost(false_positive=10, false_negative="amount")


def reasons(answers: Answers) -> list[str]:
    return [REASONS[code] for code in answers.reason]


@pytest.mark.parametrize(
    "policy",
    [
        Policy(rule="threshold", threshold=0.3, review_low=0.2, review_high=0.4, explore=0.01, seed=5),
        Policy(rule="expected_cost", costs=COST, review_cost=2.0, support_limit=0.7),
        Policy(rule="expected_cost", costs=CostMatrix(costs={"a": {"b": 1}}, otherwise=2), classes=("a", "b", "c")),
        Policy(rule="most_probable", classes=("a", "b", "c"), confidence_limit=0.8),
        Policy(rule="value"),
        Policy(rule="threshold", threshold=0.5, calibration=Calibration(kind="platt", coefficients=(1.0, -1.0))),
    ],
    ids=str,
)
def test_a_policy_survives_json(policy: Policy) -> None:
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy) == policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "threshold"},
        {"rule": "value", "threshold": 0.5},
        {"rule": "expected_cost"},
        {"rule": "threshold", "threshold": 0.5, "review_low": 0.1},
        {"rule": "threshold", "threshold": 0.5, "explore": 0.9},
        {"rule": "threshold", "threshold": 0.5, "limit": 1},
    ],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Policy)


def test_the_threshold_is_positive_and_the_band_holds_its_lower_end() -> None:
    policy = Policy(rule="threshold", threshold=0.5, review_low=0.4, review_high=0.6)
    answers = decide(policy, np.array([0.39, 0.4, 0.5, 0.6]))
    assert answers.decision.tolist() == [False, False, True, True]
    assert answers.review.tolist() == [False, True, True, False]
    assert reasons(answers) == ["", "band", "band", ""]
    assert answers.propensity.tolist() == [1.0] * 4


def test_confidence_is_the_calibrated_probability_of_the_decision() -> None:
    halved = Calibration(kind="isotonic", x=(0.0, 1.0), y=(0.0, 0.5))
    answers = decide(Policy(rule="threshold", threshold=0.5, calibration=halved), np.array([0.2, 0.8]))
    assert answers.decision.tolist() == [False, True]
    assert answers.confidence == pytest.approx([0.9, 0.4])


def test_expected_cost_decides_by_each_rows_own_costs() -> None:
    policy = Policy(rule="expected_cost", costs=COST)
    answers = decide(policy, np.array([0.2, 0.2]), {"amount": np.array([30.0, 60.0])})
    assert answers.decision.tolist() == [False, True]


def test_expected_cost_sends_to_review_what_would_cost_more_than_a_review() -> None:
    policy = Policy(rule="expected_cost", costs=COST, review_cost=5.0)
    answers = decide(policy, np.array([0.2, 0.2, 0.9]), {"amount": np.array([20.0, 60.0, 60.0])})
    assert reasons(answers) == ["", "band", ""]


def test_several_classes() -> None:
    scores = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    classes = ("a", "b", "c")
    probable = decide(Policy(rule="most_probable", classes=classes, confidence_limit=0.6), scores)
    assert (probable.decision.tolist(), probable.confidence.tolist()) == ([0, 2], [0.5, 0.7])
    assert reasons(probable) == ["band", ""]
    matrix = CostMatrix(costs={"b": {"a": 10, "c": 10}}, otherwise=1)
    assert decide(Policy(rule="expected_cost", costs=matrix, classes=classes), scores).decision.tolist() == [1, 1]


def test_a_number_is_its_own_answer() -> None:
    answers = decide(Policy(rule="value", support_limit=1.0), np.array([3.5, -1.0]), distance=np.array([0.5, 2.0]))
    assert answers.decision.tolist() == [3.5, -1.0]
    assert reasons(answers) == ["", "support"]


def test_what_is_unknown_goes_to_review() -> None:
    """A score, a cost or a distance: NaN never passes."""
    threshold = Policy(rule="threshold", threshold=0.5, support_limit=1.0)
    answers = decide(threshold, np.array([np.nan, 0.9]), distance=np.array([0.0, np.nan]))
    assert reasons(answers) == ["unknown", "support"]
    assert answers.decision[0] == np.False_
    costs = decide(Policy(rule="expected_cost", costs=COST), np.array([0.9, 0.9]), {"amount": np.array([np.nan, 60.0])})
    assert reasons(costs) == ["unknown", ""]
    classes = decide(Policy(rule="most_probable", classes=("a", "b")), np.array([[np.nan, 0.5]]))
    assert reasons(classes) == ["unknown"]


def test_exploration_turns_some_of_one_decision_and_says_how_probable_that_was() -> None:
    policy = Policy(rule="threshold", threshold=0.5, explore=0.05, seed=3)
    identity = np.arange(40_000, dtype=np.uint64)
    score = np.where(identity % 2 == 0, 0.9, 0.1)
    answers = decide(policy, score, identity=identity)
    flipped = answers.reason == REASONS.index("explore")
    assert not flipped[score < 0.5].any()
    assert flipped[score > 0.5].mean() == pytest.approx(0.05, abs=0.005)
    assert set(answers.propensity[flipped]) == {0.05}
    assert set(answers.propensity[(score > 0.5) & ~flipped]) == {0.95}
    assert set(answers.propensity[score < 0.5]) == {1.0}
    assert not answers.decision[flipped].any()
    assert not answers.review.any()


def test_exploration_is_the_same_for_the_same_row_and_another_for_another_seed() -> None:
    identity, score = np.arange(5_000, dtype=np.uint64), np.full(5_000, 0.9)

    def turned(seed: int, rows: slice) -> np.ndarray:
        policy = Policy(rule="threshold", threshold=0.5, explore=0.2, seed=seed)
        return decide(policy, score[rows], identity=identity[rows]).reason == REASONS.index("explore")

    assert (turned(1, slice(None))[2_000:] == turned(1, slice(2_000, None))).all()
    assert (turned(1, slice(None)) & turned(2, slice(None))).mean() == pytest.approx(0.04, abs=0.01)


def test_rows_in_review_are_not_explored() -> None:
    policy = Policy(rule="threshold", threshold=0.5, review_low=0.0, review_high=1.0, explore=0.4)
    answers = decide(policy, np.full(100, 0.9), identity=np.arange(100, dtype=np.uint64))
    assert answers.decision.all()
    assert answers.review.all()


def test_what_the_policy_needs_is_asked_for() -> None:
    with pytest.raises(InputError, match="give their distance"):
        decide(Policy(rule="value", support_limit=1.0), np.zeros(1))
    with pytest.raises(InputError, match="explores"):
        decide(Policy(rule="threshold", threshold=0.5, explore=0.1), np.zeros(1))
    with pytest.raises(InputError, match=r"shape \(n, 2\); got \(3,\)"):
        decide(Policy(rule="most_probable", classes=("a", "b")), np.zeros(3))
    with pytest.raises(InputError, match="'amount', which is not there"):
        decide(Policy(rule="expected_cost", costs=COST), np.zeros(3))


@pytest.mark.parametrize(
    ("policy", "score"),
    [
        (Policy(rule="threshold", threshold=0.5), np.zeros(0)),
        (Policy(rule="most_probable", classes=("a", "b")), np.zeros((0, 2))),
        (Policy(rule="value"), np.zeros(0)),
        (Policy(rule="expected_cost", costs=Cost(false_positive=1, false_negative=2)), np.zeros(0)),
    ],
)
def test_no_rows_give_no_answers(policy: Policy, score: np.ndarray) -> None:
    assert len(decide(policy, score).decision) == 0
