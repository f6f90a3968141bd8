"""Models, their references, and windows that are shifted in known ways: what estimates without labels are tried on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bars import Effort
from handbook import DAY, transactions
from real_files import ADULT, FOLDER

Array: TypeAlias = NDArray[np.float64]

SIZES = (500, 2_000, 5_000)
SIMULATED: Mapping[str, float] = {"Simulated": 0.0, "Simulated 0.5": 0.5, "Simulated 1": 1.0}
LOAN = [FOLDER / f"nannyml_synthetic_car_loan_{part}.parquet" for part in ("reference", "monitoring")]
PRICE = [FOLDER / f"nannyml_synthetic_car_price_{part}.parquet" for part in ("reference", "monitoring")]
WINDOWS: dict[Effort, tuple[int, int]] = {"quick": (2, 15), "usual": (4, 38), "thorough": (20, 25)}
"""Worlds that are drawn anew, and windows of each set and size in each: the reference is chance, too."""
STABLE: dict[Effort, int] = {"quick": 4, "usual": 48, "thorough": 200}
"""Worlds without a shift: a reference that is off by chance is so in all its windows, and a doubt lasts for three of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one model: features, scores, truth, and, where it is known, the probability of a positive truth."""

    features: pa.Table
    score: Array
    truth: NDArray[Any]
    probability: Array | None = None

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """Some of them."""
        known = None if self.probability is None else self.probability[rows]
        return Rows(
            features=self.features.take(pa.array(rows)),
            score=self.score[rows],
            truth=self.truth[rows],
            probability=known,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A reference, and the rows that windows are taken from.

    `windows` are places among `rows`, shape (windows, size), by set and size. `shifts` says by how many standard
    deviations a set is shifted; None where nobody knows. `ordered`: the rows are in the order of time. `threshold` is None
    where numbers are predicted.
    """

    reference: Rows
    rows: Rows
    threshold: float | None
    ordered: bool = False
    windows: dict[tuple[str, int], NDArray[np.intp]]
    shifts: dict[str, float | None]


def worlds(effort: Effort) -> Iterator[World]:
    """All with two classes."""
    repeats, count = WINDOWS[effort]
    for seed in range(repeats):
        yield adult(seed, count)
    for seed in range(repeats):
        yield misspecified(seed, count)
    yield car_loan()
    yield handbook()


def stable_worlds(effort: Effort) -> Iterator[World]:
    """Simulated ones without a shift, other than those above."""
    _, count = WINDOWS[effort]
    for seed in range(STABLE[effort]):
        yield misspecified(1_000 + seed, count, {"Simulated": 0.0})


def adult(seed: int, count: int) -> World:
    """Census income: a model of 10,000 rows, a reference of 15,000, windows of the rest, tilted by exp(s z).

    Every other model is a logistic regression, the others are LightGBM's.
    """
    reference, rest = census(seed, 10_000, 15_000, linear=seed % 2 == 1)
    tilted = {
        "age": rest.features["age"].to_numpy(),
        "education": rest.features["education_num"].to_numpy(),
        "hours": rest.features["hours_per_week"].to_numpy(),
        "sex": np.equal(rest.features["sex"].to_pylist(), "Male"),
    }
    likely: dict[tuple[str, float], Array] = {("Adult", 0.0): np.ones(len(rest.score))}
    for name, values in tilted.items():
        z = (values - values.mean()) / values.std()
        likely |= {(f"Adult, {name} {shift:g}", shift): np.exp(shift * z) for shift in (0.5, 1.0)}
    random = np.random.default_rng(seed)
    windows = {
        (name, size): np.stack(
            [random.choice(len(weight), size, replace=False, p=weight / weight.sum()) for _ in range(count)]
        )
        for (name, _), weight in likely.items()
        for size in SIZES
    }
    return World(reference=reference, rows=rest, threshold=0.5, windows=windows, shifts=dict(list(likely)))


def adult_for_labels(seed: int, known: int) -> tuple[Rows, Rows]:
    """Census income: LightGBM on 20,000 rows, a reference of so many, and the rest."""
    return census(seed, 20_000, known)


def census(seed: int, fitted: int, known: int, *, linear: bool = False) -> tuple[Rows, Rows]:
    """A reference and other rows, scored by a model of so many rows more, all drawn anew for each seed."""
    table = pq.read_table(ADULT)
    truth = np.char.find(table["class"].to_numpy(zero_copy_only=False).astype(str), ">50") >= 0
    features = table.drop_columns(["class", "split", "fnlwgt"])
    order = np.random.default_rng(1_000 + seed).permutation(len(truth))
    frame = features.to_pandas()
    texts = [name for name in frame if not pa.types.is_integer(features.schema.field(name).type)]
    frame[texts] = frame[texts].fillna("none").astype("category")
    model = _logistic(texts) if linear else _boosted()
    score = model.fit(frame.iloc[order[:fitted]], truth[order[:fitted]]).predict_proba(frame)[:, 1]
    rows = Rows(features=features, score=score, truth=truth)
    return rows.take(order[fitted : fitted + known]), rows.take(order[fitted + known :])


