from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError, SettingError
from holdfast.explain.interactions import interactions


def three(n: int, seed: int = 0) -> pa.Table:
    return pa.table(dict(zip("abc", np.random.default_rng(seed).normal(size=(3, n)), strict=True)))


def column(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy()


def test_what_adds_up_does_not_interact() -> None:
    rows = three(50)
    found = interactions(
        lambda t: np.exp(column(t, "a")) - column(t, "b") ** 3, rows, rows, list(itertools.combinations("abc", 2))
    )
    assert max(one.strength for one in found) < 1e-9


def test_a_product_has_its_closed_form() -> None:
    """The index of a b is (a - mean)(b - mean) + cov; beside an independent c of equal variance: sqrt(1 / 2)."""
    rows = three(4_000)
    found = interactions(
        lambda t: column(t, "a") * column(t, "b") + column(t, "c"), rows, rows, [("a", "c"), ("a", "b")], draws=6
    )
    assert [one.features for one in found] == [("a", "b"), ("a", "c")]
    assert found[0].strength == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert found[1].strength < 1e-9


def test_an_index_of_three_features_is_the_enumerated_one() -> None:
    """Of a b c with one background row of zeros: v(S) is a b c only for all three, so that the index is a b c / 2."""
    rows = three(2_000)
    nothing = pa.table({name: [0.0] for name in "abc"})

    def predict(table: pa.Table) -> np.ndarray:
        return column(table, "a") * column(table, "b") * column(table, "c")

    [found] = interactions(predict, rows, nothing, [("a", "b")], draws=20)
    assert found.strength == pytest.approx(0.5, abs=0.03)


def test_classes_and_weights_take_part() -> None:
    """The product is there only where the weight is; its other class mirrors it and changes no share."""
    rows = three(10_000)
    inside = np.arange(10_000) < 5_000
    flagged = rows.append_column("flag", pa.array(inside))

    def predict(table: pa.Table) -> np.ndarray:
        flags = np.array(table["flag"].to_pylist())
        score = np.where(flags, column(table, "a") * column(table, "b"), column(table, "a"))
        return np.column_stack([score, -score])

    background = flagged.filter(pa.array(inside))
    [alone] = interactions(predict, background, background, [("a", "b")])
    [weighted] = interactions(predict, flagged, background, [("a", "b")], weight=inside.astype(float))
    assert alone.strength == pytest.approx(1, abs=0.1)
    assert weighted.strength == pytest.approx(alone.strength, abs=0.1)


def test_a_constant_model_has_no_interactions() -> None:
    [found] = interactions(lambda t: np.ones(t.num_rows), three(10), three(5), [("a", "b")])
    assert found.strength == 0


def test_what_makes_no_sense_is_refused() -> None:
    rows = three(10)

    def predict(table: pa.Table) -> np.ndarray:
        return column(table, "a")

    with pytest.raises(SettingError, match="has no column 'd'"):
        interactions(predict, rows, rows, [("a", "d")])
    with pytest.raises(SettingError, match="'a' twice"):
        interactions(predict, rows, rows, [("a", "a")])
    with pytest.raises(SettingError, match="at least 2 draws"):
        interactions(predict, rows, rows, [], draws=1)
    with pytest.raises(InputError, match="a background of at least 1 row"):
        interactions(predict, rows, rows.slice(0, 0), [])
    with pytest.raises(InputError, match="expected rows, got none"):
        interactions(predict, rows.slice(0, 0), rows, [])
