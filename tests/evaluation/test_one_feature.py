import numpy as np
import pyarrow as pa
import pytest

from holdfast.evaluation.labelled import Labelled
from holdfast.evaluation.one_feature import best_feature


def rows(
    features: dict[str, object], truth: list[object], task: str = "binary", classes: tuple[str, ...] = ()
) -> Labelled:
    return Labelled(task=task, classes=classes, features=pa.table(features), truth=np.array(truth))


def test_a_category_scores_its_mean_shrunk_by_20_rows_and_an_unseen_one_the_overall_mean() -> None:
    train = rows({"shop": ["a"] * 30 + ["b"] * 30 + [None] * 40}, [True] * 30 + [False] * 70)
    later = rows({"shop": ["b", "c", "a", None]}, [False] * 4)
    name, _, score = best_feature(train, later, later)
    assert name == "shop"
    assert score == pytest.approx([6 / 50, 0.3, 36 / 50, 6 / 60])


def test_values_that_train_has_not_in_its_order_are_matched_by_name() -> None:
    train = rows({"shop": pa.array(["b", "a"] * 50).dictionary_encode()}, [True, False] * 50)
    later = rows({"shop": pa.array(["a", "b", "a"]).dictionary_encode()}, [False] * 3)
    score = best_feature(train, later, later)[2]
    assert (score > 0.5).tolist() == [False, True, False]


def test_the_feature_with_the_least_error_on_validation_is_taken() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.random(2_000), rng.integers(0, 2_000, 2_000).astype(str)
    train = rows({"identifier": noise, "x": x}, list(rng.random(2_000) < x**2))
    validation = rows({"identifier": noise[::-1], "x": x[::-1]}, list((rng.random(2_000) < x**2)[::-1]))
    assert best_feature(train, validation, validation)[0] == "x"


def test_missing_and_constant_numbers() -> None:
    train = rows({"x": [1.0, None, float("nan"), 1.0] * 25, "empty": pa.nulls(100, pa.float64())}, [True, False] * 50)
    later = rows({"x": [None, 1.0, 5.0], "empty": pa.nulls(3, pa.float64())}, [False] * 3)
    name, _, score = best_feature(train, later, later)
    assert name in ("x", "empty")
    assert np.isfinite(score).all()


def test_several_classes_have_a_score_each_and_weights_count() -> None:
    weight = np.array([3.0, 1.0] * 20)
    train = Labelled(
        task="classes",
        classes=("a", "b"),
        features=pa.table({"x": [1] * 40}),
        truth=np.array([0, 1] * 20),
        weight=weight,
    )
    later = rows({"x": [1]}, [0], "classes", ("a", "b"))
    assert best_feature(train, later, later)[2].tolist() == [[0.75, 0.25]]


def test_without_features_there_is_none() -> None:
    table = pa.table({"x": [1.0]}).select([])
    empty = Labelled(task="regression", classes=(), features=table, truth=np.array([1.0]))
    assert best_feature(empty, empty, empty) is None