def _boosted() -> Any:
    import lightgbm

    return lightgbm.LGBMClassifier(n_estimators=100, verbosity=-1, n_jobs=1, random_state=0)


def _logistic(texts: list[str]) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), texts), remainder=StandardScaler())
    return make_pipeline(encoded, LogisticRegression(max_iter=1_000))


def misspecified(seed: int, count: int, shifts: Mapping[str, float] = SIMULATED) -> World:
    """Ten normal features, a logistic regression that knows neither a product nor a square, and means that move.

    The shift moves each of the first three features by s / sqrt(3): s standard deviations along a direction.
    """
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(10_000 + seed)
    names = [f"x{i}" for i in range(10)]

    def probability(x: Array) -> Array:
        odds = -1.0 + x[:, 0] + 0.7 * x[:, 1] + 0.5 * x[:, 3] + 0.6 * x[:, 0] * x[:, 1] + 0.5 * (x[:, 2] ** 2 - 1)
        return np.asarray(1 / (1 + np.exp(-odds)))

    def drawn(count: int, shift: float = 0.0) -> tuple[Array, Array, NDArray[np.bool_]]:
        x = random.normal(size=(count, 10))
        x[:, :3] += shift / np.sqrt(3)
        p = probability(x)
        return x, p, random.random(count) < p

    x, _, truth = drawn(10_000)
    model = LogisticRegression().fit(x, truth)

    def rows(x: Array, p: Array, truth: NDArray[np.bool_]) -> Rows:
        table = pa.table(dict(zip(names, x.T, strict=True)))
        return Rows(features=table, score=model.predict_proba(x)[:, 1], truth=truth, probability=p)

    parts, windows, start = [], {}, 0
    for name, shift in shifts.items():
        for size in SIZES:
            parts.append(drawn(count * size, shift))
            windows[name, size] = start + np.arange(count * size).reshape(count, size)
            start += count * size
    x, p, truth = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return World(
        reference=rows(*drawn(20_000)), rows=rows(x, p, truth), threshold=0.5, windows=windows, shifts=dict(shifts)
    )


def car_loan() -> World:
    """NannyML's own example: windows in the order of time, whose inputs shift on the way."""
    parts = []
    for file in LOAN:
        table = pq.read_table(file)
        parts.append(
            Rows(
                features=table.drop_columns(["repaid", "timestamp", "y_pred_proba", "y_pred"]),
                score=table["y_pred_proba"].to_numpy(),
                truth=table["repaid"].to_numpy() == 1,
            )
        )
    return _in_order("Car loan", parts[0], parts[1], 0.5)


def handbook() -> World:
    """Card transactions: LightGBM on 30 days, the next 30 as the reference, and 150 windows of each size in the rest."""
    found = transactions()
    day = (found.time - found.time[0]) // DAY
    names = [f"f{i}" for i in range(found.features.shape[1])]
    train = (day >= 14) & (day < 44)
    model = _boosted()
    model.fit(found.features[train], found.fraud[train])

    def rows(part: NDArray[np.bool_]) -> Rows:
        features = found.features[part]
        table = pa.table(dict(zip(names, features.T, strict=True)))
        return Rows(features=table, score=model.predict_proba(features)[:, 1], truth=found.fraud[part])

    return _in_order("Transactions", rows((day >= 44) & (day < 74)), rows((day >= 74) & (day < 134)), 0.2, 150)


def car_price() -> World:
    """Predicted prices, NannyML's own example."""
    parts = []
    for file in PRICE:
        table = pq.read_table(file)
        parts.append(
            Rows(
                features=table.drop_columns(["id", "y_true", "y_pred", "timestamp"]),
                score=table["y_pred"].to_numpy(),
                truth=table["y_true"].to_numpy(),
            )
        )
    return _in_order("Car price", parts[0], parts[1], None)


def _in_order(name: str, reference: Rows, rows: Rows, threshold: float | None, most: int = 10_000) -> World:
    """Windows of rows that follow each other, evenly over all of them."""
    windows = {}
    for size in SIZES:
        starts = np.linspace(0, len(rows.score) - size, min(most, len(rows.score) // size)).astype(np.intp)
        windows[name, size] = starts[:, np.newaxis] + np.arange(size)
    return World(
        reference=reference, rows=rows, threshold=threshold, ordered=True, windows=windows, shifts={name: None}
    )
