import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from holdfast.errors import InputError, SettingError
from holdfast.objective import (
    AsymmetricCost,
    Cost,
    CostMatrix,
    FBeta,
    Judged,
    MeanAbsoluteError,
    MeanAveragePrecision,
    Ndcg,
    Objective,
    PinballLoss,
    PrecisionAtCapacity,
    RecallAtPrecision,
    RootMeanSquaredError,
    TopK,
    bayes_answer,
    contributions,
    expected_regrets,
    value,
)

DAY = 86_400.0
WRITTEN = [
    {"kind": "f_beta", "beta": 2},
    {"kind": "f_beta", "average": "macro"},
    {"kind": "cost", "false_positive": 5, "false_negative": "amount", "true_positive": -1.5, "currency": "EUR"},
    {"kind": "cost_matrix", "costs": {"a": {"b": 2, "c": "price"}}, "otherwise": 1},
    {"kind": "precision_at_capacity", "capacity": 0.01},
    {"kind": "precision_at_capacity", "capacity": 100, "per": "1d"},
    {"kind": "recall_at_precision", "precision": 0.9},
    {"kind": "top_k", "top": 100, "per": "1d", "by": "customer_id", "once": True},
    {"kind": "ndcg", "k": 10, "query": "session"},
    {"kind": "map", "k": 10, "query": "session"},
    {"kind": "mae"},
    {"kind": "rmse", "unit": "rentals"},
    {"kind": "pinball", "quantile": 0.9},
    {"kind": "asymmetric", "over": 1, "under": "margin", "unit": "EUR"},
]


@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_what_is_written_is_read_and_comes_back(written: dict[str, object]) -> None:
    read = msgspec.convert(written, Objective)
    assert msgspec.convert(msgspec.to_builtins(read), Objective) == read
    assert msgspec.to_builtins(read)["kind"] == written["kind"]
    assert read.title
    assert read.direction in ("higher", "lower")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"kind": "cost", "false_positive": 5}, "missing required field `false_negative`"),
        ({"kind": "mae", "quantile": 0.5}, "unknown field `quantile`"),
        ({"kind": "accuracy"}, "Invalid value 'accuracy'"),
        ({"kind": "f_beta", "beta": 0}, "> 0.0 - at `$.beta`"),
        ({"kind": "pinball", "quantile": 1}, "< 1.0 - at `$.quantile`"),
        ({"kind": "precision_at_capacity", "capacity": 100}, "a number of rows needs per"),
        ({"kind": "top_k", "top": 100, "per": "day"}, "at `$.per`"),
        ({"kind": "top_k", "top": 100, "once": True}, "needs by"),
        ({"kind": "ndcg", "k": 0, "query": "session"}, ">= 1 - at `$.k`"),
    ],
)
def test_what_makes_no_sense_is_refused(written: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(written, Objective)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("objective", "title", "unit", "needs"),
    [
        (FBeta(beta=2.0), "F2 score", "", ()),
        (FBeta(average="macro"), "F1 score, macro average", "", ()),
        (Cost(false_positive=5, false_negative="amount", currency="EUR"), "Cost per row", "EUR", ("amount",)),
        (CostMatrix(costs={"a": {"b": "x"}}, otherwise="x"), "Cost per row", "", ("x",)),
        (PrecisionAtCapacity(capacity=0.001), "Precision in the top 0.1%", "share", ()),
        (PrecisionAtCapacity(capacity=50, per="1d"), "Precision in the top 50 rows per 1d", "share", ()),
        (RecallAtPrecision(precision=0.9), "Recall at 0.9 precision", "share", ()),
        (TopK(top=100, per="1d", by="card"), "Precision in the top 100 by card per 1d", "share", ("card",)),
        (Ndcg(k=10, query="session"), "NDCG@10", "", ("session",)),
        (MeanAveragePrecision(k=5, query="session"), "MAP@5", "", ("session",)),
        (PinballLoss(quantile=0.9, unit="kWh"), "Pinball loss of the 0.9 quantile", "kWh", ()),
        (AsymmetricCost(over="price", under="price"), "Cost per row", "", ("price",)),
    ],
)
def test_an_objective_describes_itself(objective: Objective, title: str, unit: str, needs: tuple[str, ...]) -> None:
    assert (objective.title, objective.unit, objective.needs) == (title, unit, needs)


