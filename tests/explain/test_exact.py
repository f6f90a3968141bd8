"""How exact contributions are planned; what they are is in `test_online.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import ModelError
from holdfast.explain import exact as subject
from holdfast.explain.exact import Plan, exact, plan_of, stratified
from holdfast.explain.linear import Weights
from holdfast.explain.owners import Columns

onnx = pytest.importorskip("onnx")

INPUTS = {"x": Columns((frozenset([0]), frozenset([1])))}


def model_of(*nodes: Any, **constants: Any) -> bytes:
    graph = onnx.helper.make_graph(
        list(nodes),
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, ["rows", 2])],
        [onnx.helper.make_empty_tensor_value_info("y")],
        [onnx.numpy_helper.from_array(np.array(values, np.float32), name) for name, values in constants.items()],
    )
    content: bytes = onnx.helper.make_model(graph).SerializeToString()
    return content


def linear(source: str, **attributes: Any) -> Any:
    held = {"coefficients": [1.0, 2.0], "intercepts": [0.5]} | attributes
    return onnx.helper.make_node("LinearRegressor", [source], ["y"], domain="ai.onnx.ml", **held)


def test_a_model_that_reads_its_input_has_no_front() -> None:
    plan = plan_of(model_of(linear("x")), INPUTS, 2)
    assert plan is not None
    assert (plan.matrix, plan.front, plan.owners.tolist(), plan.features) == ("x", None, [0, 1], 2)
    assert isinstance(plan.model, Weights)


def test_what_comes_before_is_cut_out() -> None:
    plan = plan_of(model_of(onnx.helper.make_node("Neg", ["x"], ["n"]), linear("n")), INPUTS, 2)
    assert plan is not None
    assert plan.matrix == "n"
    assert plan.front is not None
    assert [node.op_type for node in onnx.load_model_from_string(plan.front).graph.node] == ["Neg"]


def test_columns_that_mix_features_and_several_models_have_no_plan() -> None:
    mixes = onnx.helper.make_node("Softmax", ["x"], ["n"])
    assert plan_of(model_of(mixes, linear("n")), INPUTS, 2) is None
    assert plan_of(model_of(linear("x"), linear("x")), INPUTS, 2) is None
    assert plan_of(model_of(onnx.helper.make_node("Neg", ["x"], ["y"])), INPUTS, 2) is None
    shared = {"x": Columns((frozenset([0, 1]), frozenset([1])))}
    assert plan_of(model_of(linear("x")), shared, 2) is None
    assert plan_of(model_of(linear("x", coefficients=[0.0, 2.0])), shared, 2) is not None  # which does not count


def test_an_operator_that_lacks_what_it_must_have_is_refused() -> None:
    bare = onnx.helper.make_node("LinearRegressor", ["x"], ["y"], domain="ai.onnx.ml")
    with pytest.raises(ModelError, match="lacks"):
        plan_of(model_of(bare), INPUTS, 2)


def plan(rows: int = 65_535) -> Plan:
    class Few(Plan):
        @property
        def rows(self) -> int:
            return rows

    weights = Weights(np.array([[1.0], [2.0]]), np.zeros(1))
    return Few(model=weights, matrix="x", front=None, owners=np.array([0, 1]), features=2)


def test_scores_that_no_link_makes_have_no_exact_contributions() -> None:
    matrix = np.random.default_rng(0).normal(size=(30, 2))
    margins = matrix @ [[1.0], [2.0]]
    found = exact(plan(), matrix, 1 / (1 + np.exp(-margins)))
    assert found is not None
    assert (found.rows, found.link.kind) == (30, "logistic")
    assert exact(plan(), matrix, np.sin(margins)) is None


def test_few_background_rows_are_enough_where_there_are_no_more() -> None:
    matrix = np.arange(60.0).reshape(30, 2)
    margins = matrix @ [[1.0], [2.0]]
    assert exact(plan(), matrix[:3], margins[:3]) is not None
    assert exact(plan(rows=10), matrix, margins) is None
    found = exact(plan(rows=25), matrix, margins)
    assert found is not None
    assert found.rows == 25


def test_large_forests_take_fewer_background_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PAIRS", 120)

    class Leaves:
        leaves = np.arange(4)

    few: Any = Leaves()
    assert Plan(model=few, matrix="x", front=None, owners=np.array([0]), features=1).rows == 30
    monkeypatch.setattr(subject, "PAIRS", 10_000)
    assert Plan(model=few, matrix="x", front=None, owners=np.array([0]), features=1).rows == subject.TREE_ROWS


@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 99))
def test_chosen_rows_are_spread_evenly_over_the_ranks(n: int, rows: int, seed: int) -> None:
    score = np.random.default_rng(seed).permutation(n).astype(float)
    kept = stratified(score, rows)
    assert len(set(kept.tolist())) == len(kept) == min(n, rows)
    gaps = np.diff(np.concatenate([[-1], score[kept], [n]]))
    assert gaps.max() <= 2 * np.ceil(n / len(kept)) + 1
