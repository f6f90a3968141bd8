"""Contributions of converted models, against all subsets of features, closed forms and the package `shap`."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.ensemble import (  # noqa: E402
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402

FEATURES = ("amount", "items", "country", "online")
NUMBERS = ("amount", "items", "online")
Explained = Any


def rows(n: int, seed: int) -> pa.Table:
    """Numbers, some of them missing, a text that may be missing, and a flag."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "amount": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.1),
            "items": rng.integers(0, 6, n).astype(float),
            "country": pa.array(rng.choice(["AT", "DE", "FR", "IT"], n).tolist(), mask=rng.random(n) < 0.1),
            "online": rng.random(n) < 0.5,
        }
    )


TRAIN, BACKGROUND, NEW = rows(400, 0), rows(60, 1), rows(12, 2)


def frame(table: pa.Table, features: tuple[str, ...]) -> pd.DataFrame:
    found = table.select(list(features)).to_pandas()
    return found.astype({"country": object}).fillna({"country": np.nan}) if "country" in features else found


def truth(table: pa.Table) -> np.ndarray:
    amount = np.nan_to_num(table["amount"].to_numpy(), nan=1.5)
    abroad = np.array([country in ("FR", None) for country in table["country"].to_pylist()])
    online = table["online"].to_numpy()
    return amount * (1 + abroad) + np.where(online, table["items"].to_numpy() / 3, abroad) - 0.7


def encoded(categories: Any) -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [("n", numbers, ["amount", "items"]), ("t", categories, ["country"])], remainder="passthrough"
    )


def one_hot() -> ColumnTransformer:
    return encoded(OneHotEncoder(handle_unknown="ignore", min_frequency=5))


def linear_with_texts(last: Any) -> Any:
    return make_pipeline(one_hot(), last)


EXACT: dict[str, tuple[Any, str, str]] = {
    "linear regression": (linear_with_texts(LinearRegression()), "number", "interventional"),
    "logistic regression": (linear_with_texts(LogisticRegression()), "binary", "rescaled"),
    "logistic regression of classes": (linear_with_texts(LogisticRegression()), "classes", "rescaled"),
    "poisson regression": (make_pipeline(SimpleImputer(), PoissonRegressor()), "positive", "rescaled"),
    "tree": (linear_with_texts(DecisionTreeClassifier(max_depth=4, random_state=0)), "binary", "interventional"),
    "forest": (linear_with_texts(RandomForestClassifier(5, max_depth=4, random_state=0)), "binary", "interventional"),
    "forest of classes": (
        linear_with_texts(RandomForestClassifier(5, max_depth=3, random_state=0)),
        "classes",
        "interventional",
    ),
    "extra trees": (linear_with_texts(ExtraTreesRegressor(5, max_depth=4, random_state=0)), "number", "interventional"),
    "boosting": (linear_with_texts(GradientBoostingClassifier(n_estimators=5, random_state=0)), "binary", "rescaled"),
    "boosting of classes": (
        linear_with_texts(GradientBoostingClassifier(n_estimators=4, random_state=0)),
        "classes",
        "rescaled",
    ),
    "boosting of numbers": (
        linear_with_texts(GradientBoostingRegressor(n_estimators=5, random_state=0)),
        "number",
        "interventional",
    ),
    "histogram boosting": (HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5), "binary", "rescaled"),
    "histogram boosting with categories": (
        make_pipeline(
            ColumnTransformer(
                [("t", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["country"])],
                remainder="passthrough",
            ),
            HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5, categorical_features=[0]),
        ),
        "number",
        "interventional",
    ),
}


def targets_of(kind: str, table: pa.Table) -> np.ndarray:
    value = truth(table)
    if kind == "binary":
        return value > 0
    if kind == "classes":
        return np.array(["low", "middle", "high"])[np.digitize(value, [-0.5, 1])]
    return np.exp(value / 3) if kind == "positive" else value


