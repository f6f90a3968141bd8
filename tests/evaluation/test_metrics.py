"""Metrics of a score table, against scikit-learn on the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from holdfast.errors import InputError, SettingError
from holdfast.evaluation.class_metrics import class_metrics
from holdfast.evaluation.figures import Precision
from holdfast.evaluation.metrics import binary_metrics, metrics_of
from holdfast.evidence import Estimate
from holdfast.objective import Cost, Judged, contributions, value
from holdfast.profile.class_scores import ClassTable
from holdfast.profile.score_edges import ScoreEdges
from holdfast.profile.scores import ScoreTable

THRESHOLD = 0.37
EDGES = ScoreEdges.standard([THRESHOLD])
FAST = Precision(replicates=50)


def sample(n: int = 4_000, seed: int = 0, digits: int = 15) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.2
    return (1 / (1 + np.exp(-rng.normal(2 * truth - 2, 1.2)))).round(digits), truth


def estimates(table: ScoreTable, **options: object) -> dict[str, Estimate]:
    return {metric.key: metric.estimate for metric in binary_metrics(table, **{"precision": FAST} | options)}


@pytest.mark.parametrize("weighted", [False, True])
def test_exact_metrics_are_those_of_scikit_learn(weighted: bool) -> None:
    scores, truth = sample()
    weight = np.random.default_rng(1).lognormal(size=len(truth)) if weighted else None
    found = estimates(ScoreTable.count(EDGES, scores, truth, weight), threshold=THRESHOLD, beta=2)
    answer = scores >= THRESHOLD
    expected = {
        "precision": oracle.precision_score(truth, answer, sample_weight=weight),
        "recall": oracle.recall_score(truth, answer, sample_weight=weight),
        "specificity": oracle.recall_score(~truth, ~answer, sample_weight=weight),
        "accuracy": oracle.accuracy_score(truth, answer, sample_weight=weight),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, answer, sample_weight=weight),
        "f1": oracle.f1_score(truth, answer, sample_weight=weight),
        "f2": oracle.fbeta_score(truth, answer, beta=2, sample_weight=weight),
        "mcc": oracle.matthews_corrcoef(truth, answer, sample_weight=weight),
        "selected": np.average(answer, weights=weight),
        "prevalence": np.average(truth, weights=weight),
        "log_loss": oracle.log_loss(truth, scores, sample_weight=weight),
        "brier": oracle.brier_score_loss(truth, scores, sample_weight=weight),
    }
    for key, number in expected.items():
        assert found[key].value == pytest.approx(number, abs=1e-9), key
        assert found[key].low < found[key].value < found[key].high, key


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("digits", [2, 15])
def test_rankings_are_those_of_scikit_learn_but_for_ties_within_bins(digits: int, weighted: bool) -> None:
    """Scores of two digits have a bin each, and then there is no error at all."""
    scores, truth = sample(digits=digits)
    weight = np.random.default_rng(1).lognormal(size=len(truth)) if weighted else None
    found = estimates(ScoreTable.count(EDGES, scores, truth, weight))
    fpr, tpr, _ = oracle.roc_curve(truth, scores, sample_weight=weight)
    expected = {
        "roc_auc": oracle.roc_auc_score(truth, scores, sample_weight=weight),
        "pr_auc": oracle.average_precision_score(truth, scores, sample_weight=weight),
        "ks": np.abs(tpr - fpr).max(),
    }
    allowed = {"roc_auc": 1e-4, "pr_auc": 2e-3, "ks": 2e-3} if digits > 2 else dict.fromkeys(expected, 1e-9)
    for key, number in expected.items():
        assert found[key].value == pytest.approx(number, abs=allowed[key]), key
        assert found[key].low < number < found[key].high, key


def test_the_interval_of_the_area_allows_for_what_bins_hide() -> None:
    """Two bins tell nothing of the order within them."""
    scores = np.linspace(0.4001, 0.4002, 200)
    found = estimates(ScoreTable.count(EDGES, scores, scores > 0.40015))
    assert (found["roc_auc"].value, found["roc_auc"].low, found["roc_auc"].high) == (0.5, 0, 1)
    same = estimates(ScoreTable.count(EDGES, np.full(200, 0.4), scores > 0.40015))
    assert same["roc_auc"].value == 0.5
    assert 0.4 < same["roc_auc"].low < same["roc_auc"].high < 0.6


def test_gain_and_lift_of_the_best_tenth() -> None:
    scores, truth = sample(digits=3)
    found = estimates(ScoreTable.count(EDGES, scores, truth))
    best = np.argsort(-scores)[:400]
    assert found["gain_10"].value == pytest.approx(truth[best].sum() / truth.sum(), abs=0.01)
    assert found["lift_10"].value == pytest.approx(10 * found["gain_10"].value)


@pytest.mark.parametrize("weighted", [False, True])
def test_costs_and_savings_are_means_over_the_rows(weighted: bool) -> None:
    """With the standard error of the objective's contributions."""
    scores, truth = sample()
    rng = np.random.default_rng(2)
    columns = {"amount": rng.lognormal(3, 1, len(truth)), "fee": rng.uniform(1, 2, len(truth))}
    weight = rng.uniform(0, 3, len(truth)) if weighted else None
    cost = Cost(false_positive=5, false_negative="amount", true_positive="fee", true_negative=-0.1, currency="EUR")
    table = ScoreTable.count(EDGES, scores, truth, weight, columns)
    found = estimates(table, threshold=THRESHOLD, cost=cost)

    def judged(answer: np.ndarray) -> Judged:
        return Judged(truth=truth, score=scores, answer=answer, columns=columns, weight=weight)

    model, never, always = (judged(answer) for answer in (scores >= THRESHOLD, scores > 2, scores >= 0))
    assert found["cost"].value == pytest.approx(value(cost, model), abs=1e-9)
    assert found["cost_never"].value == pytest.approx(value(cost, never), abs=1e-9)
    assert found["cost_always"].value == pytest.approx(value(cost, always), abs=1e-9)
    assert (found["cost"].unit, found["cost"].rows) == ("EUR", 4_000)
    one = np.ones(len(truth)) if weight is None else weight
    for key, simple in (("never", never), ("always", always)):
        saved = contributions(cost, simple) - contributions(cost, model)
        mean = np.average(saved, weights=weight)
        assert found[f"saving_{key}"].value == pytest.approx(mean, abs=1e-9)
        error = np.sqrt((one**2 * (saved - mean) ** 2).sum()) / one.sum()
        half = (found[f"saving_{key}"].high - found[f"saving_{key}"].low) / 2
        assert half == pytest.approx(1.96 * error, rel=0.05)
        share = mean / value(cost, simple)
        assert found[f"saved_{key}"].value == pytest.approx(share, abs=1e-9)
        rest = saved - share * contributions(cost, simple)
        error = np.sqrt((one**2 * rest**2).sum()) / one.sum() / value(cost, simple)
        half = (found[f"saved_{key}"].high - found[f"saved_{key}"].low) / 2
        assert half == pytest.approx(1.96 * error, rel=0.05)


