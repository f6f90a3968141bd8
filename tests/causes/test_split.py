"""What kind of change it is, on simulated changes whose true split is an integral that can be taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from holdfast.causes.split import Part, Split, split, told
from holdfast.causes.unexplained import Labels
from holdfast.causes.what_if import WhatIf
from holdfast.errors import InputError
from holdfast.evidence import Estimate
from holdfast.objective import Cost, FBeta, Judged, MeanAbsoluteError, Objective
from holdfast.seal.labelled_sample import LabelledSample

COST = Cost(false_positive=1.0, false_negative=5.0, currency="EUR")
PRIOR = 0.3
N = 10_000


def sigmoid(odds: Any) -> Any:
    return 1 / (1 + np.exp(-odds))


def chance(x: Any, prior: float = PRIOR) -> Any:
    """P(label | x) where x given the label is normal around -1 or 1."""
    return sigmoid(2 * x + np.log(prior / (1 - prior)))


def answer(rows: pa.Table, _: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    score = chance(rows["x"].to_numpy())
    return score, score >= 1 / 6


def cost_at(x: float, p: float) -> float:
    """Expected cost of the model's answer to x, if the label is positive with chance p."""
    return (1 - p) if chance(x) >= 1 / 6 else 5 * p


CUT = (np.log(1 / 5) - np.log(PRIOR / (1 - PRIOR))) / 2


def integral(density: Callable[[float], float], p: Callable[[float], float]) -> float:
    """The expected cost under a density of x and a chance of the label."""
    whole: float = quad(lambda x: density(x) * cost_at(x, p(x)), -9, 9, points=[CUT], limit=200)[0]
    return whole


def mixture(prior: float, shift: float = 0.0) -> Callable[[float], float]:
    return lambda x: prior * norm.pdf(x, 1 + shift) + (1 - prior) * norm.pdf(x, -1 + shift)


def rows_of(x: np.ndarray, seed: int) -> pa.Table:
    """x, and two columns that have nothing to do with anything."""
    rng = np.random.default_rng([seed, 9])
    return pa.table({"x": x, "noise": rng.normal(size=len(x)), "place": rng.choice(["a", "b", "c"], len(x))})


