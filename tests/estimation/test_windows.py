"""How far estimates are off on the reference's own windows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from holdfast.estimation.figure import Figure
from holdfast.estimation.fitting import fit, sampled
from holdfast.estimation.windows import MOST, learned_spread

ROWS = 4_000


def spread(off: float, *, apart: float = 0.01, noise: float = 1e-4) -> float:
    """What is learned where each window is off by a normal number of this size, and members lie so far apart."""
    random = np.random.default_rng(0)
    each = np.full((6, ROWS), 0.5) + apart * np.array([1.0, -1.0, 0.0, 0.0, 0.0, 0.0])[:, np.newaxis]

    def estimator(expected: np.ndarray, _: np.ndarray) -> dict[str, Figure]:
        value = float(expected[:-1].mean()) if len(expected) > 1 else 0.5 + off * float(random.normal())
        members = expected.mean(axis=1)
        return {"share": Figure(value=value, drawn=value + noise * random.normal(size=200), each=members)}

    found = learned_spread(each, np.ones(ROWS), np.arange(ROWS) % 5, np.zeros((1, ROWS), dtype=int), estimator)
    return found["share"]


def test_estimates_that_are_no_further_off_than_their_members_keep_the_spread() -> None:
    assert spread(off=0.001) == 1.0


def test_estimates_that_are_further_off_get_wider_intervals() -> None:
    model_error = 0.01 * np.sqrt(2 * 4 / 5)
    assert spread(off=0.04) == pytest.approx(0.04 / model_error, rel=0.35)
    assert spread(off=1.0) == MOST


def test_too_few_rows_or_no_members_teach_nothing() -> None:
    def estimator(*_: np.ndarray) -> dict[str, Figure]:
        raise AssertionError

    few, codes = np.arange(100) % 5, np.zeros((1, 100), dtype=int)
    assert learned_spread(np.full((6, 100), 0.5), np.ones(100), few, codes, estimator) == {}
    alone = np.full((1, ROWS), 0.5)
    assert learned_spread(alone, np.ones(ROWS), np.zeros(ROWS, int), np.zeros((1, ROWS), int), estimator) == {}


def test_it_is_learned_where_answers_are_given() -> None:
    random = np.random.default_rng(1)
    score, x = random.random(3_000), random.random(3_000)
    truth = random.random(3_000) < score * x
    rows = pa.table({"x": x})
    assert fit("binary", score, truth, rows).spread == {}
    found = fit("binary", score, truth, rows, answer=score >= 0.5).spread
    assert {"roc_auc", "f1", "accuracy"} <= found.keys()
    assert all(1 <= factor <= MOST for factor in found.values())


def test_surprising_rows_are_kept_and_weights_make_up_for_the_others() -> None:
    surprise = np.where(np.arange(200_000) % 100 == 0, 0.9, 0.01)
    chosen, weight = sampled(surprise, None, 20_000, 0)
    assert weight is not None
    assert len(chosen) == pytest.approx(20_000, rel=0.15)
    assert np.count_nonzero(surprise[chosen] > 0.5) == 2_000
    assert weight.sum() == pytest.approx(200_000, rel=0.03)
    assert weight.max() <= 20


def test_few_rows_are_all_kept() -> None:
    chosen, weight = sampled(np.ones(10), None, 20, 0)
    assert (chosen.tolist(), weight) == (list(range(10)), None)