def test_never_saves_nothing_beside_itself() -> None:
    scores, truth = sample(500)
    cost = Cost(false_positive=5, false_negative=100)
    found = estimates(ScoreTable.count(EDGES, scores, truth), threshold=1.5, cost=cost)
    assert (found["saving_never"].value, found["saving_never"].low, found["saving_never"].high) == (0, 0, 0)
    assert found["saved_never"].value == 0
    assert found["precision"].value is None


def test_a_share_of_no_cost_is_unknown() -> None:
    cost = Cost(false_positive=5, false_negative=0)
    found = estimates(ScoreTable.count(EDGES, *sample(500)), threshold=THRESHOLD, cost=cost)
    assert found["saved_never"].value is None


def test_rows_without_truth_change_nothing() -> None:
    scores, truth = sample()
    known = ScoreTable.count(EDGES, scores, truth)
    both = known + ScoreTable.count(EDGES, scores[:77])
    assert estimates(both, threshold=THRESHOLD) == estimates(known, threshold=THRESHOLD)


def test_a_perfect_model_is_not_certain() -> None:
    scores = np.repeat([0.1, 0.9], [40, 20])
    found = estimates(ScoreTable.count(EDGES, scores, scores > 0.5), threshold=THRESHOLD, precision=Precision())
    for key in ("roc_auc", "pr_auc", "ks", "precision", "recall", "specificity", "f1", "balanced_accuracy", "mcc"):
        assert found[key].value == pytest.approx(1)
        assert 0.5 < found[key].low < 0.98, key
        assert found[key].high == pytest.approx(1)