def binary(n: int = 400) -> Judged:
    rng = np.random.default_rng(0)
    score = rng.random(n)
    return Judged(
        truth=rng.random(n) < score,
        score=score,
        answer=score > 0.6,
        columns={"amount": rng.lognormal(3, 1, n), "customer": rng.integers(0, 40, n).astype(float)},
        weight=rng.random(n),
        time=np.arange(n) * DAY / 50,
    )


@pytest.mark.parametrize(
    "objective",
    [
        FBeta(beta=2.0),
        Cost(false_positive=5, false_negative="amount", true_positive=-1),
        PrecisionAtCapacity(capacity=0.1),
        PrecisionAtCapacity(capacity=3, per="1d"),
        RecallAtPrecision(precision=0.7),
        TopK(top=3, per="1d", by="customer"),
        Ndcg(k=5, query="customer"),
        MeanAveragePrecision(k=5, query="customer"),
    ],
    ids=lambda objective: type(objective).__name__,
)
def test_every_objective_of_two_classes_has_finite_contributions_that_average_to_its_value(
    objective: Objective,
) -> None:
    judged = binary()
    rows = contributions(objective, judged)
    assert rows.shape == (400,)
    assert np.isfinite(rows).all()
    assert np.average(rows, weights=judged.weight) == pytest.approx(value(objective, judged), abs=1e-12)


def test_a_missed_fraud_costs_its_amount_and_a_false_alarm_5() -> None:
    judged = Judged(
        truth=np.array([False, False, True, True]),
        score=np.zeros(4),
        answer=np.array([False, True, False, True]),
        columns={"amount": np.array([10.0, 20.0, 30.0, 40.0])},
    )
    cost = Cost(false_positive=5, false_negative="amount", true_positive=1)
    assert contributions(cost, judged).tolist() == [0.0, 5.0, 30.0, 1.0]
    assert value(cost, judged) == 9.0


def test_a_cost_may_be_missing_where_it_does_not_count() -> None:
    cost = Cost(false_positive=5, false_negative="amount")
    truth, answer = np.array([False, True]), np.array([True, False])
    rows = {"truth": truth, "score": np.zeros(2), "answer": answer}
    assert contributions(cost, Judged(**rows, columns={"amount": np.array([np.nan, 3.0])})).tolist() == [5.0, 3.0]
    with pytest.raises(InputError, match="1 rows have no finite cost"):
        contributions(cost, Judged(**rows, columns={"amount": np.array([3.0, np.nan])}))


def test_a_cost_matrix_takes_numbers_and_columns_by_name_of_the_class() -> None:
    matrix = CostMatrix(costs={"cat": {"dog": 2}, "dog": {"cat": "price"}})
    judged = Judged(
        truth=np.array([0, 1, 1]),
        score=np.zeros((3, 2)),
        answer=np.array([1, 0, 1]),
        columns={"price": np.array([7.0, 8.0, 9.0])},
        classes=("cat", "dog"),
    )
    assert contributions(matrix, judged).tolist() == [2.0, 8.0, 0.0]


def test_a_cost_matrix_that_leaves_out_a_wrong_answer_or_names_a_strange_class_is_refused() -> None:
    judged = Judged(truth=np.array([0]), score=np.zeros((1, 2)), answer=np.array([1]), classes=("cat", "dog"))
    with pytest.raises(SettingError, match=r"add costs\.dog\.cat, or otherwise"):
        contributions(CostMatrix(costs={"cat": {"dog": 2}}), judged)
    with pytest.raises(SettingError, match="names 'bird'; the classes are cat, dog"):
        contributions(CostMatrix(costs={"bird": {"dog": 2}}), judged)
    assert value(CostMatrix(costs={}, otherwise=3), judged) == 3.0


