"""Which change costs most, what kind of change it is, and whether intervals that follow the labels keep their share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bars import Bar, Effort, at_least, at_most, for_information, often, within
from holdfast.causes.harm import Suspect, ranked
from holdfast.causes.unexplained import Labels
from holdfast.causes.what_if import WhatIf
from holdfast.monitoring.following import begin, content, learned
from holdfast.objective import Cost, Judged
from holdfast.seal.labelled_sample import LabelledSample
from holdfast.stats import conformal, error_scale
from holdfast.uncertainty import Uncertainty, intervals, revised
from real_files import BIKES, not_measured

TRAINED, CALIBRATED, LEVEL = 5_000, 2_000, 0.9
DAY, MONTH = 24, 720
"""Hours after which labels are taken up, and of 30 days."""
FEATURES = [
    *("season", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit", "temp", "atemp", "hum", "windspeed"),
]

COEFFICIENTS = np.array([1.2, 1.0, 0.8, 0.6, 0.15, 0.1] + [0.0] * 14)
INTERCEPT, MISS, FALSE_ALARM = -1.8, 5.0, 1.0
COST = Cost(false_positive=FALSE_ALARM, false_negative=MISS, currency="EUR")
NAMES = tuple(f"x{i}" for i in range(20))
KINDS = ("60% nulls", "values x 4", "sign flipped", "effect on the label reversed")
REFERENCE, A_DAY, DAYS, LABELS, SAMPLE = 20_000, 2_000, 5, 500, 5_000
"""Labelled rows of the reference; rows a day; days after the change; labels a day; rows of the window's sample."""
MANY = 100_000
"""Rows that the true expected cost is taken over."""


def ranking(effort: Effort) -> Iterator[Bar]:
    """On one day four changes start; which is named first after five days, with the labels of four of them, and without?"""
    runs = {"quick": 40, "usual": 200, "thorough": 400}[effort]
    first, silent, times = Counter[str](), Counter[str](), Counter[str]()
    named = concepts = 0
    for run in range(runs):
        stream = _stream(run)
        tried = WhatIf(stream.reference, stream.sample, stream.model.answer, COST, seed=run)
        with_labels, without = ranked(tried, NAMES, labels=stream.labels)[0], ranked(tried, NAMES)[0]
        times[stream.kind] += 1
        first[stream.kind] += _is(with_labels, stream)
        silent[stream.kind] += without.needs_labels if stream.kind in KINDS[2:] else _is(without, stream)
        if stream.kind in KINDS[2:]:
            concepts += 1
            named += with_labels.column == stream.column
    setting = f"{runs} streams, five days after four changes, of which one is harmful"
    yield often(f"{setting}: the harmful one is first, with labels of four days", sum(first.values()), runs, 0.95)
    for kind in KINDS:
        yield often(f"{setting}: the harmful one is first: {kind}", first[kind], times[kind], 0.9)
    for kind in KINDS[:2]:
        yield often(f"{setting}: first without labels: {kind}", silent[kind], times[kind], 0.95)
    for kind in KINDS[2:]:
        yield often(f"{setting}: without labels, says that they are needed: {kind}", silent[kind], times[kind], 0.95)
    yield for_information(
        f"{setting}: flipped or reversed, and its column is named", f"{named / concepts:.1%} of {concepts}"
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """A logistic regression that takes a missing number for the mean, and decides at the cost-optimal threshold."""

    weights: np.ndarray
    intercept: float

    def score(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(np.nan_to_num(rows) @ self.weights + self.intercept))))

    def decide(self, rows: np.ndarray) -> np.ndarray:
        return self.score(rows) >= FALSE_ALARM / (FALSE_ALARM + MISS)

    def answer(self, rows: pa.Table, _: object) -> tuple[np.ndarray, np.ndarray]:
        matrix = np.column_stack([rows[name].to_numpy() for name in NAMES])
        return self.score(matrix), self.decide(matrix)


@dataclass(frozen=True, slots=True)
class _Stream:
    """A model, its reference, and the five days after a harmful change (of a kind, in a column) and three harmless ones."""

    kind: str
    column: str
    model: _Model
    reference: LabelledSample
    sample: pa.Table
    labels: Labels


