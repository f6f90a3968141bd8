from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.inspection import partial_dependence

from holdfast.errors import InputError, SettingError
from holdfast.explain.dependence import can_depend, dependence

X = np.random.default_rng(0).normal(size=(150, 3))
TABLE = pa.table({name: X[:, j] for j, name in enumerate("abc")})


def matrix(table: pa.Table) -> np.ndarray:
    return np.column_stack(table.columns)


def test_curves_are_those_of_scikit_learn() -> None:
    model = RandomForestRegressor(10, random_state=0).fit(X, X[:, 0] * X[:, 1])
    [found] = dependence(lambda t: model.predict(matrix(t)), TABLE, "a", points=8, single=150)
    expected = partial_dependence(model, X, [0], custom_values={0: np.array(found.x)}, method="brute", kind="both")
    np.testing.assert_allclose(found.mean, expected["average"][0], atol=1e-12)
    np.testing.assert_allclose(found.single, expected["individual"][0], atol=1e-12)


def test_every_class_has_a_curve_and_they_sum_to_1() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, np.digitize(X[:, 0], [-0.5, 0.5]))
    found = dependence(lambda t: model.predict_proba(matrix(t)), TABLE, "a", classes=("low", "middle", "high"))
    assert [one.output for one in found] == ["low", "middle", "high"]
    np.testing.assert_allclose(np.sum([one.mean for one in found], axis=0), 1)
    assert [one.output for one in dependence(lambda t: model.predict_proba(matrix(t)), TABLE, "a")] == ["0", "1", "2"]


def test_points_are_quantiles_that_occur() -> None:
    rows = pa.table({"a": pa.array([5, None, 1, 3, 3, 3, 2, 4], pa.int64())})
    seen = []

    def predict(table: pa.Table) -> np.ndarray:
        seen.append(table.schema.field("a").type)
        return np.zeros(table.num_rows)

    [few] = dependence(predict, rows, "a", points=3)
    [all_] = dependence(predict, rows, "a", points=5)
    assert few.x == (1, 3, 5)
    assert all_.x == (1, 2, 3, 4, 5)
    assert set(seen) == {pa.int64()}


def test_categories_come_commonest_first() -> None:
    rows = pa.table({"s": ["b", "a", None, "b", "c", "a", "b"], "f": [True, False, None, False, True, False, False]})
    worth = {"a": 1.0, "b": 2.0, "c": 3.0, None: 0.0}

    def predict(table: pa.Table) -> np.ndarray:
        return np.array([worth[value] for value in table["s"].to_pylist()])

    [found] = dependence(predict, rows, "s", points=2, single=1)
    assert (found.labels, found.mean, found.single, found.x) == (("b", "a"), (2.0, 1.0), ((2.0, 1.0),), ())
    [flags] = dependence(predict, rows, "f")
    assert flags.labels == ("false", "true")
    [coded] = dependence(predict, rows.set_column(0, "s", rows["s"].dictionary_encode()), "s", points=2)
    assert coded.labels == ("b", "a")


def test_the_mean_is_weighted() -> None:
    rows = pa.table({"a": [0.0, 1.0], "b": [10.0, 20.0]})
    [found] = dependence(lambda t: t["a"].to_numpy() + t["b"].to_numpy(), rows, "a", weight=np.array([3.0, 1.0]))
    assert found.mean == (12.5, 13.5)


def test_what_makes_no_sense_is_refused() -> None:
    rows = pa.table(
        {"a": [1.0, 2.0], "gone": pa.array([None, None], pa.float64()), "nan": [np.nan] * 2, "list": [[1], [2]]}
    )

    def predict(table: pa.Table) -> np.ndarray:
        return np.zeros(table.num_rows)

    with pytest.raises(InputError, match="'gone' to have a value in some row; all of 2 are missing"):
        dependence(predict, rows, "gone")
    with pytest.raises(InputError, match="'list' to hold numbers, strings or booleans, got list"):
        dependence(predict, rows, "list")
    with pytest.raises(SettingError, match="has no column 'z'"):
        dependence(predict, rows, "z")
    with pytest.raises(SettingError, match="at least 2 points"):
        dependence(predict, rows, "a", points=1)
    with pytest.raises(InputError, match="a name for each of 1 classes, got 2"):
        dependence(predict, rows, "a", classes=("x", "y"))
    assert [can_depend(rows, name) for name in rows.column_names] == [True, False, False, False]
