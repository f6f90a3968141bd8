"""Features as codes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from holdfast.estimation.features import Feature, coded, learn


def test_numbers_are_parted_by_quantiles() -> None:
    values = np.arange(3_200.0)
    (feature, score) = learn(pa.table({"x": values}), values / 3_200)
    codes = coded((feature,), pa.table({"x": values}), values)[0]
    counts = np.bincount(codes, minlength=33)
    assert counts[0] == 0
    assert set(counts[1:]) == {100}
    assert score.name == ""


def test_whole_numbers_are_parted_between() -> None:
    (feature, _) = learn(pa.table({"x": [1, 1, 2, 3, 3, 3]}), np.arange(6) / 6)
    assert feature.cuts == (1.0, 2.0)
    assert coded((feature,), pa.table({"x": [0, 1, 2, 3, 4]}), np.zeros(5)).tolist() == [[1, 1, 2, 3, 3]]


def test_missing_is_a_code_of_its_own_and_infinity_is_large() -> None:
    feature = Feature(name="x", cuts=(1.0, 2.0))
    rows = pa.table({"x": [None, float("nan"), float("inf"), float("-inf")]})
    assert coded((feature,), rows, np.zeros(4)).tolist() == [[0, 0, 3, 1]]


def test_rare_and_new_categories_share_a_code() -> None:
    values = [f"c{i:02d}" for i in range(40) for _ in range(40 - i)]
    (feature, _) = learn(pa.table({"c": values}), np.arange(len(values)) / len(values))
    assert feature.values[:2] == ("c00", "c01")
    assert len(feature.values) == 31
    found = coded((feature,), pa.table({"c": ["c00", "c39", "other", None]}), np.zeros(4))[0]
    assert found.tolist() == [1, 32, 32, 0]


def test_dictionaries_booleans_and_empty_columns() -> None:
    rows = pa.table(
        {
            "flag": [True, False, True],
            "city": pa.array(["a", "b", "a"]).dictionary_encode(),
            "nothing": pa.nulls(3, pa.float64()),
        }
    )
    found = learn(rows, np.array([0.1, 0.2, 0.3]))
    assert [feature.name for feature in found] == ["flag", "city", ""]
    assert coded(found, rows, np.array([0.1, 0.2, 0.3]))[:2].tolist() == [[2, 1, 2], [1, 2, 1]]


def test_a_column_that_is_not_there_is_missing() -> None:
    features = (Feature(name="x", cuts=(1.0,)), Feature(name="c", values=("a",)), Feature(name="", cuts=(0.5,)))
    assert coded(features, pa.table({"other": [1, 2]}), np.array([0.2, 0.7])).tolist() == [[0, 0], [0, 0], [1, 2]]