@dataclass(frozen=True, slots=True)
class Changes:
    """A harmful change of a kind, in a column, and three harmless ones, in others, that start on one day.

    The model and the generator are those with which it was tried how harmful they are.
    """

    kind: str
    column: int
    harmless: tuple[int, int, int]
    coefficients: np.ndarray
    model: _Model
    rng: np.random.Generator

    def later(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The rows of the days after, and their truth."""
        rows, truth = drawn(DAYS * A_DAY, self.coefficients, rng)
        return _little(_harmed(rows, self.kind, self.column, rng), self.harmless, (0, 1, 2), rng), truth


def changes_of(run: int) -> Changes:
    """Changes of which the first is harmful, and the others are not."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng([55, run])
    rows, truth = drawn(REFERENCE, COEFFICIENTS, rng)
    fitted = LogisticRegression().fit(rows, truth)
    model, kind = _Model(fitted.coef_[0], float(fitted.intercept_[0])), KINDS[run % len(KINDS)]
    many, _ = drawn(MANY, COEFFICIENTS, rng)
    before = _expected_cost(model, many, many, COEFFICIENTS)
    while True:
        column, (unused, empty) = int(rng.integers(3)), rng.permutation(np.arange(6, 20))[:2]
        harmless = (int(unused), int(empty), int(rng.integers(4, 6)))
        coefficients = COEFFICIENTS.copy()
        if kind == KINDS[3]:
            coefficients[column] *= -1
        sent = _harmed(many.copy(), kind, column, rng)
        worse = _expected_cost(model, many, sent, coefficients) / before - 1
        little = [_little(many.copy(), harmless, (one,), rng) for one in range(3)]
        most = max(_expected_cost(model, many, one, COEFFICIENTS) / before - 1 for one in little)
        if worse >= 0.08 and most < 0.015:
            return Changes(kind, column, harmless, coefficients, model, rng)


def _stream(run: int) -> _Stream:
    changes = changes_of(run)
    rng, model = changes.rng, changes.model
    labelled, known = drawn(REFERENCE, COEFFICIENTS, rng)
    later, became = changes.later(rng)
    seen, told = rng.permutation(len(later))[:SAMPLE], rng.permutation((DAYS - 1) * A_DAY)[: (DAYS - 1) * LABELS]
    judged = Judged(truth=became[told], score=model.score(later[told]), answer=model.decide(later[told]))
    return _Stream(
        changes.kind,
        NAMES[changes.column],
        model,
        LabelledSample(rows=_table(labelled), truth=known, score=model.score(labelled), weight=np.ones(REFERENCE)),
        _table(later[seen]),
        Labels(rows=_table(later[told]), judged=judged),
    )


def drawn(rows: int, coefficients: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows and their truth."""
    x = rng.normal(size=(rows, len(coefficients)))
    return x, rng.random(rows) < 1 / (1 + np.exp(-(x @ coefficients + INTERCEPT)))


def _expected_cost(model: _Model, true: np.ndarray, sent: np.ndarray, coefficients: np.ndarray) -> float:
    """What the answers to the rows that were sent are expected to cost, where the truth follows the true ones."""
    chance, yes = 1 / (1 + np.exp(-(true @ coefficients + INTERCEPT))), model.decide(sent)
    return float(np.where(yes, (1 - chance) * FALSE_ALARM, chance * MISS).mean())


def _harmed(rows: np.ndarray, kind: str, column: int, rng: np.random.Generator) -> np.ndarray:
    if kind == KINDS[0]:
        rows[rng.random(len(rows)) < 0.6, column] = np.nan
    elif kind in KINDS[1:3]:
        rows[:, column] *= 4 if kind == KINDS[1] else -1
    return rows


def _little(
    rows: np.ndarray, columns: tuple[int, int, int], which: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """An unused feature moves by one deviation, another loses 40%, and a weak one moves by 0.3 deviations."""
    unused, empty, weak = columns
    if 0 in which:
        rows[:, unused] += 1
    if 1 in which:
        rows[rng.random(len(rows)) < 0.4, empty] = np.nan
    if 2 in which:
        rows[:, weak] += 0.3
    return rows


def _table(rows: np.ndarray) -> pa.Table:
    return pa.table({name: rows[:, i] for i, name in enumerate(NAMES)})


def _is(suspect: Suspect, stream: _Stream) -> bool:
    """Whether a suspect is the harmful change: its column, or that the rows have other truths."""
    if stream.kind in KINDS[:2]:
        return suspect.cause == "column" and suspect.column == stream.column
    return suspect.cause == "concept" and not suspect.needs_labels


def following(_effort: Effort) -> Iterator[Bar]:
    """Bike rentals by the hour: a forecaster that is never fitted again, and labels that revise its intervals once a day."""
    if not BIKES.exists():
        yield not_measured(BIKES, "bike sharing: intervals that follow labels")
        return
    from sklearn.ensemble import HistGradientBoostingRegressor

    table = pq.read_table(BIKES)
    truth = table["cnt"].to_numpy().astype(np.float64)
    rows = np.column_stack([table[name].to_numpy() for name in FEATURES]).astype(np.float64)
    model = HistGradientBoostingRegressor(random_state=0).fit(rows[:TRAINED], truth[:TRAINED])
    predicted = model.predict(rows)
    end = TRAINED + CALIBRATED
    looked, held = np.arange(TRAINED, end, 2), np.arange(TRAINED + 1, end, 2)
    scale = error_scale.fit(predicted[looked], truth[looked])
    sigma = error_scale.sigma(scale, predicted[held])
    both = np.arange(TRAINED, end)
    kinds = {
        "in their own scale (the default)": Uncertainty(
            conformal=conformal.fit(truth[held], predicted[held], level=LEVEL, sigma=sigma), scale=scale
        ),
        "of one width": Uncertainty(conformal=conformal.fit(truth[both], predicted[both], level=LEVEL)),
    }
    for kind, sealed in kinds.items():
        low, high = _followed(sealed, predicted, truth, end)
        inside = ((low <= truth) & (truth <= high))[end:]
        worst = float(np.convolve(inside, np.full(MONTH, 1 / MONTH), "valid").min())
        setting = f"bike rentals, intervals {kind}, labels once a day"
        yield within(f"{setting}: coverage", float(inside.mean()), LEVEL, 0.01, 4)
        yield at_least(f"{setting}: coverage in the worst 30 days, of any that begin at an hour", worst, 0.86)
        yield at_most(f"{setting}: infinite intervals", int(np.isinf(high - low)[end:].sum()), 0, "", 0)
        yield at_most(f"{setting}: mean width", float((high - low)[end:].mean()), 415, "rentals", 0)
        low, high = intervals(sealed, predicted[end:])
        share = float(((low <= truth[end:]) & (truth[end:] <= high)).mean())
        yield for_information(f"bike rentals, intervals {kind}, as sealed: coverage", f"{share:.3f}")


def _followed(
    sealed: Uncertainty, predicted: np.ndarray, truth: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the intervals with which each hour was answered."""
    state = begin(sealed)
    assert state is not None
    low, high = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
    for begun in range(first, len(truth), DAY):
        day = slice(begun, begun + DAY)
        low[day], high[day] = intervals(revised(sealed, content(state)), predicted[day])
        state = learned(state, sealed, predicted[day], truth[day])
    return low, high
