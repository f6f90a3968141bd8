"""Gaps of groups against the rows that they are made of, and against fairlearn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from holdfast.monitoring.counts.arrived import Arrived
from holdfast.monitoring.gaps import SMALLEST_GROUP, SMALLEST_OF_A_KIND, answer_gaps, error_gaps
from holdfast.profile.window import AnswerEdges, moments

TWO, THREE, NUMBERS = (
    AnswerEdges(task="binary"),
    AnswerEdges(task="classes", classes=("a", "b", "c")),
    AnswerEdges(task="regression"),
)


def sums(**columns: Any) -> Arrived:
    """Truths of rows: `loss`, and `truth` and `decision` as codes, or `residual`."""
    k = columns.get("classes", 2)
    table = np.zeros((k, k), np.int64)
    if "truth" in columns:
        np.add.at(table, (columns["truth"], columns["decision"]), 1)
    return Arrived(
        losses=tuple(moments(columns["loss"]).tolist()),
        residuals=tuple(moments(columns.get("residual")).tolist()),
        confusion=tuple(table.ravel().tolist()) if "truth" in columns else (),
    )


def people(seed: int, groups: int, n: int = 3_000) -> dict[str, np.ndarray]:
    """Rows of groups of which some are answered worse."""
    rng = np.random.default_rng(seed)
    group, truth = rng.integers(0, groups, n), rng.integers(0, 2, n)
    decision = np.where(rng.random(n) < 0.2 + 0.1 * group, 1 - truth, truth)
    return {"group": group, "truth": truth, "decision": decision, "loss": rng.gamma(1 + group, 1.0)}


def parts(rows: dict[str, np.ndarray], mask: np.ndarray, **more: Any) -> tuple[Arrived, Arrived]:
    """A group, and everyone."""
    own = {name: values[mask] for name, values in rows.items() if name != "group"}
    return sums(**own, **more), sums(**{name: values for name, values in rows.items() if name != "group"}, **more)


@pytest.mark.parametrize("seed", range(3))
def test_of_two_groups_they_are_those_of_fairlearn(seed: int) -> None:
    rows = people(seed, 2)
    y, p, who = rows["truth"], rows["decision"], rows["group"]
    inside, everyone = parts(rows, who == 1)
    found = error_gaps(TWO, inside, everyone).found
    rates = found["true_positive_rate"].value, found["false_positive_rate"].value
    assert abs(rates[0]) == pytest.approx(equal_opportunity_difference(y, p, sensitive_features=who))
    assert max(map(abs, rates)) == pytest.approx(equalized_odds_difference(y, p, sensitive_features=who))
    answers = answer_gaps(TWO, np.bincount(p[who == 1], minlength=2), np.bincount(p, minlength=2)).found["yes"]
    assert abs(answers.value) == pytest.approx(demographic_parity_difference(y, p, sensitive_features=who))


def test_of_several_groups_each_is_held_against_all_others() -> None:
    rows = people(4, 4)
    for group in range(4):
        own = rows["group"] == group
        metrics = {"tpr": true_positive_rate, "fpr": false_positive_rate, "yes": selection_rate}
        frame = MetricFrame(metrics=metrics, y_true=rows["truth"], y_pred=rows["decision"], sensitive_features=own)
        gap = frame.by_group.loc[True] - frame.by_group.loc[False]
        found = error_gaps(TWO, *parts(rows, own)).found
        assert found["true_positive_rate"].value == pytest.approx(gap["tpr"])
        assert found["false_positive_rate"].value == pytest.approx(gap["fpr"])


def test_of_classes_the_accuracy_and_of_numbers_the_residuals() -> None:
    rng, n = np.random.default_rng(5), 1_000
    group = rng.integers(0, 3, n)
    rows = {"truth": rng.integers(0, 3, n), "decision": rng.integers(0, 3, n), "loss": rng.random(n)}
    own = group == 0
    right = rows["truth"] == rows["decision"]
    found = error_gaps(THREE, *parts(rows, own, classes=3)).found
    assert set(found) == {"loss", "accuracy"}
    assert found["accuracy"].value == pytest.approx(right[own].mean() - right[~own].mean())
    errors = {"residual": rng.normal(size=n) + own, "loss": rng.random(n)}
    found = error_gaps(NUMBERS, *parts(errors, own)).found
    assert set(found) == {"loss", "bias"}
    assert found["bias"].value == pytest.approx(errors["residual"][own].mean() - errors["residual"][~own].mean())


def test_intervals_are_newcombes_and_welchs() -> None:
    rows = people(6, 2)
    own = rows["group"] == 1
    found = error_gaps(TWO, *parts(rows, own)).found
    positive = rows["truth"] == 1
    hits = [int((rows["decision"] == 1)[positive & mask].sum()) for mask in (own, ~own)]
    sizes = [int((positive & mask).sum()) for mask in (own, ~own)]
    low, high = confint_proportions_2indep(hits[0], sizes[0], hits[1], sizes[1], method="newcomb")
    assert (found["true_positive_rate"].low, found["true_positive_rate"].high) == pytest.approx((low, high))
    both = CompareMeans(DescrStatsW(rows["loss"][own]), DescrStatsW(rows["loss"][~own]))
    assert found["loss"].value == pytest.approx(rows["loss"][own].mean() - rows["loss"][~own].mean())
    assert both.std_meandiff_separatevar <= found["loss"].deviation < 1.15 * both.std_meandiff_separatevar
    assert found["loss"].high - found["loss"].value == pytest.approx(1.96 * found["loss"].deviation, rel=1e-3)


def test_a_group_without_a_loss_is_not_certain_of_having_none() -> None:
    rng, n = np.random.default_rng(7), 2_000
    own = np.arange(n) < 150
    loss = np.where(own, 0.0, np.where(rng.random(n) < 0.02, 100.0, 0.0))
    gap = error_gaps(NUMBERS, *parts({"loss": loss, "residual": loss}, own)).found["loss"]
    assert abs(gap.value) < 3 * gap.deviation


def test_groups_that_are_too_small_are_left_out_and_why() -> None:
    rows = people(8, 2)
    few = np.flatnonzero(rows["group"] == 1)[: SMALLEST_GROUP - 1]
    mask = np.isin(np.arange(len(rows["group"])), few)
    found = error_gaps(TWO, *parts(rows, mask))
    assert found.found == {}
    why = "99 rows whose truth is known, fewer than 100"
    assert found.left_out == dict.fromkeys(("loss", "true_positive_rate", "false_positive_rate"), why)
    # The others are too few, too.
    found = error_gaps(TWO, *parts(rows, ~mask))
    assert found.left_out["loss"] == "99 rows of all others whose truth is known, fewer than 100"
    negative, positive = (np.flatnonzero(rows["truth"] == kind) for kind in (0, 1))
    some = np.concatenate([negative[:200], positive[: SMALLEST_OF_A_KIND - 1]])
    found = error_gaps(TWO, *parts(rows, np.isin(np.arange(len(rows["truth"])), some)))
    assert set(found.found) == {"loss", "false_positive_rate"}
    assert found.left_out == {"true_positive_rate": "29 rows that are positive, fewer than 30"}


def test_nothing_known_is_nothing_said() -> None:
    assert error_gaps(TWO, Arrived(), Arrived()).found == {}
    assert answer_gaps(NUMBERS, np.zeros(0, np.int64), np.zeros(0, np.int64)).found == {}


def test_sums_of_groups_add_up() -> None:
    one = Arrived(losses=(1.0, 2.0, 4.0), confusion=(1, 0, 0, 0), groups={"sex=F": Arrived(losses=(1.0, 2.0, 4.0))})
    other = Arrived(losses=(1.0, 1.0, 1.0), groups={"sex=M": Arrived(losses=(1.0, 1.0, 1.0))})
    both = one + other + one
    assert both.losses == (3.0, 5.0, 9.0)
    assert both.confusion == (2, 0, 0, 0)
    assert both.groups == {"sex=F": Arrived(losses=(2.0, 4.0, 8.0)), "sex=M": Arrived(losses=(1.0, 1.0, 1.0))}
