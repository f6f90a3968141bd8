from __future__ import annotations

import lightgbm
import msgspec
import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError, ModelError, SettingError
from holdfast.explain.sample import Population
from holdfast.explain.summary import Effort, Explanation, explanation
from holdfast.explain.trees import lightgbm_contributions

SMALL = Effort(permutation_rows=200, shapley_rows=60, background_rows=50, points=5, single=3)


def rows_of(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "amount": rng.normal(size=n),
            "hour": rng.integers(0, 24, n),
            "shop": rng.choice(["a", "b", "c"], n).tolist(),
            "noise": rng.normal(size=n),
            "when": pa.array(rng.integers(0, 10**9, n), pa.timestamp("s")),
            "note": ["not a feature"] * n,
        }
    )


FEATURES = ("amount", "hour", "shop", "noise", "when")


def predict(table: pa.Table) -> np.ndarray:
    assert table.column_names == list(FEATURES)
    shop = np.array([{"a": 0.0, "b": 1.0}.get(value, 2.0) for value in table["shop"].to_pylist()])
    return -2 * table["amount"].to_numpy() * shop + 0.05 * table["hour"].to_numpy()


def squares(rows: pa.Table) -> Population:
    truth = predict(rows.select(FEATURES))
    return Population(rows=rows, per_row=lambda scores, at: (scores - truth[at]) ** 2)


def test_everything_is_explained_from_one_call() -> None:
    rows, background = rows_of(500, 0), rows_of(300, 1)
    found = explanation(
        predict, squares(rows), background, features=FEATURES, train=squares(background), effort=SMALL, unit="EUR"
    )
    names = [one.feature for one in found.importances]
    by_name = {one.feature: one for one in found.importances}
    assert set(names[:2]) == {"amount", "shop"}
    assert sum(one.shapley for one in found.importances) == pytest.approx(1)
    assert by_name["noise"].shapley == by_name["when"].shapley == by_name["noise"].permutation.value == 0
    assert by_name["amount"].direction < -0.5
    assert by_name["hour"].direction > 0.9
    assert by_name["shop"].direction is None
    assert by_name["amount"].permutation.unit == "EUR"
    assert by_name["amount"].permutation_train.low > 0
    assert set(found.interactions[0].features) == {"amount", "shop"}
    assert all(one.strength < 1e-6 for one in found.interactions[1:])
    assert [one.feature for one in found.dependences] == [name for name in names if name != "when"]
    assert (found.permutation_rows, found.sample_rows, found.background_rows) == (200, 60, 50)
    assert (found.scale, found.method, len(found.base), len(found.local)) == ("score", "sampling", 1, 5)
    scores = predict(rows.select(FEATURES))
    for example in found.local:
        assert example.total == pytest.approx(scores[example.row])
        assert example.base + sum(example.contributions.values()) == pytest.approx(example.total)


def test_an_explanation_is_json_and_the_same_again() -> None:
    rows = rows_of(100, 0)
    first, again, other = (
        explanation(predict, squares(rows), rows, features=FEATURES, effort=SMALL, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again != other
    assert msgspec.json.decode(msgspec.json.encode(first), type=Explanation) == first


def test_a_library_may_say_the_contributions_exactly() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    truth = x[:, 0] + x[:, 1] > 0
    model = lightgbm.LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1).fit(x, truth).booster_
    rows = pa.table({name: x[:, j] for j, name in enumerate("abc")})

    def matrix(table: pa.Table) -> np.ndarray:
        return np.column_stack(table.columns)

    found = explanation(
        lambda table: model.predict(matrix(table)),
        Population(rows=rows, per_row=lambda scores, at: (scores - truth[at]) ** 2, strata=truth.astype(int)),
        rows,
        exact=lambda table: lightgbm_contributions(model, matrix(table), table.column_names),
        effort=SMALL,
    )
    assert (found.scale, found.method) == ("margin", "path-dependent")
    assert {one.feature for one in found.importances[:2]} == {"a", "b"}
    raw = model.predict(x, raw_score=True)
    assert [example.total for example in found.local] == pytest.approx([raw[example.row] for example in found.local])


def test_several_classes_have_names_everywhere() -> None:
    rows = pa.table({"a": np.linspace(-2, 2, 80), "b": np.zeros(80)})

    def softmax(table: pa.Table) -> np.ndarray:
        powers = np.exp(np.outer(table["a"].to_numpy(), [-1.0, 0.0, 1.0]))
        return powers / powers.sum(axis=1, keepdims=True)

    found = explanation(
        softmax,
        Population(rows=rows, per_row=lambda scores, _: -np.log(scores[:, 2])),
        rows,
        classes=("low", "middle", "high"),
        effort=SMALL,
    )
    assert len(found.base) == 3
    assert [(one.feature, one.output) for one in found.dependences[:3]] == [
        ("a", "low"),
        ("a", "middle"),
        ("a", "high"),
    ]
    assert {example.output for example in found.local} <= {"low", "middle", "high"}
    assert found.importances[0].direction is None
    assert found.interactions == ()


def test_what_makes_no_sense_is_refused() -> None:
    rows = rows_of(20, 0)
    with pytest.raises(SettingError, match="the table of features has no column 'amonut': did you mean 'amount'"):
        explanation(predict, squares(rows), rows, features=["amonut"])
    with pytest.raises(SettingError, match="the background has no column 'hour'"):
        explanation(predict, squares(rows), rows.drop_columns(["hour"]), features=FEATURES)
    with pytest.raises(InputError, match="a background of at least 1 row"):
        explanation(predict, squares(rows), rows.slice(0, 0), features=FEATURES)
    with pytest.raises(InputError, match="at least 2 rows to explain"):
        explanation(predict, squares(rows.slice(0, 1)), rows, features=FEATURES)
    with pytest.raises(ModelError, match="that are NaN or infinite"):
        explanation(lambda table: np.full(table.num_rows, np.nan), squares(rows), rows, features=FEATURES)
