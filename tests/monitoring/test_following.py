"""Offsets that follow the labels, and what of them revises a policy."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from holdfast.book.opening import open_book
from holdfast.book.policies import newest_policy_revisions, revise_policy
from holdfast.monitoring.following import Followed, begin, content, learned, window_rows
from holdfast.stats import conformal, error_scale, prediction_sets
from holdfast.stats.conformal import Conformal
from holdfast.stats.prediction_sets import PredictionSets
from holdfast.uncertainty import Uncertainty, classes_in_doubt, intervals, revised

ABSOLUTE = Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=1.645, rows=500))


def started(sealed: Uncertainty) -> Followed:
    state = begin(sealed)
    assert state is not None
    return state


def test_errors_that_double_widen_the_interval_twice() -> None:
    rng = np.random.default_rng(0)
    state = learned(started(ABSOLUTE), ABSOLUTE, np.zeros(5_000), 2 * rng.normal(size=5_000), window=1_000)
    low, high = intervals(revised(ABSOLUTE, content(state)), [0.0])
    assert high[0] - low[0] == pytest.approx(2 * 2 * 1.645, rel=0.1)


def test_intervals_in_their_own_scale_follow(tmp_path: Path) -> None:
    """A normalised interval: errors grow with the prediction, and later by half as much again. Through the book."""
    rng = np.random.default_rng(1)
    x = rng.uniform(1, 10, 6_000)
    truth = x + x * rng.normal(size=6_000) * np.repeat([1.0, 1.5], 3_000)
    old, new = slice(2_000), slice(3_000, 5_000)
    scale = error_scale.fit(x[:1_000], truth[:1_000])
    calibrated = conformal.fit(truth[old], x[old], sigma=error_scale.sigma(scale, x[old]))
    sealed = Uncertainty(conformal=calibrated, scale=scale)
    state = learned(started(sealed), sealed, x[new], truth[new])
    book = open_book(tmp_path / "book.db")
    revise_policy(book, "trips", 1, content(state), author="monitor")
    found = revised(sealed, newest_policy_revisions(book)["trips", 1].content)
    book.close()
    later = slice(5_000, None)
    for uncertainty, expected in ((sealed, 0.73), (found, 0.9)):
        low, high = intervals(uncertainty, x[later])
        assert ((low <= truth[later]) & (truth[later] <= high)).mean() == pytest.approx(expected, abs=0.03)


def test_each_segment_follows_its_own_rows() -> None:
    sealed = Uncertainty(
        conformal=Conformal(kind="absolute", level=0.9, quantile=1.0, rows=500, segments={"a": 1.0, "b": 1.0})
    )
    segment = np.array(["a", "b"])[np.arange(2_000) % 2]
    truth = np.where(segment == "a", 3.0, 1.0)
    state = learned(started(sealed), sealed, np.zeros(2_000), truth, segment)
    assert content(state) == {"quantile": 3.0, "segments": {"a": 3.0, "b": 1.0}}


def test_sets_of_classes_grow_when_the_model_errs() -> None:
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(3), 4_000)
    sealed = Uncertainty(sets=prediction_sets.fit(p, p.argmax(axis=1), method="lac"))
    wrong = rng.integers(0, 3, 4_000)
    state = learned(started(sealed), sealed, p, wrong, window=2_000)
    inside = classes_in_doubt(revised(sealed, content(state)), p)
    assert inside[np.arange(4_000), wrong].mean() == pytest.approx(0.9, abs=0.02)


def test_an_offset_has_a_limit() -> None:
    state = learned(started(ABSOLUTE), ABSOLUTE, np.zeros(1_000), np.full(1_000, 1e9))
    assert content(state) == {"quantile": 16.45}


def test_rows_without_a_finite_prediction_are_left_out() -> None:
    state = learned(started(ABSOLUTE), ABSOLUTE, [np.nan, 0.0, 0.0], [1.0, np.nan, 1.0])
    assert (state.everyone.rows, learned(state, ABSOLUTE, [], []).everyone.rows) == (1, 1)


def test_it_goes_on_where_it_was_stored() -> None:
    state = learned(started(ABSOLUTE), ABSOLUTE, np.zeros(600), np.arange(600) % 7)
    assert msgspec.json.decode(msgspec.json.encode(state), type=Followed) == state


@pytest.mark.parametrize(
    "sealed",
    [
        None,
        Uncertainty(),
        Uncertainty(conformal=Conformal(kind="absolute", level=0.9, quantile=None, rows=5)),
        Uncertainty(sets=PredictionSets(method="lac", level=0.9, quantile=None, rows=5)),
    ],
)
def test_what_was_not_calibrated_does_not_follow(sealed: Uncertainty | None) -> None:
    assert begin(sealed) is None


def test_a_window_holds_two_weeks() -> None:
    assert [window_rows(rows) for rows in (0, 24, 50, 1_000)] == [500, 500, 700, 5_000]
