from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.inspection import permutation_importance as oracle
from sklearn.linear_model import LinearRegression

from holdfast.errors import InputError, SettingError
from holdfast.explain.permutation import _donors, permutation_importance, shares


def column(name: str):
    return lambda table: table[name].to_numpy()


def squares(truth: np.ndarray):
    return lambda scores: (scores - truth) ** 2


def test_importance_of_a_linear_model_is_that_of_scikit_learn_and_of_the_formula() -> None:
    """Shuffling a feature of coefficient b adds 2 b^2 var(x) to the mean squared error."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2_000, 3)) * [1.0, 2.0, 3.0]
    truth = x @ [2.0, 1.0, 0.0] + rng.normal(size=2_000)
    model = LinearRegression().fit(x, truth)
    table = pa.table({name: x[:, j] for j, name in enumerate("abc")})

    def predict(rows: pa.Table) -> np.ndarray:
        return model.predict(np.column_stack(rows.columns))

    found = permutation_importance(predict, table, squares(truth), permutations=20, unit="EUR")
    expected = oracle(model, x, truth, scoring="neg_mean_squared_error", n_repeats=20, random_state=0)
    values = [found[name].value for name in "abc"]
    np.testing.assert_allclose(values, expected.importances_mean, rtol=0.03, atol=0.01)
    np.testing.assert_allclose(values, 2 * model.coef_**2 * x.var(axis=0), rtol=0.03, atol=0.01)
    assert (found["a"].unit, found["a"].rows, found["a"].level) == ("EUR", 2_000, 0.95)


def coverage(runs: int, n: int, *, weighted: bool) -> float:
    """Share of intervals that hold the importance of x for the mean squared error of 2 x: 8 times its variance."""
    hits = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        far = weighted & (rng.random(n) < 0.5)  # a tenth of the population, and half of the rows
        x = rng.normal(size=n) + 3 * far
        truth = 2 * x + rng.normal(size=n)
        weight = np.where(far, 0.1, 0.9) if weighted else None
        table = pa.table({"x": x})
        found = permutation_importance(
            lambda rows: 2 * rows["x"].to_numpy(), table, squares(truth), weight=weight, seed=seed
        )["x"]
        hits += found.low <= 8 * (1 + weighted * 0.09 * 9) <= found.high
    return hits / runs


@pytest.mark.simulation
@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_cover_the_importance_in_the_population(weighted: bool) -> None:
    """Receivers alone would cover in 80% of the runs."""
    assert 0.925 <= coverage(400, 500, weighted=weighted) <= 0.975


def test_an_objective_that_is_better_when_higher_turns_the_sign() -> None:
    table = pa.table({"x": np.arange(50.0)})
    truth = np.arange(50.0)
    lower = permutation_importance(column("x"), table, squares(truth))["x"]
    higher = permutation_importance(column("x"), table, lambda s: -squares(truth)(s), better="higher")["x"]
    assert lower == higher
    assert lower.low > 0


def test_an_unused_feature_is_worth_exactly_nothing() -> None:
    table = pa.table({"x": np.arange(50.0), "s": ["a", None] * 25})
    found = permutation_importance(column("x"), table, squares(np.zeros(50)))["s"]
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_group_is_shuffled_together() -> None:
    """The sum of two equal features: together worth four times what each is alone."""
    x = np.random.default_rng(0).normal(size=500)
    table = pa.table({"a": x, "b": x, "c": x})
    groups = {"a": ["a"], "both": ["a", "b"]}

    def predict(rows: pa.Table) -> np.ndarray:
        return rows["a"].to_numpy() + rows["b"].to_numpy()

    found = permutation_importance(predict, table, squares(2 * x), groups=groups, permutations=30)
    assert list(found) == ["a", "both"]
    assert found["both"].value == pytest.approx(4 * found["a"].value, rel=0.05)


def test_weights_count_like_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=300), rng.integers(0, 4, 300)
    truth = x + rng.normal(size=300)
    once = permutation_importance(
        column("x"), pa.table({"x": x}), squares(truth), weight=weight.astype(float), permutations=200
    )["x"]
    copies = permutation_importance(
        column("x"), pa.table({"x": x.repeat(weight)}), squares(truth.repeat(weight)), permutations=200
    )["x"]
    assert once.value == pytest.approx(copies.value, rel=0.02)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50).filter(any), st.integers(0, 2**32))
def test_donors_are_drawn_as_often_as_their_weight_says(weight: list[float], seed: int) -> None:
    weights = shares(np.array(weight), len(weight))
    counts = np.bincount(_donors(weights, np.random.default_rng(seed)), minlength=len(weight))
    assert counts.sum() == len(weight)
    assert (np.abs(counts - weights * len(weight)) < 1 + 1e-6).all()
    assert (counts[weights == 0] == 0).all()


def test_the_same_seed_gives_the_same_answer_and_another_one_another() -> None:
    table, truth = pa.table({"x": np.arange(50.0)}), np.arange(50.0)
    first, same, other = (
        permutation_importance(column("x"), table, squares(truth), seed=seed)["x"].value for seed in (1, 1, 2)
    )
    assert first == same != other


@pytest.mark.parametrize("weight", [[0.0, 0.0], [1.0, -1.0], [1.0, np.nan], [1.0, np.inf], [1.0]])
def test_weights_that_are_none_are_refused(weight: list[float]) -> None:
    with pytest.raises(InputError, match="a finite weight of at least 0 for each of 2 rows"):
        permutation_importance(column("x"), pa.table({"x": [1.0, 2.0]}), squares(np.zeros(2)), weight=np.array(weight))


def test_what_makes_no_sense_is_refused() -> None:
    one, two = pa.table({"x": [1.0]}), pa.table({"x": [1.0, 2.0]})
    with pytest.raises(InputError, match="at least 2 rows to shuffle, got 1"):
        permutation_importance(column("x"), one, squares(np.zeros(1)))
    with pytest.raises(SettingError, match="at least 1 permutation, got 0"):
        permutation_importance(column("x"), two, squares(np.zeros(2)), permutations=0)
    with pytest.raises(SettingError, match="groups: 'all': the table of features has no column 'y'"):
        permutation_importance(column("x"), two, squares(np.zeros(2)), groups={"all": ["y"]})
    with pytest.raises(InputError, match=r"finite value for each of 2 rows, got shape .2,. with 2 that are not finite"):
        permutation_importance(column("x"), two, lambda s: s * np.nan)