@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize("positive", [False, True])
def test_one_class_alone_leaves_comparisons_unknown(rows: int, positive: bool) -> None:
    cost = Cost(false_positive=5, false_negative="amount")
    table = ScoreTable.count(EDGES, np.full(rows, 0.7), np.full(rows, positive), columns={"amount": np.full(rows, 2.0)})
    found = estimates(table, threshold=THRESHOLD, cost=cost)
    for key in ("roc_auc", "ks", "mcc", "balanced_accuracy"):
        assert (found[key].value, found[key].low, found[key].high) == (None, None, None)
    if rows == 0:
        assert {estimate.value for estimate in found.values()} == {None}
    else:
        assert found["cost"].value == pytest.approx(0 if positive else 5)
        assert found["prevalence"].value == positive


def test_weights_that_are_all_zero_leave_everything_unknown() -> None:
    scores, truth = sample(50)
    found = estimates(ScoreTable.count(EDGES, scores, truth, np.zeros(50)), threshold=THRESHOLD)
    assert {estimate.value for estimate in found.values()} == {None}


def test_intervals_follow_the_seed_and_the_level() -> None:
    table = ScoreTable.count(EDGES, *sample())
    one, same, other = (estimates(table, precision=Precision(seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert one["pr_auc"].low != other["pr_auc"].low
    wide = estimates(table, precision=Precision(level=0.99))
    for key, estimate in wide.items():
        assert estimate.low < one[key].low < one[key].high < estimate.high or key == "ece"


def test_what_was_not_counted_is_refused() -> None:
    table = ScoreTable.count(EDGES, *sample(50))
    with pytest.raises(SettingError, match="inside a bin"):
        binary_metrics(table, threshold=0.31)
    with pytest.raises(InputError, match="'amount'"):
        binary_metrics(table, threshold=THRESHOLD, cost=Cost(false_positive=5, false_negative="amount"))


@pytest.mark.simulation
def test_intervals_cover() -> None:
    """Against the figures of a large sample of the same model; the figures of 200 samples of 1,500 rows."""
    cost = Cost(false_positive=5, false_negative="amount")

    def table(n: int, seed: int) -> ScoreTable:
        scores, truth = sample(n, seed)
        amounts = np.random.default_rng([seed, 1]).lognormal(3, 1, n)
        return ScoreTable.count(EDGES, scores, truth, columns={"amount": amounts})

    options = {"threshold": THRESHOLD, "beta": 2, "cost": cost, "precision": Precision(replicates=60)}
    truth = estimates(table(400_000, 999), **options)
    covered = dict.fromkeys(truth, 0)
    for seed in range(200):
        for key, estimate in estimates(table(1_500, seed), **options).items():
            covered[key] += estimate.low <= truth[key].value <= estimate.high
    # Three standard errors of 200 runs are 4.6 points.
    assert {key: hits / 200 for key, hits in covered.items() if hits < 0.904 * 200} == {}


def test_each_table_has_its_metrics() -> None:
    scores, truth = sample(200)
    classes = ClassTable.count(("no", "yes"), np.column_stack([1 - scores, scores]), truth.astype(int))
    table = ScoreTable.count(EDGES, scores, truth)
    assert metrics_of(table, threshold=THRESHOLD) == binary_metrics(table, threshold=THRESHOLD)
    assert metrics_of(classes) == class_metrics(classes)
