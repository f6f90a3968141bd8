from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError, SettingError
from holdfast.explain import shapley
from holdfast.explain.shapley import contributions


def enumerated(predict, rows: pa.Table, background: pa.Table) -> np.ndarray:
    """Shapley values by their definition: every set of features, every background row."""
    names = rows.column_names

    def value(kept: frozenset[str]) -> np.ndarray:
        means = []
        for i in range(rows.num_rows):
            own = rows.slice(i, 1).to_pylist()[0]
            mixed = [other | {name: own[name] for name in kept} for other in background.to_pylist()]
            means.append(predict(pa.Table.from_pylist(mixed, schema=rows.schema)).mean(axis=0))
        return np.array(means)

    sets = [frozenset(s) for size in range(len(names) + 1) for s in itertools.combinations(names, size)]
    worth = {s: value(s) for s in sets}
    p = len(names)
    return np.stack(
        [
            sum(
                math.factorial(len(s))
                * math.factorial(p - len(s) - 1)
                / math.factorial(p)
                * (worth[s | {j}] - worth[s])
                for s in sets
                if j not in s
            )
            for j in names
        ],
        axis=1,
    )


def mixed_model(table: pa.Table) -> np.ndarray:
    """Products, a string, a boolean and a null take part."""
    a, b = table["a"].to_numpy(), np.nan_to_num(table["b"].to_numpy(), nan=-1.0)
    kind = np.array([{"x": 0.0, "y": 2.0}.get(value, 1.0) for value in table["kind"].to_pylist()])
    return a * b + kind * a + 3.0 * np.array(table["flag"].to_pylist())


def mixed_rows(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "a": rng.normal(size=n),
            "b": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.2),
            "kind": pa.array(rng.choice(["x", "y", "z"], n).tolist()),
            "flag": rng.random(n) < 0.5,
        }
    )


def test_sampled_values_are_the_enumerated_ones_within_their_standard_errors() -> None:
    rows, background = mixed_rows(20, 0), mixed_rows(12, 1)
    expected = enumerated(mixed_model, rows, background)
    found = contributions(mixed_model, rows, background, pairs=200)
    assert found.errors is not None
    off = np.abs(found.values - expected)
    assert off.max() < 0.15
    assert (off > 2 * found.errors).mean() < 0.05
    assert (found.scale, found.method, found.features) == ("score", "sampling", ("a", "b", "kind", "flag"))


def test_every_class_has_its_own_contributions() -> None:
    def predict(table: pa.Table) -> np.ndarray:
        total = mixed_model(table)
        return np.column_stack([total, -total, np.zeros_like(total)])

    rows, background = mixed_rows(5, 0), mixed_rows(10, 1)
    found = contributions(predict, rows, background, pairs=20)
    single = contributions(mixed_model, rows, background, pairs=20)
    assert found.values.shape == (5, 4, 3)
    assert found.base.shape == (3,)
    np.testing.assert_allclose(found.values[:, :, 0], single.values, atol=1e-12)
    np.testing.assert_allclose(found.values[:, :, 1], -single.values, atol=1e-12)
    assert not found.values[:, :, 2].any()


def test_a_linear_model_has_its_closed_form() -> None:
    """Coefficient times the distance from the background's mean; exact, once every background row is used."""
    rng = np.random.default_rng(0)
    x, others, slope = rng.normal(size=(30, 4)), rng.normal(size=(8, 4)), np.array([1.0, -2.0, 0.0, 5.0])

    def table(values: np.ndarray) -> pa.Table:
        return pa.table({name: values[:, j] for j, name in enumerate("abcd")})

    found = contributions(lambda t: np.column_stack(t.columns) @ slope, table(x), table(others), pairs=8)
    np.testing.assert_allclose(found.values, slope * (x - others.mean(axis=0)), atol=1e-12)
    assert not found.values[:, 2].any()


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 9), st.integers(2, 5))
def test_contributions_add_up_exactly(seed: int, n: int, others: int, pairs: int) -> None:
    rows, background = mixed_rows(n, seed), mixed_rows(others, seed + 1)
    found = contributions(mixed_model, rows, background, pairs=pairs, seed=seed)
    np.testing.assert_allclose(found.totals, mixed_model(rows), atol=1e-10)
    np.testing.assert_allclose(found.base, mixed_model(background).mean(), atol=1e-12)


def test_a_row_has_the_same_contributions_whatever_stands_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, background = mixed_rows(7, 0), mixed_rows(20, 1)
    together = contributions(mixed_model, rows, background).values
    alone = [contributions(mixed_model, rows.slice(i, 1), background).values[0] for i in range(7)]
    np.testing.assert_array_equal(together, alone)
    monkeypatch.setattr(shapley, "BLOCK_CELLS", 1)
    np.testing.assert_array_equal(together, contributions(mixed_model, rows, background).values)
    assert (contributions(mixed_model, rows, background, seed=1).values != together).any()


def test_one_feature_brings_everything() -> None:
    rows, background = pa.table({"a": [3.0]}), pa.table({"a": [0.0, 1.0]})
    found = contributions(lambda t: t["a"].to_numpy(), rows, background)
    assert found.values.tolist() == [[2.5]]


def test_a_constant_model_owes_nothing_to_any_feature() -> None:
    rows = mixed_rows(3, 0)
    found = contributions(lambda t: np.full(t.num_rows, 0.25), rows, rows)
    assert not found.values.any()
    assert found.base == 0.25


def test_no_rows_have_no_contributions() -> None:
    found = contributions(mixed_model, mixed_rows(3, 0).slice(0, 0), mixed_rows(3, 1))
    assert found.values.shape == (0, 4)
    assert found.totals.shape == (0,)


def test_what_makes_no_sense_is_refused() -> None:
    rows = mixed_rows(3, 0)
    with pytest.raises(SettingError, match="at least 2 pairs of orders"):
        contributions(mixed_model, rows, rows, pairs=1)
    with pytest.raises(InputError, match="a background of at least 1 row"):
        contributions(mixed_model, rows, rows.slice(0, 0))
    with pytest.raises(InputError, match="missing: 'a'"):
        contributions(mixed_model, rows.drop_columns(["a"]), rows)