def labelled(n: int, prior: float, seed: int) -> tuple[pa.Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < prior
    return rows_of(rng.normal(size=n) + 2 * truth - 1, seed), truth


def tilted(n: int, slope: float, seed: int) -> pa.Table:
    """Rows whose x are distributed as before times exp(slope x): normal around -1 and 1, both shifted by the slope."""
    rng = np.random.default_rng(seed)
    weight = PRIOR * np.exp(slope), (1 - PRIOR) * np.exp(-slope)
    upper = rng.random(n) < weight[0] / sum(weight)
    return rows_of(rng.normal(size=n) + 2 * upper - 1 + slope, seed)


def before() -> LabelledSample:
    rows, truth = labelled(N, PRIOR, 0)
    return LabelledSample(rows=rows, truth=truth, score=chance(rows["x"].to_numpy()), weight=np.ones(N))


def known(rows: pa.Table, truth: np.ndarray) -> Labels:
    score, decision = answer(rows, {})
    return Labels(rows=rows, judged=Judged(truth=truth, score=score, answer=decision))


def of(rows: pa.Table, truth: np.ndarray | None, **options: Any) -> Split:
    labels = None if truth is None else known(rows, truth)
    return split(WhatIf(before(), rows, answer, COST), ["x", "noise", "place"], labels=labels, **options)


def holds(found: Estimate | None, true: float, most: float = 0.03) -> None:
    """The figure is near the truth, and its interval, twice as wide, has it."""
    assert found is not None
    assert found.value == pytest.approx(true, abs=most)
    assert found.low is not None
    assert found.high is not None
    assert found.low - (found.high - found.low) / 2 < true < found.high + (found.high - found.low) / 2


def sums(found: Split) -> None:
    assert found.worse is not None
    assert found.concept is not None
    assert found.labels is not None
    parts = [found.inputs.value, found.labels.value, found.concept.value]
    assert sum(part or 0 for part in parts) == pytest.approx(found.worse.value, abs=1e-12)
    assert sum(part.worse.value or 0 for part in found.columns) == pytest.approx(found.inputs.value, abs=1e-12)


WAS = integral(mixture(PRIOR), chance)


def test_changed_inputs_explain_all_where_labels_follow_them_as_before() -> None:
    rows = tilted(N, -0.6, 1)
    truth = np.random.default_rng(2).random(N) < chance(rows["x"].to_numpy())
    found = of(rows, truth)
    factor = PRIOR * np.exp(-0.6) + (1 - PRIOR) * np.exp(0.6)
    true = integral(mixture(PRIOR * np.exp(-0.6) / factor, -0.6), chance) - WAS
    assert abs(true) > 0.05
    holds(found.inputs, true)
    holds(found.labels, 0.0)
    holds(found.concept, 0.0)
    holds(found.worse, true)
    assert found.columns[0].column == "x"
    holds(found.columns[0].worse, true)
    sums(found)


def test_other_proportions_of_the_labels_explain_all_where_rows_of_a_label_look_as_before() -> None:
    rows, truth = labelled(N, 0.7, 3)
    found = of(rows, truth)
    true = integral(mixture(0.7), lambda x: chance(x, 0.7)) - WAS
    assert abs(true) > 0.05
    holds(found.labels, true)
    holds(found.inputs, 0.0)
    holds(found.concept, 0.0)
    assert found.proportions[1] == pytest.approx(0.7, abs=0.03)
    sums(found)


def test_nothing_explains_other_truths_of_the_same_rows() -> None:
    rows, _ = labelled(N, PRIOR, 4)
    truth = np.random.default_rng(5).random(N) < 1 - chance(rows["x"].to_numpy())
    found = of(rows, truth)
    true = integral(mixture(PRIOR), lambda x: 1 - chance(x)) - WAS
    holds(found.concept, true, 0.05)
    holds(found.inputs, 0.0)
    holds(found.labels, 0.0)
    sums(found)


def test_changed_inputs_and_other_truths_are_told_apart() -> None:
    rows = tilted(N, -0.6, 6)
    p = chance(rows["x"].to_numpy())
    truth = np.random.default_rng(7).random(N) < 0.7 * p + 0.2
    found = of(rows, truth)
    factor = PRIOR * np.exp(-0.6) + (1 - PRIOR) * np.exp(0.6)
    density = mixture(PRIOR * np.exp(-0.6) / factor, -0.6)
    moved = integral(density, chance)
    holds(found.inputs, moved - WAS)
    holds(found.concept, integral(density, lambda x: 0.7 * chance(x) + 0.2) - moved, 0.05)
    sums(found)


def test_where_nothing_changed_all_parts_are_nothing() -> None:
    rows, truth = labelled(N, PRIOR, 8)
    found = of(rows, truth)
    for part in (found.worse, found.inputs, found.labels, found.concept):
        holds(part, 0.0)
    assert found.effective_rows > 0.9 * N


def test_without_labels_the_concept_is_unknown() -> None:
    rows, _ = labelled(N, 0.55, 3)
    found = of(rows, None)
    assert (found.worse, found.concept) == (None, None)
    holds(found.labels, integral(mixture(0.55), lambda x: chance(x, 0.55)) - WAS)


def test_known_proportions_are_taken() -> None:
    rows, truth = labelled(N, 0.55, 3)
    found = of(rows, truth, proportions=(0.45, 0.55))
    holds(found.labels, integral(mixture(0.55), lambda x: chance(x, 0.55)) - WAS)
    holds(found.inputs, 0.0)


def test_of_predicted_numbers_each_column_has_its_closed_form() -> None:
    """The error is |1 + x| + z^2; x moves from N(0, 1) to N(1/2, 1), z from N(0, 1) to N(0, 1.5)."""
    rng = np.random.default_rng(9)

    def table(n: int, shift: float, scale: float) -> pa.Table:
        return pa.table({"x": rng.normal(shift, 1, n), "z": rng.normal(0, np.sqrt(scale), n)})

    def errors(rows: pa.Table) -> np.ndarray:
        return np.abs(1 + rows["x"].to_numpy()) + rows["z"].to_numpy() ** 2

    def zero(rows: pa.Table, _: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(rows)), np.zeros(len(rows))

    old, new = table(2 * N, 0, 1), table(2 * N, 0.5, 1.5)
    sample = LabelledSample(rows=old, truth=errors(old), score=np.zeros(2 * N), weight=np.ones(2 * N))
    labels = Labels(rows=new, judged=Judged(truth=errors(new), score=np.zeros(2 * N)))
    found = split(WhatIf(sample, new, zero, MeanAbsoluteError()), ["x", "z"], labels=labels)

    def folded(mean: float) -> float:
        return float(np.sqrt(2 / np.pi) * np.exp(-(mean**2) / 2) + mean * (1 - 2 * norm.cdf(-mean)))

    parts = {part.column: part.worse for part in found.columns}
    holds(parts["x"], folded(1.5) - folded(1.0), 0.04)
    holds(parts["z"], 0.5, 0.06)
    holds(found.concept, 0.0, 0.15)
    assert (found.labels, found.proportions) == (None, ())


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    true = integral(mixture(0.4), lambda x: chance(x, 0.4)) - WAS
    held = []
    for seed in range(20):
        old, was = labelled(2_000, PRIOR, 100 + seed)
        rows, truth = labelled(2_000, 0.4, 200 + seed)
        sample = LabelledSample(rows=old, truth=was, score=chance(old["x"].to_numpy()), weight=np.ones(2_000))
        found = split(WhatIf(sample, rows, answer, COST), ["x"], labels=known(rows, truth), seed=seed).worse
        assert found is not None
        held.append((found.low or 0) < true < (found.high or 0))
    assert np.mean(held) >= 0.8


@pytest.mark.parametrize("objective", [FBeta(beta=1), COST])
def test_the_parts_sum_to_the_whole_for_ratios_too(objective: Objective) -> None:
    rows, truth = labelled(3_000, 0.5, 10)
    found = split(WhatIf(before(), rows, answer, objective), ["x", "place"], labels=known(rows, truth))
    sums(found)


def test_a_window_where_the_reference_says_nothing_is_unknown() -> None:
    rng = np.random.default_rng(11)
    far = rows_of(rng.normal(3.5, 0.05, 500), 11)
    found = split(WhatIf(before().take(np.arange(300)), far, answer, COST), ["x"])
    assert not found.known
    assert told(found, 1_000).startswith("unknown")


def test_no_columns_leave_labels_and_concept() -> None:
    rows, truth = labelled(2_000, PRIOR, 12)
    found = split(WhatIf(before(), rows, answer, COST), [], labels=known(rows, truth))
    assert (found.columns, found.inputs.value) == ((), 0.0)
    sums(found)


def test_the_sentence_without_labels_says_what_they_will_say() -> None:
    nothing = Estimate(value=0.0, unit="EUR")
    found = Split(
        worse=None,
        inputs=Estimate(value=0.1, unit="EUR"),
        columns=(Part(column="x", worse=nothing),),
        labels=Estimate(value=0.05, unit="EUR"),
        concept=None,
        proportions=(0.5, 0.5),
        effective_rows=500,
        known=True,
    )
    assert told(found, 1_000).startswith("about 150 EUR a day by changed inputs and labels; whether")


def test_too_few_rows_are_refused() -> None:
    rows, _ = labelled(99, PRIOR, 13)
    with pytest.raises(InputError, match="expected 100 rows or more"):
        split(WhatIf(before(), rows, answer, COST), ["x"])
