"""Sets of categories as labels, against membership itself."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.models.category_sets import packed
from holdfast.models.convert import to_onnx
from holdfast.models.forest import Forest
from holdfast.models.graph import Graph
from holdfast.models.loading import load_model
from holdfast.models.onnx_model import Element
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession
from holdfast.models.tree import Leaf, Split

VALUES = [*range(80), -1.0, -0.0, 2.5, 1e6, np.inf, -np.inf, np.nan]


def split(codes: Sequence[float], missing: bool = False, column: int = 0) -> Split:
    return Split(column, 0.0, missing, 1, 2, tuple(map(float, codes)))


sets_of_codes = st.lists(
    st.builds(split, st.lists(st.integers(0, 70), min_size=2, max_size=40, unique=True), st.booleans()),
    min_size=1,
    max_size=30,
)


@given(sets_of_codes, st.sampled_from([32, 64]))
def test_labels_tell_members_from_all_else(sets: list[Split], largest: int) -> None:
    table, places = packed(sets, largest, 1_000)
    assert table.max() <= largest
    for one, place in zip(sets, places, strict=True):
        rows = [*map(int, one.members), *([len(table) - 1] if one.missing_left else [])]
        inside = np.isin(np.arange(len(table)), rows)
        assert not set(table[inside, place]) & {0, *table[~inside, place]}


def test_sets_that_find_no_place_are_left_over() -> None:
    random = np.random.default_rng(0)
    sets = [split(random.choice(500, 30, replace=False)) for _ in range(100)]
    table, places = packed(sets, 64, 3)
    assert table.shape[1] == 3
    assert len(places) < 100
    assert places == sorted(places)


@settings(max_examples=20, deadline=None)
@given(sets_of_codes, st.sampled_from(["double", "float"]))
def test_trees_decide_as_before(sets: list[Split], element: Element) -> None:
    """Also on values that are no code, and next to splits by numbers, by one code, by none and by what is no code."""
    others = [
        Split(1, 3.0, True, 1, 2),
        split([7.0]),
        split([]),
        split([2.5, 7.0], missing=True),
        split([1.0, 20_000.0]),
        split([2, 3], column=1),
    ]
    forest, splits = Forest(1), [*sets, *others]
    for power, one in enumerate(splits):
        forest.add([one, Leaf(2.0 ** (power % 10)), Leaf(0.0)])
    graph = Graph()
    matrix = graph.input("x", element, 2)
    double = element == "double"
    proto = graph.model(forest.emit(graph, matrix, [0.0], double=double), 1)
    onnx.checker.check_model(proto)
    rows = np.column_stack([VALUES, VALUES[::-1]]).astype(np.float64 if double else np.float32)
    (found,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": rows})
    left = [
        rows[:, one.column] <= one.threshold if one.members is None else np.isin(rows[:, one.column], one.members)
        for one in splits
    ]
    missing = [np.isnan(rows[:, one.column]) & one.missing_left for one in splits]
    expected = sum(2.0 ** (power % 10) * (left[power] | missing[power]) for power in range(len(splits)))
    assert found[:, 0].tolist() == expected.tolist()


def test_many_categories_are_tested_as_bits() -> None:
    """Of LightGBM: 300 categories, seen, unseen and missing."""
    random = np.random.default_rng(0)
    shop = random.integers(0, 300, 6_000)
    effect = random.normal(size=300)
    frame = pd.DataFrame(
        {"shop": pd.Categorical([f"shop {code}" for code in shop]), "amount": random.normal(size=6_000)}
    )
    truth = effect[shop] + frame.amount > 0
    booster = lightgbm.LGBMClassifier(n_estimators=20, min_child_samples=5, verbose=-1).fit(frame, truth)
    model = load_model(booster)
    rows = pa.table(
        {"shop": [*frame.shop.astype(object)[:1_000], "other", None], "amount": [*frame.amount[:1_000], 0.0, 0.0]}
    )
    session = OnnxSession(to_onnx(model, rows))
    assert parity(model, session, rows, lambda score: score >= 0.5, 1e-6).beyond == 0
    (trees,) = (node for node in onnx.load_from_string(session.content).graph.node if node.op_type.startswith("Tree"))
    held = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in trees.attribute}
    values = onnx.numpy_helper.to_array(held["nodes_values_as_tensor"])[
        [mode == b"BRANCH_EQ" for mode in held["nodes_modes"]]
    ]
    assert len(values) > 100
    assert set(values) <= {*range(1, 65)}