def features_of(model: Any) -> tuple[str, ...]:
    text = isinstance(model, sklearn.pipeline.Pipeline) and isinstance(model[0], ColumnTransformer)
    return FEATURES if text else NUMBERS


def fitted(name: str) -> tuple[Any, tuple[str, ...]]:
    model, kind, _ = EXACT[name]
    features = features_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(frame(TRAIN, features), targets_of(kind, TRAIN)), features


def chosen(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The score that is explained, and which one it is."""
    targets = scores.argmax(axis=1)
    return scores[np.arange(len(scores)), targets], targets


def enumerated(made: Explained, fed: dict[str, np.ndarray], known: dict[str, np.ndarray], link: Any) -> np.ndarray:
    """Shapley values of `link` of a row's scores by all subsets, of each background row by itself, (B, P, J)."""
    features = 1 + max(max(owner) for piece in made.inputs.values() for owner in piece.owners)
    rows_known = len(next(iter(known.values())))
    worth = {}
    for subset in itertools.product([False, True], repeat=features):
        mixed = {}
        for name, piece in made.inputs.items():
            keeps = np.array([subset[next(iter(owner))] for owner in piece.owners])
            mixed[name] = np.where(keeps, np.repeat(fed[name], rows_known, axis=0), known[name])
        worth[subset] = link(made.score(mixed))
    found = np.zeros((rows_known, features, worth[subset].shape[1]))
    for subset, value in worth.items():
        size = sum(subset)
        for feature in range(features):
            if not subset[feature]:
                with_it = (*subset[:feature], True, *subset[feature + 1 :])
                share = factorial(size) * factorial(features - size - 1) / factorial(features)
                found[:, feature] += share * (worth[with_it] - value)
    return found


@pytest.mark.parametrize("name", EXACT)
def test_exact_contributions_add_up_to_the_score_and_are_those_of_all_subsets(
    explained: Callable[..., Explained], name: str
) -> None:
    """Of the score, or of the margin (log-odds, logarithms) where the score has a link: brought to the score row by row."""
    model, features = fitted(name)
    made = explained(model, features, BACKGROUND)
    fed, known = made.fed(NEW), made.fed(BACKGROUND)
    scores, targets = chosen(made.score(fed))
    found = made.online.explain(fed, scores, targets, 0.0)
    assert (found.method, found.background, found.error) == (EXACT[name][2], 60, None)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, scores, atol=1e-6)
    known_scores = made.score(known)
    np.testing.assert_allclose(found.base, known_scores.mean(axis=0)[targets], atol=1e-12)
    kind = EXACT[name][1]

    def link(values: np.ndarray) -> np.ndarray:
        if found.method == "interventional":
            return values
        if kind == "binary":
            return log_odds(values)
        return np.log(values)  # of probabilities: up to what all classes share

    for i in range(len(scores)):
        row = {name: tensor[i : i + 1] for name, tensor in fed.items()}
        parts = enumerated(made, row, known, link)
        if found.method == "interventional":
            expected = parts[:, :, targets[i]]
        elif kind == "classes":
            expected = softmax_mean(parts, link(made.score(row))[0], link(known_scores), targets[i])
        else:
            expected = rescaled(parts[:, :, 0], link(scores[i]), link(known_scores)[:, 0], kind)
        np.testing.assert_allclose(found.values[i], expected.mean(axis=0), atol=2e-5)


def rescaled(parts: np.ndarray, own: float, known: np.ndarray, kind: str = "binary") -> np.ndarray:
    """Contributions to the margin, (B, P), times the difference of the scores by that of the margins."""
    inverse = (lambda margin: 1 / (1 + np.exp(-margin))) if kind == "binary" else np.exp
    known = np.where(np.abs(own - known) < 1e-6, own - 1e-6, known)
    return parts * ((inverse(own) - inverse(known)) / (own - known))[:, None]


def log_odds(probability: np.ndarray) -> np.ndarray:
    return np.log(probability / (1 - probability))