def test_losses_judge_the_prediction_unless_a_policy_changed_it() -> None:
    rows = {"truth": np.array([1.0, 2.0]), "score": np.array([2.0, 4.0])}
    assert value(MeanAbsoluteError(), Judged(**rows)) == 1.5
    assert value(MeanAbsoluteError(), Judged(**rows, answer=rows["truth"])) == 0.0
    assert value(RootMeanSquaredError(), Judged(**rows)) == pytest.approx(np.sqrt(2.5))
    assert value(AsymmetricCost(over=2, under=1), Judged(**rows)) == 3.0


def test_the_cheapest_answer_is_a_threshold_for_each_row() -> None:
    """Elkan's threshold: (fp - tn) / (fp - tn + fn - tp)."""
    rng = np.random.default_rng(1)
    probability, amount = rng.random(500), rng.lognormal(3, 1, 500)
    cost = Cost(false_positive=10, false_negative="amount", true_positive=2, true_negative=-1)
    threshold = (10 + 1) / (10 + 1 + amount - 2)
    expected = np.where(10 + 1 + amount - 2 > 0, probability > threshold, False)
    assert (bayes_answer(cost, probability, {"amount": amount}) == expected).all()


def test_the_cheapest_answer_of_several_classes() -> None:
    matrix = CostMatrix(costs={"healthy": {"ill": 1}, "ill": {"healthy": 20}})
    probability = np.array([[0.9, 0.1], [0.99, 0.01]])
    assert bayes_answer(matrix, probability, {}, ("healthy", "ill")).tolist() == [1, 0]


def test_regret_is_what_is_paid_beyond_the_right_answer() -> None:
    cost = Cost(false_positive=10, false_negative=100, true_positive=-50, true_negative=1)
    assert expected_regrets(cost, np.array([0.5]), {}) == pytest.approx(np.array([[75.0, 4.5]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": np.zeros(3)}, "'score' has 3 rows, the truth 2"),
        ({"columns": {"x": np.zeros(1)}}, "'x' has 1 rows"),
        ({"score": np.array([0.1, np.nan])}, "The score is missing or infinite in 1 rows"),
        ({"truth": np.array([np.inf, 1.0])}, "The truth is missing or infinite in 1 rows"),
        ({"weight": np.array([1.0, -1.0])}, "negative in 1 rows"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(change: dict[str, object], message: str) -> None:
    given = {"truth": np.array([0.0, 1.0]), "score": np.zeros(2), **change}
    with pytest.raises(InputError, match=message):
        Judged(**given)


def test_what_an_objective_lacks_is_named() -> None:
    judged = Judged(truth=np.array([True, False]), score=np.array([0.9, 0.1]))
    with pytest.raises(SettingError, match="F1 score judges answers"):
        value(FBeta(), judged)
    with pytest.raises(InputError, match="needs the time of every row"):
        value(TopK(top=1, per="1d"), judged)
    with pytest.raises(InputError, match="the column 'session', which is not there"):
        value(Ndcg(k=1, query="session"), judged)
    with pytest.raises(InputError, match="weights are not all 0"):
        value(RecallAtPrecision(precision=0.5), Judged(truth=judged.truth, score=judged.score, weight=np.zeros(2)))
    with pytest.raises(InputError, match="weights are not all 0"):
        value(MeanAbsoluteError(), Judged(truth=np.array([]), score=np.array([])))


PAGE = (Path(__file__).parent.parent / "docs" / "objectives.md").read_text(encoding="utf-8")
SNIPPETS = [
    tomllib.loads(text)["objective"] for text in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet["kind"])
def test_the_page_of_objectives_writes_what_is_read(snippet: dict[str, object]) -> None:
    assert msgspec.convert(snippet, Objective).title


def test_the_page_of_objectives_has_every_kind() -> None:
    kinds = {record.__struct_config__.tag for record in get_args(Objective)}
    assert {snippet["kind"] for snippet in SNIPPETS} == kinds
