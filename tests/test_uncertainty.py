"""How sure a prediction is, from the numbers that were calibrated."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from holdfast.errors import InputError, SettingError
from holdfast.stats import conformal, prediction_sets
from holdfast.stats.conformal import Conformal
from holdfast.stats.error_scale import ErrorScale
from holdfast.uncertainty import Uncertainty, classes_in_doubt, intervals, revised

ABSOLUTE = Conformal(kind="absolute", level=0.9, quantile=2.0, rows=100)


def test_an_interval_of_one_width() -> None:
    low, high = intervals(Uncertainty(conformal=ABSOLUTE), [10.0, -1.0])
    assert (low.tolist(), high.tolist()) == ([8.0, -3.0], [12.0, 1.0])


def test_an_interval_as_wide_as_errors_are() -> None:
    scale = ErrorScale(x=(0.0, 10.0), y=(1.0, 3.0))
    found = Uncertainty(conformal=msgspec.structs.replace(ABSOLUTE, kind="normalised"), scale=scale)
    low, high = intervals(found, [0.0, 5.0, 10.0])
    np.testing.assert_allclose(high - low, [4.0, 8.0, 12.0])


def test_an_interval_around_two_quantiles() -> None:
    found = Uncertainty(conformal=msgspec.structs.replace(ABSOLUTE, kind="cqr"))
    low, high = intervals(found, np.array([[3.0, 7.0]]))
    assert (low.tolist(), high.tolist()) == ([1.0], [9.0])


def test_it_is_the_same_after_it_was_stored() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.normal(size=400), random.normal(size=400)
    segment = np.array(["a", "b"])[np.arange(400) % 2]
    found = Uncertainty(conformal=conformal.fit(truth, predicted, level=0.8, segment=segment), segment="city")
    back = msgspec.json.decode(msgspec.json.encode(found), type=Uncertainty)
    np.testing.assert_array_equal(intervals(back, predicted, segment), intervals(found, predicted, segment))


def test_sets_of_classes() -> None:
    random = np.random.default_rng(0)
    scores = random.dirichlet([1, 1, 1], 2_000)
    truth = (random.random(2_000)[:, None] > scores.cumsum(axis=1)).sum(axis=1)
    found = Uncertainty(sets=prediction_sets.fit(scores[:1000], truth[:1000], method="lac", level=0.9))
    inside = classes_in_doubt(found, scores[1000:])
    assert inside.shape == (1000, 3)
    assert inside[np.arange(1000), truth[1000:]].mean() == pytest.approx(0.9, abs=0.03)


def test_what_was_not_calibrated_is_not_there() -> None:
    with pytest.raises(InputError, match="no intervals"):
        intervals(Uncertainty(), [1.0])
    with pytest.raises(InputError, match="no sets of classes"):
        classes_in_doubt(Uncertainty(conformal=ABSOLUTE), np.ones((1, 2)))


def test_a_revision_replaces_the_offset_alone() -> None:
    sealed = Uncertainty(conformal=msgspec.structs.replace(ABSOLUTE, segments={"a": 1.0, "b": 5.0}), segment="city")
    found = revised(sealed, {"quantile": 3.0, "segments": {"a": 2.0}})
    assert found.conformal is not None
    assert (found.conformal.quantile, found.conformal.segments) == (3.0, {"a": 2.0, "b": 5.0})
    assert (found.conformal.level, found.conformal.kind, found.segment) == (0.9, "absolute", "city")


@pytest.mark.parametrize(
    "content", [{}, {"quantile": None}, {"quantile": float("inf")}, {"quantile": float("nan")}, {"threshold": 0.5}]
)
def test_what_is_no_finite_offset_is_refused(content: dict[str, float | None]) -> None:
    with pytest.raises(SettingError, match="Expected a policy revision"):
        revised(Uncertainty(conformal=ABSOLUTE), content)


def test_two_classes_have_nothing_to_revise() -> None:
    with pytest.raises(SettingError, match="it has none"):
        revised(None, {"quantile": 1.0})