def softmax_mean(parts: np.ndarray, own: np.ndarray, known: np.ndarray, target: int) -> np.ndarray:
    """Contributions of logarithms, times the mean derivatives of the softmax between two rows: by the trapezoidal rule."""
    along = known[:, None] + np.linspace(0, 1, 401)[:, None] * (own - known)[:, None]
    shares = np.exp(along) / np.exp(along).sum(axis=2, keepdims=True)
    derivatives = shares[..., target : target + 1] * (np.eye(len(own))[target] - shares)
    means = np.trapezoid(derivatives, dx=1 / 400, axis=1)
    return np.einsum("bpj,bj->bp", parts, means)


@pytest.mark.parametrize("kind", ["binary", "number", "classes"])
def test_lightgbm_is_explained_as_by_shap(explained: Callable[..., Explained], kind: str) -> None:
    """With missing values; `model_output="probability"` is the same rescaling, which `shap` has for one margin."""
    lightgbm, shap = pytest.importorskip("lightgbm"), pytest.importorskip("shap")
    of = {"number": lightgbm.LGBMRegressor}.get(kind, lightgbm.LGBMClassifier)
    model = of(n_estimators=8, num_leaves=8, verbose=-1)
    model.fit(frame(TRAIN, NUMBERS), targets_of(kind, TRAIN))
    made = explained(model, NUMBERS, BACKGROUND)
    fed = made.fed(NEW)
    scores, targets = chosen(made.score(fed))
    found = made.online.explain(fed, scores, targets, 0.0)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, scores, atol=1e-6)
    if kind == "classes":
        assert found.method == "rescaled"
        return
    known = made.fed(BACKGROUND)["numbers"]
    masker = shap.maskers.Independent(known, max_samples=len(known))
    output = "raw" if kind == "number" else "probability"
    oracle = shap.TreeExplainer(model.booster_, masker, model_output=output, feature_perturbation="interventional")
    expected = np.asarray(oracle.shap_values(fed["numbers"]))
    np.testing.assert_allclose(found.values, expected[..., -1] if expected.ndim == 3 else expected, atol=1e-5)


def test_sets_of_categories_are_one_feature(explained: Callable[..., Explained]) -> None:
    """LightGBM asks for sets of them, which become labels in columns of their own."""
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(0)
    names = np.array([f"c{k}" for k in range(30)])

    def table(n: int) -> pa.Table:
        return pa.table({"x": rng.normal(size=n), "kind": rng.choice(names, n), "other": rng.choice(names[:9], n)})

    def pandas(some: pa.Table) -> pd.DataFrame:
        categories = {"kind": names, "other": names[:9]}
        return some.to_pandas().assign(
            **{name: pd.Categorical(some[name].to_pylist(), categories=known) for name, known in categories.items()}
        )

    train, background, new = table(2_000), table(40), table(6)
    effect = dict(zip(names, rng.normal(size=30), strict=True))
    label = [effect[kind] + x * (other == "c3") > 0 for x, kind, other in zip(*train.to_pydict().values(), strict=True)]
    model = lightgbm.LGBMClassifier(n_estimators=10, num_leaves=8, verbose=-1, min_data_per_group=5, cat_smooth=1)
    model.fit(pandas(train), label)
    made = explained(model, ("x", "kind", "other"), background)
    fed, known = made.fed(new), made.fed(background)
    scores, targets = chosen(made.score(fed))
    found = made.online.explain(fed, scores, targets, 0.0)
    assert found.method == "rescaled"
    for i in range(6):
        row = {name: tensor[i : i + 1] for name, tensor in fed.items()}
        parts = enumerated(made, row, known, log_odds)[:, :, 0]
        expected = rescaled(parts, log_odds(scores[i]), log_odds(made.score(known)[:, 0])).mean(axis=0)
        np.testing.assert_allclose(found.values[i], expected, atol=1e-4)


