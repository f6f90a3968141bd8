from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores import APSConformityScore
from sklearn.base import BaseEstimator, ClassifierMixin

from holdfast.errors import InputError, SettingError
from holdfast.stats.prediction_sets import PredictionSets, fit, sets


class Given(ClassifierMixin, BaseEstimator):
    """A fitted model whose probabilities are its input."""

    fitted_ = True
    classes_ = np.arange(4)

    def fit(self, *_):
        return self

    def predict_proba(self, x):
        return np.asarray(x)

    def predict(self, x):
        return np.argmax(x, axis=1)


def _rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of four classes, and classes drawn from probabilities that are less sure."""
    rng = np.random.default_rng(seed)
    odds = 2 * rng.normal(size=(n, 4))
    p, true = (np.exp(scale * odds) / np.exp(scale * odds).sum(axis=1, keepdims=True) for scale in (1, 0.6))
    return p, (rng.random((n, 1)) > np.cumsum(true, axis=1)).sum(axis=1).clip(max=3)


def _mapie(method: str, level: float, x: np.ndarray, truth: np.ndarray, new: np.ndarray) -> np.ndarray:
    score = APSConformityScore() if method == "aps" else method
    model = SplitConformalClassifier(
        Given(), confidence_level=level, conformity_score=score, prefit=True, random_state=5
    )
    options = {"include_last_label": "randomized"} if method == "aps" else {}
    return model.conformalize(x, truth).predict_set(new, conformity_score_params=options)[1][:, :, 0]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("method", ["lac", "aps"])
def test_sets_are_those_of_mapie(method: str, level: float) -> None:
    (x, truth), (new, _) = _rows(500), _rows(300, 1)
    u, v = (np.random.RandomState(5).uniform(size=n) if method == "aps" else None for n in (500, 300))
    ours = sets(fit(x, truth, method=method, level=level, uniform=u), new, uniform=v)
    np.testing.assert_array_equal(ours, _mapie(method, level, x, truth, new))


@pytest.mark.parametrize("kind", ["lac", "aps", "randomised aps"])
def test_sets_hold_the_true_class_as_often_as_promised(kind: str) -> None:
    shares = []
    for seed in range(60):
        (x, truth), (new, future) = _rows(400, 2 * seed), _rows(400, 2 * seed + 1)
        uniform = np.random.default_rng(seed).random(800) if kind.startswith("randomised") else None
        first, second = (None, None) if uniform is None else (uniform[:400], uniform[400:])
        found = fit(x, truth, method=kind.removeprefix("randomised "), level=0.8, uniform=first)
        shares.append(sets(found, new, uniform=second)[np.arange(400), future].mean())
    low, high = (0.795, 0.9) if kind == "aps" else (0.79, 0.81)  # plain aps keeps the first class in any case
    assert low < np.mean(shares) < high


def test_by_hand() -> None:
    """Sums down to the true class: 0.5, 0.8, 0.8, 1.0; the fourth of them is the 0.8 quantile of four rows."""
    scores = [[0.5, 0.3, 0.2]] * 4
    aps = fit(scores, [0, 1, 1, 2], method="aps", level=0.6)
    assert aps.quantile == 0.8
    assert sets(aps, [[0.6, 0.2, 0.2], [0.9, 0.1, 0.0], [0.4, 0.35, 0.25]]).tolist() == [
        [True, True, False],
        [True, False, False],
        [True, True, False],
    ]
    assert fit(scores, [0, 1, 1, 2], method="aps", level=0.6, uniform=[0, 1, 0, 1]).quantile == 0.8
    assert fit(scores, [0, 1, 1, 2], method="aps", level=0.6, uniform=[1, 1, 1, 1]).quantile == 0.5


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), min_size=3, max_size=3), min_size=1, max_size=30),
    st.sampled_from(["lac", "aps"]),
    st.floats(0.05, 0.95),
)
def test_at_least_the_promised_share_of_the_calibration_rows_is_held(
    rows: list[list[float]], method: str, level: float
) -> None:
    scores = np.array(rows)
    truth = np.arange(len(rows)) % 3
    found = fit(scores, truth, method=method, level=level)
    inside = sets(found, scores)
    assert inside[np.arange(len(rows)), truth].mean() >= level
    if method == "aps":
        assert inside.any(axis=1).all()
    # A class is in the set whenever a less probable one is.
    for row, held in zip(scores, inside, strict=True):
        assert not held.any() or held[row > row[held].min()].all()


def test_a_higher_level_never_takes_a_class_away() -> None:
    (x, truth), (new, _) = _rows(200), _rows(200, 1)
    for method in ("lac", "aps"):
        inside = [sets(fit(x, truth, method=method, level=level), new) for level in (0.5, 0.7, 0.9, 0.99)]
        assert all((small <= large).all() for small, large in pairwise(inside))


def test_too_few_rows_for_the_level_keep_all_classes() -> None:
    found = fit([[0.9, 0.1]] * 8, [0] * 8, level=0.9)
    assert found.quantile is None
    assert sets(found, [[1.0, 0.0]]).all()


def test_sets_survive_json() -> None:
    x, truth = _rows(100)
    for found in (fit(x, truth), fit(x, truth, method="aps", uniform=np.full(100, 0.5)), fit(x[:2], truth[:2])):
        assert msgspec.json.decode(msgspec.json.encode(found), type=PredictionSets) == found


@pytest.mark.parametrize(
    ("scores", "truth", "options", "error", "message"),
    [
        ([[0.5, np.nan]], [0], {}, InputError, "from 0 to 1"),
        ([[0.5, 1.5]], [0], {}, InputError, "from 0 to 1"),
        ([0.5, 0.5], [0, 1], {}, InputError, "two classes"),
        ([[1.0]], [0], {}, InputError, "two classes"),
        ([[0.5, 0.5]], [2], {}, InputError, "class number"),
        ([[0.5, 0.5]], [-1], {}, InputError, "class number"),
        ([[0.5, 0.5]], [np.nan], {}, InputError, "class number"),
        ([[0.5, 0.5]], [0, 1], {}, InputError, "class number"),
        ([[0.5, 0.5]], [0], {"uniform": [0.5]}, InputError, "only `aps`"),
        ([[0.5, 0.5]], [0], {"method": "aps", "uniform": [0.5, 0.5]}, InputError, "uniform"),
        ([[0.5, 0.5]], [0], {"method": "aps", "uniform": [np.nan]}, InputError, "uniform"),
        ([[0.5, 0.5]], [0], {"level": 0.0}, SettingError, "between 0 and 1"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(scores, truth, options, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fit(scores, truth, **options)


def test_uniform_numbers_come_exactly_where_they_came_in_calibration() -> None:
    x, truth = _rows(50)
    with pytest.raises(InputError, match="expected no uniform"):
        sets(fit(x, truth, method="aps"), x, uniform=np.zeros(50))
    with pytest.raises(InputError, match="expected a uniform"):
        sets(fit(x, truth, method="aps", uniform=np.zeros(50)), x)
