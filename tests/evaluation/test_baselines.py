import numpy as np
import pyarrow as pa
import pytest

from holdfast.evaluation.baselines import baselines, previous
from holdfast.evaluation.labelled import Codes, Labelled
from holdfast.evaluation.outcome import outcome
from holdfast.objective import (
    AsymmetricCost,
    Cost,
    FBeta,
    MeanAbsoluteError,
    Objective,
    PinballLoss,
    PrecisionAtCapacity,
    RootMeanSquaredError,
)
from holdfast.policy import Policy

COST = Cost(false_positive=10, false_negative="amount", currency="EUR")


def payments(seed: int, n: int = 2_000) -> tuple[Labelled, np.ndarray]:
    """Rows, and the probability that each is a fraud."""
    rng = np.random.default_rng(seed)
    x, z = rng.random(n), rng.random(n)
    score = (x * z) ** 2
    rows = Labelled(
        task="binary",
        classes=("no", "yes"),
        features=pa.table({"x": x, "z": z}),
        truth=rng.random(n) < score,
        columns={"amount": rng.lognormal(4, 1, n)},
    )
    return rows, score


def test_the_model_is_set_beside_never_always_half_and_the_best_simple_rule() -> None:
    (train, _), (validation, _), (test, score) = (payments(seed) for seed in range(3))
    found = outcome(test, score, Policy(rule="expected_cost", costs=COST), COST)
    rules = {rule.key: rule for rule in baselines(train, validation, found)}
    assert list(rules) == ["never", "always", "half", "simple"]
    assert rules["never"].objective.value == pytest.approx((test.truth * test.columns["amount"]).mean())
    assert rules["always"].objective.value == pytest.approx((~test.truth * 10.0).mean())
    assert rules["simple"].title in ("Only the feature x", "Only the feature z")
    for rule in rules.values():
        assert rule.saving.value == pytest.approx(rule.objective.value - found.value().value)
        assert rule.saving.unit == "EUR"
    assert rules["simple"].objective.value < min(rules["never"].objective.value, rules["always"].objective.value)


@pytest.mark.parametrize("objective", [FBeta(), PrecisionAtCapacity(capacity=0.05)], ids=["f_beta", "capacity"])
def test_what_is_better_higher_is_saved_the_other_way_round(objective: Objective) -> None:
    (train, _), (validation, _), (test, score) = (payments(seed) for seed in range(3))
    found = outcome(test, score, Policy(rule="threshold", threshold=0.3), objective)
    simple = baselines(train, validation, found)[-1]
    assert simple.saving.value == pytest.approx(found.value().value - simple.objective.value)


def test_several_classes_have_a_simple_rule_only() -> None:
    def part(seed: int) -> Labelled:
        x = np.random.default_rng(seed).integers(0, 3, 300)
        return Labelled(task="classes", classes=("a", "b", "c"), features=pa.table({"x": x}), truth=x)

    policy = Policy(rule="most_probable", classes=("a", "b", "c"))
    found = outcome(part(2), np.full((300, 3), 1 / 3), policy, FBeta(average="macro"))
    [simple] = baselines(part(0), part(1), found)
    assert (simple.key, simple.title, simple.objective.value) == ("simple", "Only the feature x", 1.0)


def rentals(start: int, n: int, truth: np.ndarray) -> Labelled:
    return Labelled(
        task="regression",
        classes=(),
        features=pa.table({"constant": np.zeros(n)}),
        truth=truth[start : start + n],
        time=np.arange(start, start + n) * 3_600.0,
    )


def test_a_slow_series_is_best_told_by_its_previous_value() -> None:
    truth = np.cumsum(np.random.default_rng(0).normal(size=900))
    parts = [rentals(start, 300, truth) for start in (0, 300, 600)]
    found = outcome(parts[2], parts[2].truth, Policy(rule="value"), MeanAbsoluteError())
    [simple] = baselines(parts[0], parts[1], found)
    assert simple.title == "The previous value"
    assert simple.objective.value == pytest.approx(np.abs(np.diff(truth)[599:]).mean())


@pytest.mark.parametrize(
    ("objective", "constant"),
    [
        (MeanAbsoluteError(), 4.0),
        (RootMeanSquaredError(), 5.5),
        (PinballLoss(quantile=0.9), 8.0),
        (AsymmetricCost(over=1, under=9), 8.0),
    ],
    ids=lambda value: getattr(value, "title", value),
)
def test_the_constant_is_the_best_one_for_the_objective(objective: Objective, constant: float) -> None:
    truth = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 19])
    rows = Labelled(task="regression", classes=(), features=pa.table({"x": np.zeros(10)}).select([]), truth=truth)
    found = outcome(rows, truth, Policy(rule="value"), objective)
    [simple] = baselines(rows, rows, found)
    assert simple.title == "Always the same score"
    expected = outcome(rows, np.full(10, constant), Policy(rule="value"), objective).value().value
    assert simple.objective.value == pytest.approx(expected)


def test_the_previous_value_is_that_of_the_same_entity_as_far_as_it_was_known() -> None:
    rows = Labelled(
        task="regression",
        classes=(),
        features=pa.table({"x": np.zeros(6)}),
        truth=np.array([1.0, 2, 3, 4, 5, 6]),
        time=np.array([0.0, 0, 1, 1, 2, 9]),
        groups={"shop": Codes(codes=np.array([0, 1, 0, 1, 0, 1]), values=("a", "b"))},
    )
    assert previous([rows], "shop", 0.0, otherwise=-1.0).tolist() == [-1, -1, 1, 2, 3, 4]
    assert previous([rows], "shop", 2.0, otherwise=-1.0).tolist() == [-1, -1, -1, -1, 1, 4]