def test_xgboost_is_explained_exactly(explained: Callable[..., Explained]) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=6, max_depth=3).fit(frame(TRAIN, NUMBERS), targets_of("binary", TRAIN))
    made = explained(model, NUMBERS, BACKGROUND)
    fed, known = made.fed(NEW), made.fed(BACKGROUND)
    scores, targets = chosen(made.score(fed))
    found = made.online.explain(fed, scores, targets, 0.0)
    assert found.method == "rescaled"
    for i in range(3):
        row = {name: tensor[i : i + 1] for name, tensor in fed.items()}
        parts = enumerated(made, row, known, log_odds)[:, :, 0]
        expected = rescaled(parts, log_odds(scores[i]), log_odds(made.score(known)[:, 0])).mean(axis=0)
        np.testing.assert_allclose(found.values[i], expected, atol=1e-4)


SAMPLED: dict[str, Any] = {
    "neural network": make_pipeline(one_hot(), MLPClassifier((4,), max_iter=50, random_state=0)),
    "calibrated": make_pipeline(
        one_hot(), CalibratedClassifierCV(RandomForestClassifier(3, max_depth=3, random_state=0))
    ),
    "products of features": make_pipeline(
        SimpleImputer(), PolynomialFeatures(2), StandardScaler(), LogisticRegression()
    ),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_other_models_are_sampled_and_add_up_too(explained: Callable[..., Explained], name: str) -> None:
    features = NUMBERS if name == "products of features" else FEATURES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SAMPLED[name].fit(frame(TRAIN, features), targets_of("binary", TRAIN))
    made = explained(model, features, BACKGROUND)
    fed, known = made.fed(NEW), made.fed(BACKGROUND)
    scores, targets = chosen(made.score(fed))
    found = made.online.explain(fed, scores, targets, 60.0)
    assert not made.online.is_exact
    assert (found.method, found.background, found.pairs) == ("sampling", 60, 128)
    assert found.error is not None
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, scores, atol=1e-9)
    expected = np.array(
        [
            enumerated(made, {name: tensor[i : i + 1] for name, tensor in fed.items()}, known, lambda p: p)[
                :, :, 0
            ].mean(0)
            for i in range(len(scores))
        ]
    )
    assert np.abs(found.values - expected).max() < 3 * found.error


def test_a_row_has_the_same_sampled_contributions_whatever_stands_beside_it(
    explained: Callable[..., Explained],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SAMPLED["neural network"].fit(frame(TRAIN, FEATURES), targets_of("binary", TRAIN))
    made = explained(model, FEATURES, BACKGROUND)
    fed = made.fed(NEW)
    scores, targets = chosen(made.score(fed))
    together = made.online.explain(fed, scores, targets, 60.0).values
    for i in (0, 7):
        row = {name: tensor[i : i + 1] for name, tensor in fed.items()}
        alone = made.online.explain(row, scores[i : i + 1], targets[i : i + 1], 60.0).values
        np.testing.assert_allclose(alone[0], together[i], atol=1e-6)


def test_scores_that_are_not_those_of_the_trees_are_sampled(explained: Callable[..., Explained]) -> None:
    """What the margins do not explain is not explained by them."""
    model, features = fitted("forest")
    made = explained(model, features, BACKGROUND)
    fed = made.fed(NEW)
    scores, targets = chosen(made.score(fed))
    assert made.online.explain(fed, scores, targets, 0.0).method == "interventional"
    assert made.online.explain(fed, scores + 0.01, targets, 0.0).method == "sampling"


def test_background_rows_without_a_score_are_left_out(explained: Callable[..., Explained]) -> None:
    numbers = rows(100, 3).select(["amount", "items"])
    filled = numbers.set_column(0, "amount", pa.array(np.nan_to_num(numbers["amount"].to_numpy())))
    model = LinearRegression().fit(filled.to_pandas(), filled["items"].to_numpy())
    made = explained(model, ("amount", "items"), numbers)
    fed = made.fed(filled.slice(0, 3))
    scores, targets = chosen(made.score(fed))
    found = made.online.explain(fed, scores, targets, 0.0)
    assert found.background == numbers.num_rows - numbers["amount"].null_count
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, scores, atol=1e-6)
